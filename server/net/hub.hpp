// SPDX-License-Identifier: MIT

// Hub: the connections of a server and its engine. It runs the engine's turns, delivers effects to
// the dialogues, flushes their output, and runs a turn when a deadline passes. Before the thread
// waits in Asio, the hub polls the rings in shared memory, which have no descriptor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "server/engine/engine.hpp"
#include "server/net/deadline_timer.hpp"
#include "server/net/death_watch.hpp"
#include "server/net/dialogue.hpp"
#include "server/net/event_log.hpp"
#include "server/net/memory_reserve.hpp"
#include "server/net/speculative_poll.hpp"
#include "server/storage/sharing.hpp"
#include "shared/shm/adaptive_spin.hpp"

namespace agora {

class Connection;
class LoginGuard;
class Ring;
class TlsService;

class Hub : public Outbox {
 public:
  /// @param stop  called when a client asks the server to shut down
  Hub(asio::io_context& io, Clock& clock, std::function<void()> stop);
  ~Hub() override;

  /// Sets the engine, which itself needs the hub as its outbox. Call it once, before anything runs.
  void join(Engine& engine);

  /// Sets the shared memory whose descriptors session.map passes. It must outlive the hub.
  void share(const Sharing& sharing) { sharing_ = &sharing; }

  /// Serves TLS beside plain text, from now on. The service must outlive the hub's connections.
  void serve_tls(TlsService& service) { tls_ = &service; }
  /// Returns the TLS handshakes; null if TLS is not served.
  TlsService* tls() { return tls_; }

  /// Has connections log in, from now on. The guard must outlive the hub's connections.
  void guard_logins(LoginGuard& guard) { logins_ = &guard; }
  /// Returns the guard; null if no connection can log in.
  LoginGuard* logins() { return logins_; }

  DialogueContext& context() { return *context_; }
  asio::io_context& io() { return io_; }
  /// Returns the log of events that no call reports.
  EventLog& events() { return events_; }

  /// Serves until end().
  void run();
  /// Runs all that is ready and returns at once. @return how many handlers ran
  std::size_t poll();
  /// Makes run() return after the present handler.
  void end();

  /// Adds a connection and starts to read it.
  /// @throws std::bad_alloc  no memory; the connection is dropped.
  void add(std::shared_ptr<Connection> connection);
  void remove(LinkId link);
  /// Returns the number of connections, those in a TLS handshake included.
  std::size_t size() const;

  /// Bounds the descriptors of connections, watched processes, rings and shared extents.
  void set_descriptors_max(std::size_t most) { descriptors_max_ = most; }
  /// Returns true if a listener has no connection or no descriptor left.
  /// @param kept  if positive, how many connections beyond Limits::connections_max the listener may
  ///   use; if negative, how many descriptors it leaves to the other listeners
  bool is_full(std::ptrdiff_t kept) const;
  /// Reads the connections whose peer has closed to their ends, as far as one turn goes. Cost: O(n)
  /// for n connections.
  void reap_closed();
  /// Returns true if the last reap_closed() has left connections that will be at their ends soon.
  bool is_reaping();

  /// Runs a turn of the engine, flushes the output, and sets the timer.
  void turn();
  /// Runs a turn once all connections that are ready now have been read. One turn for all of them
  /// lets a busy server send more with each system call and wake its clients less often.
  void turn_soon();
  /// Closes all links, sends as much output as the sockets take at once, and drops the connections.
  /// @throws std::bad_alloc  no memory for the turn; drop_all() does the rest.
  void close_all();
  /// Closes all connections as they are. Allocates nothing.
  void drop_all();

  /// Closes a connection with a last message, at the end of this turn.
  void close_link(LinkId link, const Error& error);
  /// Closes those connections for whose rights `ends` is true, likewise.
  void close_links(const std::function<bool(const ClientAccess&)>& ends, const Error& error);

  /// Lets the deferred calls of a link run on: its client has read replies.
  void resume_deferred(LinkId link);
  /// Ends the session of a dead process: its connection has run all that the process had sent.
  void drained(SessionId session, LinkId link);

  /// Marks a connection for the flush at the end of this turn.
  void touch(Connection& connection);

  /// Counts the bytes of the connection's input and output. While the sum of all connections
  /// exceeds its bound, closes the connection with the most.
  void count_buffers(Connection& connection);
  /// Takes a connection that is closed out of the sum.
  void forget_buffers(Connection& connection);

  /// From now on polls that connection's ring before the loop sleeps.
  void poll_before_sleep(Ring& ring, Connection& connection);

  /// Returns the poll that ends each turn.
  SpeculativePoll& speculative_poll() { return speculative_poll_; }

  void deliver(const Effect& effect, const Effects& effects) override;
  void logged_in(LinkId link) override;
  void caught_up(LinkId link) override;
  bool has_room(LinkId link) override;
  bool memory_short() override { return !MemoryReserve::is_whole(); }

 private:
  std::size_t run_ready();
  bool take_from_rings();
  bool read_rings();
  Connection* connection_of(LinkId link);
  void attached(SessionId session, LinkId link);
  void pass_extents(const Effect& effect);
  void process_drained(SessionId session);
  bool ready_to_sleep();
  void post_turn();
  void run_deferred();
  void flush_touched();
  void set_timer();
  void watch_spares();
  void give_back_memory();

  void close_largest();

  std::size_t buffered_bytes_ = 0;  // of the input and output of all connections
  std::size_t buffers_max_ = 0;     // the bound on them
  bool turn_posted_ = false;
  // Cache of connection_of(): the effects of a turn come in runs for one connection. Invalidated
  // when a connection is removed.
  LinkId last_link_{};
  Connection* last_connection_ = nullptr;

  asio::io_context& io_;
  EventLog events_{io_};
  bool ended_ = false;     // run() is to return
  bool may_wait_ = false;  // run() is in Asio's run(), which waits
  Clock& clock_;
  std::function<void()> stop_;
  Engine* engine_ = nullptr;
  std::unique_ptr<DialogueContext> context_;
  const Sharing* sharing_ = nullptr;
  TlsService* tls_ = nullptr;
  LoginGuard* logins_ = nullptr;
  std::size_t rings_ = 0;  // the number of rings of all connections
  std::size_t descriptors_max_ = SIZE_MAX;
  std::unordered_map<LinkId, std::shared_ptr<Connection>> connections_;
  std::vector<Connection*> touched_;
  std::vector<std::shared_ptr<Connection>> removed_;  // kept until the turn ends
  std::vector<std::weak_ptr<Connection>> reaped_;     // by the last reap_closed()
  std::vector<std::shared_ptr<Connection>> polled_;   // their rings are polled before each sleep
  shm::AdaptiveSpin spin_;
  SpeculativePoll speculative_poll_;
  std::unordered_map<SessionId, LinkId> sessions_;  // opened sessions and their last links
  DeathWatch deaths_;
  Instant deferred_at_{};  // no deferred call runs before
  DeadlineTimer deferred_timer_;
  DeadlineTimer timer_;
  std::optional<Instant> timer_at_;
  DeadlineTimer spares_timer_;
  bool spares_watched_ = false;
};

}  // namespace agora
