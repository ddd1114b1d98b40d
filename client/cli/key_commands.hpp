// SPDX-License-Identifier: MIT

// `agora keygen` and `agora token`: make keys and tokens. Neither needs a server.
#pragma once

#include <cstdint>
#include <string>

namespace agora::detail {

/// The line of a key file that `agora keygen` prints.
struct NewKey {
  std::string id;
  std::string role = "write";
  std::string names;  ///< empty: every name
};

/// Prints a line of a key file with a random key on standard output.
/// @return an exit code of sysexits.h; a wrong option is told on standard error
int generate_key(const NewKey& key);

/// Prints a token of the key on standard output.
/// @param id  of the key; empty: the first one of the file
/// @param seconds  until it expires, by the clock of this host
/// @return an exit code of sysexits.h; a failure is told on standard error
int make_token(const std::string& key_file, const std::string& id, std::int64_t seconds);

/// Parses a duration such as "90", "90s", "10m" or "24h". @return seconds, or -1 if it is none
std::int64_t seconds_of(const std::string& text);

}  // namespace agora::detail
