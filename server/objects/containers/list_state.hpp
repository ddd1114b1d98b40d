// ListState: the elements of a list, in the arena, and every way in which they change.
//
// All changes go through this: references, bytes, and in a transaction the way back. As it stands
// a ListState is content that a clear has put aside.
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

  void publish(shm::Cell& cell) override { elements_.show(cell); }
  void unpublish() override { elements_.hide(); }
  void save(Writer& out) const override;
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return elements_.size(); }
  std::size_t bytes() const override { return content_bytes_; }
  bool release_some(Machine& machine, std::size_t elements) override;
  std::function<void()> restorer(Machine& machine) override;
  void each_reference(const std::function<void(std::string_view)>& visit) const override;

  const HandleDeque& elements() const { return elements_; }
  /// To be held around several changes that are one step, also for those who read along.
  HandleDeque::Change one_step() { return HandleDeque::Change{elements_}; }
  PackedView at(Handle element) const { return machine_.values().view(element); }

  /// A new element, not yet in the list. @error not_found, out_of_memory
  Expected<Handle> make(PackedView value);
  /// New elements for all values of a packed list, or none. @error not_found, out_of_memory
  Expected<std::vector<Handle>> make_all(PackedView values);
  /// Frees elements that were made and are not in the list.
  void discard(std::span<const Handle> elements);

  /// Puts an element in the place of another.
  void replace(std::size_t place, Handle element);
  /// Takes one out. O(distance to the nearer end).
  void erase(std::size_t place);
  /// Takes out what a slice names. O(n).
  void erase_each(const Slice& slice);
  /// Puts others in the place of `count` elements from `start` on.
  /// @error out_of_memory  the others are freed, nothing else changed.
  Expected<void> splice(std::size_t start, std::size_t count, std::span<const Handle> others);
  void reverse();
  /// Gives the same elements another order.
  void reorder(const std::vector<Handle>& order);
  /// Takes everything out, to be freed in slices. O(1).
  void clear();

 private:
  void drop(Handle element);
  bool put_in_place(std::size_t start, std::size_t count, std::span<const Handle> others);
  void put_back(std::size_t start, std::size_t count, std::span<const Handle> before);
  void about_to_change();

  Machine& machine_;
  HandleDeque elements_;
  std::optional<HandleDeque::Change> in_transaction_;  ///< from the first change in it to its end
  std::size_t content_bytes_ = 0;
  std::size_t referring_ = 0;  ///< elements that refer to something
};

}  // namespace agora
