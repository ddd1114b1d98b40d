// SPDX-License-Identifier: MIT

#include "shared/wire/framing.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "shared/wire/error_data.hpp"

namespace agora {
namespace {

enum class Shape : std::uint8_t { scalar, list, map, invalid };

// The meaning of a first byte from 0xc0 to 0xdf.
struct Row {
  std::uint8_t length_bytes;  // of the length or count that follows
  std::uint8_t fixed_bytes;   // of the body, in addition to that length
  Shape shape;
};

constexpr std::array<Row, 32> kRows{{
    {0, 0, Shape::scalar}, {0, 0, Shape::invalid}, {0, 0, Shape::scalar},  // nil, never used, false
    {0, 0, Shape::scalar},                                                 // true
    {1, 0, Shape::scalar}, {2, 0, Shape::scalar},  {4, 0, Shape::scalar},  // bin
    {1, 1, Shape::scalar}, {2, 1, Shape::scalar},  {4, 1, Shape::scalar},  // ext, with its type
    {0, 4, Shape::scalar}, {0, 8, Shape::scalar},                          // float 32, 64
    {0, 1, Shape::scalar}, {0, 2, Shape::scalar},  {0, 4, Shape::scalar},  // uint 8, 16, 32
    {0, 8, Shape::scalar},                                                 // uint 64
    {0, 1, Shape::scalar}, {0, 2, Shape::scalar},  {0, 4, Shape::scalar},  // int 8, 16, 32
    {0, 8, Shape::scalar},                                                 // int 64
    {0, 2, Shape::scalar}, {0, 3, Shape::scalar},  {0, 5, Shape::scalar},  // fixext 1, 2, 4
    {0, 9, Shape::scalar}, {0, 17, Shape::scalar},                         // fixext 8, 16
    {1, 0, Shape::scalar}, {2, 0, Shape::scalar},  {4, 0, Shape::scalar},  // str
    {2, 0, Shape::list},   {4, 0, Shape::list},                            // array
    {2, 0, Shape::map},    {4, 0, Shape::map},                             // map
}};

}  // namespace

struct MsgpackFramer::Header {
  std::size_t bytes = 1;       // of the header itself
  std::uint64_t body = 0;      // bytes of its body
  std::uint64_t children = 0;  // values inside the list or map
  Shape shape = Shape::scalar;
};

bool MsgpackFramer::read_header(std::string_view bytes, Header& header) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < 0x80 || first >= 0xe0) return true;
  if (first < 0xa0) {
    header.shape = first < 0x90 ? Shape::map : Shape::list;
    header.children = (first & 0x0fU) * (header.shape == Shape::map ? 2U : 1U);
    return true;
  }
  if (first < 0xc0) {
    header.body = first & 0x1fU;
    return true;
  }
  const Row& row = kRows[first - 0xc0U];
  header.shape = row.shape;
  header.bytes = 1U + row.length_bytes;
  if (bytes.size() < header.bytes) return false;
  std::uint64_t length = 0;
  for (std::size_t i = 1; i < header.bytes; ++i) {
    length = length << 8 | static_cast<unsigned char>(bytes[i]);
  }
  if (row.shape == Shape::scalar) header.body = length + row.fixed_bytes;
  if (row.shape == Shape::list) header.children = length;
  if (row.shape == Shape::map) header.children = length * 2;
  return true;
}

FrameStatus MsgpackFramer::lost(Error error) {
  broken_ = true;
  error_ = std::move(error);
  return FrameStatus::broken;
}

FrameStatus MsgpackFramer::take(const Header& header) {
  if (header.shape == Shape::invalid) {
    return lost(Error{Errc::invalid_request,
                      "byte 0xc1 at position " + std::to_string(position_) + " is no MessagePack",
                      Done::no,
                      {}});
  }
  const std::uint64_t room = bounds_.bytes_max - position_;
  elements_ += 1;
  pending_ += header.children - 1;
  if (header.bytes + header.body > room || pending_ > room - header.bytes - header.body) {
    return lost(too_large("frame_bytes_max",
                          "a message has at most " + std::to_string(bounds_.bytes_max) + " bytes"));
  }
  if (elements_ + pending_ > bounds_.elements_max) {
    return lost(too_large("elements_max", "a message declares far too many elements"));
  }
  position_ += header.bytes + static_cast<std::size_t>(header.body);
  if (!open_.empty()) --open_.back();
  if (header.children > 0) open_.push_back(header.children);
  if (open_.size() > bounds_.depth_max) {
    return lost(too_large("depth_max", "a message is nested far too deeply"));
  }
  while (!open_.empty() && open_.back() == 0) open_.pop_back();
  return FrameStatus::need_more;
}

FrameStatus MsgpackFramer::scan(std::string_view buffer) {
  if (broken_) return FrameStatus::broken;
  if (frame_given_) {
    position_ = elements_ = 0;
    pending_ = 1;
    frame_given_ = false;
  }
  while (pending_ > 0) {
    if (position_ >= buffer.size()) return FrameStatus::need_more;
    Header header;
    if (!read_header(buffer.substr(position_), header)) return FrameStatus::need_more;
    if (take(header) == FrameStatus::broken) return FrameStatus::broken;
  }
  if (position_ > buffer.size()) return FrameStatus::need_more;
  frame_given_ = true;
  return FrameStatus::frame;
}

FrameStatus LineFramer::scan(std::string_view buffer) {
  if (broken_) return FrameStatus::broken;
  const std::size_t end = buffer.find('\n', std::min(scanned_, buffer.size()));
  const bool whole = end != std::string_view::npos;
  scanned_ = whole ? 0 : buffer.size();
  std::string_view line = buffer.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() > bytes_max_) {
    broken_ = true;
    error_ =
        too_large("frame_bytes_max", "a line has at most " + std::to_string(bytes_max_) + " bytes");
    return FrameStatus::broken;
  }
  if (!whole) return FrameStatus::need_more;
  line_ = line;
  frame_bytes_ = end + 1;
  return FrameStatus::frame;
}

}  // namespace agora
