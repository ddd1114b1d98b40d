// SPDX-License-Identifier: MIT

// Expected<T>: a value or an Error. The part of C++23's std::expected that agora needs.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include "shared/base/error.hpp"

namespace agora {

/// An error result, converted to any Expected<T>: `return fail(Errc::key_error, "...");`. fail() is
/// cold, so the compiler lays out the code around it for success.
struct Failure {
  std::unique_ptr<Error> error;
};

[[gnu::cold]] inline Failure fail(Error error) {
  return {std::make_unique<Error>(std::move(error))};
}

[[gnu::cold]] inline Failure fail(Errc code, std::string message) {
  return fail(Error{code, std::move(message), Done::no, {}});
}

/// A value of type T, or an Error in its place. Movable. The error lives on the heap, so a success
/// costs no more than T and a flag.
template <typename T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit
  /// Converts from types that convert to T, such as a unique_ptr to a derived class.
  template <typename U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Expected> &&
           !std::is_same_v<std::remove_cvref_t<U>, Failure>) Expected(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT
  Expected(Failure failure)                                        // NOLINT: implicit
      : state_(std::in_place_index<1>, std::move(failure.error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& operator*() { return *std::get_if<0>(&state_); }
  const T& operator*() const { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  const Error& error() const { return **std::get_if<1>(&state_); }
  Error& error() { return **std::get_if<1>(&state_); }

  /// Moves the error out, to propagate it: `if (!x) return x.failure();`
  Failure failure() { return {std::move(*std::get_if<1>(&state_))}; }

 private:
  std::variant<T, std::unique_ptr<Error>> state_;
};

/// Success without a value.
template <>
class [[nodiscard]] Expected<void> {
 public:
  Expected() = default;
  Expected(Failure failure) : error_(std::move(failure.error)) {}  // NOLINT: implicit

  bool has_value() const { return error_ == nullptr; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const { return *error_; }
  Error& error() { return *error_; }
  Failure failure() { return {std::move(error_)}; }

 private:
  std::unique_ptr<Error> error_;
};

}  // namespace agora
