// HandleDeque: handles in order, quick at both ends, all of it in an arena; under list.
//
// Chunks of 128 handles, and a directory of chunks with free places at both of its ends. An end
// grows and shrinks in O(1), any place is read in O(1), and inside everything between the place and
// the nearer end moves.
//
// Other processes may read along without a lock (shared/shm/list_reader.hpp) once it is shown. Then
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
  /// Readers look away for as long as one of these lives, so they see all of what happens
  /// meanwhile or nothing. They may be nested. Not in one that ends.
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
  /// The content changes places; what shows it stays where it is.
  void swap(HandleDeque& other) noexcept;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// The handle at a place below size().
  Handle operator[](std::size_t place) const { return *slot(place); }
  std::vector<Handle> all() const;
  /// Visits all in order as visit(Handle); it must not change this.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (std::size_t place = 0; place < size_; ++place) visit((*this)[place]);
  }

  /// Puts another handle at a place. @return the one that was there
  Handle exchange(std::size_t place, Handle handle);
  /// Puts handles, not its own, in front of a place of at most size(). O(their number and the
  /// distance to the nearer end). False: no room, nothing changed.
  bool insert(std::size_t place, std::span<const Handle> handles);
  /// Takes `count` out from a place on. O(count / 128 and the distance to the nearer end).
  void erase(std::size_t place, std::size_t count);
  /// Turns the order round. O(n).
  void reverse();

  /// Lets other processes see the content, from now on; the cell's object must be set.
  void show(shm::Cell& cell) { cell_.show(cell, size_, shape().word()); }
  /// The reverse: the cell stays as in the midst of a change.
  void hide() { cell_.hide(); }
  bool shown() const { return cell_.shown(); }

  /// What it takes of the arena.
  std::size_t bytes() const;

 private:
  shm::ListShape shape() const { return {directory_.unit, static_cast<std::uint32_t>(begin_)}; }
  Handle* directory() const { return &arena_->as<Handle>(directory_); }
  Handle* slot(std::size_t place) const {
    const std::size_t at = begin_ + place;
    return &arena_->as<Handle>(directory()[at / shm::kChunkSlots]) + at % shm::kChunkSlots;
  }
  std::size_t first_chunk() const { return begin_ / shm::kChunkSlots; }
  /// Chunks that `size` handles take if the first one stands where it does.
  std::size_t chunks_of(std::size_t size) const;
  bool grow_front(std::size_t count);
  bool grow_back(std::size_t count);
  bool make_chunks(std::size_t first, std::size_t last);
  bool make_places(std::size_t before, std::size_t behind);
  void shrink_front(std::size_t count);
  void shrink_back(std::size_t count);
  void free_chunks(std::size_t first, std::size_t last);
  void free_directory();
  void move_down(std::size_t to, std::size_t from, std::size_t count);
  void move_up(std::size_t to, std::size_t from, std::size_t count);

  CellWriter cell_;
  Arena* arena_;
  Handle directory_;
  std::size_t places_ = 0;  ///< in the directory
  std::size_t begin_ = 0;   ///< where element 0 stands, counted from the directory's first place
  std::size_t size_ = 0;
};

}  // namespace agora
