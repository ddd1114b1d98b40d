// topic<T>: what is published goes to everybody who is subscribed.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>
#include <agora/subscription.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Nothing is stored but the last value: who is not subscribed does not hear.
template <typename T = any>
class topic : public proxy {
 public:
  using value_type = T;

  /// From a manager's factory; see manager::topic.
  explicit topic(detail::Handle handle) : proxy(std::move(handle)) {}

  /// @return to how many sessions it goes.
  std::size_t publish(const T& value) const { return change<std::size_t>("topic.publish", value); }
  /// Calls `callback` for each value published from now on, in order; see subscription.hpp.
  /// `missed` is told why something was not heard: a gap after a broken connection, the end of the
  /// topic or of the session, a value that is no T.
  subscription subscribe(std::function<void(const T&)> callback,
                         std::function<void(const std::string& why)> missed = {}) const {
    return subscription::begin(
        handle(), "topic",
        [heard = std::move(callback), lost = std::move(missed)](
            const std::map<std::string, any>& notice) { tell(notice, heard, lost); });
  }
  /// What was published last, or nothing; a null too is nothing.
  std::optional<T> last() const { return unless_null(make("topic.last", detail::Effect::reads)); }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_publish(const T& value, Token&& token) const {
    return async_change<std::size_t>("topic.publish", token, value);
  }
  template <typename Token>
  auto async_last(Token&& token) const {
    return async_make<std::optional<T>>(
        "topic.last", detail::Effect::reads,
        [t = *this](detail::Reply reply) { return t.unless_null(std::move(reply)); }, token);
  }

 private:
  std::optional<T> unless_null(detail::Reply reply) const {
    if (reply && reply->view().is_null()) return std::nullopt;
    return take<T>("topic.last", std::move(reply));
  }
  static void tell(const std::map<std::string, any>& notice,
                   const std::function<void(const T&)>& heard,
                   const std::function<void(const std::string&)>& lost) {
    std::string why = "values were missed, or the topic has ended";
    if (const auto value = notice.find("value"); value != notice.end()) {
      auto decoded = value->second.get<T>();
      if (decoded) return heard(*decoded);
      why = decoded.error().message;
    } else if (notice.at("kind") == any("lost")) {
      why = "the session is lost";
    }
    if (lost) lost(why);
  }
};

}  // namespace agora
