// SPDX-License-Identifier: MIT

#include "server/net/hub.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <malloc.h>
#include <poll.h>
#include <system_error>
#include <utility>

#include <asio/post.hpp>

#include "server/net/connection.hpp"
#include "server/net/login_guard.hpp"
#include "server/net/tls_service.hpp"

namespace agora {

namespace {

/// From this size on, in bytes, an effect is counted as soon as it is delivered: the effects of one
/// turn could exceed the bound before the outputs are sent.
constexpr std::size_t kCountedAtOnce = std::size_t{64} << 10;

/// Returns how many bytes the input and output of all connections may hold: a quarter of the memory
/// cap, but at least one message.
std::size_t buffers_max(const Limits& limits) {
  const std::size_t cap = limits.memory_bytes_max;
  if (cap == 0) return std::numeric_limits<std::size_t>::max();
  return std::max(cap / 4, limits.frame_bytes_max);
}

}  // namespace

Hub::Hub(asio::io_context& io, Clock& clock, std::function<void()> stop)
    : io_(io),
      clock_(clock),
      stop_(std::move(stop)),
      deaths_(io, [this](SessionId session) { process_drained(session); }),
      deferred_timer_(io, [this] { post_turn(); }),
      timer_(io,
             [this] {
               timer_at_.reset();
               turn();
             }),
      spares_timer_(io, [this] {
        spares_watched_ = false;
        give_back_memory();
        watch_spares();
      }) {}

Hub::~Hub() = default;

/// Waits in Asio only while no ring has to be polled. Asio's run() keeps its memory for handlers,
/// and poll() begins anew with each call, so the loop stays in run() while it can.
void Hub::run() {
  may_wait_ = false;  // it may still be set if a handler has thrown
  while (!ended_) {
    run_ready();
    if (ended_ || !ready_to_sleep()) continue;
    may_wait_ = true;
    io_.restart();
    io_.run();
    may_wait_ = false;
  }
}

std::size_t Hub::run_ready() {
  io_.restart();
  return io_.poll();
}

std::size_t Hub::poll() {
  std::size_t done = 0;
  for (std::size_t more = 1; more > 0 && !ended_; done += more) {
    static_cast<void>(ready_to_sleep());
    more = run_ready();
  }
  return done;
}

void Hub::end() {
  ended_ = true;
  io_.stop();
}

void Hub::join(Engine& engine) {
  engine_ = &engine;
  context_ = std::make_unique<DialogueContext>(engine);
  buffers_max_ = buffers_max(engine.limits());
}

void Hub::add(std::shared_ptr<Connection> connection) {
  Connection& added = *connection;
  connections_.emplace(added.link(), std::move(connection));
  try {
    added.start();
  } catch (...) {
    added.dialogue().abandon();
    connections_.erase(added.link());  // touched_ does not hold it yet
    throw;
  }
  if (logins_ != nullptr) logins_->added(added);
  // Opening the link has started a batch, whose time is now. If the batch waited for the next call
  // of any client, that call would get the old time and would time out too early.
  turn_soon();
}

std::size_t Hub::size() const { return connections_.size() + (tls_ != nullptr ? tls_->size() : 0); }

void Hub::remove(LinkId link) {
  last_connection_ = nullptr;
  const auto found = connections_.find(link);
  if (found == connections_.end()) return;
  if (logins_ != nullptr) logins_->settled(link);
  removed_.push_back(std::move(found->second));
  connections_.erase(found);
}

bool Hub::is_full(std::ptrdiff_t kept) const {
  const auto beyond = static_cast<std::size_t>(std::max<std::ptrdiff_t>(kept, 0));
  const auto left = static_cast<std::size_t>(std::max<std::ptrdiff_t>(-kept, 0));
  if (size() >= engine_->limits().connections_max + beyond) return true;
  std::size_t used = size() + deaths_.descriptors() + rings_ + left;
  if (sharing_ != nullptr) used += sharing_->extents().size() - sharing_->releases();
  return used >= descriptors_max_;
}

void Hub::close_link(LinkId link, const Error& error) {
  Connection* const connection = connection_of(link);
  if (connection == nullptr) return;
  connection->dialogue().end(error);
  touch(*connection);
}

void Hub::close_links(const std::function<bool(const ClientAccess&)>& ends, const Error& error) {
  for (const auto& [link, connection] : connections_) {
    if (!ends(connection->dialogue().access())) continue;
    connection->dialogue().end(error);
    touch(*connection);
  }
  turn();
}

void Hub::logged_in(LinkId link) {
  if (logins_ != nullptr) logins_->settled(link);
  if (Connection* const connection = connection_of(link)) connection->dialogue().logged_in();
}

void Hub::reap_closed() {
  std::vector<std::shared_ptr<Connection>> all;
  std::vector<pollfd> ends;
  all.reserve(connections_.size());
  ends.reserve(connections_.size());
  for (const auto& [link, connection] : connections_) {
    all.push_back(connection);
    ends.push_back({connection->socket(), POLLRDHUP, 0});
  }
  reaped_.clear();
  if (::poll(ends.data(), ends.size(), 0) <= 0) return;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (ends[i].revents == 0) continue;
    reaped_.push_back(all[i]);
    all[i]->peer_closed();
  }
  turn();
}

