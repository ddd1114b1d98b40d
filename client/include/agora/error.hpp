// SPDX-License-Identifier: MIT

// The exceptions of agora: one class for each error of the protocol.
//
// Each derives from agora::error, a mixin without a standard base, and from exactly one standard
// exception. So a program may catch `agora::key_error`, `agora::error`, `std::out_of_range` or
// `std::exception` alike. (A class that inherits std::exception twice is caught by neither.) A
// class is named as the error's type on the wire, in snake case. A type that does not say by itself
// that it is an error gets the suffix _error (empty_error, timeout_error).
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "shared/base/error.hpp"
#include "shared/value/any.hpp"

namespace agora {

/// The base of all errors of agora. Copies share the error and never throw.
class error {
 public:
  virtual ~error() = default;

  /// Returns the error's number.
  Errc code() const noexcept { return error_->code; }
  /// Returns whether the effect of the call happened: yes, no, or unknown.
  Done done() const noexcept { return error_->done; }
  /// Returns one sentence that names the fault and the expected value.
  virtual const char* what() const noexcept = 0;
  /// Returns the detail of that name that the server sent with the error, such as `object`, `key`
  /// or `limit`. Returns nullopt if there is none.
  std::optional<any> detail(std::string_view name) const;
  /// Returns the error as it was received.
  const Error& whole() const noexcept { return *error_; }

 protected:
  explicit error(Error from) : error_(std::make_shared<const Error>(std::move(from))) {}
  error(const error&) = default;
  error& operator=(const error&) = default;

 private:
  std::shared_ptr<const Error> error_;
};

/// An error that is also a standard exception.
template <typename Standard>
class basic_error : public Standard, public error {
 public:
  explicit basic_error(Error from) : Standard(from.message), error(std::move(from)) {}
  const char* what() const noexcept override { return Standard::what(); }
};

// clang-format off
struct key_error : basic_error<std::out_of_range> { using basic_error::basic_error; };
struct index_error : basic_error<std::out_of_range> { using basic_error::basic_error; };
struct value_error : basic_error<std::invalid_argument> { using basic_error::basic_error; };
struct type_error : basic_error<std::invalid_argument> { using basic_error::basic_error; };
struct empty_error : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct full_error : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct timeout_error : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct not_found : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct exists_error : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct wrong_type : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct not_owner : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct not_locked : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct broken_barrier : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct deadlock : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct owner_died : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct stale_token : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct conflict : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct cancelled : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct shut_down : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct end_of_stream : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct session_lost : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct session_backlog : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct unauthenticated : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct forbidden : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct too_large : basic_error<std::length_error> { using basic_error::basic_error; };
/// About the server's memory, not this process's. So it is no std::bad_alloc.
struct out_of_memory : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct overloaded : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct unavailable : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct storage_failed : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct user_error : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct attribute_error : basic_error<std::out_of_range> { using basic_error::basic_error; };
struct stop_iteration : basic_error<std::out_of_range> { using basic_error::basic_error; };
struct runtime_error : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct parse_error : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct invalid_request : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct method_not_found : basic_error<std::runtime_error> { using basic_error::basic_error; };
struct invalid_params : basic_error<std::invalid_argument> { using basic_error::basic_error; };
struct internal_error : basic_error<std::runtime_error> { using basic_error::basic_error; };
// clang-format on

/// Throws the class that belongs to `from.code`.
[[noreturn]] void throw_error(Error from);

}  // namespace agora
