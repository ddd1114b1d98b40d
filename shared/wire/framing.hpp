// Where one message ends and the next begins, found without copying and without decoding.
//
// Both framers look at a buffer that grows at its end: hand in the same bytes again with more
// behind them, and the scan goes on where it stopped, so even one byte at a time costs linear time.
// What they refuse they refuse at the header that declares it, before anything is there.
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
  frame,      ///< a message stands at the front of the buffer
  broken,     ///< the framing is lost: send error(), close, read nothing more
};

/// What one MessagePack message may be before the framing counts as lost. Depth and elements are
/// wider than what a value may have, so that a value somewhat too large is answered by the decoder
/// and the connection stays.
struct FrameBounds {
  std::size_t bytes_max;
  std::size_t depth_max;
  std::size_t elements_max;

  explicit FrameBounds(const Limits& limits)
      : bytes_max(limits.frame_bytes_max),
        depth_max(std::size_t{limits.depth_max} * 4),
        elements_max(std::size_t{limits.elements_max} * 4) {}
};

/// Finds the end of self-delimiting MessagePack values. Any top-level value is a frame; its shape
/// is the decoder's business. Keeps its stack between frames: no allocation in the long run.
class MsgpackFramer {
 public:
  explicit MsgpackFramer(FrameBounds bounds) : bounds_(bounds) {}

  /// Looks at `buffer`, whose first byte is the first of the current message. After `frame` the
  /// caller drops frame_bytes() bytes from the front; the next call begins a new message.
  FrameStatus scan(std::string_view buffer);

  /// True if the next scan begins a message: nothing of one has been looked at yet.
  bool at_begin() const { return frame_given_ || position_ == 0; }

  /// Length of the message found, bytes; only after `frame`.
  std::size_t frame_bytes() const { return position_; }
  /// What the message under way has announced so far, bytes; 0: nothing of one has been looked at.
  std::size_t announced_bytes() const { return frame_given_ ? 0 : position_; }

  /// Why the framing is lost (invalid_request or too_large); only after `broken`, which is final.
  const Error& error() const { return error_; }

 private:
  struct Header;
  static bool read_header(std::string_view bytes, Header& header);
  FrameStatus take(const Header& header);
  FrameStatus lost(Error error);

  FrameBounds bounds_;
  std::size_t position_ = 0;         // behind the last value that was announced
  std::size_t elements_ = 0;         // declared so far, the message itself included
  std::uint64_t pending_ = 1;        // values still to come, at one byte each at least
  std::vector<std::uint64_t> open_;  // values still to come in each open list or map
  bool frame_given_ = false;         // the next scan begins a new message
  bool broken_ = false;
  Error error_;
};

/// Finds lines that end in LF or CR LF.
class LineFramer {
 public:
  /// @param bytes_max  longest line, bytes, its end not counted
  explicit LineFramer(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Looks at `buffer`, whose first byte is the first of the current line. After `frame` the
  /// caller drops frame_bytes() bytes from the front; the next call begins a new line.
  FrameStatus scan(std::string_view buffer);

  /// The line without its end, a part of `buffer`; only after `frame`.
  std::string_view line() const { return line_; }
  /// Length of the line with its end, bytes; only after `frame`.
  std::size_t frame_bytes() const { return frame_bytes_; }
  /// Why the framing is lost (too_large); only after `broken`, which is final.
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
