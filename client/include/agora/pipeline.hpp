// SPDX-License-Identifier: MIT

// pipeline: many calls in few writes, without waiting for each reply in turn.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <agora/detail/asio.hpp>
#include <agora/detail/handle.hpp>
#include <agora/error.hpp>

namespace agora {

/// Throws the error of pipelined::get() before the run. @throws runtime_error  always.
[[noreturn]] void throw_not_run();

/// The result of one call of a pipeline or of a transaction, available once that pipeline or
/// transaction has run. Copies share it.
template <typename R>
class pipelined {
 public:
  using Value = std::conditional_t<std::is_void_v<R>, std::nullptr_t, R>;
  struct State {
    std::exception_ptr error;
    std::optional<Value> value;
  };

  explicit pipelined(std::shared_ptr<State> state) : state_(std::move(state)) {}

  /// Returns the result, or throws the error of the call. @throws runtime_error  the pipeline or
  /// transaction has not run yet.
  R get() const {
    if (state_->error) std::rethrow_exception(state_->error);
    if (!state_->value) throw_not_run();
    if constexpr (!std::is_void_v<R>) return *state_->value;
  }

 private:
  std::shared_ptr<State> state_;
};

/// Made by manager::pipeline(). It is a completion token: pass it to the async_ form of any
/// operation of that manager's objects. The pipeline then collects the call, and the operation
/// returns an agora::pipelined.
///
/// @code
/// auto p = m.pipeline();
/// auto old = d.async_at("k", p);
/// auto sum = d.async_add("n", 1, 0, p);
/// p.run();
/// use(old.get(), sum.get());
/// @endcode
///
/// The calls take effect in the order in which they were collected, each by itself. Calls of other
/// clients may come between, and a call that fails does not stop the calls behind it. At most 512
/// calls are under way at a time; the rest follows as replies come. One thread at a time may use a
/// pipeline.
class pipeline {
 public:
  explicit pipeline(std::shared_ptr<detail::Client> client);
  pipeline(pipeline&& other) noexcept;
  pipeline& operator=(pipeline&& other) noexcept;
  /// Collected calls that never ran fail with `cancelled`, done no.
  ~pipeline();

  /// Sends the collected calls and waits until each has its result or its error. Does not throw the
  /// errors of calls. Then the pipeline is empty, and may be used again.
  void run();
  /// Returns how many calls are collected.
  std::size_t size() const;

  detail::CallBatch* batch() const { return batch_.get(); }

 private:
  std::unique_ptr<detail::CallBatch> batch_;
};

namespace detail {

/// The handler of a pipelined call.
template <typename R>
struct PipelineHandler {
  using State = typename pipelined<R>::State;
  std::shared_ptr<State> state;
  CallBatch* into = nullptr;

  CallBatch* batch() const { return into; }
  template <typename... V>
  void operator()(std::exception_ptr error, V&&... value) {
    state->error = error;
    if constexpr (sizeof...(V) > 0) {
      if (!error) state->value.emplace(std::forward<V>(value)...);
    } else {
      state->value.emplace(nullptr);
    }
  }
};

template <typename R>
struct PipelineResult {
  using return_type = pipelined<R>;
  template <typename Initiation, typename... A>
  static return_type initiate(Initiation initiation, const pipeline& into, A&&... arguments) {
    auto state = std::make_shared<typename pipelined<R>::State>();
    initiation(PipelineHandler<R>{state, into.batch()}, std::forward<A>(arguments)...);
    return pipelined<R>(std::move(state));
  }
};

}  // namespace detail
}  // namespace agora

template <typename R>
struct AGORA_ASIO::async_result<agora::pipeline, void(std::exception_ptr, R)>
    : agora::detail::PipelineResult<R> {};
template <>
struct AGORA_ASIO::async_result<agora::pipeline, void(std::exception_ptr)>
    : agora::detail::PipelineResult<void> {};
