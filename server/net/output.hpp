// SPDX-License-Identifier: MIT

// Output: the bytes that a connection still has to send. It holds references to large stored values
// instead of copies.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <sys/uio.h>
#include <vector>

#include "server/storage/values.hpp"

namespace agora {

class Output {
 public:
  /// Returns the buffer, to append bytes to it.
  std::string& bytes() { return bytes_; }
  /// Appends a large value without copying it.
  void append(BlobRef blob) {
    blob_bytes_ += blob.view().size();
    blobs_.push_back({bytes_.size(), std::move(blob)});
  }

  bool empty() const { return size() == 0; }
  /// Returns how many bytes are still to be sent.
  std::size_t size() const { return bytes_.size() - sent_ + blob_bytes_ - blob_sent_; }

  /// Fills `parts` with the next bytes to send, in order. @return how many parts are filled
  std::size_t gather(std::span<iovec> parts) const;
  /// Drops the first `count` bytes, which were sent.
  void consume(std::size_t count);

 private:
  struct Shared {
    std::size_t at;  ///< the blob is sent before the byte with this offset in bytes_
    BlobRef blob;
  };

  std::string bytes_;
  std::size_t sent_ = 0;       // bytes of bytes_
  std::vector<Shared> blobs_;  // in order; the first may be sent in part
  std::size_t blob_bytes_ = 0;
  std::size_t blob_sent_ = 0;  // bytes of blobs_.front()
};

}  // namespace agora
