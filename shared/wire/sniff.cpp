// SPDX-License-Identifier: MIT

#include "shared/wire/sniff.hpp"

#include <algorithm>

namespace agora {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kHeader = "content-length:";

Wire wire_of(unsigned char first) {
  if (first >= 'a' && first <= 'z') return Wire::text;
  if (first >= 'A' && first <= 'Z') return Wire::http;
  switch (first) {
    case '{':
    case '[':
    case '?':
    case '\r':
    case '\n':
    case ' ':
    case '\t':
      return Wire::text;
    case 0x93:  // an array of 3 or 4, in any of its encodings
    case 0x94:
    case 0xdc:
    case 0xdd:
      return Wire::msgpack;
    case 0x16:
      return Wire::tls;
    default:
      return Wire::nothing;
  }
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Returns how many bytes at the front of `text` match `lower_case` in any letter case.
std::size_t matching(std::string_view text, std::string_view lower_case) {
  const std::size_t most = std::min(text.size(), lower_case.size());
  std::size_t i = 0;
  while (i < most && lower(text[i]) == lower_case[i]) ++i;
  return i;
}

}  // namespace

Sniffed sniff(std::string_view input) {
  if (input.empty()) return {};
  if (input[0] == kByteOrderMark[0]) {
    if (input.starts_with(kByteOrderMark)) return {Wire::text, kByteOrderMark.size()};
    return {kByteOrderMark.starts_with(input) ? Wire::undecided : Wire::nothing};
  }
  if (input[0] == 'C') {
    if (is_header_line(input)) return {Wire::headers};
    return {matching(input, kHeader) == input.size() ? Wire::undecided : Wire::http};
  }
  return {wire_of(static_cast<unsigned char>(input[0]))};
}

bool is_header_line(std::string_view line) { return matching(line, kHeader) == kHeader.size(); }

bool is_http_line(std::string_view line) {
  constexpr std::string_view kEnding = " http/1.";
  if (line.size() <= kEnding.size()) return false;
  if (line.back() != '0' && line.back() != '1') return false;
  line.remove_suffix(1);
  line.remove_prefix(line.size() - kEnding.size());
  return matching(line, kEnding) == kEnding.size();
}

}  // namespace agora
