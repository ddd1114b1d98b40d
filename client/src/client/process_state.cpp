// SPDX-License-Identifier: MIT

#include "client/src/client/process_state.hpp"

#include <optional>
#include <span>
#include <utility>

#include <agora/lock_grant.hpp>

#include "client/src/client/client.hpp"
#include "client/src/session/anonymous.hpp"

namespace agora::detail {
namespace {

/// Acknowledges a reply when its last copy is dropped.
struct Arrival : Hold {
  std::weak_ptr<Session> session;
  std::uint64_t number = 0;
  bool kept = false;
  const std::uint64_t epoch = process_epoch();
  Arrival(Session& its_session, const OwnedCall& call)
      : session(its_session.weak_from_this()),
        number(call.number),
        kept(call.call.effect == CallEffect::changes || !anonymous_names(call.result).empty()) {}
  ~Arrival() override {
    // In a forked child the session's mutex may be held by a thread that does not exist there.
    if (epoch != process_epoch()) return;
    if (const auto still = session.lock()) still->finished(number, kept);
  }
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;
};

}  // namespace

// A callback may end the client. So after each callback no member of the state may be used.

void ProcessState::post(std::uint64_t session, std::unique_ptr<OwnedCall> call, HoldRef arrived) {
  callbacks_.post([this, session, call = std::move(call),
                   arrived = std::move(arrived)](bool client_lives) mutable {
    if (client_lives) {
      client_.complete(session, *call, std::move(arrived));
    } else {
      call->complete(session, nullptr, std::move(arrived));
    }
  });
}

void ProcessState::post(CompletionPtr completion, Failure failure) {
  callbacks_.post([completion = std::move(completion), failure = std::move(failure)](bool) mutable {
    completion->complete(std::move(failure), nullptr);
  });
}

void ProcessState::post(std::vector<Notices::Due> due) {
  if (due.empty()) return;
  callbacks_.post([due = std::move(due)](bool client_lives) {
    if (!client_lives) return;
    for (const Notices::Due& each : due) (*each.callback)(each.notice);
  });
}

void ProcessState::completed(Session& from, std::unique_ptr<OwnedCall> call) noexcept {
  auto arrived = std::make_shared<const Arrival>(from, *call);
  post(from.number(), std::move(call), std::move(arrived));
}

void ProcessState::noticed(const Packed& notice) noexcept {
  callbacks_.post([this, notice](bool client_lives) {
    if (!client_lives) return;
    auto members = unpack<Notice>(notice);
    if (!members) return;
    std::vector<Notices::Due> due;
    {
      const std::lock_guard guard(mutex_);
      due = notices_.due(*members);
    }
    for (const Notices::Due& each : due) (*each.callback)(*members);
  });
}

void ProcessState::ended(Session& from) noexcept {
  {
    const std::lock_guard guard(mutex_);
    lose(from);
  }
  // Posted, so that `lost` comes behind all earlier notices.
  callbacks_.post([this, number = from.number()](bool client_lives) {
    if (!client_lives) return;
    std::vector<Notices::Due> due;
    {
      const std::lock_guard guard(mutex_);
      due = notices_.lose(number);
    }
    for (const Notices::Due& each : due) (*each.callback)(each.notice);
  });
}

// Marks the locks of that session as lost, those taken by calls and those taken by lock words. The
// caller holds the mutex: while one thread marks the locks of a session, another must not open the
// next session and take a lock there.
Grants& ProcessState::grants() {
  const std::lock_guard guard(mutex_);
  if (session_ && session_->over()) lose(*session_);
  return grants_;
}

void ProcessState::lose(Session& over) {
  std::uint64_t present = over.number();
  mapped_.compare_exchange_strong(present, 0);
  std::vector<Grants::Held> by_word;
  if (Mapping* mapping = over.mapping()) {
    for (const Mapping::HeldLock& lock : mapping->lose_locks()) {
      Grant grant{lock.token, false, over.number(), false};
      grant.levels = lock.levels;
      grant.way = lock.kind == ObjectKind::lock ? &kPlainLock : &kRecursiveLock;
      by_word.push_back({lock.name, lock.owner, grant});
    }
  }
  grants_.lose(over.number(), by_word);
}

// Sends unsent calls again in the next session, in order, each within its own deadline.
void ProcessState::unsent(Session& from, std::vector<std::unique_ptr<OwnedCall>> calls,
                          const Wait& wait) noexcept {
  for (auto& call : calls) {
    call->number = 0;
    call->done = false;
  }
  for (std::size_t first = 0; first < calls.size();) {
    const Deadline nearest = nearest_deadline(std::span(calls).subspan(first));
    auto next = connect(nearest, wait);
    if (next) {
      std::unique_ptr<OwnedCall>& call = calls[first];
      call->error.reset();
      call = (*next)->start(std::move(call));
      if (!call) ++first;
      continue;
    }
    // If a deadline caused the failure, fail only the expired calls and retry the rest; otherwise
    // fail all.
    const bool only_expired = is_past(nearest);
    std::vector<std::unique_ptr<OwnedCall>> left;
    for (auto& call : std::span(calls).subspan(first)) {
      if (only_expired && !is_past(call->deadline)) {
        left.push_back(std::move(call));
        continue;
      }
      call->error = std::make_unique<Error>(error_for(*call, next.error()));
      post(from.number(), std::move(call), nullptr);
    }
    calls = std::move(left);
    first = 0;
  }
}

void ProcessState::drained(Session& from) noexcept {
  const std::lock_guard guard(mutex_);
  draining_.erase(from.number());
}

// Closes the gate of the new session until all calls left unsent by earlier sessions have been sent
// in it. The caller holds the mutex.
void ProcessState::hold_gate_for_draining(const Session& fresh) {
  if (fresh.mapping() == nullptr) return;
  for (const auto& before : earlier_) {
    if (!draining_.contains(before->number())) continue;
    draining_.at(before->number()).emplace_back(fresh.share_mapping());
  }
}

std::shared_ptr<Session> ProcessState::session() {
  const std::lock_guard guard(mutex_);
  return session_;
}

Expected<std::shared_ptr<Session>> ProcessState::connect(const Deadline& deadline,
                                                         const Wait& wait) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (ending_) return fail(Errc::unavailable, "the manager has ended");
    if (session_ && !session_->over()) return session_;
    if (!opening_) break;
    const std::uint64_t failures = failures_;
    if (!deadline) {
      opened_.wait(lock);
    } else if (opened_.wait_until(lock, *deadline) == std::cv_status::timeout) {
      return fail(Errc::unavailable, "no connection to " + client_.address_text() + " in time");
    }
    if (failures_ != failures) return fail(failure_);
  }
  opening_ = true;
  lock.unlock();
  return open(deadline, wait);
}

