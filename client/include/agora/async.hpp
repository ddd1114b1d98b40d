// SPDX-License-Identifier: MIT

// Asynchronous calls: a call and an Asio completion token make an operation with a handler.
//
// Every remote operation has a form `async_...`. It takes all arguments of the blocking form,
// including the optional ones, and last a completion token. That is a callback
// `void(std::exception_ptr, R)` (without R for an operation that returns nothing), asio::use_future
// (<agora/use_future.hpp>), asio::use_awaitable, asio::bind_executor(...) or an agora::pipeline.
// The error is the exception that the blocking form throws.
//
//     auto age = ages.async_at("ann", asio::use_future);
//     ages.async_insert_or_assign("bob", 41, [](std::exception_ptr error) { check(error); });
//     use(age.get());
//
// A handler runs on its associated executor (asio::get_associated_executor), else on the manager's
// callback thread. Its associated allocator gives the memory. It never runs inside the function
// that starts the call. On the callback thread it must not throw. It may make blocking calls there,
// though no other handler runs meanwhile. When the manager and all its proxies are gone, a call
// that has no reply yet fails with session_lost.
//
// An emission of the associated cancellation slot cancels the call, which then fails with
// `cancelled`, done no:
//
//     auto either = co_await (jobs.async_pop(use_awaitable) || timer.async_wait(use_awaitable));
//
// * A call that was not sent yet ends at once, without an effect.
// * A waiting call ends with the reply of the server to session.cancel. `terminal` and `partial`
//   give back what the call acquired before: the item of a pop or reserve, a lock, permits. `total`
//   delivers it, and so do all three where there is nothing to give back.
// * Any other call that was sent completes with its reply, as it would anyway.
// * While the client has no connection, `terminal` and `partial` end every call at once. done is
//   unknown if the call may have changed something.
//
// The signal must be emitted where the handler runs: on its executor or strand.
//
// A program whose handlers have executors of their own includes <asio.hpp>, or at least
// <asio/executor_work_guard.hpp> and <asio/dispatch.hpp>. Boost.Asio takes the place of standalone
// Asio if AGORA_USE_BOOST_ASIO is defined; it must be 1.79 or newer.
#pragma once

#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include <agora/detail/handle.hpp>
#include <agora/detail/handler_completion.hpp>

namespace agora::detail {

/// A call that owns its bytes. It may start after the async_ function has returned, since a
/// coroutine starts it only when it awaits it.
struct DeferredCall {
  Call shape;
  std::string method;
  Params params;
  Params undo = {};

  /// Returns the call, which is valid as long as this object.
  Call call() const {
    Call whole = shape;
    whole.method = method;
    whole.with(params);
    whole.undo_count = undo.count;
    whole.undo_params = undo.bytes;
    return whole;
  }
};

template <typename R>
struct SignatureOf {
  using type = void(std::exception_ptr, R);
};
template <>
struct SignatureOf<void> {
  using type = void(std::exception_ptr);
};

template <typename R, typename Decode, typename Handler>
void start_call(const ObjectHandle& handle, const Call& call, Decode decode, Handler&& handler) {
  auto completion = HandlerCompletion<R, Decode, std::decay_t<Handler>>::make(
      std::move(decode), std::forward<Handler>(handler));
  completion->connect_slot(handle);
  handle.start(call, std::move(completion));
}

/// Starts the call. The handler gets the result of `decode(Reply) -> R`; R is
/// default-constructible.
template <typename R, typename Decode, typename Token>
auto async_call(const ObjectHandle& handle, DeferredCall call, Decode decode, Token&& token) {
  return net::async_initiate<Token, typename SignatureOf<R>::type>(
      [](auto&& handler, ObjectHandle its_handle, DeferredCall its_call, Decode its_decode) {
        start_call<R>(its_handle, its_call.call(), std::move(its_decode),
                      std::forward<decltype(handler)>(handler));
      },
      token, handle, std::move(call), std::move(decode));
}

}  // namespace agora::detail
