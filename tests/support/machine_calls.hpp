// Calls straight into a machine: for tests and benchmarks of the objects.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/heap_extents.hpp"
#include "server/core/machine.hpp"
#include "server/objects/types.hpp"
#include "shared/value/codec.hpp"

namespace agora::test {

/// What a call gave: a result, an error, or nothing yet (it waits).
struct Given {
  Packed result;
  std::string error;  ///< the error's type; empty: none
  bool waits = false;

  template <typename T>
  T as() const {
    auto value = unpack<T>(result);
    return value ? std::move(*value) : T{};
  }
};

class MachineCalls {
 public:
  explicit MachineCalls(MachineInput input = {})
      : machine_(all_types(), extents_, std::move(input)) {
    open(1);
  }

  void open(std::uint64_t session) {
    batch_.clear();
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_opened;
    command.link = LinkId{session};
    batch_.peers.emplace_back();
    apply();
  }
  void end(std::uint64_t session) {
    batch_.clear();
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_closed;
    command.link = LinkId{session};
    apply();
  }

  /// Calls a method with its parameters by position, as session 1.
  template <typename... Args>
  Given operator()(std::string_view method, const Args&... arguments) {
    batch_.clear();
    (add(pack(arguments)), ...);
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::call;
    command.link = LinkId{1};
    command.method = *machine_.catalogue().find(method);
    command.count = static_cast<std::uint32_t>(sizeof...(arguments));
    apply();
    const Effect& effect = effects_.list.back();
    if (effect.kind == Effect::Kind::parked) return {{}, "", true};
    if (effect.error) return {{}, std::string{type_name(effect.error->code)}, false};
    return {Packed{effects_.result(effect)}, "", false};
  }

  Machine& machine() { return machine_; }
  const Effects& effects() const { return effects_; }

 private:
  void add(const Packed& value) {
    batch_.arguments.push_back({batch_.bytes.size(), value.bytes().size()});
    batch_.bytes += value.bytes();
  }
  void apply() {
    effects_.clear();
    machine_.apply(batch_, effects_);
  }

  HeapExtents extents_;
  Machine machine_;
  Batch batch_;
  Effects effects_;
};

}  // namespace agora::test
