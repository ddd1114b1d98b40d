// RawBytes: a buffer for what comes from outside. Unlike a std::string it does not clear the memory
// that it adds, so that a socket may be read straight into it, and room that is never written to
// costs nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace agora {

/// Bytes that are held, and behind them room. Moving keeps their place, and leaves an empty one.
class RawBytes {
 public:
  RawBytes() = default;
  RawBytes(RawBytes&& other) noexcept
      : memory_(std::move(other.memory_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  RawBytes& operator=(RawBytes&& other) noexcept {
    memory_ = std::move(other.memory_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  std::string_view view() const { return {memory_.get(), size_}; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }

  /// Where more may be written; what was is told to grow_by().
  std::span<char> room() { return {memory_.get() + size_, capacity_ - size_}; }
  /// So many bytes of the room are held now, at most all of it.
  void grow_by(std::size_t bytes) { size_ += bytes; }

  /// Room for `bytes` in all: what is held moves if there was less.
  void reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    std::unique_ptr<char[]> larger{new char[bytes]};  // make_unique would clear it
    if (size_ > 0) std::memcpy(larger.get(), memory_.get(), size_);
    memory_ = std::move(larger);
    capacity_ = bytes;
  }

  /// `bytes` may not be its own.
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (capacity_ - size_ < bytes.size()) reserve(std::max(size_ + bytes.size(), 2 * capacity_));
    std::memcpy(memory_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  void drop_front(std::size_t bytes) {
    size_ -= bytes;
    std::memmove(memory_.get(), memory_.get() + bytes, size_);
  }
  /// Holds nothing; the room stays.
  void clear() { size_ = 0; }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace agora
