// SPDX-License-Identifier: MIT

// namespace_: shared attributes by name, each of any type; multiprocessing.Namespace.
#pragma once

#include <cstddef>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <agora/any_io.hpp>
#include <agora/detail/lookup.hpp>
#include <agora/proxy.hpp>
#include <agora/subscription.hpp>

#include "shared/value/any.hpp"

namespace agora {

class attribute;

/// Every operation is one atomic step on the server.
///
/// @code
/// auto config = m.namespace_("config");
/// config["port"] = 8080;
/// int port = config["port"];
/// @endcode
class namespace_ : public proxy {
 public:
  /// Called by a manager's factory; see manager::namespace_.
  explicit namespace_(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// Returns the element of an attribute: reading it reads from the server, assigning to it writes.
  attribute operator[](std::string_view name) const;
  /// Returns the attribute as a T.
  /// @throws attribute_error  there is none of that name.
  /// @throws type_error       it is no T.
  template <Decodable T = any>
  T get(std::string_view name) const;
  template <Encodable T>
  void set(std::string_view name, const T& value) const {
    call<void>(detail::methods::namespace_set, name, value);
  }
  /// Returns false if there was no such attribute.
  bool erase(std::string_view name) const {
    return call_succeeds(detail::methods::namespace_delete, Errc::attribute_error, name);
  }
  bool contains(std::string_view name) const;
  /// Returns the names of all attributes, in the order in which they were first set.
  std::vector<std::string> attributes() const {
    return call<std::vector<std::string>>(detail::methods::namespace_attributes);
  }

  using proxy::watch;
  /// Calls `callback` for each later change of that attribute by any session, in order; see
  /// subscription.hpp.
  subscription watch(std::string_view name,
                     std::function<void(const object_change&)> callback) const {
    return subscription::begin_key(handle(), pack(std::string(name)), std::move(callback));
  }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <Decodable T = any, typename Token>
  auto async_get(std::string_view name, Token&& token) const {
    return async_call_at<T>(detail::methods::namespace_get, std::string(name), token);
  }
  template <Encodable T, typename Token>
  auto async_set(std::string_view name, const T& value, Token&& token) const {
    return async_call<void>(detail::methods::namespace_set, token, name, value);
  }
  template <typename Token>
  auto async_erase(std::string_view name, Token&& token) const {
    return async_call_succeeds(detail::methods::namespace_delete, Errc::attribute_error, token,
                               name);
  }
  template <typename Token>
  auto async_contains(std::string_view name, Token&& token) const {
    return async_call<bool>(detail::methods::namespace_contains, token, name);
  }
  template <typename Token>
  auto async_attributes(Token&& token) const {
    return async_call<std::vector<std::string>>(detail::methods::namespace_attributes, token);
  }
};

/// The element that `ns["x"]` gives. It holds a copy of the namespace's handle.
class attribute {
 public:
  attribute(namespace_ object, std::string name)
      : object_(std::move(object)), name_(std::move(name)) {}
  attribute(const attribute&) = default;

  /// @throws attribute_error  there is none of that name.
  /// @throws type_error       it is no T.
  template <Decodable T = any>
  T get() const {
    return object_.get<T>(name_);
  }
  template <Decodable T>
  operator T() const {  // NOLINT: implicit, it stands for the value
    return get<T>();
  }
  template <Encodable T>
  const attribute& operator=(const T& value) const {  // NOLINT: const, as only the server changes
    object_.set(name_, value);
    return *this;
  }
  /// Copies the value of the other attribute.
  const attribute& operator=(const attribute& other) const {  // NOLINT
    return *this = other.get<any>();
  }
  attribute& operator=(const attribute& other) {
    object_.set(name_, other.get<any>());
    return *this;
  }

  template <Encodable T>
  friend bool operator==(const attribute& element, const T& value) {
    return element.get<any>() == any(value);
  }
  friend std::ostream& operator<<(std::ostream& out, const attribute& element) {
    return out << element.get<any>();
  }

 private:
  namespace_ object_;
  std::string name_;
};

// ---- implementation ------------------------------------------------------------------------

template <Decodable T>
T namespace_::get(std::string_view name) const {
  if constexpr (std::is_default_constructible_v<T>) {
    T value{};
    if (detail::try_get(handle(), detail::ObjectKind::namespace_, name, value) ==
        detail::ReadResult::found) {
      return value;
    }
  }
  return call_at<T>(detail::methods::namespace_get, name);
}

inline bool namespace_::contains(std::string_view name) const {
  const detail::ReadResult result =
      detail::try_contains(handle(), detail::ObjectKind::namespace_, name);
  if (result == detail::ReadResult::found) return true;
  if (result == detail::ReadResult::not_found) return false;
  return call<bool>(detail::methods::namespace_contains, name);
}

inline attribute namespace_::operator[](std::string_view name) const {
  return {*this, std::string(name)};
}

}  // namespace agora
