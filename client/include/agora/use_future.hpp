// SPDX-License-Identifier: MIT

// asio::use_future, the completion token with which an async_ form returns a std::future. It is a
// header of its own because it costs most of the compile time of <agora/agora.hpp>.
#pragma once

#if defined(AGORA_USE_BOOST_ASIO)
#include <boost/asio/use_future.hpp>
#else
#include <asio/use_future.hpp>
#endif
