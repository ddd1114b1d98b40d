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

std::string gap_notice(const Object& object, std::uint64_t version) {
  std::string notice;
  Writer out{notice};
  out.map(3);
  out.text("kind"), out.text("gap");
  out.text("object"), out.text(object.name);
  out.text("version"), out.unsigned_integer(version);
  return notice;
}

}  // namespace

ChangeFeed* Notifications::feed_of(ObjectId id, bool of_topic) {
  Object* object = machine_.registry().find(id);
  if (object == nullptr) return nullptr;
  return of_topic ? object->state->feed() : object->watched.get();
}

void Notifications::follow(Object& object, ChangeFeed& feed, Session& session,
                           std::uint64_t after) {
  feed.followers[session.id] = {after, after};
  (feed.of_topic() ? session.topics : session.watches).insert(object.id);
  if (after < feed.version()) behind_.push_back({session.id, object.id});
  machine_.undo([this, id = object.id, of_topic = feed.of_topic(), follower = session.id] {
    ChangeFeed* followed = feed_of(id, of_topic);
    if (followed != nullptr)
      unfollow(*machine_.registry().find(id), *followed, *machine_.sessions().find(follower));
  });
}

void Notifications::unfollow(Object& object, ChangeFeed& feed, Session& session) {
  const auto found = feed.followers.find(session.id);
  if (found == feed.followers.end()) return;
  machine_.undo([this, &object, &feed, id = session.id, follower = found->second] {
    feed.followers[id] = follower;
    Session& follower_session = *machine_.sessions().find(id);
    (feed.of_topic() ? follower_session.topics : follower_session.watches).insert(object.id);
  });
  feed.followers.erase(found);
  (feed.of_topic() ? session.topics : session.watches).erase(object.id);
  if (!feed.followers.empty()) return;
  if (feed.of_topic()) {
    return machine_.on_commit([this, id = object.id] {
      ChangeFeed* unfollowed = feed_of(id, true);
      if (unfollowed != nullptr && unfollowed->followers.empty()) trim(*unfollowed, 0);
    });
  }
  feed.expires = machine_.now() + kRetention;
  if (!std::exchange(feed.expiring, true)) expiring_.push_back({feed.expires, object.id});
}

void Notifications::watch(Object& object, Session& session, std::optional<std::uint64_t> after) {
  recall_lock(machine_, object);  // a watching session gets a notice of every grant
  if (!object.watched) object.watched = std::make_unique<ChangeFeed>(object.version);
  ChangeFeed& feed = *object.watched;
  if (!after && feed.followers.contains(session.id)) return;
  follow(object, feed, session, after.value_or(object.version));
}

void Notifications::note_change(Object& object, std::string_view method, PackedView key) {
  std::string notice = watch_notice(object, object.version, method, key);
  machine_.on_commit(
      [this, id = object.id, version = object.version, notice = std::move(notice)]() mutable {
        Object* changed = machine_.registry().find(id);
        if (changed != nullptr && changed->watched) {
          publish(*changed, *changed->watched, version, std::move(notice));
        }
      });
}

void Notifications::publish(Object& object, ChangeFeed& feed, std::uint64_t version,
                            std::string notice) {
  if (feed.of_topic() && feed.followers.empty()) return feed.skip_to(version);
  if (feed.version() + 1 != version) {
    trim(feed, 0);
    feed.skip_to(version - 1);
  }
  std::string& bytes = machine_.effects().bytes;
  const std::size_t begin = bytes.size();
  for (auto& [id, follower] : feed.followers) {
    // A follower that lacks an earlier notice catches up later.
    if (follower.sent + 1 != version) continue;
    Session& session = *machine_.sessions().find(id);
    if (!session.link) continue;
    if (bytes.size() == begin) bytes += notice;
    push_notice(session.link, begin, notice.size());
    follower.sent = version;
    log_notice(session, {object.id, feed.of_topic(), version, {}});
  }
  // A topic's history holds references to the objects in its messages.
  if (feed.of_topic()) static_cast<void>(machine_.retain(PackedView{notice}));
  bytes_used_ += notice.size();
  feed.add({version, std::move(notice)});
  trim(feed, machine_.limits().history_entries_max);
}

void Notifications::trim(ChangeFeed& feed, std::size_t entries_max) {
  while (feed.entries().size() > entries_max ||
         feed.bytes() > machine_.limits().history_bytes_max) {
    const ChangeFeed::Entry oldest = feed.pop();
    bytes_used_ -= oldest.notice.size();
    if (feed.of_topic()) machine_.release(PackedView{oldest.notice});
  }
}

