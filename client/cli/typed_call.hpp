// SPDX-License-Identifier: MIT

// One call from a shell: arguments become a typed line, the reply becomes text and an exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <agora/options.hpp>

namespace agora::detail {

/// Returns the typed line for a method and its arguments. An argument that is empty, or that a
/// typed line would split, is quoted; JSON and plain text stay as they are.
std::string typed_line_of(std::span<const std::string> words);

/// Returns true if a reply is `Type: message` with an error's type.
bool is_error_reply(std::string_view reply);

/// Returns why a single call makes no sense: its session ends with it, and so would its result.
/// Returns an empty text for any other call.
std::string void_at_once(std::span<const std::string> words);

/// Sends the line to a server and prints the reply on standard output as it comes.
/// @param options  those for TLS, for the login, and peer_uid
/// @return 0, or 1 if the reply is an error. @throws agora::error  no server replies.
int typed_call(const std::string& address, const manager_options& options,
               std::span<const std::string> words);

}  // namespace agora::detail
