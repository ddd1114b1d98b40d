// SPDX-License-Identifier: MIT

// Includes the whole C++ client. A program that includes single headers compiles faster: only
// agora/json.hpp includes nlohmann/json, and only agora/use_future.hpp includes
// asio/use_future.hpp.
#pragma once

#include <agora/any_io.hpp>
#include <agora/array.hpp>
#include <agora/barrier.hpp>
#include <agora/condition_variable.hpp>
#include <agora/counter.hpp>
#include <agora/dict.hpp>
#include <agora/error.hpp>
#include <agora/event.hpp>
#include <agora/json.hpp>
#include <agora/latch.hpp>
#include <agora/list.hpp>
#include <agora/lock_grant.hpp>
#include <agora/manager.hpp>
#include <agora/mutex.hpp>
#include <agora/namespace.hpp>
#include <agora/options.hpp>
#include <agora/pipe.hpp>
#include <agora/pipeline.hpp>
#include <agora/process.hpp>
#include <agora/queue.hpp>
#include <agora/queue_group.hpp>
#include <agora/recursive_mutex.hpp>
#include <agora/reservation.hpp>
#include <agora/semaphore.hpp>
#include <agora/set.hpp>
#include <agora/shared_mutex.hpp>
#include <agora/subscription.hpp>
#include <agora/topic.hpp>
#include <agora/transaction.hpp>
#include <agora/use_future.hpp>
#include <agora/value.hpp>
