#include "docs/examples/word_count/crew.hpp"

#include <algorithm>
#include <chrono>

namespace word_count {

Crew::~Crew() {
  for (Member& member : members_) member.process.kill();
}

void Crew::hire(const WorkerPlace& place) {
  members_.push_back({place.name, agora::process([place] { work(place); })});
}

std::size_t Crew::working() {
  const auto count = std::count_if(members_.begin(), members_.end(),
                                   [](Member& member) { return member.process.is_alive(); });
  return static_cast<std::size_t>(count);
}

Crew::Member* Crew::find(const std::string& name) {
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [&](const Member& member) { return member.name == name; });
  return found == members_.end() ? nullptr : &*found;
}

pid_t Crew::pid_of(const std::string& name) const {
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [&](const Member& member) { return member.name == name; });
  return found == members_.end() ? 0 : found->process.pid();
}

void Crew::kill(const std::string& name) {
  Member* member = find(name);
  if (member == nullptr) return;
  member->process.kill();
  member->process.join();
}

void Crew::join() {
  for (Member& member : members_) {
    if (!member.process.join_for(std::chrono::seconds(10))) member.process.kill();
    member.process.join();
  }
}

}  // namespace word_count
