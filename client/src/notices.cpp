#include "client/src/notices.hpp"

#include <utility>

namespace agora::client {
namespace {

template <typename T>
T member(const Notice& notice, const char* name) {
  const auto found = notice.find(name);
  return found == notice.end() ? T() : found->second.if_is<T>().value_or(T());
}

// An object is named, or referred to.
std::string object_of(const Notice& notice) {
  const auto found = notice.find("object");
  if (found == notice.end()) return {};
  if (auto object = found->second.if_is<reference>()) return object->name;
  return found->second.if_is<std::string>().value_or("");
}

}  // namespace

std::uint64_t Notices::add(const std::string& object, NoticeCallback callback) {
  Listener listener{++last_, std::make_shared<const NoticeCallback>(std::move(callback)), 0};
  listeners_.emplace(object, std::move(listener));
  return last_;
}

void Notices::remove(std::uint64_t number) {
  std::erase_if(listeners_, [number](const auto& each) { return each.second.number == number; });
}

std::vector<std::shared_ptr<const NoticeCallback>> Notices::due(const Notice& notice) {
  std::vector<std::shared_ptr<const NoticeCallback>> due;
  const auto version = member<std::uint64_t>(notice, "version");
  const auto [first, last] = listeners_.equal_range(object_of(notice));
  for (auto each = first; each != last; ++each) {
    Listener& listener = each->second;
    if (version != 0 && version <= listener.version) continue;
    if (version != 0) listener.version = version;
    due.push_back(listener.callback);
  }
  return due;
}

}  // namespace agora::client
