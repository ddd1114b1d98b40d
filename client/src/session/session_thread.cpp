// Session, the I/O thread: heartbeat, asynchronous calls, notices, and a new connection for a
// broken one.

#include <algorithm>
#include <poll.h>
#include <utility>

#include <agora/detail/methods.hpp>

#include "client/src/session/quiet_thread.hpp"
#include "client/src/session/session.hpp"

namespace agora::detail {
namespace {

/// While another thread reads, this one looks again after so long whether it still does.
constexpr std::chrono::milliseconds kDoze{1};

Clock::duration ticks(std::chrono::duration<double> span) {
  return std::chrono::duration_cast<Clock::duration>(span);
}

Expected<std::shared_ptr<Link>> dial(const SessionPlan& plan, const Deadline& deadline,
                                     const Wait& wait) {
  auto socket = Socket::dial(plan.address, deadline, wait);
  if (!socket) return socket.failure();
  auto link = std::make_shared<Link>(std::move(*socket));
  const bool may_ring =
      plan.options.shared_memory && plan.address.kind == Address::Kind::unix_socket;
  if (!may_ring || ask_for_ring(*link, deadline, wait)) return link;
  socket = Socket::dial(plan.address, deadline, wait);
  if (!socket) return socket.failure();
  link = std::make_shared<Link>(std::move(*socket));
  return link;
}

std::string final_notice() {
  std::string bytes;
  begin_msgpack_notification(methods::session_close.name, 0, bytes);
  return bytes;
}

}  // namespace

Expected<std::shared_ptr<Session>> Session::open(const SessionPlan& plan, SessionWatcher& watcher,
                                                 std::uint64_t number, const Deadline& deadline,
                                                 const Wait& wait) {
  Deadline until = deadline_in(plan.options.connect_timeout);
  if (deadline && (!until || *deadline < *until)) until = deadline;
  auto link = dial(plan, until, wait);
  if (!link) return link.failure();
  const LifeClock::time_point sent = LifeClock::now();
  auto name = open_session(**link, plan.options, until, wait);
  if (!name) return name.failure();
  const std::shared_ptr<Session> session(new Session(plan, watcher, number));
  session->link_ = std::move(*link);
  session->lease_ = Lease(ticks(name->ttl), sent);
  session->last_sent_ = sent;
  if (name->shared_memory && plan.options.shared_memory) {
    session->mapping_ = Mapping::open(plan.address, *name, until);
    if (session->mapping_) {
      session->server_life_ = ServerLife(session->link_->channel.fd());
    } else {
      begin_msgpack_notification(methods::session_unmap.name, 0, session->link_->outbox);
    }
  }
  session->name_ = std::move(*name);
  // The thread owns its session, which so outlives a client that does not wait for it.
  auto started = start_quiet_thread([session] { session->work(); });
  if (started) return session;
  const std::string bytes = final_notice();
  const iovec one[] = {part(bytes)};
  session->link_->channel.send(one);
  return started.failure();
}

void Session::work() noexcept {
  Lock lock(mutex_);
  while (!stopping_ && !ended_) turn(lock);
  if (!ended_) {
    for (auto& call : fail_all({Errc::session_lost, "the manager has ended", {}, {}})) {
      completed_.push_back(std::move(call));
    }
  }
  tell(lock);
  finished_ = true;
  thread_ended_.notify_all();
}

void Session::turn(Lock& lock) {
  wakeup_.hear();
  tell(lock);
  if (stopping_) return;
  expire(lock);
  if (!link_) {
    return reconnect(lock);
  }
  const Clock::time_point now = Clock::now();
  retry(now);
  heartbeat(LifeClock::now());
  flush(lock);
  // Either of them may have found that the connection is lost.
  if (link_ && completed_.empty() && notices_.empty()) wait_for_work(lock, now);
}

// What others are to hear, without the lock.
void Session::tell(Lock& lock) {
  if (stopping_) notices_.clear();
  while (!notices_.empty()) {
    const Packed notice = std::move(notices_.front());
    notices_.pop_front();
    lock.unlock();
    watcher_.noticed(notice);
    lock.lock();
  }
  while (!completed_.empty()) {
    std::unique_ptr<OwnedSlot> call = std::move(completed_.front());
    completed_.pop_front();
    if (!call->completion) continue;
    lock.unlock();
    watcher_.completed(*this, std::move(call));
    lock.lock();
  }
}

// What the thread does while it waits for a connection: asynchronous calls still end in time.
bool Session::wait_on(int fd, short events, const Deadline& until) {
  Lock lock(mutex_);
  for (;;) {
    wakeup_.hear();
    tell(lock);
    expire(lock);
    if (stopping_) return false;
    if (is_past(until)) return true;
    Deadline date = until;
    if (!deadlines_.empty() && (!date || deadlines_.begin()->first < *date)) {
      date = deadlines_.begin()->first;
    }
    lock.unlock();
    pollfd wanted[] = {{wakeup_.fd(), POLLIN, 0}, {fd, events, 0}};
    ::poll(wanted, 2, milliseconds_left(date, 60'000));
    if (wanted[1].revents != 0) return true;
    lock.lock();
  }
}

void Session::expire(Lock& lock) {
  const Clock::time_point now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    OwnedSlot& call = *deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    call.due.reset();
    if (call.cancel_at && !call.cancelled) {
      cancel(call);
      call.due = deadlines_.emplace(*call.deadline, &call);
    } else {
      completed_.push_back(give_up_owned(call));
    }
  }
  tell(lock);
}

// The server keeps too many replies: by now it has heard that they arrived.
void Session::retry(Clock::time_point now) {
  if (refused_.empty() || now < refused_until_) return;
  while (!refused_.empty()) {
    queue_.push_front(std::move(refused_.back()));
    refused_.pop_back();
  }
  promote();
}

// A sign of life if nothing else has been sent for a while; with it goes what is acknowledged. A
// server that answers none for a whole ttl is no longer there, whatever the socket says.
void Session::heartbeat(LifeClock::time_point now) {
  if (now - last_sent_ < lease_.ttl() / 3) return;
  if (!lease_.certain(now) && table_.owned() > 0) {
    return lose(link_, "the server has not answered for " +
                           std::to_string(std::chrono::duration<double>(lease_.ttl()).count()) +
                           " s");
  }
  const Call ping = call_of(methods::session_ping);
  auto slot = std::make_unique<OwnedSlot>(ping, Deadline());
  Slot& at = *slot;
  number_and_send({&at, std::move(slot)});
}

Clock::time_point Session::next_date(Clock::time_point now) const {
  const auto idle = LifeClock::now() - last_sent_;
  Clock::time_point date = now + std::max(lease_.ttl() / 3 - idle, Clock::duration::zero());
  if (!deadlines_.empty()) date = std::min(date, deadlines_.begin()->first);
  if (!refused_.empty()) date = std::min(date, refused_until_);
  if (doze_) date = std::min(date, now + kDoze);
  return date;
}

// While nobody but blocking callers waits for a reply only the end of the connection is looked
// for: each reply that one of them reads would wake this thread for nothing.
void Session::wait_for_work(Lock& lock, Clock::time_point now) {
  const LinkRef link = link_;
  const bool wants = table_.owned() > 0 || expects_notices_;
  int events = POLLRDHUP;
  if (wants && !doze_) {
    if (!link->reading && !link->channel.may_poll_input()) return read_idle(lock, link);
    events |= POLLIN;
  }
  if (!link->outbox.empty() && !link->sending) {
    const short event = link->channel.room_event();
    if (event == 0) return;
    events |= event;
  }
  const Deadline until = next_date(now);
  doze_ = false;
  lock.unlock();
  pollfd wanted[] = {{wakeup_.fd(), POLLIN, 0},
                     {link->channel.fd(), static_cast<short>(events), 0}};
  ::poll(wanted, 2, milliseconds_left(until, 60'000));
  lock.lock();
  if (link == link_ && (wanted[1].revents & ~POLLOUT) != 0) read_idle(lock, link);
}

void Session::read_idle(Lock& lock, const LinkRef& link) {
  if (link->reading) {
    doze_ = true;
    return;
  }
  link->reading = true;
  read_turn(lock, link, Clock::now());
  put_down(link);
  pass_baton();
}

void Session::pause(Lock& lock, Backoff::Span span) {
  lock.unlock();
  static_cast<void>(wait_on(-1, 0, Clock::now() + ticks(span)));
  lock.lock();
}

// The session outlives a broken connection by its ttl at the server; after that there is nothing
// left to resume. One that shares memory has no ttl: the server keeps it for as long as both live,
// whether or not its socket can be reached.
void Session::reconnect(Lock& lock) {
  Error error{Errc::session_lost, lost_reason_, {}, {}};
  // A connection that broke before it brought an answer is no better than none.
  bool at_once = std::exchange(proven_, false);
  if (at_once) backoff_ = {};
  while (!stopping_ && !link_ && !ended_) {
    if (!std::exchange(at_once, false)) {
      pause(lock,
            backoff_.next(static_cast<double>(chance_()) / static_cast<double>(chance_.max())));
      if (stopping_) return;
    }
    if (plan_.server_gone && plan_.server_gone()) {
      error.code = Errc::session_lost;
      error.message = "the session ended with the server's process";
      return end(lock, error);
    }
    if (attempt(lock, error)) return;
    if (error.code == Errc::session_lost) return end(lock, error);
    lost_reason_ = error.message;
    const bool kept = mapping_ && !server_life_.ended();
    if (!kept && LifeClock::now() >= cut_at_ + lease_.ttl()) {
      error.message.insert(0, "the session could not be resumed within its ttl: ");
      error.code = Errc::session_lost;
      return end(lock, error);
    }
  }
}

// True: the session goes on. Else `error` says why not.
bool Session::attempt(Lock& lock, Error& error) {
  lock.unlock();
  const auto patience = std::min<Clock::duration>(
      std::chrono::duration_cast<Clock::duration>(plan_.options.connect_timeout), lease_.ttl() / 2);
  const Deadline deadline = Clock::now() + patience;
  const Wait wait = [this](int fd, short events, const Deadline& until) {
    return wait_on(fd, events, until);
  };
  auto link = dial(plan_, deadline, wait);
  const LifeClock::time_point sent = LifeClock::now();
  Expected<std::uint64_t> seen =
      link ? resume_session(**link, name_, deadline, wait) : link.failure();
  lock.lock();
  if (!seen) {
    error = std::move(seen.error());
    // Of a server that knows no such session, or takes it for somebody else's.
    if (error.code == Errc::unauthenticated) error.code = Errc::session_lost;
    return false;
  }
  if (stopping_) return true;
  if (over()) {
    error = {Errc::session_lost, lost_reason_, {}, {}};
    return false;
  }
  resume_on(lock, std::move(*link), *seen, sent);
  return true;
}

void Session::resume_on(Lock& lock, LinkRef fresh, std::uint64_t last_seen,
                        LifeClock::time_point sent) {
  link_ = std::move(fresh);
  if (mapping_ && !over()) mapping_->open_gate();
  lease_.answered(sent);
  last_sent_ = LifeClock::now();
  table_.resume(last_seen, last_sent_, link_->outbox);
  const LinkRef link = link_;
  deal_all(link);  // what came in one piece with the handshake's answer
  promote();
  flush(lock);
  pass_baton();
}

void Session::end(Lock& lock, const Error& error) {
  auto unsent = fail_all(error);
  lock.unlock();
  watcher_.ended(*this);
  lock.lock();
  tell(lock);
  lock.unlock();
  if (!unsent.empty()) {
    watcher_.unsent(*this, std::move(unsent), [this](int fd, short events, const Deadline& until) {
      return wait_on(fd, events, until);
    });
  }
  watcher_.settled(*this);
  lock.lock();
}

// Every call ends with the session. Gives those that the server cannot have got, if nobody blocks
// for them.
std::vector<std::unique_ptr<OwnedSlot>> Session::fail_all(const Error& error) {
  over_.store(true, std::memory_order_release);
  if (mapping_) mapping_->end();
  ended_ = true;
  lost_reason_ = error.message;
  deadlines_.clear();
  std::vector<std::unique_ptr<OwnedSlot>> unsent;
  for (auto& call : table_.fail_all(error)) {
    call->due.reset();
    auto& fate = call->sent ? completed_.emplace_back() : unsent.emplace_back();
    fate = std::move(call);
  }
  for (auto* waiting : {&refused_, &queue_}) {
    for (Queued& each : *waiting) {
      each.slot->error = std::make_unique<Error>(error_for(*each.slot, error));
      each.slot->done = true;
      each.slot->wake.notify_one();
      if (each.owned) unsent.push_back(std::move(each.owned));
    }
    waiting->clear();
  }
  may_send_.notify_all();
  for (auto& call : unsent) call->due.reset();
  // What nobody waits for gave something of this session back, and that is done.
  std::erase_if(unsent, [](const auto& call) { return !call->completion; });
  return unsent;
}

void Session::stop() noexcept {
  try {
    Lock lock(mutex_);
    stopping_ = true;
    if (mapping_) mapping_->end();
    if (link_) {
      table_.acknowledge(link_->outbox);
      link_->outbox += final_notice();
      flush(lock);
    }
    over_.store(true, std::memory_order_release);
    wakeup_.ring();
    thread_ended_.wait(lock, [this] { return finished_; });
    if (link_) link_->channel.shut_down();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the session ends with its ttl then
  }
}

}  // namespace agora::detail
