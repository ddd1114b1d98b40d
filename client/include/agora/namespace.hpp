// namespace_: shared attributes by name, each of any type; multiprocessing.Namespace.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <agora/any_io.hpp>
#include <agora/detail/lookup.hpp>
#include <agora/proxy.hpp>

#include "shared/value/any.hpp"

namespace agora {

class attribute;

/// Every operation is one atomic step on the server.
class namespace_ : public proxy {
 public:
  /// From a manager's factory; see manager::namespace_.
  explicit namespace_(detail::Handle handle) : proxy(std::move(handle)) {}

  /// The attribute as a T. @throws attribute_error  there is none; type_error  it is no T.
  template <Decodable T = any>
  T get(std::string_view name) const {
    if constexpr (std::is_default_constructible_v<T>) {
      T value{};
      if (detail::try_get(handle(), detail::ObjectKind::namespace_, name, value) ==
          detail::ReadResult::found) {
        return value;
      }
    }
    return take_at<T>("namespace.get", name, make("namespace.get", detail::Effect::reads, name));
  }
  template <Encodable T>
  void set(std::string_view name, const T& value) const {
    change<void>("namespace.set", name, value);
  }
  /// False if there was none.
  bool erase(std::string_view name) const;
  bool contains(std::string_view name) const {
    const detail::ReadResult look =
        detail::try_contains(handle(), detail::ObjectKind::namespace_, name);
    if (look == detail::ReadResult::found) return true;
    if (look == detail::ReadResult::not_found) return false;
    return read<bool>("namespace.contains", name);
  }
  /// The names of all, in the order in which they were first set.
  std::vector<std::string> attributes() const {
    return read<std::vector<std::string>>("namespace.attributes");
  }
  /// The place of an attribute: reading it asks the server, assigning to it writes.
  attribute operator[](std::string_view name) const;

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <Decodable T = any, typename Token>
  auto async_get(std::string_view name, Token&& token) const {
    return async_make<T>("namespace.get", detail::Effect::reads,
                         taker_at<T>("namespace.get", std::string(name)), token, name);
  }
  template <Encodable T, typename Token>
  auto async_set(std::string_view name, const T& value, Token&& token) const {
    return async_change<void>("namespace.set", token, name, value);
  }
  template <typename Token>
  auto async_erase(std::string_view name, Token&& token) const {
    return async_make<bool>(
        "namespace.delete", detail::Effect::changes,
        [n = *this](detail::Reply reply) { return n.erased(std::move(reply)); }, token, name);
  }
  template <typename Token>
  auto async_contains(std::string_view name, Token&& token) const {
    return async_read<bool>("namespace.contains", token, name);
  }
  template <typename Token>
  auto async_attributes(Token&& token) const {
    return async_read<std::vector<std::string>>("namespace.attributes", token);
  }

 private:
  bool erased(detail::Reply reply) const {
    if (reply) return true;
    if (reply.error().code == Errc::attribute_error) return false;
    throw_error(std::move(reply.error()));
  }
};

/// What `ns["x"]` gives. It holds a copy of the namespace's handle.
class attribute {
 public:
  attribute(namespace_ object, std::string name)
      : object_(std::move(object)), name_(std::move(name)) {}
  attribute(const attribute&) = default;

  /// @throws attribute_error  there is none; type_error  it is no T.
  template <Decodable T = any>
  T get() const {
    return object_.get<T>(name_);
  }
  template <Decodable T>
  operator T() const {  // NOLINT: implicit, it stands for the value
    return get<T>();
  }
  template <Encodable T>
  const attribute& operator=(const T& value) const {  // NOLINT: a place is const, its value not
    object_.set(name_, value);
    return *this;
  }
  /// Copies the value of the other place.
  const attribute& operator=(const attribute& other) const {  // NOLINT
    return *this = other.get<any>();
  }
  attribute& operator=(const attribute& other) {
    object_.set(name_, other.get<any>());
    return *this;
  }

  template <Encodable T>
  friend bool operator==(const attribute& place, const T& value) {
    return place.get<any>() == any(value);
  }
  friend std::ostream& operator<<(std::ostream& out, const attribute& place) {
    return out << place.get<any>();
  }

 private:
  namespace_ object_;
  std::string name_;
};

inline bool namespace_::erase(std::string_view name) const {
  return erased(make("namespace.delete", detail::Effect::changes, name));
}

inline attribute namespace_::operator[](std::string_view name) const {
  return {*this, std::string(name)};
}

}  // namespace agora
