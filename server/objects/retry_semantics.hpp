// What holds when a reply is lost: the sentences that many rows share.
#pragma once

#include <string_view>

namespace agora::retry {

constexpr std::string_view kRead = "Nothing changed; ask again.";
constexpr std::string_view kIdempotent = "Doing it again gives the same state.";
constexpr std::string_view kOnce =
    "The change happened once; without an opened session the caller cannot know.";
constexpr std::string_view kTaken =
    "What was handed out is gone with the reply (at most once) without an opened session.";
constexpr std::string_view kGrant =
    "The grant is the session's and comes back when the session ends.";

}  // namespace agora::retry
