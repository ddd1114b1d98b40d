// SPDX-License-Identifier: MIT

// topic<T>: each published value goes to all subscribers.
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

/// Only the last value is stored: a session that is not subscribed misses the others.
///
/// @code
/// auto news = m.topic<std::string>("news");
/// agora::subscription listening = news.subscribe([](const std::string& line) { use(line); });
/// news.publish("it rains");
/// @endcode
template <typename T = any>
class topic : public proxy {
 public:
  using value_type = T;

  /// Called by a manager's factory; see manager::topic.
  explicit topic(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// Returns the number of sessions to which the value is sent.
  std::size_t publish(const T& value) const {
    return call<std::size_t>(detail::methods::topic_publish, value);
  }
  /// Calls `callback` for each value published later, in order; see subscription.hpp. Calls
  /// `missed` with the reason when values do not reach the callback: after a gap, at the end of the
  /// topic or of the session, and for a value that is no T.
  subscription subscribe(std::function<void(const T&)> callback,
                         std::function<void(const std::string& why)> missed = {}) const {
    return subscription::begin(
        handle(), "topic",
        [on_value = std::move(callback), on_missed = std::move(missed)](
            const std::map<std::string, any>& notice) { dispatch(notice, on_value, on_missed); });
  }
  /// Returns the value that was published last, or nullopt if there is none or if it is null.
  std::optional<T> last() const { return unless_null(make(detail::methods::topic_last)); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_publish(const T& value, Token&& token) const {
    return async_call<std::size_t>(detail::methods::topic_publish, token, value);
  }
  template <typename Token>
  auto async_last(Token&& token) const {
    return async_make<std::optional<T>>(
        detail::methods::topic_last,
        [t = *this](detail::Reply reply) { return t.unless_null(std::move(reply)); }, token);
  }

 private:
  std::optional<T> unless_null(detail::Reply reply) const {
    if (reply && reply->view().is_null()) return std::nullopt;
    return take<T>(detail::methods::topic_last.name, std::move(reply));
  }
  static void dispatch(const std::map<std::string, any>& notice,
                       const std::function<void(const T&)>& on_value,
                       const std::function<void(const std::string&)>& on_missed) {
    std::string why = "values were missed, or the topic has ended";
    if (const auto value = notice.find("value"); value != notice.end()) {
      auto decoded = value->second.get<T>();
      if (decoded) return on_value(*decoded);
      why = decoded.error().message;
    } else if (notice.at("kind") == any("lost")) {
      why = "the session is lost";
    }
    if (on_missed) on_missed(why);
  }
};

}  // namespace agora
