// SPDX-License-Identifier: MIT

// MachineCalls: calls a machine directly, without an engine; for tests and benchmarks.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/machine/machine.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "shared/value/codec.hpp"

namespace agora::test {

/// The outcome of a call: a result, an error, or neither while it waits.
struct Given {
  Packed result;
  std::string error;  ///< the error's type; empty if there is none
  bool waits = false;
  std::uint64_t tag = 0;  ///< of a waiting call, for MachineCalls::arrived

  template <typename T>
  T as() const {
    auto value = unpack<T>(result);
    return value ? std::move(*value) : T{};
  }
};

class MachineCalls {
 public:
  explicit MachineCalls(MachineInput input = {}) : MachineCalls(std::move(input), nullptr) {}
  /// @param extents  the source of storage, which must outlive this; null: the heap
  MachineCalls(MachineInput input, ExtentSource* extents)
      : machine_(all_types(), extents == nullptr ? heap_ : *extents, std::move(input)) {
    open(1);
  }

  /// Opens a connection with that number and its plain session, for a local user of that name.
  void open(std::uint64_t session, std::string identity = {}) {
    batch_.clear();
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_opened;
    command.link = LinkId{session};
    Peer& peer = batch_.peers.emplace_back();
    if (!identity.empty()) {
      peer.identity = std::make_shared<const Identity>(
          Identity{.kind = Identity::Kind::local_user, .id = std::move(identity)});
    }
    apply();
  }
  /// Closes that connection.
  void end(std::uint64_t session) {
    batch_.clear();
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_closed;
    command.link = LinkId{session};
    apply();
  }

  /// Reports that the process of the link's session is dead.
  void die(std::uint64_t link) {
    batch_.clear();
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::process_drained;
    command.session = session(link);
    apply();
  }
  /// Reports that the link's session got no memory.
  void not_mapped(std::uint64_t link) {
    batch_.clear();
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::not_mapped;
    command.session = session(link);
    apply();
  }
  /// Advances the clock and sends the machine `time_passed`.
  void advance(double seconds) {
    batch_.clear();
    now_ += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    batch_.commands.emplace_back().kind = Command::Kind::time_passed;
    apply();
  }
  /// Sends `time_passed` at the same time until no deadline is due.
  void idle() {
    while (machine_.next_deadline() && *machine_.next_deadline() <= machine_.now()) advance(0);
  }
  /// Returns the session of that link.
  SessionId session(std::uint64_t link) {
    return machine_.sessions().find(LinkId{link})->session->id;
  }

  /// Calls a method with its parameters by position, as session 1.
  template <typename... Args>
  Given operator()(std::string_view method, const Args&... arguments) {
    return over(1, 0, method, arguments...);
  }

  /// The number for over() that makes the call a notification.
  static constexpr std::uint64_t kNotification = ~std::uint64_t{0};
  /// The same over a link, with the call's number in an opened session; 0 if it has none.
  template <typename... Args>
  Given over(std::uint64_t link, std::uint64_t number, std::string_view method,
             const Args&... arguments) {
    batch_.clear();
    (add(packed(arguments)), ...);
    const std::size_t count = batch_.arguments.size();
    if (const Packed guard = std::exchange(guard_, {}); !guard.view().is_null()) add(guard);
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::call;
    command.link = LinkId{link};
    command.tag = ++last_tag_;
    if (batch_.arguments.size() > count) command.guard = static_cast<std::uint32_t>(count) + 1;
    command.number = number;
    command.numbering = number == 0               ? Numbering::none
                        : number == kNotification ? Numbering::notification
                                                  : Numbering::whole;
    command.method = *machine_.catalogue().find(method);
    command.count = static_cast<std::uint32_t>(sizeof...(arguments));
    const std::uint64_t own = last_tag_;
    apply();
    return arrived(own).value_or(Given{{}, "", true, own});
  }

  /// Gives the next call a guard: that grant of the lock.
  void guard_next(std::string_view lock, std::uint64_t token) {
    std::string packed;
    Writer out{packed};
    out.list(2), out.text(lock), out.unsigned_integer(token);
    guard_ = Packed{std::move(packed)};
  }

  /// Returns the reply to the call with that tag, once; nullopt before it has arrived.
  std::optional<Given> arrived(std::uint64_t tag) {
    const auto it = arrived_.find(tag);
    if (it == arrived_.end()) return std::nullopt;
    Given given = std::move(it->second);
    arrived_.erase(it);
    return given;
  }

  /// Returns the notices that the last command sent over that link, in order.
  std::vector<Packed> notices(std::uint64_t link) const {
    std::vector<Packed> found;
    for (const Effect& effect : effects_.list) {
      if (effect.kind != Effect::Kind::notice || effect.link.number != link) continue;
      found.emplace_back(effects_.result(effect));
    }
    return found;
  }

  Machine& machine() { return machine_; }
  const Effects& effects() const { return effects_; }

 private:
  template <typename T>
  static Packed packed(const T& value) {
    return pack(value);
  }
  static Packed packed(const Packed& value) { return value; }
  void add(const Packed& value) {
    batch_.arguments.push_back({batch_.bytes.size(), value.bytes().size()});
    batch_.bytes += value.bytes();
  }
  void apply() {
    effects_.clear();
    batch_.now = now_;
    machine_.apply(batch_, effects_);
    for (const Effect& effect : effects_.list) {
      if (effect.kind == Effect::Kind::failure) {
        arrived_[effect.tag] = {{}, std::string{type_name(effect.error->code)}, false};
      } else if (effect.kind == Effect::Kind::reply) {
        arrived_[effect.tag] = {Packed{effects_.result(effect)}, "", false};
      }
    }
  }

  HeapExtents heap_;
  Machine machine_;
  Batch batch_;
  Effects effects_;
  Instant now_{};
  std::uint64_t last_tag_ = 0;
  Packed guard_;
  std::map<std::uint64_t, Given> arrived_;
};

}  // namespace agora::test
