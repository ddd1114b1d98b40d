// SPDX-License-Identifier: MIT

#include "server/core/machine/notifications.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "server/core/machine/machine.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {
namespace {

/// Retention of an object's history after its last watching session has left.
constexpr Duration kRetention = std::chrono::minutes{1};
/// The memory of the feed of one entry apart from its history and its key, in bytes, roughly.
constexpr std::size_t kEntryFeedBytes = 512;

std::string watch_notice(const Object& object, std::uint64_t version, std::string_view method,
                         PackedView key) {
  std::string notice;
  Writer out{notice};
  out.map(key.present() ? 5 : 4);
  out.text("kind"), out.text("watch");
  out.text("object"), out.text(object.name);
  out.text("version"), out.unsigned_integer(version);
  out.text("method"), out.text(method);
  if (key.present()) out.text("key"), out.packed(key);
  return notice;
}

/// @param key  present if notices of that entry are missing
std::string gap_notice(const Object& object, PackedView key) {
  std::string notice;
  Writer out{notice};
  out.map(key.present() ? 4 : 3);
  out.text("kind"), out.text("gap");
  out.text("object"), out.text(object.name);
  out.text("version"), out.unsigned_integer(object.version);
  if (key.present()) out.text("key"), out.packed(key);
  return notice;
}

/// Returns the bytes of a watched entry that count towards the memory cap.
std::size_t bytes_of(const KeyFeed& entry) {
  return kEntryFeedBytes + 3 * entry.key.bytes().size();
}

}  // namespace

/// The memory of an entry of a history apart from its notice, and of a follower of a feed, in
/// bytes, roughly.
constexpr std::size_t kHistoryEntryBytes = 64;
constexpr std::size_t kFollowerBytes = 192;

Notifications::Found Notifications::find(ObjectId id, bool of_topic) {
  if (Object* object = machine_.registry().find(id)) {
    if (of_topic) return {object, object->state->feed()};
    return {object, object->watched ? object->watched->all.get() : nullptr};
  }
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return {};
  const auto& [object_id, key] = entry->second;
  Object* object = machine_.registry().find(object_id);
  KeyFeed& found = object->watched->keys.feeds.find(key)->second;
  return {object, &found.feed, &found};
}

void Notifications::follow(ObjectId id, ChangeFeed& feed, Session& session, std::uint64_t after) {
  if (feed.followers.insert_or_assign(session.id, Follower{after, after}).second) {
    bytes_used_ += kFollowerBytes;
  }
  (feed.of_topic() ? session.topics : session.watches).insert(id);
  if (after < feed.version()) behind_.push_back({session.id, id});
  machine_.undo([this, id, of_topic = feed.of_topic(), follower = session.id] {
    ChangeFeed* followed = find(id, of_topic).feed;
    if (followed != nullptr) unfollow(id, *followed, *machine_.sessions().find(follower));
  });
}

void Notifications::unfollow(ObjectId id, ChangeFeed& feed, Session& session) {
  const auto found = feed.followers.find(session.id);
  if (found == feed.followers.end()) return;
  machine_.undo([this, id, &feed, session_id = session.id, follower = found->second] {
    feed.followers[session_id] = follower;
    bytes_used_ += kFollowerBytes;
    Session& follower_session = *machine_.sessions().find(session_id);
    (feed.of_topic() ? follower_session.topics : follower_session.watches).insert(id);
  });
  feed.followers.erase(found);
  bytes_used_ -= kFollowerBytes;
  (feed.of_topic() ? session.topics : session.watches).erase(id);
  if (!feed.followers.empty()) return;
  if (feed.of_topic()) {
    return machine_.on_commit([this, id] {
      ChangeFeed* unfollowed = find(id, true).feed;
      if (unfollowed != nullptr && unfollowed->followers.empty()) trim(*unfollowed, 0);
    });
  }
  feed.expires = machine_.now() + kRetention;
  if (!std::exchange(feed.expiring, true)) expiring_.push_back({feed.expires, id});
}

Expected<void> Notifications::subscribe(Object& topic, Session& session) {
  if (session.topics.contains(topic.id)) return {};
  if (auto may = may_follow(session, {}); !may) return may;
  follow(topic.id, *topic.state->feed(), session, topic.version);
  return {};
}

