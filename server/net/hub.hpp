// Hub: all connections of a server around its engine. Runs turns, hands effects to dialogues,
// sends what they have to say, and wakes the engine when something is due.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "server/engine/engine.hpp"
#include "server/net/death_watch.hpp"
#include "server/net/dialogue.hpp"
#include "server/net/loop.hpp"
#include "server/storage/sharing.hpp"
#include "shared/shm/adaptive_spin.hpp"

namespace agora {

class Connection;
class Ring;

class Hub : public Outbox, private Loop::Sleeper {
 public:
  /// `stop` is called when a client asks the server to shut down.
  Hub(Loop& loop, Clock& clock, std::function<void()> stop);
  ~Hub() override;

  /// The engine speaks to the hub, and the hub to the engine: joined once, before anything runs.
  void join(Engine& engine);

  /// What session.map hands out. It must outlive the hub.
  void share(const Sharing& sharing) { sharing_ = &sharing; }

  DialogueContext& context() { return *context_; }
  Loop& loop() { return loop_; }

  /// @throws std::system_error  its socket cannot be watched; it is forgotten again.
  void add(std::shared_ptr<Connection> connection);
  void remove(LinkId link);
  std::size_t size() const { return connections_.size(); }

  /// Runs what was taken in, sends the answers, sets the timer.
  void turn();
  /// The same once all connections that are ready now have been read: one turn for all of them,
  /// so that a busy server sends in bunches and wakes its clients less often.
  void turn_soon();
  /// Ends every session, sends what can be sent at once, and forgets the connections.
  void close_all();

  /// Marks a connection that has something to send after this turn.
  void touch(Connection& connection);

  /// The loop looks into that connection's ring before it sleeps.
  void warm_up(Ring& ring, Connection& connection);

  void deliver(const Effect& effect, const Effects& effects) override;

 private:
  bool read_rings();
  Connection* connection_of(LinkId link);
  void attached(SessionId session, LinkId link);
  void pass_on_extents(const Effect& effect);
  void process_drained(SessionId session);
  bool may_sleep() override;
  void flush_touched();
  void set_timer();
  void watch_spares();

  bool turn_posted_ = false;
  // Whose effect came last: the effects of a turn come in runs. Forgotten when it goes.
  LinkId last_link_{};
  Connection* last_connection_ = nullptr;

  Loop& loop_;
  Clock& clock_;
  std::function<void()> stop_;
  Engine* engine_ = nullptr;
  std::unique_ptr<DialogueContext> context_;
  const Sharing* sharing_ = nullptr;
  std::size_t rings_ = 0;  // of all connections
  std::unordered_map<LinkId, std::shared_ptr<Connection>> connections_;
  std::vector<Connection*> touched_;
  std::vector<std::shared_ptr<Connection>> gone_;  // kept until the turn is over
  std::vector<std::shared_ptr<Connection>> warm_;  // whose rings are looked into
  shm::AdaptiveSpin spin_;
  std::unordered_map<SessionId, LinkId> sessions_;  // opened ones: where they last spoke
  DeathWatch deaths_;
  Timer timer_;
  std::optional<Instant> timer_at_;
  Timer spares_timer_;
  bool spares_watched_ = false;
};

}  // namespace agora
