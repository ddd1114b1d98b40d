// What barrier and shared_mutex say of themselves, from the server's maps.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <agora/barrier.hpp>
#include <agora/shared_mutex.hpp>

namespace agora {
namespace {

using Members = std::map<std::string, any>;

template <typename T>
T member(const Members& members, const char* name) {
  const auto found = members.find(name);
  return found == members.end() ? T() : found->second.if_is<T>().value_or(T());
}

}  // namespace

barrier_state barrier::state_of(std::string_view method, client::Reply reply) const {
  const auto members = take<Members>(method, std::move(reply));
  return {member<std::int64_t>(members, "parties"), member<std::int64_t>(members, "waiting"),
          member<bool>(members, "broken")};
}

shared_mutex_state shared_mutex::state_of(client::Reply reply) const {
  const auto members = take<Members>("rwlock.state", std::move(reply));
  const auto writer = members.find("writer");
  return {static_cast<std::int64_t>(member<std::vector<any>>(members, "readers").size()),
          writer != members.end() && !writer->second.is_null(),
          member<std::int64_t>(members, "waiting")};
}

}  // namespace agora
