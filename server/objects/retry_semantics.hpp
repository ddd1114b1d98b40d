// SPDX-License-Identifier: MIT

// Retry semantics: sentences that many method rows share for `if_reply_lost`.
#pragma once

#include <string_view>

namespace agora::retry {

constexpr std::string_view kRead = "Nothing changed; retry.";
constexpr std::string_view kIdempotent = "Idempotent: a retry gives the same state.";
constexpr std::string_view kOnce =
    "The change happened exactly once in an opened session; without one the caller cannot know "
    "whether it did.";
constexpr std::string_view kTaken =
    "Without an opened session the delivered values are lost with the reply (at most once).";
constexpr std::string_view kGrant =
    "The session holds the grant, which is released when the session ends.";

}  // namespace agora::retry
