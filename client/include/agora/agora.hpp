// All of agora's C++ client. The one header that includes nlohmann/json and asio/use_future.hpp.
#pragma once

#include <asio/use_future.hpp>

#include <agora/any_io.hpp>
#include <agora/dict.hpp>
#include <agora/error.hpp>
#include <agora/event.hpp>
#include <agora/json.hpp>
#include <agora/list.hpp>
#include <agora/manager.hpp>
#include <agora/mutex.hpp>
#include <agora/options.hpp>
#include <agora/pipeline.hpp>
#include <agora/process.hpp>
#include <agora/queue.hpp>
#include <agora/value.hpp>
