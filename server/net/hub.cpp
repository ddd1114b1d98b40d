#include "server/net/hub.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <asio/post.hpp>

#include "server/net/connection.hpp"

namespace agora {

Hub::Hub(asio::io_context& io, Clock& clock, std::function<void()> stop)
    : io_(io),
      clock_(clock),
      stop_(std::move(stop)),
      timer_(io),
      read_buffer_(std::make_unique<std::array<char, 256 * 1024>>()) {}

Hub::~Hub() = default;

void Hub::join(Engine& engine) {
  engine_ = &engine;
  hall_ = std::make_unique<DialogueHall>(engine);
}

void Hub::add(std::shared_ptr<Connection> connection) {
  Connection& added = *connection;
  connections_.emplace(added.session(), std::move(connection));
  added.start();
}

void Hub::remove(SessionId session) {
  last_connection_ = nullptr;
  connections_.erase(session);
}

void Hub::touch(Connection& connection) {
  if (std::exchange(connection.touched, true)) return;
  touched_.push_back(connection.shared_from_this());
}

void Hub::deliver(const Effect& effect, const Effects& effects) {
  if (effect.kind == Effect::Kind::shutdown) return stop_();
  if (effect.session != last_session_ || last_connection_ == nullptr) {
    const auto it = connections_.find(effect.session);
    if (it == connections_.end()) return;
    last_session_ = effect.session;
    last_connection_ = it->second.get();
  }
  last_connection_->dialogue().deliver(effect, effects);
  touch(*last_connection_);
}

void Hub::turn() {
  engine_->turn();
  flush_touched();
  set_timer();
}

void Hub::turn_soon(const Connection& reader) {
  constexpr int kAlone = 8;
  reads_in_a_row_ = &reader == last_reader_ ? reads_in_a_row_ + 1 : 0;
  last_reader_ = &reader;
  if (reads_in_a_row_ >= kAlone && !turn_posted_) {
    reads_in_a_row_ = kAlone;
    return turn();
  }
  if (std::exchange(turn_posted_, true)) return;
  asio::post(io_, [this] {
    turn_posted_ = false;
    turn();
  });
}

void Hub::flush_touched() {
  // A flush may find a connection broken, which ends its session and touches others.
  while (!touched_.empty()) {
    std::vector<std::shared_ptr<Connection>> ready;
    ready.swap(touched_);
    for (const auto& connection : ready) {
      connection->touched = false;
      connection->flush();
    }
    // Only a flush that found its connection broken has touched any.
    if (!touched_.empty()) engine_->turn();
    if (touched_.empty()) {
      ready.clear();
      touched_.swap(ready);  // keeps its memory
    }
  }
}

void Hub::set_timer() {
  const std::optional<Instant> deadline = engine_->next_deadline();
  if (deadline == timer_at_) return;
  timer_at_ = deadline;
  if (!deadline) {
    timer_.cancel();
    return;
  }
  const auto wait = std::max(*deadline - clock_.now(), Duration::zero());
  timer_.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(wait));
  timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    timer_at_.reset();
    turn();
  });
}

void Hub::close_all() {
  for (const auto& [session, connection] : connections_) connection->dialogue().abandon();
  turn();
  last_connection_ = nullptr;
  const auto left = std::exchange(connections_, {});
  for (const auto& [session, connection] : left) connection->close();
  timer_.cancel();
}

}  // namespace agora