void Notifications::push_notice(LinkId link, std::size_t begin, std::size_t length) {
  Effect& effect = machine_.push(Effect::Kind::notice, link, 0);
  effect.offset = begin;
  effect.length = length;
}

void Notifications::notify(const Session& session, PackedView notice) {
  if (!session.link) return;
  std::string& bytes = machine_.effects().bytes;
  const std::size_t begin = bytes.size();
  bytes += notice.bytes();
  push_notice(session.link, begin, notice.size());
}

void Notifications::log_notice(Session& session, NoticeLog::Entry entry) {
  if (session.opened)
    session.notices->add(std::move(entry), machine_.limits().unconfirmed_notices_max);
}

void Notifications::confirm(Session& session) {
  session.notices->confirm([&](const NoticeLog::Entry& entry) {
    ChangeFeed* feed = feed_of(entry.object, entry.of_topic);
    if (feed == nullptr) return;
    const auto follower = feed->followers.find(session.id);
    if (follower == feed->followers.end()) return;
    follower->second.confirmed = std::max(follower->second.confirmed, entry.version);
  });
}

void Notifications::end_feeds(Object& object) {
  const auto end = [&](ChangeFeed& feed, const std::string& final_notice) {
    for (const auto& [id, follower] : feed.followers) {
      Session& session = *machine_.sessions().find(id);
      (feed.of_topic() ? session.topics : session.watches).erase(object.id);
      notify(session, PackedView{final_notice});
      log_notice(session, {object.id, feed.of_topic(), 0, final_notice});
    }
    feed.followers.clear();
    trim(feed, 0);
  };
  if (object.watched) {
    end(*object.watched, watch_notice(object, object.version + 1, "object.delete", {}));
    object.watched.reset();
  }
  if (ChangeFeed* feed = object.state->feed()) end(*feed, gap_notice(object, object.version));
}

void Notifications::unfollow_all(Session& session) {
  for (const bool of_topic : {false, true}) {
    const auto followed = of_topic ? session.topics : session.watches;
    for (const ObjectId id : followed) {
      ChangeFeed* feed = feed_of(id, of_topic);
      if (feed != nullptr) unfollow(*machine_.registry().find(id), *feed, session);
    }
  }
}

void Notifications::rewind(Session& session) {
  for (const bool of_topic : {false, true}) {
    for (const ObjectId id : of_topic ? session.topics : session.watches) {
      ChangeFeed* feed = feed_of(id, of_topic);
      if (feed == nullptr) continue;
      Follower& follower = feed->followers.at(session.id);
      follower.sent = follower.confirmed;
    }
  }
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
  }
}

void Notifications::send_missed(Session& session, ObjectId id, bool of_topic, std::size_t& budget) {
  ChangeFeed* feed = feed_of(id, of_topic);
  if (feed == nullptr) return;
  const auto found = feed->followers.find(session.id);
  if (found == feed->followers.end() || found->second.sent == feed->version()) return;
  const std::uint64_t after = std::exchange(found->second.sent, feed->version());
  const std::optional<std::size_t> bytes = feed->bytes_after(after);
  if (bytes && *bytes <= budget) {
    budget -= *bytes;
    for (const ChangeFeed::Entry& entry : feed->entries()) {
      if (entry.version <= after) continue;
      notify(session, PackedView{entry.notice});
      machine_.effects().list.back().tag = kCatchingUp;
    }
  } else {
    notify(session, PackedView{gap_notice(*machine_.registry().find(id), feed->version())});
  }
  log_notice(session, {id, of_topic, feed->version(), {}});
}

void Notifications::expire_history() {
  while (!expiring_.empty() && expiring_.front().first <= machine_.now()) {
    const ObjectId id = expiring_.front().second;
    expiring_.pop_front();
    Object* object = machine_.registry().find(id);
    if (object == nullptr || !object->watched) continue;
    ChangeFeed& feed = *object->watched;
    feed.expiring = false;
    if (!feed.followers.empty()) continue;
    if (feed.expires > machine_.now()) {
      feed.expiring = true;
      expiring_.push_back({machine_.now() + kRetention, id});
      continue;
    }
    trim(feed, 0);
    object->watched.reset();
  }
}

}  // namespace agora