void Notifications::unsubscribe(Object& topic, Session& session) {
  unfollow(topic.id, *topic.state->feed(), session);
}

/// Checks that the session may follow one more feed, unless it watches the one with that id.
Expected<void> Notifications::may_follow(const Session& session, ObjectId id) const {
  const std::size_t most = machine_.limits().session_watches_max;
  if (machine_.over_cap(0) && !session.watches.contains(id)) return fail(machine_.out_of_memory());
  if (session.watches.size() + session.topics.size() < most) return {};
  if (session.watches.contains(id)) return {};
  return fail(Errc::overloaded, "this session already watches or is subscribed to " +
                                    std::to_string(most) + " objects; leave some first");
}

Watches& Notifications::watches_of(Object& object) {
  if (!object.watched) object.watched = std::make_unique<Watches>();
  return *object.watched;
}

/// Returns the feed of the entry with that comparison key; null if that is not watched.
KeyFeed* Notifications::entry_of(Object& object, std::string_view key_bytes) {
  if (!object.watched) return nullptr;
  auto& feeds = object.watched->keys.feeds;
  const auto found = feeds.find(key_bytes);
  return found == feeds.end() ? nullptr : &found->second;
}

KeyFeed& Notifications::add_entry(Object& object, PackedView key, const std::string& key_bytes) {
  WatchedKeys& keys = watches_of(object).keys;
  const ObjectId id{machine_.next_number()};
  entries_.emplace(id, std::pair{object.id, key_bytes});
  KeyFeed entry{id, Packed{key}, ChangeFeed{object.version}};
  KeyFeed& added = keys.feeds.emplace(key_bytes, std::move(entry)).first->second;
  bytes_used_ += bytes_of(added);
  object.state->report_entries(&keys);
  return added;
}

Expected<void> Notifications::watch(Object& object, Session& session,
                                    std::optional<std::uint64_t> after) {
  if (auto may = may_follow(session, object.id); !may) return may;
  recall_lock(machine_, object);  // a watching session gets a notice of every grant
  std::unique_ptr<ChangeFeed>& feed = watches_of(object).all;
  if (!feed) feed = std::make_unique<ChangeFeed>(object.version);
  if (after || !feed->followers.contains(session.id)) {
    follow(object.id, *feed, session, after.value_or(object.version));
  }
  return {};
}

Expected<void> Notifications::watch_key(Object& object, PackedView key, Session& session,
                                        std::optional<std::uint64_t> after) {
  auto bytes = object.state->entry_key(key);
  if (!bytes) return bytes.failure();
  KeyFeed* entry = entry_of(object, *bytes);
  if (auto may = may_follow(session, entry == nullptr ? ObjectId{} : entry->id); !may) return may;
  if (entry == nullptr) entry = &add_entry(object, key, *bytes);
  if (after || !entry->feed.followers.contains(session.id)) {
    follow(entry->id, entry->feed, session, after.value_or(object.version));
  }
  return {};
}

void Notifications::unwatch(Object& object, Session& session) {
  if (object.watched && object.watched->all) unfollow(object.id, *object.watched->all, session);
}

Expected<void> Notifications::unwatch_key(Object& object, PackedView key, Session& session) {
  auto bytes = object.state->entry_key(key);
  if (!bytes) return bytes.failure();
  if (KeyFeed* entry = entry_of(object, *bytes)) unfollow(entry->id, entry->feed, session);
  return {};
}

void Notifications::note_change(Object& object, std::string_view method, PackedView key) {
  const auto note = [&](ObjectId id, PackedView changed_key) {
    std::string notice = watch_notice(object, object.version, method, changed_key);
    machine_.on_commit([this, id, version = object.version, notice = std::move(notice)]() mutable {
      const Found found = find(id, false);
      if (found.feed == nullptr) return;
      // A feed of all changes has a notice for each version.
      if (found.entry == nullptr) skip(*found.feed, version);
      publish(id, *found.feed, version, std::move(notice));
    });
  };
  if (object.watched->all) note(object.id, key);
  WatchedKeys& keys = object.watched->keys;
  for (const KeyFeed* entry : keys.touched) note(entry->id, entry->key);
  keys.forget_touched();
}

