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
// A handler runs on its own executor (its get_executor()), else on the manager's callback thread.
// It never runs inside the function that starts the call. On the callback thread it must not throw.
// It may make blocking calls there, though no other handler runs meanwhile. When the manager and
// all its proxies are gone, a call that has no reply yet fails with session_lost. A program whose
// handlers have executors of their own includes <asio.hpp>, or at least
// <asio/executor_work_guard.hpp> and <asio/dispatch.hpp>.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <asio/async_result.hpp>

#include <agora/detail/handle.hpp>

// asio/executor_work_guard.hpp alone takes ten times as long to compile as asio/async_result.hpp.
namespace asio {
template <typename Executor, typename, typename>
class executor_work_guard;
}

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

/// Keeps the executor's context running until the handler is invoked.
template <typename Handler>
struct HandlerWork {
  explicit HandlerWork(const Handler&) {}
};
template <typename Handler>
requires requires(const Handler& handler) { handler.get_executor(); }
struct HandlerWork<Handler> {
  using Executor = std::remove_cvref_t<decltype(std::declval<const Handler&>().get_executor())>;
  explicit HandlerWork(const Handler& handler) : guard(handler.get_executor()) {}
  asio::executor_work_guard<Executor, void, void> guard;
};

/// Decodes the reply into an R with `decode`, which throws the call's error, and invokes the
/// handler.
template <typename R, typename Decode, typename Handler>
class HandlerCompletion : public Completion {
 public:
  HandlerCompletion(Decode decode, Handler handler)
      : decode_(std::move(decode)), work_(handler), handler_(std::move(handler)) {}

  void complete(Reply reply, HoldRef arrived) override {
    if constexpr (std::is_void_v<R>) {
      std::exception_ptr error;
      try {
        decode_(std::move(reply));
      } catch (...) {
        error = std::current_exception();
      }
      invoke([error, arrived = std::move(arrived)](Handler& handler) mutable { handler(error); });
    } else {
      std::exception_ptr error;
      R value{};
      try {
        value = decode_(std::move(reply));
      } catch (...) {
        error = std::current_exception();
      }
      invoke([error, value = std::move(value), arrived = std::move(arrived)](
                 Handler& handler) mutable { handler(error, std::move(value)); });
    }
  }

  CallBatch* batch() override {
    if constexpr (requires { handler_.batch(); }) {
      return handler_.batch();
    } else {
      return nullptr;
    }
  }

 private:
  template <typename Invocation>
  void invoke(Invocation invocation) {
    if constexpr (requires { handler_.get_executor(); }) {
      const auto executor = handler_.get_executor();
      auto job = [handler = std::move(handler_), invocation = std::move(invocation)]() mutable {
        invocation(handler);
      };
      // Asio's contexts need asio::dispatch, which argument-dependent lookup finds.
      if constexpr (requires { executor.execute(std::move(job)); }) {
        executor.execute(std::move(job));
      } else {
        dispatch(executor, std::move(job));
      }
    } else {
      invocation(handler_);
    }
  }

  Decode decode_;
  HandlerWork<Handler> work_;
  Handler handler_;
};

/// Starts the call. The handler gets the result of `decode(Reply) -> R`; R is
/// default-constructible.
template <typename R, typename Decode, typename Token>
auto async_call(const ObjectHandle& handle, DeferredCall call, Decode decode, Token&& token) {
  return asio::async_initiate<Token, typename SignatureOf<R>::type>(
      [](auto&& handler, ObjectHandle its_handle, DeferredCall its_call, Decode its_decode) {
        using Handler = std::decay_t<decltype(handler)>;
        its_handle.start(its_call.call(),
                         std::make_unique<HandlerCompletion<R, Decode, Handler>>(
                             std::move(its_decode), std::forward<decltype(handler)>(handler)));
      },
      token, handle, std::move(call), std::move(decode));
}

}  // namespace agora::detail
