// SPDX-License-Identifier: MIT

// The Asio of the client: the standalone library, or Boost.Asio if AGORA_USE_BOOST_ASIO is defined
// in front of the first header of agora. The compiled library depends on neither.
// namespace agora::detail: no part of the API.
#pragma once

#if defined(AGORA_USE_BOOST_ASIO)
#include <boost/asio/async_result.hpp>
#define AGORA_ASIO boost::asio
#else
#include <asio/async_result.hpp>
#define AGORA_ASIO asio
#endif

// Each of their headers takes ten to twenty times as long to compile as async_result.hpp. A program
// whose handlers have an executor, an allocator or a cancellation slot includes them anyway.
namespace AGORA_ASIO {
template <typename, typename>
struct associated_executor;
template <typename, typename>
struct associated_allocator;
template <typename, typename>
struct associated_cancellation_slot;
class cancellation_slot;
template <typename, typename, typename>
class executor_work_guard;
}  // namespace AGORA_ASIO

namespace agora::detail {
namespace net = AGORA_ASIO;
}  // namespace agora::detail
