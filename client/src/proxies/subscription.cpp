// SPDX-License-Identifier: MIT

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
};

const Following& kind_of(std::string_view name) {
  return name == kKinds[0].name ? kKinds[0] : kKinds[1];
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

}  // namespace

struct subscription::Listening {
  detail::ObjectHandle object;
  const detail::Method& stop;
  std::uint64_t number = 0;
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

subscription subscription::begin(const detail::ObjectHandle& object, std::string_view kind,
                                 std::function<void(const std::map<std::string, any>&)> callback) {
  const Following& which = kind_of(kind);
  auto number =
      object.client().follow(object, which.start,
                             {std::string(which.name),
                              std::make_shared<const detail::NoticeCallback>(std::move(callback))});
  if (!number) throw_error(std::move(number.error()));
  return subscription(std::make_unique<Listening>(Listening{object, which.stop, *number}));
}

subscription proxy::watch(std::function<void(const object_change&)> callback) const {
  return subscription::begin(handle_, "watch",
                             [on_change = std::move(callback)](const detail::Notice& notice) {
                               on_change(change_of(notice));
                             });
}

}  // namespace agora
