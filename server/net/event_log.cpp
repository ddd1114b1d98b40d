// SPDX-License-Identifier: MIT

#include "server/net/event_log.hpp"

#include <algorithm>
#include <chrono>

namespace agora {

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t place = text.size(); place > 3;) {
    place -= 3;
    text.insert(place, ",");
  }
  return text;
}

void EventLog::line(const std::string& text) {
  if (out_) out_(text);
}

void EventLog::repeated(const RepeatedEvent& kind, const std::string& text) {
  const auto found = std::ranges::find(counted_, &kind, &Counted::kind);
  if (found != counted_.end()) {
    ++found->count;
    found->last = text;
    return;
  }
  counted_.push_back({&kind, 0, {}});
  if (counted_.size() == 1) restart();
  line(text);
}

void EventLog::sum_up() {
  for (Counted& each : counted_) {
    if (each.count == 0) continue;
    line(std::string{each.kind->before} + " " + grouped(each.count) + " " +
         std::string{each.kind->after} + " in the last minute; the last one: " + each.last);
    each.count = 0;
  }
}

/// Sums the minute up. A kind that did not come again is forgotten: its next event is logged.
void EventLog::minute_passed() {
  std::erase_if(counted_, [](const Counted& each) { return each.count == 0; });
  if (!counted_.empty()) restart();
  sum_up();
}

void EventLog::restart() { timer_.set(std::chrono::steady_clock::now() + std::chrono::minutes{1}); }

}  // namespace agora
