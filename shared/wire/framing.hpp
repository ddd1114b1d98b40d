// SPDX-License-Identifier: MIT

// Framing: finds the boundaries of messages, without copying and without decoding.
//
// Both framers are incremental. The caller passes the same buffer again, with more bytes at its
// end, and the scan resumes where it stopped; input that arrives byte by byte costs linear time. A
// message over a limit is refused at the header that declares its size, before its bytes arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/error.hpp"
#include "shared/base/limits.hpp"

namespace agora {

enum class FrameStatus : std::uint8_t {
  need_more,  ///< the message is not complete yet
  frame,      ///< the buffer begins with a whole message
  broken,     ///< the framing is lost: send error(), close, read nothing more
};

/// The bounds of one MessagePack message, beyond which the framing is lost. The bounds of depth and
/// elements are wider than the limits of a value. So the decoder refuses a value slightly over its
/// limit with an error reply, and the connection stays open.
struct FrameBounds {
  std::size_t bytes_max;
  std::size_t depth_max;
  std::size_t elements_max;

  explicit FrameBounds(const Limits& limits)
      : bytes_max(limits.frame_bytes_max),
        depth_max(std::size_t{limits.depth_max} * 4),
        elements_max(std::size_t{limits.elements_max} * 4) {}
};

/// Finds the end of self-delimiting MessagePack values. Any top-level value is a frame; the decoder
/// checks its shape. Reuses its stack between frames, so it does not allocate in the long run.
class MsgpackFramer {
 public:
  explicit MsgpackFramer(FrameBounds bounds) : bounds_(bounds) {}

  /// Scans `buffer`, which begins with the first byte of the current message. After `frame` the
  /// caller drops frame_bytes() bytes from the front; the next call begins a new message.
  FrameStatus scan(std::string_view buffer);

  /// Changes the largest size of a message, bytes.
  void allow(std::size_t bytes_max) { bounds_.bytes_max = bytes_max; }

  /// Returns true if the next scan begins a message: no byte of one has been scanned yet.
  bool at_begin() const { return frame_given_ || position_ == 0; }

  /// Returns the length of the message found, bytes; only after `frame`.
  std::size_t frame_bytes() const { return position_; }
  /// Returns the size of the current message as far as its headers have announced it; 0 before its
  /// first byte.
  std::size_t announced_bytes() const { return frame_given_ ? 0 : position_; }

  /// Returns why the framing is lost (invalid_request or too_large); only after `broken`, which is
  /// final.
  const Error& error() const { return error_; }

 private:
  struct Header;
  static bool read_header(std::string_view bytes, Header& header);
  FrameStatus take(const Header& header);
  FrameStatus lost(Error error);

  FrameBounds bounds_;
  std::size_t position_ = 0;         // end of the last value that was announced
  std::size_t elements_ = 0;         // declared so far, the message itself included
  std::uint64_t pending_ = 1;        // declared values not scanned yet, at least one byte each
  std::vector<std::uint64_t> open_;  // values still to come in each open list or map
  bool frame_given_ = false;         // the next scan begins a new message
  bool broken_ = false;
  Error error_;
};

/// Finds lines that end in LF or CR LF.
class LineFramer {
 public:
  /// @param bytes_max  longest line, bytes, without its end
  explicit LineFramer(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Scans `buffer`, which begins with the first byte of the current line. After `frame` the caller
  /// drops frame_bytes() bytes from the front; the next call begins a new line.
  FrameStatus scan(std::string_view buffer);

  /// Changes the longest line, bytes.
  void allow(std::size_t bytes_max) { bytes_max_ = bytes_max; }
  /// Begins a new line: the caller has dropped the unfinished one.
  void restart() { scanned_ = 0; }

  /// Returns the line without its end, a view into `buffer`; only after `frame`.
  std::string_view line() const { return line_; }
  /// Returns the length of the line with its end, bytes; only after `frame`.
  std::size_t frame_bytes() const { return frame_bytes_; }
  /// Returns why the framing is lost (too_large); only after `broken`, which is final.
  const Error& error() const { return error_; }

 private:
  std::size_t bytes_max_;
  std::size_t scanned_ = 0;
  std::string_view line_;
  std::size_t frame_bytes_ = 0;
  bool broken_ = false;
  Error error_;
};

}  // namespace agora
