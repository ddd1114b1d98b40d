// SPDX-License-Identifier: MIT

// KeyFile: the keys by which clients log in, as the server and its clients read them from a file.
//
// One key stands on a line, `ID ROLE KEY [names=PREFIX]`; a line `cert:SUBJECT ROLE [names=PREFIX]`
// gives the subject of a client certificate its role. `#` at the beginning of a word begins a
// comment. parse_key_file() is pure; read_key_file() reads the file and refuses it if other users
// can read it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/expected.hpp"
#include "shared/base/role.hpp"

namespace agora {

/// One line of a key file.
struct KeyLine {
  std::string id;       ///< of the key; empty in a line of a certificate
  std::string subject;  ///< of a certificate, in RFC 4514 form with each blank as \20; else empty
  Role role = Role::write;
  std::string key;    ///< 32 raw bytes; empty in a line of a certificate
  std::string names;  ///< the prefix of all names that the client may use; empty: every name
  std::size_t line = 0;

  bool is_key() const { return subject.empty(); }
  bool operator==(const KeyLine& other) const {
    return id == other.id && subject == other.subject && role == other.role && key == other.key &&
           names == other.names;
  }
};

struct KeyFile {
  std::vector<KeyLine> lines;

  /// Returns the key with that id; null if there is none.
  const KeyLine* key(std::string_view id) const;
  /// Returns the line of that certificate's subject; null if there is none.
  const KeyLine* certificate(std::string_view subject) const;
  /// Returns the key with that id, or the first one if the id is empty.
  /// @error value_error  there is no such key.
  Expected<KeyLine> choose(std::string_view id) const;
  /// Returns true if there is a line with a key.
  bool has_keys() const;
};

/// Returns true for 1 to 64 of the characters A-Z a-z 0-9 . _ -
bool is_key_id(std::string_view id);

/// Parses the content of a key file.
/// @error value_error  the message begins with the line number: "line 3: ...".
Expected<KeyFile> parse_key_file(std::string_view text);

/// Reads and parses a key file.
/// @error value_error  no such file, one that the group or others can access, or a line that does
///   not parse; the message begins with the path.
Expected<KeyFile> read_key_file(const std::string& path);

}  // namespace agora
