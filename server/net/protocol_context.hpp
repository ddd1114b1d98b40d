// SPDX-License-Identifier: MIT

// ProtocolContext: the connection as its protocol sees it: the engine that takes its calls, the
// output to which its replies are written, and flow control. Dialogue owns it.
//
// Flow control has two bounds. A turn takes at most Limits::turn_calls_max calls of a connection,
// so that each connection gets a fair share. Within a turn, the batch size is the number of
// messages that are taken before the engine runs them: it doubles from 1 up while replies are
// small, and falls back to 1 after a large one, so that the output stays bounded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "server/net/dialogue_context.hpp"
#include "server/net/input.hpp"
#include "server/net/output.hpp"
#include "shared/wire/message.hpp"

namespace agora {

class ProtocolContext {
 public:
  ProtocolContext(DialogueContext& the_shared, Peer peer)
      : shared(the_shared),
        engine(the_shared.engine),
        limits(the_shared.engine.limits()),
        input(the_shared),
        access_(engine.logins().begin(peer)),
        link_(engine.open(std::move(peer))) {
    access_.link = link_;
    bound_messages();
  }
  ~ProtocolContext() {
    if (access_.login) engine.logins().forget(access_);
  }
  ProtocolContext(const ProtocolContext&) = delete;
  ProtocolContext& operator=(const ProtocolContext&) = delete;

  DialogueContext& shared;
  Engine& engine;
  const Limits& limits;
  Input input;
  Output output;
  std::size_t queued_bytes = 0;  ///< of replies and lines that the protocol has put aside

  LinkId link() const { return link_; }

  // ---- calls -------------------------------------------------------------------------------

  /// Returns a call of this connection without parameters.
  CallRequest request(std::uint64_t tag, Numbering numbering, std::uint64_t number,
                      std::string_view method) {
    CallRequest call;
    call.link = link_;
    call.tag = tag;
    call.numbering = numbering;
    call.number = number;
    call.only_harmless = only_harmless_;
    call.role = access_.role;
    call.access = &access_;
    call.method = method;
    return call;
  }
  /// Submits a decoded request to the engine. An error is the call's only reply.
  Expected<void> submit(const Request& decoded, std::uint64_t tag, Numbering numbering,
                        std::uint64_t number) {
    CallRequest call = request(tag, numbering, number, decoded.method);
    call.params = decoded.params;
    call.options = decoded.options;
    return engine.call(call);
  }
  const ClientAccess& access() const { return access_; }
  /// Returns the largest message that the client may send by now, bytes.
  std::size_t message_bytes_max() const { return message_bytes_max_; }
  /// Sets the bounds of a connection by its role: they are small until the client has logged in.
  void bound_messages() {
    const bool open = access_.role == Role::none;
    message_bytes_max_ = open ? limits.login_bytes_max : limits.frame_bytes_max;
    output_bytes_max_ = open ? limits.login_output_bytes_max : limits.output_bytes_max;
  }
  /// Makes the engine drop calls that would wait or deliver an item, from now on.
  void only_harmless() { only_harmless_ = true; }

  // ---- flow control ------------------------------------------------------------------------

  /// Starts a turn, with a fresh share of calls.
  void start_turn() { turn_calls_ = 0; }
  /// Returns true if the protocol may take the next message.
  bool may_take() const { return turn_calls_ < limits.turn_calls_max && !closing_ && !stalled(); }
  /// Counts one message of `calls` calls. Runs the engine once the batch size is reached.
  void count_message(std::size_t calls = 1) {
    turn_calls_ += calls;
    if (++batch_taken_ >= batch_size_) run_batch();
  }
  /// Adapts the batch size to the size of a reply.
  void adapt_batch_size(std::size_t reply_bytes) {
    constexpr std::size_t kLarge = 64 * 1024;
    if (reply_bytes > kLarge) batch_size_ = 1;
  }
  /// Returns true if the connection has more unsent output than Limits::output_bytes_max.
  bool full() const { return output.size() > output_bytes_max_; }
  /// Stops taking messages until resume().
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  bool paused() const { return paused_; }
  /// Holds the input back: no message is taken, and the connection is not read, until let_on().
  void hold_back() { held_back_ = true; }
  void let_on() { held_back_ = false; }
  bool held_back() const { return held_back_; }
  /// Returns true if no message may be taken even at the start of a turn.
  bool stalled() const { return paused_ || held_back_ || postponed_ || full() || defers(); }
  /// Returns true if calls of this connection wait for a later pass, since they are expensive.
  bool defers() const { return engine.defers(link_); }
  /// Notes at the end of a read whether flow control has left messages for a later turn.
  /// @param bytes_left  the protocol has not taken all bytes that were read
  void note_backlog(bool bytes_left) {
    const bool left = bytes_left && (turn_calls_ >= limits.turn_calls_max || stalled());
    backlog_ = postponed_ || (left && !closing_);
  }
  bool has_backlog() const { return backlog_; }
  /// Notes that the engine has postponed calls of this connection, since their replies would fill
  /// the output.
  void note_postponed() { postponed_ = backlog_ = true; }
  bool has_postponed() const { return postponed_; }
  /// Runs the postponed calls, of which some may be postponed again.
  void run_postponed() {
    postponed_ = false;
    engine.take_postponed(link_);
    engine.turn();
  }

  // ---- the end -----------------------------------------------------------------------------

  /// Notes that the client has closed its sending side. Bytes that it sent may still be unread.
  void end_peer() { peer_ended_ = true; }
  bool peer_ended() const { return peer_ended_; }
  /// Notes that the client will send no more bytes.
  void end_input() { input_ended_ = true; }
  bool input_ended() const { return input_ended_; }
  /// Returns true if no more bytes will come and flow control has left none for a later turn.
  bool input_done() const { return input_ended_ && !backlog_; }
  /// Closes the link once the calls that were taken have run. No more calls are taken.
  void close() {
    if (std::exchange(closing_, true)) return;
    engine.close(link_);
  }
  /// Notes that the engine has closed the link.
  void closed() { closing_ = true; }
  bool closing() const { return closing_; }
  /// Replies to an HTTP request with 404 and closes.
  void refuse_http();
  /// Replies to a message framed by a `Content-Length` header with a JSON-RPC error that tells how
  /// messages are framed here, and closes.
  void refuse_headers();

 private:
  void run_batch() {
    batch_taken_ = 0;
    batch_size_ = std::min(batch_size_ * 2, limits.turn_calls_max);
    const std::uint64_t before = engine.work();
    engine.turn();
    if (engine.work() - before > limits.turn_work_max) end_turn();
  }
  /// Leaves the rest of the messages for a later turn: the calls of this one were expensive.
  void end_turn() {
    turn_calls_ = limits.turn_calls_max;
    batch_size_ = 1;
  }

  ClientAccess access_;
  LinkId link_;
  std::size_t message_bytes_max_ = 0;
  std::size_t output_bytes_max_ = 0;
  std::size_t turn_calls_ = 0;
  std::size_t batch_size_ = 1;
  std::size_t batch_taken_ = 0;  // messages since the last batch ran
  bool backlog_ = false;
  bool paused_ = false;
  bool held_back_ = false;
  bool postponed_ = false;
  bool peer_ended_ = false;
  bool input_ended_ = false;
  bool closing_ = false;
  bool only_harmless_ = false;
};

}  // namespace agora
