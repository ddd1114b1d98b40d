// What is said to those who did not ask for it now: feeds, who follows them, and how a session that
// was cut off catches up.
#include <algorithm>
#include <chrono>
#include <vector>

#include "server/core/machine/machine.hpp"
#include "server/core/state/signature.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {
namespace {

/// How long an object that nobody watches any more keeps its history.
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

Feed* Machine::feed_of(ObjectId id, bool of_topic) {
  Object* object = registry_.find(id);
  if (object == nullptr) return nullptr;
  return of_topic ? object->state->feed() : object->watched.get();
}

void Machine::follow(Object& object, Feed& feed, Session& session, std::uint64_t after) {
  feed.followers[session.id] = {after, after};
  (feed.of_topic() ? session.topics : session.watches).insert(object.id);
  if (after < feed.version()) behind_.push_back({session.id, object.id});
  undo([this, id = object.id, of_topic = feed.of_topic(), follower = session.id] {
    Feed* followed = feed_of(id, of_topic);
    if (followed != nullptr) unfollow(*registry_.find(id), *followed, *sessions_.find(follower));
  });
}

void Machine::unfollow(Object& object, Feed& feed, Session& session) {
  const auto found = feed.followers.find(session.id);
  if (found == feed.followers.end()) return;
  undo([this, &object, &feed, id = session.id, follower = found->second] {
    feed.followers[id] = follower;
    Session& again = *sessions_.find(id);
    (feed.of_topic() ? again.topics : again.watches).insert(object.id);
  });
  feed.followers.erase(found);
  (feed.of_topic() ? session.topics : session.watches).erase(object.id);
  if (!feed.followers.empty()) return;
  if (feed.of_topic()) {
    return on_commit([this, id = object.id] {
      Feed* left = feed_of(id, true);
      if (left != nullptr && left->followers.empty()) forget_entries(*left, 0);
    });
  }
  feed.fades_at = now_ + kRetention;
  if (!std::exchange(feed.fading, true)) expiring_.push_back({feed.fades_at, object.id});
}

void Machine::watch(Object& object, Session& session, std::optional<std::uint64_t> after) {
  take_back_lock(*this, object);  // a watching session gets a notice of every grant
  if (!object.watched) object.watched = std::make_unique<Feed>(object.version);
  Feed& feed = *object.watched;
  if (!after && feed.followers.contains(session.id)) return;
  follow(object, feed, session, after.value_or(object.version));
}

void Machine::note_change(Object& object, const MethodRef& method, PackedView key) {
  const std::string by = method.method != nullptr ? full_name(method)
                         : time_passes_           ? std::string{"object.expire"}
                                                  : std::string{"session.close"};
  std::string notice = watch_notice(object, object.version, by, key);
  on_commit([this, id = object.id, version = object.version, notice = std::move(notice)]() mutable {
    Object* changed = registry_.find(id);
    if (changed != nullptr && changed->watched) {
      publish(*changed, *changed->watched, version, std::move(notice));
    }
  });
}

void Machine::publish(Object& object, Feed& feed, std::uint64_t version, std::string notice) {
  if (feed.of_topic() && feed.followers.empty()) return feed.skip_to(version);
  if (feed.version() + 1 != version) {
    forget_entries(feed, 0);
    feed.skip_to(version - 1);
  }
  const std::size_t begin = effects_->bytes.size();
  for (auto& [id, follower] : feed.followers) {
    // Whoever lacks an earlier one catches up later.
    if (follower.sent + 1 != version) continue;
    Session& session = *sessions_.find(id);
    if (!session.link) continue;
    if (effects_->bytes.size() == begin) effects_->bytes += notice;
    push_notice(session.link, begin, notice.size());
    follower.sent = version;
    log_notice(session, {object.id, feed.of_topic(), version, {}});
  }
  // The history keeps alive what it refers to.
  if (feed.of_topic()) static_cast<void>(retain(PackedView{notice}));
  feed_bytes_ += notice.size();
  feed.add({version, std::move(notice)});
  forget_entries(feed, input_.limits.history_entries_max);
}

void Machine::forget_entries(Feed& feed, std::size_t left) {
  while (feed.entries().size() > left || feed.bytes() > input_.limits.history_bytes_max) {
    const Feed::Entry oldest = feed.pop();
    feed_bytes_ -= oldest.notice.size();
    if (feed.of_topic()) release(PackedView{oldest.notice});
  }
}

void Machine::push_notice(LinkId link, std::size_t begin, std::size_t length) {
  Effect& effect = push(Effect::Kind::notice, link, 0);
  effect.offset = begin;
  effect.length = length;
}

void Machine::notify(const Session& session, PackedView notice) {
  if (!session.link) return;
  const std::size_t begin = effects_->bytes.size();
  effects_->bytes += notice.bytes();
  push_notice(session.link, begin, notice.size());
}

void Machine::log_notice(Session& session, NoticeLog::Entry entry) {
  if (session.opened) session.notices->add(std::move(entry), input_.limits.unconfirmed_notices_max);
}

/// A reply is acknowledged that confirms the notices sent before it.
void Machine::confirm_notices(Session& session) {
  session.notices->confirm([&](const NoticeLog::Entry& entry) {
    Feed* feed = feed_of(entry.object, entry.of_topic);
    if (feed == nullptr) return;
    const auto follower = feed->followers.find(session.id);
    if (follower == feed->followers.end()) return;
    follower->second.confirmed = std::max(follower->second.confirmed, entry.version);
  });
}

/// The last thing that is said of an object to those who follow it.
void Machine::end_feeds(Object& object) {
  const auto end = [&](Feed& feed, const std::string& final_notice) {
    for (const auto& [id, follower] : feed.followers) {
      Session& session = *sessions_.find(id);
      (feed.of_topic() ? session.topics : session.watches).erase(object.id);
      notify(session, PackedView{final_notice});
      log_notice(session, {object.id, feed.of_topic(), 0, final_notice});
    }
    feed.followers.clear();
    forget_entries(feed, 0);
  };
  if (object.watched) {
    end(*object.watched, watch_notice(object, object.version + 1, "object.delete", {}));
    object.watched.reset();
  }
  if (Feed* feed = object.state->feed()) end(*feed, gap_notice(object, object.version));
}

void Machine::unfollow_all(Session& session) {
  for (const bool of_topic : {false, true}) {
    const auto followed = of_topic ? session.topics : session.watches;
    for (const ObjectId id : followed) {
      Feed* feed = feed_of(id, of_topic);
      if (feed != nullptr) unfollow(*registry_.find(id), *feed, session);
    }
  }
}

/// A resumed session hears again from what it has confirmed on.
void Machine::rewind_feeds(Session& session) {
  for (const bool of_topic : {false, true}) {
    for (const ObjectId id : of_topic ? session.topics : session.watches) {
      Feed* feed = feed_of(id, of_topic);
      if (feed == nullptr) continue;
      Follower& follower = feed->followers.at(session.id);
      follower.sent = follower.confirmed;
    }
  }
  behind_.push_back({session.id, ObjectId{}});
}

/// Says what those who are behind have missed; after the answer to the call that made it due.
void Machine::catch_up() {
  const auto behind = std::exchange(behind_, {});
  for (const auto& [id, only] : behind) {
    Session* session = sessions_.find(id);
    if (session == nullptr || !session->link) continue;
    std::size_t budget = input_.limits.history_bytes_max;
    if (only != ObjectId{}) {
      tell_missed(*session, only, false, budget);
      tell_missed(*session, only, true, budget);
      continue;
    }
    for (NoticeLog::Entry& entry : session->notices->restart()) {
      if (entry.final_notice.empty()) continue;
      notify(*session, PackedView{entry.final_notice});
      log_notice(*session, std::move(entry));
    }
    for (const ObjectId object : session->watches) tell_missed(*session, object, false, budget);
    for (const ObjectId object : session->topics) tell_missed(*session, object, true, budget);
  }
}

void Machine::tell_missed(Session& session, ObjectId id, bool of_topic, std::size_t& budget) {
  Feed* feed = feed_of(id, of_topic);
  if (feed == nullptr) return;
  const auto found = feed->followers.find(session.id);
  if (found == feed->followers.end() || found->second.sent == feed->version()) return;
  const std::uint64_t after = std::exchange(found->second.sent, feed->version());
  const std::optional<std::size_t> bytes = feed->bytes_after(after);
  if (bytes && *bytes <= budget) {
    budget -= *bytes;
    for (const Feed::Entry& entry : feed->entries()) {
      if (entry.version <= after) continue;
      notify(session, PackedView{entry.notice});
      effects_->list.back().tag = kCatchingUp;
    }
  } else {
    notify(session, PackedView{gap_notice(*registry_.find(id), feed->version())});
  }
  log_notice(session, {id, of_topic, feed->version(), {}});
}

/// Forgets the history of objects that nobody has watched for a minute.
void Machine::expire_history() {
  while (!expiring_.empty() && expiring_.front().first <= now_) {
    const ObjectId id = expiring_.front().second;
    expiring_.pop_front();
    Object* object = registry_.find(id);
    if (object == nullptr || !object->watched) continue;
    Feed& feed = *object->watched;
    feed.fading = false;
    if (!feed.followers.empty()) continue;
    if (feed.fades_at > now_) {
      feed.fading = true;
      expiring_.push_back({now_ + kRetention, id});
      continue;
    }
    forget_entries(feed, 0);
    object->watched.reset();
  }
}

}  // namespace agora
