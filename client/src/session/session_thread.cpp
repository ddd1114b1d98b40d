// SPDX-License-Identifier: MIT

// Session, the I/O thread: heartbeats, asynchronous calls, notices, and reconnecting.

#include <algorithm>
#include <poll.h>
#include <utility>

#include <agora/detail/methods.hpp>

#include "client/src/session/background_thread.hpp"
#include "client/src/session/session.hpp"

namespace agora::detail {
namespace {

/// How often the I/O thread checks whether a caller still reads.
constexpr std::chrono::milliseconds kRecheck{1};

Clock::duration ticks(std::chrono::duration<double> span) {
  return std::chrono::duration_cast<Clock::duration>(span);
}

Expected<std::shared_ptr<Connection>> connected(const Address& address,
                                                const manager_options& options,
                                                const Deadline& deadline, const Wait& wait) {
  auto dialed = dial(address, options, deadline, wait);
  if (!dialed) return dialed.failure();
  const std::string binding = dialed->binding;
  auto connection = std::make_shared<Connection>(std::move(*dialed));
  const bool wants_rings = options.shared_memory && address.kind == Address::Kind::unix_socket;
  if (wants_rings && !ask_for_ring(*connection, deadline, wait)) {
    dialed = dial(address, options, deadline, wait);
    if (!dialed) return dialed.failure();
    connection = std::make_shared<Connection>(std::move(*dialed));
  }
  if (options.key_file.empty()) return connection;
  auto done = log_in(*connection, options, binding, deadline, wait);
  if (!done) return done.failure();
  return connection;
}

/// Returns an equal share of the time that is left, for one of `count` addresses.
Deadline share_of(const Deadline& deadline, std::size_t count) {
  if (!deadline || count <= 1) return deadline;
  const Clock::time_point now = Clock::now();
  return now + (*deadline - now) / static_cast<Clock::rep>(count);
}

/// Uses the addresses in turn, from `first` on, until `use` succeeds with one. The error names the
/// failures of all. @param use  takes the index of an address and its deadline
template <typename Use>
auto with_each_address(const SessionPlan& plan, std::size_t first, const Deadline& deadline,
                       const Use& use) -> decltype(use(0, deadline)) {
  const std::size_t count = plan.addresses.size();
  std::string reasons;
  for (std::size_t i = 0;; ++i) {
    auto result = use((first + i) % count, share_of(deadline, count - i));
    if (result || count == 1) return result;
    Error error = std::move(result.error());
    reasons += (reasons.empty() ? "" : "; ") + error.message;
    if (i + 1 < count) continue;
    error.message = std::move(reasons);
    return fail(std::move(error));
  }
}

std::string close_message() {
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
  std::shared_ptr<Connection> connection;
  std::size_t home = 0;
  LifeClock::time_point sent;
  auto name = with_each_address(
      plan, 0, until, [&](std::size_t at, const Deadline& limit) -> Expected<SessionName> {
        auto dialed = connected(plan.addresses[at], plan.options, limit, wait);
        if (!dialed) return dialed.failure();
        connection = std::move(*dialed);
        home = at;
        sent = LifeClock::now();
        return open_session(*connection, plan.options, limit, wait);
      });
  if (!name) return name.failure();
  const std::shared_ptr<Session> session(new Session(plan, watcher, number));
  session->connection_ = std::move(connection);
  session->home_ = home;
  session->lease_ = Lease(ticks(name->ttl), sent);
  session->last_sent_ = sent;
  if (name->shared_memory && plan.options.shared_memory) {
    session->mapping_ = Mapping::open(plan.addresses[home], *name, until);
    if (session->mapping_) {
      session->server_process_ = PeerProcess(session->connection_->channel.fd());
    } else {
      begin_msgpack_notification(methods::session_unmap.name, 0, session->connection_->outbox);
    }
  }
  session->name_ = std::move(*name);
  // The thread owns its session too, so the session outlives a client that does not wait for it.
  auto started = start_background_thread([session] { session->work(); });
  if (started) return session;
  const std::string bytes = close_message();
  const iovec one[] = {part(bytes)};
  session->connection_->channel.send(one);
  return started.failure();
}

void Session::work() noexcept {
  Lock lock(mutex_);
  while (!stopping_ && !ended_) run_once(lock);
  if (!ended_) {
    for (auto& call : fail_all({Errc::session_lost, "the manager has ended", {}, {}})) {
      completed_.push_back(std::move(call));
    }
  }
  dispatch(lock);
  finished_ = true;
  thread_ended_.notify_all();
}

void Session::run_once(Lock& lock) {
  wakeup_.drain();
  dispatch(lock);
  if (stopping_) return;
  expire(lock);
  if (!connection_) {
    end_cancelled_calls();
    dispatch(lock);
    return reconnect(lock);
  }
  const Clock::time_point now = Clock::now();
  retry(now);
  heartbeat(LifeClock::now());
  flush(lock);
  unmap_released(lock);
  // heartbeat() or flush() may have found that the connection is lost.
  if (connection_ && completed_.empty() && notices_.empty()) wait_for_work(lock, now);
}

// Passes notices and completed calls to the watcher, without the lock.
void Session::dispatch(Lock& lock) {
  if (stopping_) notices_.clear();
  while (!notices_.empty()) {
    const Packed notice = std::move(notices_.front());
    notices_.pop_front();
    lock.unlock();
    watcher_.noticed(notice);
    lock.lock();
  }
  while (!completed_.empty()) {
    std::unique_ptr<OwnedCall> call = std::move(completed_.front());
    completed_.pop_front();
    if (!call->completion) continue;
    lock.unlock();
    watcher_.completed(*this, std::move(call));
    lock.lock();
  }
}

// The I/O thread's Wait: while it waits for a connection, asynchronous calls still end in time.
bool Session::wait_on(int fd, short events, const Deadline& until) {
  Lock lock(mutex_);
  for (;;) {
    wakeup_.drain();
    dispatch(lock);
    expire(lock);
    if (stopping_) return false;
    if (is_past(until)) return true;
    Deadline next = until;
    if (!deadlines_.empty() && (!next || deadlines_.begin()->first < *next)) {
      next = deadlines_.begin()->first;
    }
    lock.unlock();
    pollfd wanted[] = {{wakeup_.fd(), POLLIN, 0}, {fd, events, 0}};
    ::poll(wanted, 2, milliseconds_left(next, 60'000));
    if (wanted[1].revents != 0) return true;
    lock.lock();
  }
}

void Session::expire(Lock& lock) {
  const Clock::time_point now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    OwnedCall& call = *deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    call.due.reset();
    if (call.cancel_at && !call.cancelled) {
      cancel(call);
      call.due = deadlines_.emplace(*call.deadline, &call);
    } else {
      forget_ticket(call);
      completed_.push_back(give_up_owned(call));
    }
  }
  dispatch(lock);
}

// Gives up memory that the server has released. An idle client does so with its next heartbeat.
void Session::unmap_released(Lock& lock) {
  if (!mapping_ || !mapping_->holds_released()) return;
  lock.unlock();
  mapping_->grow_if_behind();
  lock.lock();
}

// Sends refused calls again. By now the server has received the acknowledgements that make room.
void Session::retry(Clock::time_point now) {
  if (refused_.empty() || now < refused_until_) return;
  while (!refused_.empty()) {
    queue_.push_front(std::move(refused_.back()));
    refused_.pop_back();
  }
  send_queued();
}

// Sends a heartbeat, with any due acknowledgement, if nothing else was sent for a third of the ttl.
// Drops the connection if no reply came for a whole ttl although a heartbeat or an asynchronous
// call is pending, and no large message moves: the server counts as dead, even if the socket
// stands.
void Session::heartbeat(LifeClock::time_point now) {
  if (now - last_sent_ < lease_.ttl() / 3) return;
  if (!moves(now) && !lease_.certain(now) && table_.owned() > 0) {
    return disconnect(connection_,
                      "the server has not answered for " +
                          std::to_string(std::chrono::duration<double>(lease_.ttl()).count()) +
                          " s");
  }
  const Call ping = call_of(methods::session_ping);
  auto pending = std::make_unique<OwnedCall>(ping, Deadline());
  PendingCall& at = *pending;
  number_and_send({&at, std::move(pending)});
}

// Returns true if bytes of a message under way have moved within the ttl. Bytes that the kernel has
// taken move too, while it sends them over a slow link.
bool Session::moves(LifeClock::time_point now) {
  const std::size_t unsent = connection_->channel.socket().unsent_bytes();
  if (unsent < unsent_) progress_.moved(unsent_ - unsent, now, lease_.ttl());
  unsent_ = unsent;
  return progress_.within(lease_.ttl(), now);
}

Clock::time_point Session::next_wakeup(Clock::time_point now) const {
  const auto idle = LifeClock::now() - last_sent_;
  Clock::time_point next = now + std::max(lease_.ttl() / 3 - idle, Clock::duration::zero());
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (!refused_.empty()) next = std::min(next, refused_until_);
  if (recheck_) next = std::min(next, now + kRecheck);
  return next;
}

// If only blocking callers wait for replies, polls for the end of the connection alone. Polling for
// input would wake this thread for each reply that a caller reads itself.
void Session::wait_for_work(Lock& lock, Clock::time_point now) {
  const ConnectionRef connection = connection_;
  const bool wants = table_.owned() > 0 || expects_notices_;
  int events = POLLRDHUP;
  if (wants && !recheck_) {
    if (!connection->reading && !connection->channel.may_poll_input())
      return read_idle(lock, connection);
    events |= POLLIN;
  }
  const bool unsent = !connection->outbox.empty() || connection->channel.has_unsent();
  if (unsent && !connection->sending) {
    const short event = connection->channel.room_event();
    if (event == 0) return;
    events |= event;
  }
  const Deadline until = next_wakeup(now);
  recheck_ = false;
  lock.unlock();
  pollfd wanted[] = {{wakeup_.fd(), POLLIN, 0},
                     {connection->channel.fd(), static_cast<short>(events), 0}};
  ::poll(wanted, 2, milliseconds_left(until, 60'000));
  lock.lock();
  if (connection == connection_ && (wanted[1].revents & ~POLLOUT) != 0) read_idle(lock, connection);
}

void Session::read_idle(Lock& lock, const ConnectionRef& connection) {
  if (connection->reading) {
    recheck_ = true;
    return;
  }
  connection->reading = true;
  read_once(lock, connection, Clock::now());
  put_down_baton(connection);
  pass_baton();
}

void Session::pause(Lock& lock, Backoff::Span span) {
  lock.unlock();
  static_cast<void>(wait_on(-1, 0, Clock::now() + ticks(span)));
  lock.lock();
}

// Reconnects until the session is resumed or lost. The server keeps a session for its ttl after the
// connection broke; later there is nothing left to resume. A session that shares memory has no ttl:
// the server keeps it while both processes live, even if the client cannot reach the server's
// socket.
void Session::reconnect(Lock& lock) {
  Error error{Errc::session_lost, lost_reason_, {}, {}};
  // Back off after a connection that broke before it brought a reply, as after a failed attempt.
  bool at_once = std::exchange(proven_, false);
  if (at_once) backoff_ = {};
  while (!stopping_ && !connection_ && !ended_) {
    if (!std::exchange(at_once, false)) {
      pause(lock,
            backoff_.next(static_cast<double>(random_()) / static_cast<double>(random_.max())));
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
    const bool kept = mapping_ && !server_process_.exited();
    if (!kept && LifeClock::now() >= disconnected_at_ + lease_.ttl()) {
      error.message.insert(0, "the session could not be resumed within its ttl: ");
      error.code = Errc::session_lost;
      return end(lock, error);
    }
  }
}

// Returns true if the session is resumed, or is stopping. Otherwise sets `error`.
bool Session::attempt(Lock& lock, Error& error) {
  lock.unlock();
  const auto timeout = std::min<Clock::duration>(
      std::chrono::duration_cast<Clock::duration>(plan_.options.connect_timeout), lease_.ttl() / 2);
  const Deadline deadline = Clock::now() + timeout;
  const Wait wait = [this](int fd, short events, const Deadline& until) {
    return wait_on(fd, events, until);
  };
  ConnectionRef connection;
  LifeClock::time_point sent;
  std::size_t reached = home_;
  bool lost = false;
  auto seen = with_each_address(
      plan_, home_, deadline,
      [&](std::size_t at, const Deadline& limit) -> Expected<std::uint64_t> {
        auto dialed = connected(plan_.addresses[at], plan_.options, limit, wait);
        if (!dialed) return dialed.failure();
        connection = std::move(*dialed);
        reached = at;
        sent = LifeClock::now();
        auto resumed = resume_session(*connection, name_, limit, wait);
        // The server knows no such session, or the session has another owner there. At another
        // address there may be another server: the one that has the session may come back.
        const bool refused = !resumed && (resumed.error().code == Errc::unauthenticated ||
                                          resumed.error().code == Errc::session_lost);
        if (refused && at == home_) lost = true;
        return resumed;
      });
  lock.lock();
  if (!seen) {
    error = std::move(seen.error());
    if (lost) error.code = Errc::session_lost;
    if (!lost && error.code == Errc::session_lost) error.code = Errc::unavailable;
    return false;
  }
  home_ = reached;
  if (stopping_) return true;
  if (over()) {
    error = {Errc::session_lost, lost_reason_, {}, {}};
    return false;
  }
  resume_on(lock, std::move(connection), *seen, sent);
  return true;
}

void Session::resume_on(Lock& lock, ConnectionRef fresh, std::uint64_t last_seen,
                        LifeClock::time_point sent) {
  connection_ = std::move(fresh);
  if (mapping_ && !over()) mapping_->open_gate();
  lease_.answered(sent);
  last_sent_ = LifeClock::now();
  table_.resume(last_seen, last_sent_, connection_->outbox);
  const ConnectionRef connection = connection_;
  process_messages(connection);  // bytes that came in one piece with the handshake's reply
  send_queued();
  flush(lock);
  pass_baton();
}

void Session::end(Lock& lock, const Error& error) {
  auto unsent = fail_all(error);
  lock.unlock();
  watcher_.ended(*this);
  lock.lock();
  dispatch(lock);
  lock.unlock();
  if (!unsent.empty()) {
    watcher_.unsent(*this, std::move(unsent), [this](int fd, short events, const Deadline& until) {
      return wait_on(fd, events, until);
    });
  }
  watcher_.drained(*this);
  lock.lock();
}

// Fails every call. Returns the asynchronous calls that cannot have reached the server.
std::vector<std::unique_ptr<OwnedCall>> Session::fail_all(const Error& error) {
  over_.store(true, std::memory_order_release);
  if (mapping_) mapping_->end();
  ended_ = true;
  lost_reason_ = error.message;
  deadlines_.clear();
  cancellable_.clear();
  std::vector<std::unique_ptr<OwnedCall>> unsent;
  for (auto& call : table_.fail_all(error)) {
    call->due.reset();
    auto& target = call->sent ? completed_.emplace_back() : unsent.emplace_back();
    target = std::move(call);
  }
  for (auto* queued : {&refused_, &queue_}) {
    for (Queued& each : *queued) {
      each.pending->error = std::make_unique<Error>(error_for(*each.pending, error));
      each.pending->done = true;
      each.pending->wake.notify_one();
      if (each.owned) unsent.push_back(std::move(each.owned));
    }
    queued->clear();
  }
  may_send_.notify_all();
  for (auto& call : unsent) call->due.reset();
  // Calls without a completion only released resources of this session, which is over: drop them.
  std::erase_if(unsent, [](const auto& call) { return !call->completion; });
  return unsent;
}

void Session::stop() noexcept {
  try {
    Lock lock(mutex_);
    stopping_ = true;
    if (mapping_) mapping_->end();
    if (connection_) {
      table_.acknowledge(connection_->outbox);
      connection_->outbox += close_message();
      flush(lock);
    }
    over_.store(true, std::memory_order_release);
    wakeup_.wake();
    thread_ended_.wait(lock, [this] { return finished_; });
    if (connection_) connection_->channel.shut_down();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the session ends with its ttl then
  }
}

}  // namespace agora::detail
