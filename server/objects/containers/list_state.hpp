// SPDX-License-Identifier: MIT

// ListState: the elements of a list, in the arena, and all operations that change them.
//
// Every change goes through this class: it maintains reference counts and the byte count, and in a
// transaction it logs the undo step. `clear` moves the old content into a bare ListState, to be
// freed incrementally.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/objects/containers/slices.hpp"
#include "server/storage/handle_deque.hpp"

namespace agora {

class ListState : public State {
 public:
  explicit ListState(Machine& machine) : machine_(machine), elements_(machine.arena()) {}

  void publish(shm::Cell& cell) override { elements_.publish(cell); }
  void unpublish() override { elements_.unpublish(); }
  void save(Writer& out) const override;
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return elements_.size(); }
  std::size_t bytes() const override { return content_bytes_; }
  bool release_some(Machine& machine, std::size_t elements) override;
  std::function<void()> restorer(Machine& machine) override;
  void each_reference(const std::function<void(std::string_view)>& visit) const override;

  const HandleDeque& elements() const { return elements_; }
  /// Holds a write section over several changes that are one step, so that concurrent readers see
  /// all of them or none.
  HandleDeque::Change one_step() { return HandleDeque::Change{elements_}; }
  PackedView at(Handle element) const { return machine_.values().view(element); }

  /// Makes a new element, not yet in the list.
  /// @error not_found  the value refers to an object that does not exist. @error out_of_memory
  Expected<Handle> make(PackedView value);
  /// Makes new elements for all values of a packed list, or none. @error not_found, out_of_memory
  Expected<std::vector<Handle>> make_all(PackedView values);
  /// Frees elements that were made and are not in the list.
  void discard(std::span<const Handle> elements);

  /// Replaces the element at an index.
  void replace(std::size_t index, Handle element);
  /// Erases the element at an index. O(distance to the nearer end).
  void erase(std::size_t index);
  /// Erases the elements of a slice. O(n).
  void erase_each(const Slice& slice);
  /// Replaces `count` elements from `start` on by others.
  /// @error out_of_memory  the others are freed, nothing else changed.
  Expected<void> splice(std::size_t start, std::size_t count, std::span<const Handle> others);
  void reverse();
  /// Stores the elements in another order; elements that it leaves out are not freed.
  void reorder(const std::vector<Handle>& order);
  /// Removes everything, to be freed incrementally. O(1).
  void clear();

 private:
  void free_element(Handle element);
  bool exchange_range(std::size_t start, std::size_t count, std::span<const Handle> others);
  void undo_range(std::size_t start, std::size_t count, std::span<const Handle> before);
  void begin_change();

  Machine& machine_;
  HandleDeque elements_;
  std::optional<HandleDeque::Change>
      in_transaction_;  ///< open from the transaction's first change to its end
  std::size_t content_bytes_ = 0;
  std::size_t referring_ = 0;  ///< elements that contain a reference
};

}  // namespace agora