// Opens the next session. The caller has set `opening_`, so no other thread opens one.
Expected<std::shared_ptr<Session>> ProcessState::open(const Deadline& deadline, const Wait& wait) {
  struct Opening {
    ProcessState& state;
    ~Opening() {
      const std::lock_guard guard(state.mutex_);
      state.opening_ = false;
      state.opened_.notify_all();
    }
  };
  const Opening opening{*this};
  const std::uint64_t number = (epoch_ << 32) + ++sessions_;
  {
    // Mark the old locks as lost before any lock can be taken in the next session.
    const std::lock_guard guard(mutex_);
    draining_.try_emplace(number);
    if (session_) lose(*session_);
  }
  auto fresh = Session::open(plan_, *this, number, deadline, wait);
  std::unique_lock lock(mutex_);
  if (fresh && ending_) {
    lock.unlock();
    (*fresh)->stop();
    return fail(Errc::unavailable, "the manager has ended");
  }
  if (!fresh) {
    draining_.erase(number);
    // If only the deadline of this caller has passed, do not report the failure to the threads that
    // wait: theirs may be later.
    if (!is_past(deadline)) ++failures_, failure_ = fresh.error();
    return fresh.failure();
  }
  std::erase_if(earlier_, [](const auto& session) { return session->thread_ended(); });
  if (session_) earlier_.push_back(std::move(session_));
  session_ = std::move(*fresh);
  hold_gate_for_draining(*session_);
  mapped_.store(session_->mapping() != nullptr ? number : 0);
  if (!notices_.empty()) session_->expect_notices();
  return session_;
}

void ProcessState::stop() noexcept {
  std::vector<std::shared_ptr<Session>> all;
  {
    const std::lock_guard guard(mutex_);
    ending_ = true;
    opened_.notify_all();
    all = earlier_;
    if (session_) all.push_back(session_);
  }
  for (const auto& session : all) session->stop();
  callbacks_.stop();
}

std::uint64_t ProcessState::add_listener(const std::string& object, Notices::Listener listener) {
  const std::lock_guard in_order(listening_);
  const std::lock_guard guard(mutex_);
  const std::uint64_t number = notices_.add(object, std::move(listener));
  if (session_) session_->expect_notices();
  return number;
}

void ProcessState::bind_listener(std::uint64_t number, std::uint64_t session,
                                 std::uint64_t version) {
  const std::lock_guard guard(mutex_);
  post(notices_.bind(number, session, version));
  if (session_) session_->expect_notices();
}

void ProcessState::drop_listener(std::uint64_t number) {
  const std::lock_guard guard(mutex_);
  notices_.remove(number);
}

void ProcessState::remove_listener(std::uint64_t number,
                                   const std::function<void(const Notices::Listener&)>& stop) {
  const std::lock_guard in_order(listening_);
  std::optional<Notices::Listener> last;
  {
    const std::lock_guard guard(mutex_);
    last = notices_.remove(number);
  }
  if (last && last->session != 0) stop(*last);
}

}  // namespace agora::detail
