// SPDX-License-Identifier: MIT

// whole_pages: the pages of the system that lie wholly within a range of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace agora {

/// Returns the part of `bytes` that consists of whole pages; empty if there is none. It counts in
/// 64 KiB, the largest base page in use, so that it needs no system call.
inline std::span<std::byte> whole_pages(std::span<std::byte> bytes) {
  constexpr std::uintptr_t kPage = 65536;
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t first = (begin + kPage - 1) / kPage * kPage;
  const std::uintptr_t last = (begin + bytes.size()) / kPage * kPage;
  if (first >= last) return {};
  return bytes.subspan(first - begin, last - first);
}

}  // namespace agora
