// SPDX-License-Identifier: MIT

// HandleDeque: a deque of handles, all of it in an arena. A list object stores its elements in one.
//
// The handles lie in chunks of 128, listed by a directory with free slots at both of its ends.
// Pushing and popping at an end is O(1), and so is access by index. An insert or erase inside moves
// everything between the index and the nearer end.
//
// Once it is published, other processes read it without a lock (shared/shm/list_reader.hpp). Then
// it changes only within a Change. Not thread-safe. The arena must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "server/storage/arena.hpp"
#include "server/storage/cell_writer.hpp"
#include "shared/shm/list_layout.hpp"

namespace agora {

class HandleDeque {
 public:
  /// A write section of the seqlock: readers retry while one lives, so they see all of its changes
  /// or none. Changes nest. The deque must not be destroyed meanwhile.
  class [[nodiscard]] Change {
   public:
    explicit Change(HandleDeque& deque) : deque_(deque) { deque_.cell_.begin(); }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change() { deque_.cell_.end(deque_.size_, deque_.shape().word()); }

   private:
    HandleDeque& deque_;
  };

  explicit HandleDeque(Arena& arena) : arena_(&arena) {}
  HandleDeque(const HandleDeque&) = delete;
  HandleDeque& operator=(const HandleDeque&) = delete;
  ~HandleDeque();
  /// Swaps the content; each published cell stays with its deque.
  void swap(HandleDeque& other) noexcept;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Returns the handle at an index below size().
  Handle operator[](std::size_t index) const { return *slot(index); }
  std::vector<Handle> all() const;
  /// Visits all in order as visit(Handle); the visitor must not change the deque.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (std::size_t index = 0; index < size_; ++index) visit((*this)[index]);
  }

  /// Stores a handle at an index. @return the previous one
  Handle exchange(std::size_t index, Handle handle);
  /// Inserts handles before an index of at most size(). The span must not point into this deque.
  /// O(their number and the distance to the nearer end). Returns false if there is no memory; then
  /// nothing changed.
  bool insert(std::size_t index, std::span<const Handle> handles);
  /// Erases `count` handles from an index on. O(count / 128 and the distance to the nearer end).
  void erase(std::size_t index, std::size_t count);
  /// Reverses the order. O(n).
  void reverse();

  /// Publishes the content to other processes from now on; the cell's object must be set.
  void publish(shm::Cell& cell) { cell_.publish(cell, size_, shape().word()); }
  /// Ends the publication: the sequence stays odd (write in progress), so readers reject the
  /// content.
  void unpublish() { cell_.unpublish(); }
  bool published() const { return cell_.published(); }

  /// Returns the size in the arena, bytes.
  std::size_t bytes() const;

 private:
  shm::ListShape shape() const { return {directory_.unit, static_cast<std::uint32_t>(begin_)}; }
  Handle* directory() const { return &arena_->as<Handle>(directory_); }
  Handle* slot(std::size_t index) const {
    const std::size_t at = begin_ + index;
    return &arena_->as<Handle>(directory()[at / shm::kChunkSlots]) + at % shm::kChunkSlots;
  }
  std::size_t first_chunk() const { return begin_ / shm::kChunkSlots; }
  /// Returns the number of chunks that `size` handles occupy if element 0 stays in its slot.
  std::size_t chunks_of(std::size_t size) const;
  bool grow_front(std::size_t count);
  bool grow_back(std::size_t count);
  bool make_chunks(std::size_t first, std::size_t last);
  bool reserve_directory(std::size_t before, std::size_t behind);
  void shrink_front(std::size_t count);
  void shrink_back(std::size_t count);
  void free_chunks(std::size_t first, std::size_t last);
  void free_directory();
  void move_down(std::size_t to, std::size_t from, std::size_t count);
  void move_up(std::size_t to, std::size_t from, std::size_t count);

  CellWriter cell_;
  Arena* arena_;
  Handle directory_;
  std::size_t directory_slots_ = 0;  ///< its capacity
  std::size_t begin_ = 0;            ///< the slot of element 0, counted from the directory's first
  std::size_t size_ = 0;
};

}  // namespace agora