void Notifications::publish_topic(Object& topic, std::uint64_t version, std::string notice) {
  ChangeFeed& feed = *topic.state->feed();
  if (feed.followers.empty()) return feed.skip_to(version);
  skip(feed, version);
  // The history holds references to the objects in its messages.
  static_cast<void>(machine_.retain(PackedView{notice}));
  publish(topic.id, feed, version, std::move(notice));
}

/// Drops the history if versions before `version` have no notice.
void Notifications::skip(ChangeFeed& feed, std::uint64_t version) {
  if (feed.version() + 1 == version) return;
  trim(feed, 0);
  feed.skip_to(version - 1);
}

/// Sends the next notice of the feed to its followers and adds it to the history.
void Notifications::publish(ObjectId id, ChangeFeed& feed, std::uint64_t version,
                            std::string notice) {
  std::string& bytes = machine_.effects().bytes;
  const std::size_t begin = bytes.size();
  for (auto& [session_id, follower] : feed.followers) {
    // A follower that lacks an earlier notice catches up later.
    if (follower.sent < feed.version()) continue;
    Session& session = *machine_.sessions().find(session_id);
    if (!session.link) continue;
    if (bytes.size() == begin) bytes += notice;
    push_notice(session, begin, notice.size());
    follower.sent = version;
    log_notice(session, {id, feed.of_topic(), version, {}});
  }
  bytes_used_ += notice.size() + kHistoryEntryBytes;
  feed.add({version, std::move(notice)});
  // At the memory cap histories give way: what stores no more may still be published.
  trim(feed, machine_.over_cap(0) ? 0 : machine_.limits().history_entries_max);
}

void Notifications::trim(ChangeFeed& feed, std::size_t entries_max) {
  while (feed.entries().size() > entries_max ||
         feed.bytes() > machine_.limits().history_bytes_max) {
    const ChangeFeed::Entry oldest = feed.pop();
    bytes_used_ -= oldest.notice.size() + kHistoryEntryBytes;
    if (feed.of_topic()) machine_.release(PackedView{oldest.notice});
  }
}

void Notifications::push_notice(Session& session, std::size_t begin, std::size_t length) {
  if (session.scoped) {
    const std::string_view bytes = machine_.effects().bytes;
    machine_.give_names(session, PackedView{bytes.substr(begin, length)});
  }
  machine_.spend(Machine::kProbeUnits);
  Effect& effect = machine_.push(Effect::Kind::notice, session.link, 0);
  effect.offset = begin;
  effect.length = length;
}

void Notifications::notify(Session& session, PackedView notice) {
  if (!session.link) return;
  std::string& bytes = machine_.effects().bytes;
  const std::size_t begin = bytes.size();
  bytes += notice.bytes();
  push_notice(session, begin, notice.size());
}

void Notifications::log_notice(Session& session, NoticeLog::Entry entry) {
  if (session.opened)
    session.notices->add(std::move(entry), machine_.limits().unconfirmed_notices_max);
}

void Notifications::confirm(Session& session) {
  session.notices->confirm([&](const NoticeLog::Entry& entry) {
    if (entry.object == NameWatches::kId) return names_.confirm(session, entry.version);
    ChangeFeed* feed = find(entry.object, entry.of_topic).feed;
    if (feed == nullptr) return;
    const auto follower = feed->followers.find(session.id);
    if (follower == feed->followers.end()) return;
    follower->second.confirmed = std::max(follower->second.confirmed, entry.version);
  });
}

void Notifications::end_feed(ObjectId id, ChangeFeed& feed, const std::string& final_notice) {
  for (const auto& [session_id, follower] : feed.followers) {
    Session& session = *machine_.sessions().find(session_id);
    (feed.of_topic() ? session.topics : session.watches).erase(id);
    notify(session, PackedView{final_notice});
    log_notice(session, {id, feed.of_topic(), 0, final_notice});
  }
  bytes_used_ -= feed.followers.size() * kFollowerBytes;
  feed.followers.clear();
  trim(feed, 0);
}

