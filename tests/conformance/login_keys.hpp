// SPDX-License-Identifier: MIT

// The keys of the servers under transcripts that begin with `# with keys:`, and the client's side
// of a login.
#pragma once

#include <string>

#include "shared/auth/key_file.hpp"

namespace agora::test {

/// Returns the content of the key file: admin, writer, reader, and jobs and peek, which are limited
/// to names that begin with "jobs.".
std::string key_file_text();
KeyFile login_keys();

/// Returns the typed line of the login behind a challenge. @param challenge  the reply, as typed
/// text
std::string login_line(const std::string& id, const std::string& challenge);

/// Returns the reply to that line without the server's proof, or with a remark if that is wrong.
std::string checked_reply(const std::string& id, const std::string& challenge,
                          const std::string& reply);

}  // namespace agora::test
