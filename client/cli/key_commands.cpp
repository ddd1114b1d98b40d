// SPDX-License-Identifier: MIT

#include "client/cli/key_commands.hpp"

#include <charconv>
#include <chrono>
#include <iostream>
#include <sysexits.h>

#include "client/src/transport/handshake.hpp"
#include "shared/auth/digest.hpp"
#include "shared/auth/key_file.hpp"
#include "shared/auth/proof.hpp"

namespace agora::detail {
namespace {

int refuse(const std::string& reason) {
  std::cerr << "agora: " << reason << '\n';
  return EX_USAGE;
}

}  // namespace

int generate_key(const NewKey& key) {
  std::string line = key.id + " " + key.role + " " + to_hex(random_bytes());
  if (!key.names.empty()) line += " names=" + key.names;
  auto parsed = parse_key_file(line);
  // A blank or a # in an option would end a word.
  const bool whole = parsed && parsed->lines.size() == 1 && parsed->lines[0].is_key() &&
                     parsed->lines[0].id == key.id && parsed->lines[0].names == key.names;
  if (!whole) {
    return refuse("keygen: " + (parsed ? "the id and the prefix are words without blanks and #"
                                       : parsed.error().message.substr(sizeof "line 1: " - 1)));
  }
  std::cout << line << '\n';
  return EX_OK;
}

int make_token(const std::string& key_file, const std::string& id, std::int64_t seconds) {
  if (key_file.empty()) return refuse("token needs --key-file FILE, or AGORA_KEY_FILE");
  if (seconds < 1 || seconds > kTokenSecondsMax) {
    return refuse("token: --ttl must be 1 s to 24 h, such as 90s, 10m or 24h");
  }
  auto key = chosen_key(key_file, id);
  if (!key) return refuse("token: " + key.error().message);
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  std::cout << agora::make_token(key->key, key->id, now.count() + seconds) << '\n';
  return EX_OK;
}

std::int64_t seconds_of(const std::string& text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  const std::string unit{stop, end};
  const std::int64_t factor = unit.empty() || unit == "s" ? 1
                              : unit == "m"               ? 60
                              : unit == "h"               ? 3600
                                                          : 0;
  const bool good = error == std::errc{} && factor != 0 && count >= 0 && count <= 1'000'000;
  return good ? count * factor : -1;
}

}  // namespace agora::detail
