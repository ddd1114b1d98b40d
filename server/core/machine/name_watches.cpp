// SPDX-License-Identifier: MIT

// NameWatches, the part of Notifications for names.

#include <algorithm>
#include <utility>

#include "server/core/machine/machine.hpp"
#include "server/core/machine/notifications.hpp"
#include "server/core/methods/scalar.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {
namespace {

/// The memory of a watched pattern apart from its text, in bytes, roughly.
constexpr std::size_t kPatternBytes = 128;

/// The memory of a watched pattern.
std::size_t bytes_of(const auto& pattern) {
  return kPatternBytes + pattern.compiled.bytes() + pattern.names.size() + pattern.type.size();
}

std::string names_notice(const Object& object, bool created) {
  std::string notice;
  Writer out{notice};
  out.map(4);
  out.text("kind"), out.text("names");
  out.text("method"), out.text(created ? "object.create" : "object.delete");
  out.text("object"), out.text(object.name);
  out.text("type"), out.text(object.type->name);
  return notice;
}

std::string names_gap_notice(std::string_view pattern, std::string_view type) {
  std::string notice;
  Writer out{notice};
  out.map(3);
  out.text("kind"), out.text("gap");
  out.text("pattern"), out.text(pattern);
  out.text("type"), type.empty() ? out.null() : out.text(type);
  return notice;
}

/// The name and the type in a notice that names_notice made.
struct Named {
  std::string_view name;
  std::string_view type;
  explicit Named(PackedView notice) {
    Reader reader{notice};
    read(reader);
    for (int i = 0; i < 5; ++i) reader.value();
    name = read(reader.value()).body;
    reader.value();
    type = read(reader.value()).body;
  }
};

}  // namespace

Expected<void> NameWatches::watch(Session& session, std::string_view pattern,
                                  std::string_view type) {
  const std::size_t most = notifications_.machine().limits().session_patterns_max;
  const auto known = watchers_.find(session.id);
  if (known != watchers_.end()) {
    const auto& patterns = known->second.patterns;
    const auto same = std::ranges::find_if(
        patterns, [&](const Pattern& each) { return each.names == pattern && each.type == type; });
    if (same != patterns.end()) return {};
    if (patterns.size() >= most) {
      return fail(Errc::overloaded, "this session already watches " + std::to_string(most) +
                                        " patterns of names; unwatch one first");
    }
  }
  Machine& machine = notifications_.machine();
  if (machine.over_cap(pattern.size() + type.size())) return fail(machine.out_of_memory());
  const std::uint64_t last = history_.version();
  Watcher& watcher = watchers_.try_emplace(session.id, Watcher{{last, last}, {}}).first->second;
  watcher.patterns.push_back({std::string{pattern}, NamePattern{pattern}, std::string{type}, last});
  bytes_used_ += bytes_of(watcher.patterns.back());
  return {};
}

void NameWatches::unwatch(Session& session, std::string_view pattern, std::string_view type) {
  const auto watcher = watchers_.find(session.id);
  if (watcher == watchers_.end()) return;
  auto& patterns = watcher->second.patterns;
  std::erase_if(patterns, [&](const Pattern& each) {
    const bool ends = each.names == pattern && each.type == type;
    if (ends) bytes_used_ -= bytes_of(each);
    return ends;
  });
  if (patterns.empty()) end(session);
}

void NameWatches::end(Session& session) {
  const auto watcher = watchers_.find(session.id);
  if (watcher == watchers_.end()) return;
  for (const Pattern& each : watcher->second.patterns) bytes_used_ -= bytes_of(each);
  watchers_.erase(watcher);
  if (watchers_.empty()) trim(0, 0);
}

void NameWatches::note_change(const Object& object, bool created) {
  if (object.anonymous()) return;
  notifications_.machine().on_commit(
      [this, notice = names_notice(object, created)]() mutable { publish(std::move(notice)); });
}

void NameWatches::publish(std::string notice) {
  Machine& machine = notifications_.machine();
  const std::uint64_t before = history_.version();
  const std::uint64_t number = before + 1;
  std::string& bytes = machine.effects().bytes;
  const std::size_t begin = bytes.size();
  for (auto& [id, watcher] : watchers_) {
    // A session that lacks an earlier notice catches up later.
    if (watcher.position.sent < before) continue;
    Session& session = *machine.sessions().find(id);
    if (!session.link) continue;
    watcher.position.sent = number;
    machine.spend(Machine::kProbeUnits + watcher.patterns.size());
    if (!is_told(watcher, number, PackedView{notice})) continue;
    if (bytes.size() == begin) bytes += notice;
    notifications_.push_notice(session, begin, notice.size());
    notifications_.log_notice(session, {kId, false, number, {}});
  }
  history_.add({number, std::move(notice)});
  trim(machine.limits().history_entries_max, machine.limits().history_bytes_max);
}

bool NameWatches::is_told(const Watcher& watcher, std::uint64_t number, PackedView notice) {
  const Named changed{notice};
  return std::ranges::any_of(watcher.patterns, [&](const Pattern& each) {
    return each.since < number && (each.type.empty() || each.type == changed.type) &&
           each.compiled.matches(changed.name);
  });
}

void NameWatches::trim(std::size_t entries_max, std::size_t bytes_max) {
  while (history_.entries().size() > entries_max || history_.bytes() > bytes_max) history_.pop();
}

void NameWatches::confirm(Session& session, std::uint64_t number) {
  const auto watcher = watchers_.find(session.id);
  if (watcher == watchers_.end()) return;
  Follower& position = watcher->second.position;
  position.confirmed = std::max(position.confirmed, number);
}

void NameWatches::rewind(Session& session) {
  const auto watcher = watchers_.find(session.id);
  if (watcher != watchers_.end())
    watcher->second.position.sent = watcher->second.position.confirmed;
}

void NameWatches::send_missed(Session& session, std::size_t& budget) {
  const auto found = watchers_.find(session.id);
  if (found == watchers_.end() || found->second.position.sent >= history_.version()) return;
  Watcher& watcher = found->second;
  const std::uint64_t after = std::exchange(watcher.position.sent, history_.version());
  const std::optional<std::size_t> bytes = history_.bytes_after(after);
  if (bytes && *bytes <= budget) {
    budget -= *bytes;
    for (const ChangeFeed::Entry& missed : history_.entries()) {
      const PackedView notice{missed.notice};
      if (missed.version <= after || !is_told(watcher, missed.version, notice)) continue;
      notifications_.notify(session, notice);
      notifications_.machine().effects().list.back().tag = kCatchingUp;
    }
  } else {
    for (const Pattern& each : watcher.patterns) {
      notifications_.notify(session, PackedView{names_gap_notice(each.names, each.type)});
    }
  }
  notifications_.log_notice(session, {kId, false, history_.version(), {}});
}

}  // namespace agora
