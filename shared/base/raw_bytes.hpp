// SPDX-License-Identifier: MIT

// RawBytes: a receive buffer. Unlike a std::string it does not zero the capacity that it adds, so a
// socket can be read straight into it, and capacity that is never written costs nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace agora {

/// A buffer of size() bytes followed by room up to its capacity. A move keeps the address of the
/// bytes and leaves the source empty.
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

  /// Returns the writable room behind the bytes; report bytes written there with grow_by().
  std::span<char> room() { return {memory_.get() + size_, capacity_ - size_}; }
  /// Appends the first `bytes` bytes of the room, at most all of it.
  void grow_by(std::size_t bytes) { size_ += bytes; }

  /// Grows the capacity to at least `bytes`; this moves the bytes if the capacity was less. A large
  /// buffer moves without a copy: the C library maps its pages to another address.
  void reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    if (size_ == 0) {  // there is nothing to move
      memory_.reset();
      capacity_ = 0;
    }
    void* const larger = std::realloc(memory_.get(), bytes);
    if (larger == nullptr) throw std::bad_alloc();
    static_cast<void>(memory_.release());
    memory_.reset(static_cast<char*>(larger));
    capacity_ = bytes;
  }

  /// Appends a copy of `bytes`, which must not lie in this buffer.
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
  void drop_back(std::size_t bytes) { size_ -= bytes; }
  /// Sets the size to 0; keeps the capacity.
  void clear() { size_ = 0; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  std::unique_ptr<char[], Free> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace agora
