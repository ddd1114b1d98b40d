// SPDX-License-Identifier: MIT

// Output: the bytes that a connection still has to send. It holds references to large stored values
// instead of copies.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <sys/uio.h>
#include <vector>

#include "server/net/encoded_values.hpp"
#include "server/storage/values.hpp"

namespace agora {

class Output {
 public:
  /// Returns the buffer, to append bytes to it.
  std::string& bytes() { return bytes_; }
  /// Appends a large value without copying it.
  void append(BlobRef blob) {
    blob_bytes_ += blob.view().size();
    blobs_.push_back({bytes_.size(), std::move(blob), {}});
  }
  /// Appends a text that other outputs may share, without copying it.
  void append(SharedTextRef text) {
    blob_bytes_ += text->text().size();
    text_bytes_ += text->text().size();
    blobs_.push_back({bytes_.size(), {}, std::move(text)});
  }

  bool empty() const { return size() == 0; }
  /// Returns how many bytes are still to be sent.
  std::size_t size() const { return bytes_.size() - sent_ + blob_bytes_ - blob_sent_; }

  /// Returns the bytes in memory that this output alone holds.
  std::size_t own_bytes() const { return bytes_.size(); }
  /// Returns the bytes of the shared texts in this output.
  std::size_t text_bytes() const { return text_bytes_; }

  /// Fills `parts` with the next bytes to send, in order. @return how many parts are filled
  std::size_t gather(std::span<iovec> parts) const;
  /// Drops the first `count` bytes, which were sent.
  void consume(std::size_t count);

 private:
  struct Shared {
    std::size_t at;  ///< the value is sent before the byte with this offset in bytes_
    BlobRef blob;
    SharedTextRef text;  ///< in place of `blob`

    std::string_view bytes() const { return text ? text->text() : blob.view().bytes(); }
  };

  void drop_sent();

  std::string bytes_;
  std::size_t sent_ = 0;        // bytes of bytes_
  std::vector<Shared> blobs_;   // in order; the first may be sent in part
  std::size_t blob_bytes_ = 0;  // of all in blobs_
  std::size_t text_bytes_ = 0;  // of the shared texts in blobs_
  std::size_t blob_sent_ = 0;   // bytes of blobs_.front()
};

}  // namespace agora
