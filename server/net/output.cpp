// SPDX-License-Identifier: MIT

#include "server/net/output.hpp"

#include <algorithm>

namespace agora {

std::size_t Output::gather(std::span<iovec> parts) const {
  std::size_t filled = 0;
  std::size_t from = sent_;
  std::size_t skip = blob_sent_;
  const auto add = [&](const char* data, std::size_t length) {
    if (length > 0) parts[filled++] = {const_cast<char*>(data), length};
  };
  for (const Shared& shared : blobs_) {
    if (filled + 2 > parts.size()) return filled;
    add(bytes_.data() + from, shared.at - from);
    from = shared.at;
    const std::string_view blob = shared.bytes();
    add(blob.data() + skip, blob.size() - skip);
    skip = 0;
  }
  if (filled < parts.size()) add(bytes_.data() + from, bytes_.size() - from);
  return filled;
}

void Output::consume(std::size_t count) {
  std::size_t done = 0;  // blobs that were sent whole
  while (done < blobs_.size()) {
    const Shared& shared = blobs_[done];
    const std::size_t before = std::min(count, shared.at - sent_);
    sent_ += before;
    count -= before;
    const std::size_t left = shared.bytes().size() - blob_sent_;
    if (sent_ < shared.at || count < left) {
      blob_sent_ += sent_ < shared.at ? 0 : count;
      count = 0;
      break;
    }
    count -= left;
    blob_bytes_ -= shared.bytes().size();
    if (shared.text) text_bytes_ -= shared.bytes().size();
    blob_sent_ = 0;
    ++done;
  }
  blobs_.erase(blobs_.begin(), blobs_.begin() + static_cast<std::ptrdiff_t>(done));
  sent_ += count;
  if (!blobs_.empty() || sent_ < bytes_.size()) return drop_sent();
  // A large reply in text leaves no memory behind.
  constexpr std::size_t kKeptBytes = std::size_t{1} << 20;
  if (bytes_.capacity() > kKeptBytes) {
    bytes_ = {};
  } else {
    bytes_.clear();
  }
  sent_ = 0;
}

/// Frees the bytes in front that were sent, now and then: a client may read for ever and never all
/// of the output.
void Output::drop_sent() {
  constexpr std::size_t kWorthBytes = std::size_t{1} << 20;
  if (sent_ < kWorthBytes || sent_ < bytes_.size() / 2) return;
  bytes_.erase(0, sent_);
  for (Shared& shared : blobs_) shared.at -= sent_;
  sent_ = 0;
}

}  // namespace agora
