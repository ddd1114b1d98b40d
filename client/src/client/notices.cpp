// SPDX-License-Identifier: MIT

#include "client/src/client/notices.hpp"

#include <algorithm>
#include <utility>

#include "shared/base/pattern.hpp"
#include "shared/value/key_bytes.hpp"

namespace agora::detail {
namespace {

template <typename T>
T member(const Notice& notice, const char* name) {
  const auto found = notice.find(name);
  return found == notice.end() ? T() : found->second.if_is<T>().value_or(T());
}

// Returns the name of the object of a notice: a text or a reference.
std::string object_of(const Notice& notice) {
  const auto found = notice.find("object");
  if (found == notice.end()) return {};
  if (auto object = found->second.if_is<reference>()) return object->name;
  return found->second.if_is<std::string>().value_or("");
}

bool is_of(const Notices::Listener& listener, const std::string& kind, const Notice& notice) {
  if (kind == "names") {
    const auto type = member<std::string>(notice, "type");
    return (listener.type.empty() || listener.type == type) &&
           NamePattern{listener.pattern}.matches(object_of(notice));
  }
  if (notice.contains("pattern")) {
    return listener.kind == "names" && listener.pattern == member<std::string>(notice, "pattern") &&
           listener.type == member<std::string>(notice, "type");
  }
  const auto key = notice.find("key");
  if (listener.key) return key != notice.end() && equal(*listener.key, pack(key->second));
  return kind != "gap" || key == notice.end();
}

Notice lost_notice(const std::string& object) {
  return {{"kind", any("lost")}, {"object", any(object)}};
}

}  // namespace

std::uint64_t Notices::add(const std::string& object, Listener listener) {
  listener.object = object;
  listeners_.emplace(std::pair(object, ++last_), std::move(listener));
  return last_;
}

Notices::Listeners::iterator Notices::find(std::uint64_t number) {
  return std::ranges::find_if(listeners_,
                              [&](const auto& each) { return each.first.second == number; });
}

std::vector<Notices::Due> Notices::bind(std::uint64_t number, std::uint64_t session,
                                        std::uint64_t version) {
  const auto found = find(number);
  if (found == listeners_.end()) return {};
  found->second.session = session;
  found->second.version = std::max(found->second.version, version);
  return session <= lost_up_to_ ? lose(lost_up_to_) : std::vector<Due>{};
}

std::optional<Notices::Listener> Notices::remove(std::uint64_t number) {
  const auto found = find(number);
  if (found == listeners_.end()) return std::nullopt;
  Listener gone = std::move(found->second);
  listeners_.erase(found);
  for (auto each = listeners_.lower_bound({gone.object, 0});
       each != listeners_.end() && each->first.first == gone.object; ++each) {
    if (each->second.kind == gone.kind && each->second.stop.bytes == gone.stop.bytes) {
      return std::nullopt;
    }
  }
  return gone;
}

std::vector<Notices::Due> Notices::due(const Notice& notice) {
  std::vector<Due> due;
  const auto kind = member<std::string>(notice, "kind");
  const auto version = member<std::uint64_t>(notice, "version");
  const bool of_names = kind == "names" || notice.contains("pattern");
  const std::string object = of_names ? std::string() : object_of(notice);
  const bool is_last = kind == "watch" && member<std::string>(notice, "method") == "object.delete";
  for (auto each = listeners_.lower_bound({object, 0});
       each != listeners_.end() && each->first.first == object;) {
    const auto present = each++;
    Listener& listener = present->second;
    const bool delivered = version != 0 && version <= listener.version;
    if (kind != "gap" && (listener.kind != kind || delivered)) continue;
    if (!is_of(listener, kind, notice)) continue;
    listener.version = std::max(listener.version, version);
    due.push_back({listener.callback, {}});
    if (is_last && listener.session != 0) listeners_.erase(present);
  }
  return due;
}

std::vector<Notices::Due> Notices::lose(std::uint64_t session) {
  std::vector<Due> due;
  lost_up_to_ = std::max(lost_up_to_, session);
  for (auto each = listeners_.begin(); each != listeners_.end();) {
    const Listener& listener = each->second;
    const bool lost = listener.session != 0 && listener.session <= lost_up_to_;
    if (lost) due.push_back({listener.callback, lost_notice(listener.object)});
    each = lost ? listeners_.erase(each) : std::next(each);
  }
  return due;
}

}  // namespace agora::detail