bool Hub::is_reaping() {
  std::erase_if(reaped_, [](const std::weak_ptr<Connection>& each) {
    const auto connection = each.lock();
    return connection == nullptr || !connection->ends_soon();
  });
  return !reaped_.empty();
}

void Hub::touch(Connection& connection) {
  if (std::exchange(connection.touched, true)) return;
  touched_.push_back(&connection);
}

void Hub::deliver(const Effect& effect, const Effects& effects) {
  switch (effect.kind) {
    case Effect::Kind::reply:
    case Effect::Kind::failure:
    case Effect::Kind::parked:
    case Effect::Kind::postponed:
    case Effect::Kind::notice:
    case Effect::Kind::link_closed:
      if (Connection* connection = connection_of(effect.link)) {
        connection->dialogue().deliver(effect, effects);
        touch(*connection);
        if (effect.length >= kCountedAtOnce || effect.blob) count_buffers(*connection);
      }
      return;
    case Effect::Kind::session_attached:
      return attached(effect.session, effect.link);
    case Effect::Kind::session_moved:
      sessions_[effect.session] = effect.link;
      return;
    case Effect::Kind::session_ended:
      sessions_.erase(effect.session);
      return deaths_.forget(effect.session);
    case Effect::Kind::extents:
      return pass_extents(effect);
    case Effect::Kind::ring:
      if (Connection* connection = connection_of(effect.link)) {
        constexpr std::size_t kRingsMax = 256;
        if (rings_ < kRingsMax) connection->offer_ring(rings_);
      }
      return;
    case Effect::Kind::shutdown:
      return stop_();
  }
}

bool Hub::has_room(LinkId link) {
  Connection* const connection = connection_of(link);
  return connection == nullptr || connection->dialogue().has_room();
}

void Hub::resume_deferred(LinkId link) {
  engine_->resume_deferred(link);
  if (engine_->has_deferred()) post_turn();
}

void Hub::caught_up(LinkId link) {
  if (Connection* connection = connection_of(link)) touch(*connection);
}

void Hub::pass_extents(const Effect& effect) {
  // Memory is not shared with a process whose exit cannot be detected: its session would never end.
  if (!deaths_.watches(effect.session)) return engine_->not_mapped(effect.session);
  Connection* connection = connection_of(effect.link);
  if (connection == nullptr) return;
  for (std::size_t i = 0; i < effect.length; ++i) {
    const std::size_t extent = effect.offset + i;
    if (sharing_->extents()[extent].released) continue;
    connection->pass_descriptor(sharing_->descriptor(extent));
  }
}

