// SPDX-License-Identifier: MIT

#include <algorithm>
#include <map>
#include <utility>

#include <agora/detail/methods.hpp>
#include <agora/error.hpp>
#include <agora/proxy.hpp>
#include <agora/subscription.hpp>

#include "client/src/client/client.hpp"

namespace agora {
namespace {

/// The methods that begin and end one kind of subscription.
struct Following {
  std::string_view name;
  const detail::Method& start;
  const detail::Method& stop;
};
constexpr Following kKinds[] = {
    {"watch", detail::methods::object_watch, detail::methods::object_unwatch},
    {"topic", detail::methods::topic_subscribe, detail::methods::topic_unsubscribe},
    {"names", detail::methods::object_watch_names, detail::methods::object_unwatch_names},
};

const Following& kind_of(std::string_view name) {
  return *std::ranges::find(kKinds, name, &Following::name);
}

template <typename T>
T member(const detail::Notice& notice, const char* name) {
  const auto found = notice.find(name);
  return found == notice.end() ? T() : found->second.if_is<T>().value_or(T());
}

object_change change_of(const detail::Notice& notice) {
  object_change change;
  const auto kind = member<std::string>(notice, "kind");
  if (kind == "gap") change.kind = object_change::Kind::gap;
  if (kind == "lost") change.kind = object_change::Kind::lost;
  change.version = member<std::uint64_t>(notice, "version");
  change.method = member<std::string>(notice, "method");
  if (const auto key = notice.find("key"); key != notice.end()) change.key = key->second;
  return change;
}

name_change name_change_of(const detail::Notice& notice) {
  name_change change;
  const auto kind = member<std::string>(notice, "kind");
  const bool created = member<std::string>(notice, "method") == "object.create";
  change.kind = kind == "gap"    ? name_change::Kind::gap
                : kind == "lost" ? name_change::Kind::lost
                : created        ? name_change::Kind::created
                                 : name_change::Kind::deleted;
  change.name = member<std::string>(notice, "object");
  change.type = member<std::string>(notice, "type");
  return change;
}

std::shared_ptr<const detail::NoticeCallback> shared(detail::NoticeCallback callback) {
  return std::make_shared<const detail::NoticeCallback>(std::move(callback));
}

}  // namespace

struct subscription::Listening {
  detail::ObjectHandle object;
  const detail::Method& stop;
  std::uint64_t number = 0;

  static subscription start(const detail::ObjectHandle& object, const detail::Params& params,
                            detail::Notices::Listener listener);
};

subscription::subscription(std::unique_ptr<Listening> listening)
    : listening_(std::move(listening)) {}

subscription::subscription() noexcept = default;
subscription::subscription(subscription&& other) noexcept = default;

subscription& subscription::operator=(subscription&& other) noexcept {
  if (this != &other) {
    end();
    listening_ = std::move(other.listening_);
  }
  return *this;
}

subscription::~subscription() { end(); }

void subscription::end() noexcept {
  if (!listening_) return;
  listening_->object.client().unfollow(listening_->number, listening_->stop);
  listening_.reset();
}

/// Registers a listener and makes the call that starts its notices.
subscription subscription::Listening::start(const detail::ObjectHandle& object,
                                            const detail::Params& params,
                                            detail::Notices::Listener listener) {
  const Following& which = kind_of(listener.kind);
  auto number = object.client().follow(object, which.start, params, std::move(listener));
  if (!number) throw_error(std::move(number.error()));
  return subscription(std::make_unique<Listening>(Listening{object, which.stop, *number}));
}

subscription subscription::begin(const detail::ObjectHandle& object, std::string_view kind,
                                 std::function<void(const std::map<std::string, any>&)> callback) {
  const detail::Params params = detail::params_of(object.name());
  return Listening::start(object, params, {std::string(kind), shared(std::move(callback)), params});
}

subscription subscription::begin_key(const detail::ObjectHandle& object, Packed key,
                                     std::function<void(const object_change&)> callback) {
  const auto with_key = [&](detail::Params params) {
    params.bytes += key.bytes();
    ++params.count;
    return params;
  };
  const detail::Params params = with_key(detail::params_of(object.name(), detail::Timeout()));
  const detail::Params stop = with_key(detail::params_of(object.name()));
  auto on_notice = [on_change = std::move(callback)](const detail::Notice& notice) {
    on_change(change_of(notice));
  };
  return Listening::start(object, params,
                          {"watch", shared(std::move(on_notice)), stop, std::move(key)});
}

subscription subscription::begin_names(const detail::ObjectHandle& server,
                                       const std::string& pattern, const std::string& type,
                                       std::function<void(const name_change&)> callback) {
  const detail::Params params =
      detail::params_of(pattern, type.empty() ? std::optional<std::string>() : type);
  auto on_notice = [on_change = std::move(callback)](const detail::Notice& notice) {
    on_change(name_change_of(notice));
  };
  return Listening::start(
      server, params, {"names", shared(std::move(on_notice)), params, std::nullopt, pattern, type});
}

subscription proxy::watch(std::function<void(const object_change&)> callback) const {
  return subscription::begin(handle_, "watch",
                             [on_change = std::move(callback)](const detail::Notice& notice) {
                               on_change(change_of(notice));
                             });
}

}  // namespace agora
