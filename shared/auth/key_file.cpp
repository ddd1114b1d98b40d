// SPDX-License-Identifier: MIT

#include "shared/auth/key_file.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "shared/auth/digest.hpp"
#include "shared/base/limits.hpp"
#include "shared/value/utf8.hpp"

namespace agora {
namespace {

constexpr std::string_view kCertificate = "cert:";
constexpr std::string_view kNames = "names=";

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Splits a line at its blanks, up to a word that begins with #.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < line.size()) {
    if (is_blank(line[at])) {
      ++at;
      continue;
    }
    if (line[at] == '#') break;
    std::size_t end = at;
    while (end < line.size() && !is_blank(line[end])) ++end;
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

Failure malformed(std::string reason) { return fail(Errc::value_error, std::move(reason)); }

/// Shortens a word for a message, and hides that it may be a key.
std::string quoted(std::string_view word) {
  constexpr std::size_t kShown = 16;
  std::string text = "\"";
  for (const char c : word.substr(0, kShown)) {
    text += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return text + (word.size() > kShown ? "...\"" : "\"");
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// Reads the words behind role and key.
Expected<void> read_names(std::span<const std::string_view> words, KeyLine& line) {
  if (words.empty()) return {};
  if (words.size() > 1 || !words[0].starts_with(kNames)) {
    return malformed("expected names=PREFIX or the end of the line, got " + quoted(words[0]));
  }
  line.names = words[0].substr(kNames.size());
  if (line.names.empty()) return malformed("names= needs a prefix");
  if (line.names.size() > Limits{}.name_bytes_max || !is_utf8(line.names)) {
    return malformed("the prefix is no object's name: at most 512 bytes of UTF-8");
  }
  if (line.role == Role::admin) {
    return malformed("the role admin takes no names=: an admin sees every object");
  }
  return {};
}

Expected<KeyLine> parse_line(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  KeyLine line;
  const bool is_certificate = words[0].starts_with(kCertificate);
  if (is_certificate) {
    line.subject = words[0].substr(kCertificate.size());
    if (line.subject.empty()) return malformed("cert: needs the subject of a certificate");
  } else {
    line.id = words[0];
    if (!is_key_id(line.id)) {
      return malformed(quoted(words[0]) + " is no id: 1 to 64 of A-Z a-z 0-9 . _ -");
    }
  }
  if (words.size() < 2) return malformed("expected a role behind the id: read, write or admin");
  const auto role = role_named(words[1]);
  if (!role) return malformed(quoted(words[1]) + " is no role: read, write or admin");
  line.role = *role;
  std::size_t next = 2;
  if (!is_certificate) {
    const auto key = words.size() < 3 ? std::nullopt : from_hex(lower(words[2]));
    if (!key || key->size() != kDigestBytes) {
      return malformed("expected a key of 64 hexadecimal digits behind the role");
    }
    line.key = *key;
    next = 3;
  }
  if (auto names = read_names(std::span{words}.subspan(next), line); !names) {
    return names.failure();
  }
  return line;
}

}  // namespace

const KeyLine* KeyFile::key(std::string_view id) const {
  for (const KeyLine& line : lines) {
    if (line.is_key() && line.id == id) return &line;
  }
  return nullptr;
}

const KeyLine* KeyFile::certificate(std::string_view subject) const {
  for (const KeyLine& line : lines) {
    if (!line.is_key() && line.subject == subject) return &line;
  }
  return nullptr;
}

Expected<KeyLine> KeyFile::choose(std::string_view id) const {
  for (const KeyLine& line : lines) {
    if (line.is_key() && (id.empty() || line.id == id)) return line;
  }
  if (id.empty()) return malformed("holds no key");
  return malformed("holds no key with the id " + quoted(id));
}

bool KeyFile::has_keys() const {
  return std::any_of(lines.begin(), lines.end(), [](const KeyLine& line) { return line.is_key(); });
}

bool is_key_id(std::string_view id) {
  constexpr std::size_t kMost = 64;
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= kMost && std::all_of(id.begin(), id.end(), allowed);
}

Expected<KeyFile> parse_key_file(std::string_view text) {
  KeyFile file;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (words_of(line).empty()) continue;
    auto parsed = parse_line(line);
    if (parsed) {
      const bool taken = parsed->is_key() ? file.key(parsed->id) != nullptr
                                          : file.certificate(parsed->subject) != nullptr;
      if (taken) parsed = malformed("an earlier line has the same id");
    }
    if (!parsed) return malformed("line " + std::to_string(number) + ": " + parsed.error().message);
    parsed->line = number;
    file.lines.push_back(std::move(*parsed));
  }
  return file;
}

}  // namespace agora