void Hub::count_buffers(Connection& connection) {
  const std::size_t bytes = connection.dialogue().buffered_bytes();
  buffered_bytes_ += bytes - connection.counted_bytes;
  connection.counted_bytes = bytes;
  while (buffered_bytes_ + context_->encoded.bytes() > buffers_max_) {
    const std::size_t before = buffered_bytes_ + context_->encoded.bytes();
    close_largest();
    if (buffered_bytes_ + context_->encoded.bytes() >= before) break;
  }
}

void Hub::forget_buffers(Connection& connection) {
  buffered_bytes_ -= std::exchange(connection.counted_bytes, 0);
}

/// Closes the connection whose input and output hold the most, with the texts that it shares.
void Hub::close_largest() {
  Connection* largest = nullptr;
  std::size_t most = 0;
  for (const auto& [link, connection] : connections_) {
    Dialogue& dialogue = connection->dialogue();
    const std::size_t bytes = dialogue.buffered_bytes() + dialogue.output().text_bytes();
    if (bytes <= most) continue;
    most = bytes;
    largest = connection.get();
  }
  if (largest == nullptr) return;
  largest->dialogue().close_as_largest(buffers_max_);
  touch(*largest);
  const std::size_t bytes = largest->dialogue().buffered_bytes();
  buffered_bytes_ += bytes - largest->counted_bytes;
  largest->counted_bytes = bytes;
}

void Hub::poll_before_sleep(Ring& ring, Connection& connection) {
  if (std::exchange(ring.polled, true)) return;
  polled_.push_back(connection.shared_from_this());
  if (may_wait_) io_.stop();  // run() goes on with the rings
}

bool Hub::take_from_rings() {
  bool found = false;
  for (std::size_t i = 0; i < polled_.size(); ++i) found = polled_[i]->poll_ring() || found;
  return found;
}

bool Hub::read_rings() {
  const bool found = take_from_rings();
  if (found) turn();
  return found;
}

/// Spins on the rings before the thread sleeps. A client that writes later sends a doorbell.
/// @return whether the thread may wait: no ring gave work, and none has to be polled
bool Hub::ready_to_sleep() {
  if (polled_.empty()) return true;
  // Return to the loop now and then, so that busy rings do not starve the sockets.
  constexpr int kRoundsMax = 16;
  int rounds = 0;
  const auto any = [this] { return read_rings(); };
  while (rounds < kRoundsMax) {
    const std::uint32_t here = shm::current_cpu();
    std::uint32_t other = here;
    bool awake = false;
    for (const auto& connection : polled_) {
      const auto cpu = connection->active_client_cpu();
      if (!cpu) continue;
      awake = true;
      if (*cpu != here) other = *cpu;
    }
    if (!spin_.spin_until(other, awake, any)) break;
    ++rounds;
  }
  if (rounds > 0) return false;
  bool all = true;
  std::erase_if(polled_, [&](const auto& connection) {
    const bool sleeps = connection->ready_to_sleep();
    all = all && sleeps;
    return sleeps;
  });
  return all;
}

Connection* Hub::connection_of(LinkId link) {
  if (link == last_link_ && last_connection_ != nullptr) return last_connection_;
  const auto it = connections_.find(link);
  if (it == connections_.end()) return nullptr;
  last_link_ = link;
  return last_connection_ = it->second.get();
}

void Hub::attached(SessionId session, LinkId link) {
  sessions_[session] = link;
  Connection* const connection = connection_of(link);
  const std::int64_t pid = connection != nullptr ? connection->proven_pid() : 0;
  pid != 0 ? deaths_.watch(session, connection->socket(), pid) : deaths_.forget(session);
}

/// Called when the process of the session has ended. The calls that the process had sent still
/// count, except calls that would wait or deliver an item.
void Hub::process_drained(SessionId session) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return;
  // The session's waits end first, so that a lock that one of these calls releases is not granted
  // back to the session.
  engine_->process_exited(session);
  const LinkId link = it->second;
  Connection* const connection = connection_of(link);
  if (connection == nullptr || connection->drain(session)) drained(session, link);
}

void Hub::drained(SessionId session, LinkId link) {
  engine_->process_drained(session, link);
  turn_soon();
}

