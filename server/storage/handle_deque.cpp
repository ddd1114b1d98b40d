// SPDX-License-Identifier: MIT

#include "server/storage/handle_deque.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "shared/base/assert.hpp"

namespace agora {
namespace {

using shm::kChunkSlots;

constexpr std::size_t kChunkBytes = kChunkSlots * sizeof(Handle);
constexpr std::size_t kDirectorySlotsMin = 4;
/// Readers get `begin_` in 32 bits.
constexpr std::size_t kDirectorySlotsMax = (std::size_t{1} << 32) / kChunkSlots;

std::size_t directory_bytes(std::size_t slots) { return slots * sizeof(Handle); }

}  // namespace

HandleDeque::~HandleDeque() {
  unpublish();
  if (size_ > 0) shrink_back(size_);
}

void HandleDeque::swap(HandleDeque& other) noexcept {
  std::swap(arena_, other.arena_);
  std::swap(directory_, other.directory_);
  std::swap(directory_slots_, other.directory_slots_);
  std::swap(begin_, other.begin_);
  std::swap(size_, other.size_);
}

std::vector<Handle> HandleDeque::all() const {
  std::vector<Handle> handles;
  handles.reserve(size_);
  each([&](Handle handle) { handles.push_back(handle); });
  return handles;
}

Handle HandleDeque::exchange(std::size_t index, Handle handle) {
  const Change change{*this};
  return std::exchange(*slot(index), handle);
}

bool HandleDeque::insert(std::size_t index, std::span<const Handle> handles) {
  AGORA_ASSERT(index <= size_);
  const std::size_t count = handles.size();
  if (count == 0) return true;
  const Change change{*this};
  if (index < size_ - index) {
    if (!grow_front(count)) return false;
    move_down(0, count, index);
  } else {
    const std::size_t behind = size_ - index;
    if (!grow_back(count)) return false;
    move_up(index + count, index, behind);
  }
  for (const Handle handle : handles) *slot(index++) = handle;
  return true;
}

void HandleDeque::erase(std::size_t index, std::size_t count) {
  AGORA_ASSERT(index <= size_ && count <= size_ - index);
  if (count == 0) return;
  const Change change{*this};
  const std::size_t behind = size_ - index - count;
  if (index < behind) {
    move_up(count, 0, index);
    shrink_front(count);
  } else {
    move_down(index, index + count, behind);
    shrink_back(count);
  }
}

void HandleDeque::reverse() {
  const Change change{*this};
  for (std::size_t i = 0; i < size_ / 2; ++i) std::swap(*slot(i), *slot(size_ - 1 - i));
}

std::size_t HandleDeque::bytes() const {
  return Arena::rounded(directory_bytes(directory_slots_)) + chunks_of(size_) * kChunkBytes;
}

std::size_t HandleDeque::chunks_of(std::size_t size) const {
  if (size == 0) return 0;
  return (begin_ + size - 1) / kChunkSlots - first_chunk() + 1;
}

/// Makes room for `count` more handles in front, and adds them to the size.
bool HandleDeque::grow_front(std::size_t count) {
  const std::size_t free_slots = size_ == 0 ? 0 : begin_ % kChunkSlots;
  if (count > free_slots) {
    const std::size_t chunks = (count - free_slots + kChunkSlots - 1) / kChunkSlots;
    if (!reserve_directory(chunks, 0)) return false;
    if (!make_chunks(first_chunk() - chunks, first_chunk())) return false;
  }
  begin_ -= count;
  size_ += count;
  return true;
}

/// Makes room for `count` more handles at the back, and adds them to the size.
bool HandleDeque::grow_back(std::size_t count) {
  const std::size_t had = chunks_of(size_);
  const std::size_t chunks = chunks_of(size_ + count) - had;
  if (chunks > 0) {
    if (!reserve_directory(0, chunks)) return false;
    const std::size_t first = first_chunk() + had;
    if (!make_chunks(first, first + chunks)) return false;
  }
  size_ += count;
  return true;
}

/// Fills the directory's slots [first, last) with new chunks, all or none.
bool HandleDeque::make_chunks(std::size_t first, std::size_t last) {
  for (std::size_t index = first; index < last; ++index) {
    const Handle chunk = arena_->allocate(kChunkBytes);
    if (!chunk) {
      free_chunks(first, index);
      if (size_ == 0) free_directory();
      return false;
    }
    directory()[index] = chunk;
  }
  return true;
}

/// Makes sure that the directory has `before` free slots in front of the used ones and `behind`
/// free slots behind them. A new directory has at least as many free slots as used ones, so one is
/// rarely needed.
bool HandleDeque::reserve_directory(std::size_t before, std::size_t behind) {
  const std::size_t used = chunks_of(size_);
  const std::size_t first = first_chunk();
  if (directory_ && before <= first && behind <= directory_slots_ - first - used) return true;
  const std::size_t wanted = before + used + behind;
  std::size_t slots = directory_slots_;
  Handle made = directory_;
  if (directory_slots_ < wanted * 2 || !directory_) {
    slots = std::bit_ceil(std::max(wanted * 2, kDirectorySlotsMin));
    if (slots > kDirectorySlotsMax) return false;
    made = arena_->allocate(directory_bytes(slots));
    if (!made) return false;
  }
  const std::size_t now = before + (slots - wanted) / 2;
  if (directory_) {
    std::memmove(&arena_->as<Handle>(made) + now, directory() + first, used * sizeof(Handle));
    if (made != directory_) arena_->free(directory_, directory_bytes(directory_slots_));
  }
  directory_ = made;
  directory_slots_ = slots;
  begin_ = now * kChunkSlots + begin_ % kChunkSlots;
  return true;
}

void HandleDeque::shrink_front(std::size_t count) {
  const std::size_t first = first_chunk();
  begin_ += count;
  size_ -= count;
  free_chunks(first, first_chunk());
}

void HandleDeque::shrink_back(std::size_t count) {
  const std::size_t had = chunks_of(size_);
  size_ -= count;
  const std::size_t first = first_chunk();
  free_chunks(first + chunks_of(size_), first + had);
  if (size_ == 0) free_directory();
}

void HandleDeque::free_chunks(std::size_t first, std::size_t last) {
  for (std::size_t index = first; index < last; ++index) {
    arena_->free(directory()[index], kChunkBytes);
  }
}

void HandleDeque::free_directory() {
  arena_->free(directory_, directory_bytes(directory_slots_));
  directory_ = {};
  directory_slots_ = 0;
  begin_ = 0;
}

/// Moves `count` handles towards the front.
void HandleDeque::move_down(std::size_t to, std::size_t from, std::size_t count) {
  while (count > 0) {
    const std::size_t run = std::min({count, kChunkSlots - (begin_ + to) % kChunkSlots,
                                      kChunkSlots - (begin_ + from) % kChunkSlots});
    std::memmove(slot(to), slot(from), run * sizeof(Handle));
    to += run;
    from += run;
    count -= run;
  }
}

/// Moves `count` handles towards the back.
void HandleDeque::move_up(std::size_t to, std::size_t from, std::size_t count) {
  while (count > 0) {
    const std::size_t run = std::min({count, (begin_ + to + count - 1) % kChunkSlots + 1,
                                      (begin_ + from + count - 1) % kChunkSlots + 1});
    count -= run;
    std::memmove(slot(to + count), slot(from + count), run * sizeof(Handle));
  }
}

}  // namespace agora
