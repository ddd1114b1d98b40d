// Prefetcher: what a command will look at in a large container is fetched while the commands before
// it are done, in two steps: first where its key's chain begins, then what stands there.
//
// What is found out on the way is kept for the command itself, and is not found out twice:
// the object is looked up once, the key hashed once. Measured with 32 calls under way on a dict of
// 10,000 keys: a look-up takes 25 ns instead of 59; the looks ahead cost about as much there, and
// with 100,000 keys a quarter of the server's own time is saved.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "server/core/methods/command.hpp"
#include "server/core/state/registry.hpp"

namespace agora {

class Prefetcher {
 public:
  /// What is known of a command.
  struct Known {
    Object* object = nullptr;  ///< null: not known
    std::uint64_t seen = 0;    ///< what State::prefetch gave
  };

  explicit Prefetcher(Registry& registry) : registry_(registry) {}

  /// Before the first command of a batch.
  void begin(const Batch& batch);
  /// Before the command with that index, in their order: looks at later ones.
  Known advance(const Batch& batch, std::size_t index) {
    if (batch.commands.size() < kLeast) return {};
    const Known known = is_valid() ? ring_[index % kFar] : Known{};
    prefetch_bucket(batch, index + kFar);
    prefetch_entry(index + kNear);
    return known;
  }

 private:
  static constexpr std::size_t kLeast = 4;  ///< of fewer nothing is gained
  static constexpr std::size_t kFar = 8;
  static constexpr std::size_t kNear = 4;

  bool is_valid() const { return names_ == registry_.names_changed(); }
  void prefetch_bucket(const Batch& batch, std::size_t index);
  void prefetch_entry(std::size_t index);
  Object* find(std::string_view name);

  Registry& registry_;
  std::array<Known, kFar> ring_{};  ///< of the next commands
  Object* last_ = nullptr;          ///< calls for one object come in runs
  std::uint64_t names_ = 0;         ///< all these objects were found when this was the count
};

}  // namespace agora
