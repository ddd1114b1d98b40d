// SPDX-License-Identifier: MIT

// EncodedValues: large values in the forms in which connections send them. Connections that get the
// same value in the same form share one text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "server/core/state/effect.hpp"
#include "server/storage/values.hpp"

namespace agora {

/// The bytes of a value or a message in one form, shared by the outputs of several connections.
class SharedText {
 public:
  /// @param total  the bytes of all shared texts; it must outlive this object
  SharedText(std::string text, BlobRef blob, std::size_t& total)
      : text_(std::move(text)), blob_(std::move(blob)), total_(total) {
    total_ += text_.size();
  }
  SharedText(const SharedText&) = delete;
  SharedText& operator=(const SharedText&) = delete;
  ~SharedText() { total_ -= text_.size(); }

  const std::string& text() const { return text_; }

 private:
  const std::string text_;
  const BlobRef blob_;  // keeps the place of the value, by which it is found, from being used again
  std::size_t& total_;
};

using SharedTextRef = std::shared_ptr<const SharedText>;

class EncodedValues {
 public:
  /// From this size on, in bytes, a notice is encoded once for all of its receivers.
  static constexpr std::size_t kNoticeBytesMin = std::size_t{16} << 10;

  /// Returns a large stored value as JSON.
  SharedTextRef json(const BlobRef& blob);
  /// Returns the message of a notice in JSON, with its line end, or in MessagePack.
  /// @param effects  the effects that hold the notice
  SharedTextRef notice(const Effect& effect, const Effects& effects, bool in_json);

  /// Returns the bytes of all texts that outputs share.
  std::size_t bytes() const { return bytes_; }

 private:
  /// The last notice in one form. It is found again by its place in the effects.
  struct Notice {
    std::uint64_t serial = 0;
    std::size_t offset = 0;
    std::weak_ptr<const SharedText> text;
  };

  std::size_t bytes_ = 0;
  std::unordered_map<const char*, std::weak_ptr<const SharedText>> json_;  // by place in the arena
  Notice notices_[2];
};

}  // namespace agora