void Hub::turn() {
  if (logins_ != nullptr) logins_->close_expired();
  engine_->turn();
  flush_touched();
  set_timer();
  watch_spares();
  if (engine_->has_deferred()) run_deferred();
}

/// Runs expensive calls until the budget of this pass is spent. If other clients are active, a long
/// call is followed by a pause, in which they are served without such a delay.
void Hub::run_deferred() {
  constexpr Duration kShort = std::chrono::milliseconds{8};
  constexpr Duration kPauseMax = std::chrono::milliseconds{250};
  constexpr int kPauses = 8;  // relative to the time of the call
  const Instant begin = clock_.now();
  if (begin >= deferred_at_) {
    const bool others = engine_->others_called();
    engine_->run_deferred();
    flush_touched();
    set_timer();
    const Duration spent = clock_.now() - begin;
    if (others && spent > kShort) {
      deferred_at_ = begin + spent + std::min(spent * kPauses, kPauseMax);
    }
    if (!engine_->has_deferred()) return;
  }
  if (deferred_at_ <= clock_.now()) return post_turn();
  deferred_timer_.set(std::chrono::steady_clock::now() + (deferred_at_ - clock_.now()));
}

/// Starts the timer that gives back memory that was not used for a second, so that an idle server
/// holds none.
void Hub::watch_spares() {
  const bool unused = engine_->holds_unused_memory();
  if (spares_watched_ || !unused) return;
  spares_timer_.set(std::chrono::steady_clock::now() + std::chrono::seconds{1});
  spares_watched_ = true;
}

void Hub::give_back_memory() {
  // A descriptor that waits to be passed must not be closed: its number could be used again.
  for (const auto& [link, connection] : connections_) {
    if (connection->passes_descriptors()) return;
  }
  if (engine_->give_back_memory()) ::malloc_trim(0);
}

void Hub::turn_soon() {
  if (engine_->has_enough()) return turn();
  post_turn();
}

/// Posts a turn behind all handlers that are ready now; they and it are one pass.
void Hub::post_turn() {
  if (turn_posted_) return;
  asio::post(io_, [this] {
    turn_posted_ = false;
    engine_->begin_pass();
    take_from_rings();  // sockets that are never idle must not starve the rings
    turn();
  });
  turn_posted_ = true;
}

void Hub::flush_touched() {
  // A flush that finds its connection broken ends the session, which may touch other connections.
  while (!touched_.empty()) {
    std::vector<Connection*> ready;
    ready.swap(touched_);
    for (Connection* const connection : ready) {
      connection->touched = false;
      try {
        connection->flush();
      } catch (const std::bad_alloc&) {
        connection->dialogue().abandon();  // and the others are flushed
      }
    }
    if (!touched_.empty()) engine_->turn();
    if (touched_.empty()) {
      ready.clear();
      touched_.swap(ready);  // keeps its memory
      break;
    }
  }
  speculative_poll_.run();
  removed_.clear();
}

void Hub::set_timer() {
  const std::optional<Instant> deadline = engine_->next_deadline();
  if (deadline == timer_at_) return;
  if (deadline) {
    const auto wait = std::max(*deadline - clock_.now(), Duration::zero());
    timer_.set(std::chrono::steady_clock::now() + wait);
  } else {
    timer_.clear();
  }
  timer_at_ = deadline;
}

void Hub::close_all() {
  if (tls_ != nullptr) tls_->close_all();
  engine_->server_ending();
  for (const auto& [link, connection] : connections_) connection->dialogue().abandon();
  turn();
  drop_all();
}

void Hub::drop_all() {
  last_connection_ = nullptr;
  const auto left = std::exchange(connections_, {});
  for (const auto& [link, connection] : left) connection->close();
  touched_.clear();
  removed_.clear();
  speculative_poll_.clear();
  polled_.clear();
  timer_.cancel();
  deferred_timer_.cancel();
  spares_timer_.cancel();
  deaths_.forget_all();
  events_.end();
}

}  // namespace agora
