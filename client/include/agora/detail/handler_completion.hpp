// SPDX-License-Identifier: MIT

// HandlerCompletion: the completion handler of an asynchronous call, with everything associated
// with it: the executor on which it runs, the allocator of its memory, and the slot that cancels
// it. namespace agora::detail: no part of the API.
#pragma once

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <agora/detail/asio.hpp>
#include <agora/detail/handle.hpp>

namespace agora::detail {

/// Stands for the executor of a handler that has none. Such a handler runs on the manager's
/// callback thread.
struct NoExecutor {};

template <typename Handler>
auto executor_of(const Handler& handler) {
  using Associated = net::associated_executor<Handler, NoExecutor>;
  if constexpr (requires { Associated::get(handler, NoExecutor{}); }) {
    return Associated::get(handler, NoExecutor{});
  } else if constexpr (requires { handler.get_executor(); }) {
    return handler.get_executor();
  } else {
    return NoExecutor{};
  }
}

template <typename Handler>
auto allocator_of(const Handler& handler) {
  using Associated = net::associated_allocator<Handler, std::allocator<void>>;
  if constexpr (requires { Associated::get(handler, std::allocator<void>{}); }) {
    return Associated::get(handler, std::allocator<void>{});
  } else if constexpr (requires { handler.get_allocator(); }) {
    return handler.get_allocator();
  } else {
    return std::allocator<void>{};
  }
}

/// The slot of a handler that cannot be cancelled.
struct NoSlot {};

template <typename Handler, typename Slot = net::cancellation_slot>
auto slot_of(const Handler& handler) {
  using Associated = net::associated_cancellation_slot<Handler, Slot>;
  if constexpr (requires { Associated::get(handler, Slot{}); }) {
    return Associated::get(handler, Slot{});
  } else {
    return NoSlot{};
  }
}

/// Keeps the executor's context running, and runs a job there.
template <typename Executor>
class HandlerWork {
 public:
  explicit HandlerWork(const Executor& executor) : guard_(executor) {}

  template <typename Job>
  void run(Job job) {
    const auto executor = guard_.get_executor();
    // Argument-dependent lookup finds asio::dispatch, which uses the allocator of the job.
    if constexpr (requires { dispatch(executor, std::move(job)); }) {
      dispatch(executor, std::move(job));
    } else {
      executor.execute(std::move(job));
    }
  }

 private:
  net::executor_work_guard<Executor, void, void> guard_;
};
template <>
class HandlerWork<NoExecutor> {
 public:
  explicit HandlerWork(const NoExecutor&) {}
  template <typename Job>
  void run(Job job) {
    job();
  }
};

/// Invokes a handler with its result. Moved to the executor of the handler.
template <typename Handler, typename Slot, typename Invocation>
class HandlerJob {
 public:
  using allocator_type = decltype(allocator_of(std::declval<const Handler&>()));

  HandlerJob(Handler handler, Slot slot, Invocation invocation)
      : handler_(std::move(handler)), slot_(std::move(slot)), invocation_(std::move(invocation)) {}

  allocator_type get_allocator() const noexcept { return allocator_of(handler_); }

  void operator()() {
    // Only the thread that may emit the signal touches the slot.
    if constexpr (requires { slot_.clear(); }) {
      if (slot_.is_connected()) slot_.clear();
    }
    invocation_(handler_);
  }

 private:
  Handler handler_;
  Slot slot_;
  Invocation invocation_;
};

/// Decodes the reply into an R with `decode`, which throws the call's error, and invokes the
/// handler.
template <typename R, typename Decode, typename Handler>
class HandlerCompletion : public Completion {
 public:
  using Executor = std::remove_cvref_t<decltype(executor_of(std::declval<const Handler&>()))>;
  using Slot = std::remove_cvref_t<decltype(slot_of(std::declval<const Handler&>()))>;
  using Allocator = typename std::allocator_traits<std::remove_cvref_t<decltype(allocator_of(
      std::declval<const Handler&>()))>>::template rebind_alloc<HandlerCompletion>;

  HandlerCompletion(Decode decode, Handler handler)
      : decode_(std::move(decode)),
        work_(executor_of(handler)),
        slot_(slot_of(handler)),
        allocator_(allocator_of(handler)),
        handler_(std::move(handler)) {}

  /// Makes a completion in memory of the handler's allocator.
  static std::unique_ptr<HandlerCompletion, DestroyCompletion> make(Decode decode,
                                                                    Handler handler) {
    using Traits = std::allocator_traits<Allocator>;
    Allocator allocator(allocator_of(handler));
    HandlerCompletion* const at = std::to_address(Traits::allocate(allocator, 1));
    try {
      return std::unique_ptr<HandlerCompletion, DestroyCompletion>(
          new (at) HandlerCompletion(std::move(decode), std::move(handler)));
    } catch (...) {
      Traits::deallocate(allocator, at, 1);
      throw;
    }
  }

  void destroy() noexcept override {
    Allocator allocator(std::move(allocator_));
    this->~HandlerCompletion();
    std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
  }

  /// Connects the handler's slot, if it has one, to the call that is about to start.
  void connect_slot(const ObjectHandle& handle) {
    if constexpr (requires { slot_.clear(); }) {
      if (!slot_.is_connected()) return;
      const CallCanceller canceller = handle.canceller();
      ticket = canceller.ticket();
      slot_.assign([canceller](auto type) {
        constexpr auto kTotal = decltype(type)::total;
        const bool only_total = (type & ~kTotal) == decltype(type)::none;
        if (type == decltype(type)::none) return;
        canceller.cancel(only_total ? Cancellation::total : Cancellation::partial);
      });
    }
  }

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
    work_.run(HandlerJob<Handler, Slot, Invocation>(std::move(handler_), std::move(slot_),
                                                    std::move(invocation)));
  }

  Decode decode_;
  HandlerWork<Executor> work_;
  Slot slot_;
  Allocator allocator_;
  Handler handler_;
};

}  // namespace agora::detail
