// Output: what a connection still has to send: bytes, with large stored values shared in between.
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
  /// The end of the bytes, to append to.
  std::string& bytes() { return bytes_; }
  /// Appends a large value without copying it.
  void append(BlobRef blob) {
    blob_bytes_ += blob.view().size();
    blobs_.push_back({bytes_.size(), std::move(blob)});
  }

  bool empty() const { return size() == 0; }
  /// Bytes that are still to be sent.
  std::size_t size() const { return bytes_.size() - sent_ + blob_bytes_ - blob_sent_; }

  /// Fills `parts` with what comes next, in order. @return how many parts are filled.
  std::size_t gather(std::span<iovec> parts) const;
  /// Drops the first `count` bytes: they are sent.
  void consume(std::size_t count);

  /// Memory for the bytes, taken from and given back to whoever keeps it for all connections.
  void adopt(std::string& spare) { bytes_.swap(spare); }

 private:
  struct Shared {
    std::size_t at;  ///< where it stands between the bytes
    BlobRef blob;
  };

  std::string bytes_;
  std::size_t sent_ = 0;       // of bytes_
  std::vector<Shared> blobs_;  // in order; the first may be sent in part
  std::size_t blob_bytes_ = 0;
  std::size_t blob_sent_ = 0;  // of blobs_.front()
};

}  // namespace agora
