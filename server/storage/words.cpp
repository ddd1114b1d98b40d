// SPDX-License-Identifier: MIT

#include "server/storage/words.hpp"

#include <algorithm>
#include <cstring>

namespace agora {
namespace {

constexpr std::size_t kLineBytes = Words::kLineWords * Words::kWordBytes;
constexpr std::size_t kPageLines = Words::kPageWords / Words::kLineWords;
constexpr std::size_t kPageBytes = kPageLines * kLineBytes;
constexpr std::size_t kExtentPagesMax = 64;
/// The reach of 32-bit word indices.
constexpr std::size_t kPagesMax = (std::size_t{1} << 32) / Words::kPageWords;
/// Lines that `allocate_word` splits into single words at a time.
constexpr std::size_t kCutLines = 64;

template <typename T>
T& number_at(const std::byte* at) {
  return *reinterpret_cast<T*>(const_cast<std::byte*>(at));
}

template <typename Visit>
auto with_size(std::size_t bytes, Visit&& visit) {
  switch (bytes) {
    case 1:
      return visit(std::uint8_t{});
    case 2:
      return visit(std::uint16_t{});
    case 4:
      return visit(std::uint32_t{});
    default:
      return visit(std::uint64_t{});
  }
}

}  // namespace

std::optional<WordPlace> Words::allocate(std::size_t bytes) {
  if (bytes > kPagesMax * kPageBytes) return std::nullopt;
  const std::size_t lines = (bytes + kLineBytes - 1) / kLineBytes;
  auto found = std::find_if(free_.begin(), free_.end(),
                            [lines](const auto& range) { return range.second >= lines; });
  const bool is_new = found == free_.end();
  if (is_new) {
    if (!grow(lines)) return std::nullopt;
    found = std::prev(free_.end());
  }
  const auto [line, room] = *found;
  const WordPlace first = line * static_cast<WordPlace>(kLineWords);
  if (discarded_ && !source_.renew({at(first), lines * kLineBytes})) return std::nullopt;
  free_.erase(found);
  if (room > lines) {
    free_.emplace(line + static_cast<std::uint32_t>(lines),
                  room - static_cast<std::uint32_t>(lines));
  }
  lines_used_ += lines;
  if (!is_new) std::memset(at(first), 0, lines * kLineBytes);
  return first;
}

void Words::free(WordPlace first, std::size_t bytes) {
  const std::size_t lines = (bytes + kLineBytes - 1) / kLineBytes;
  lines_used_ -= lines;
  free_lines(first / static_cast<std::uint32_t>(kLineWords), static_cast<std::uint32_t>(lines));
}

/// Frees a range and coalesces it with free neighbours that are contiguous with it in memory. At
/// the border of two extents they usually are not.
void Words::free_lines(std::uint32_t line, std::uint32_t lines) {
  const auto touches = [this](std::uint32_t end) {
    return end % kPageLines != 0 ||
           pages_[end / kPageLines] == pages_[(end / kPageLines) - 1] + kPageBytes;
  };
  auto next = free_.lower_bound(line);
  if (next != free_.end() && line + lines == next->first && touches(next->first)) {
    lines += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == line && touches(line)) {
      before->second += lines;
      return;
    }
  }
  free_.emplace(line, lines);
}

bool Words::grow(std::size_t lines) {
  const std::size_t needed = (lines + kPageLines - 1) / kPageLines;
  std::size_t pages = std::max(needed, next_extent_pages_);
  if (pages > kPagesMax - pages_.size()) return false;
  const auto place = static_cast<std::uint32_t>(pages_.size());
  std::span<std::byte> extent = source_.allocate_at(place, pages * kPageBytes);
  while (extent.empty() && pages > needed) {
    pages = std::max(pages / 2, needed);
    extent = source_.allocate_at(place, pages * kPageBytes);
  }
  if (extent.empty()) return false;
  const auto first = static_cast<std::uint32_t>(pages_.size() * kPageLines);
  for (std::size_t page = 0; page < pages; ++page) {
    pages_.push_back(extent.data() + page * kPageBytes);
  }
  next_extent_pages_ = std::min(pages * 2, kExtentPagesMax);
  free_.emplace(first, static_cast<std::uint32_t>(pages * kPageLines));
  return true;
}

std::size_t Words::bytes_reserved() const {
  const std::size_t used = bytes_used();
  const std::size_t grown = std::max(used, used_at_give_back_) - used_at_give_back_;
  return pages_.size() * kPageBytes - (discarded_bytes_ - std::min(discarded_bytes_, grown));
}

void Words::give_back() {
  constexpr std::size_t kDiscardLinesMin = (std::size_t{128} << 10) / kLineBytes;
  discarded_bytes_ = 0;
  for (const auto& [line, lines] : free_) {
    if (lines < kDiscardLinesMin) continue;
    // Free ranges do not cross the border of two extents unless these touch in memory.
    discarded_bytes_ += source_.discard(
        {at(line * static_cast<WordPlace>(kLineWords)), std::size_t{lines} * kLineBytes});
  }
  used_at_give_back_ = bytes_used();
  discarded_ = discarded_ || discarded_bytes_ > 0;
}

std::optional<WordPlace> Words::allocate_word() {
  if (spare_words_.empty()) {
    const auto first = allocate(kCutLines * kLineBytes);
    if (!first) return std::nullopt;
    // The words are allocated from the back: first word 0 of each line, then word 1 of each line,
    // and so on.
    for (std::size_t column = kLineWords; column-- > 0;) {
      for (std::size_t line = kCutLines; line-- > 0;) {
        spare_words_.push_back(*first + static_cast<WordPlace>(line * kLineWords + column));
      }
    }
  }
  const WordPlace place = spare_words_.back();
  spare_words_.pop_back();
  return place;
}

std::uint64_t load_bits(const std::byte* from, std::size_t bytes) {
  return with_size(bytes, [from](auto kind) -> std::uint64_t {
    return __atomic_load_n(&number_at<decltype(kind)>(from), __ATOMIC_SEQ_CST);
  });
}

bool compare_exchange_bits(std::byte* at, std::size_t bytes, std::uint64_t& expected,
                           std::uint64_t desired) {
  return with_size(bytes, [&](auto kind) {
    using Number = decltype(kind);
    auto found = static_cast<Number>(expected);
    const bool done =
        __atomic_compare_exchange_n(&number_at<Number>(at), &found, static_cast<Number>(desired),
                                    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    expected = found;
    return done;
  });
}

std::uint64_t exchange_bits(std::byte* at, std::size_t bytes, std::uint64_t bits) {
  return with_size(bytes, [=](auto kind) -> std::uint64_t {
    using Number = decltype(kind);
    return __atomic_exchange_n(&number_at<Number>(at), static_cast<Number>(bits), __ATOMIC_SEQ_CST);
  });
}

std::uint64_t fetch_add_bits(std::byte* at, std::size_t bytes, std::uint64_t amount) {
  return with_size(bytes, [=](auto kind) -> std::uint64_t {
    using Number = decltype(kind);
    return __atomic_fetch_add(&number_at<Number>(at), static_cast<Number>(amount),
                              __ATOMIC_SEQ_CST);
  });
}

void store_bits(std::byte* at, std::size_t bytes, std::uint64_t bits) {
  with_size(bytes, [&](auto kind) {
    __atomic_store_n(&number_at<decltype(kind)>(at), static_cast<decltype(kind)>(bits),
                     __ATOMIC_SEQ_CST);
  });
}

}  // namespace agora