void Notifications::end_feeds(Object& object) {
  if (object.watched) {
    const auto deletion = [&](PackedView key) {
      return watch_notice(object, object.version + 1, "object.delete", key);
    };
    if (object.watched->all) end_feed(object.id, *object.watched->all, deletion({}));
    object.state->report_entries(nullptr);
    for (auto& [bytes, entry] : object.watched->keys.feeds) {
      end_feed(entry.id, entry.feed, deletion(entry.key));
      bytes_used_ -= bytes_of(entry);
      entries_.erase(entry.id);
    }
    object.watched.reset();
  }
  if (ChangeFeed* feed = object.state->feed()) end_feed(object.id, *feed, gap_notice(object, {}));
}

void Notifications::unfollow_all(Session& session) {
  for (const bool of_topic : {false, true}) {
    const auto followed = of_topic ? session.topics : session.watches;
    for (const ObjectId id : followed) {
      ChangeFeed* feed = find(id, of_topic).feed;
      if (feed != nullptr) unfollow(id, *feed, session);
    }
  }
  names_.end(session);
}

void Notifications::rewind(Session& session) {
  for (const bool of_topic : {false, true}) {
    for (const ObjectId id : of_topic ? session.topics : session.watches) {
      ChangeFeed* feed = find(id, of_topic).feed;
      if (feed == nullptr) continue;
      Follower& follower = feed->followers.at(session.id);
      follower.sent = follower.confirmed;
    }
  }
  names_.rewind(session);
  behind_.push_back({session.id, ObjectId{}});
}

void Notifications::send_missed() {
  const auto behind = std::exchange(behind_, {});
  for (const auto& [id, object_id] : behind) {
    Session* session = machine_.sessions().find(id);
    if (session == nullptr || !session->link) continue;
    std::size_t budget = machine_.limits().history_bytes_max;
    if (object_id != ObjectId{}) {
      send_missed(*session, object_id, false, budget);
      send_missed(*session, object_id, true, budget);
      continue;
    }
    for (NoticeLog::Entry& entry : session->notices->restart()) {
      if (entry.final_notice.empty()) continue;
      notify(*session, PackedView{entry.final_notice});
      log_notice(*session, std::move(entry));
    }
    for (const ObjectId object : session->watches) send_missed(*session, object, false, budget);
    for (const ObjectId object : session->topics) send_missed(*session, object, true, budget);
    names_.send_missed(*session, budget);
  }
}

void Notifications::send_missed(Session& session, ObjectId id, bool of_topic, std::size_t& budget) {
  const auto [object, feed, entry] = find(id, of_topic);
  if (feed == nullptr) return;
  const auto found = feed->followers.find(session.id);
  if (found == feed->followers.end() || found->second.sent >= feed->version()) return;
  const std::uint64_t after = std::exchange(found->second.sent, feed->version());
  const std::optional<std::size_t> bytes = feed->bytes_after(after);
  if (bytes && *bytes <= budget) {
    budget -= *bytes;
    for (const ChangeFeed::Entry& missed : feed->entries()) {
      if (missed.version <= after) continue;
      notify(session, PackedView{missed.notice});
      machine_.effects().list.back().tag = kCatchingUp;
    }
  } else {
    notify(session, PackedView{gap_notice(*object, entry ? entry->key : PackedView{})});
  }
  log_notice(session, {id, of_topic, feed->version(), {}});
}

void Notifications::expire_history() {
  while (!expiring_.empty() && expiring_.front().first <= machine_.now()) {
    const ObjectId id = expiring_.front().second;
    expiring_.pop_front();
    const auto [object, feed, entry] = find(id, false);
    if (feed == nullptr) continue;
    feed->expiring = false;
    if (!feed->followers.empty()) continue;
    if (feed->expires > machine_.now()) {
      feed->expiring = true;
      expiring_.push_back({machine_.now() + kRetention, id});
      continue;
    }
    trim(*feed, 0);
    entry ? drop_entry(*object, *entry) : object->watched->all.reset();
    if (object->watched->all || !object->watched->keys.feeds.empty()) continue;
    object->watched.reset();
  }
}

/// Drops the feed of an entry, which has no history any more.
void Notifications::drop_entry(Object& object, const KeyFeed& entry) {
  WatchedKeys& keys = object.watched->keys;
  keys.forget_touched();
  bytes_used_ -= bytes_of(entry);
  const auto known = entries_.extract(entry.id);
  keys.feeds.erase(known.mapped().second);
  if (keys.feeds.empty()) object.state->report_entries(nullptr);
}

}  // namespace agora
