// Feed: what is said of one object to the sessions that follow it, one notice for each step of its
// version, and the last of these, for whoever was cut off for a while.
//
// A watched object has one; a topic is one. What was sent over a connection that then broke may be
// lost on the way, so a session that resumes hears again all that it has not confirmed: a notice
// may come twice, with its version, but none is left out unless a gap is announced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

/// How far a session has heard a feed.
struct Follower {
  std::uint64_t sent = 0;       ///< the last version that was said over a connection
  std::uint64_t confirmed = 0;  ///< the last one that surely arrived
};

class Feed {
 public:
  struct Entry {
    std::uint64_t version;
    std::string notice;  ///< packed
  };

  /// Nothing is known of what happened up to `version`.
  explicit Feed(std::uint64_t version, bool of_topic = false)
      : of_topic_(of_topic), version_(version) {}

  std::map<SessionId, Follower> followers;
  Instant fades_at{};   ///< while nobody follows: when it is forgotten
  bool fading = false;  ///< stands in the machine's list of such

  bool of_topic() const { return of_topic_; }
  /// The version of the last step.
  std::uint64_t version() const { return version_; }
  /// The entries' bytes.
  std::size_t bytes() const { return bytes_; }
  const std::deque<Entry>& entries() const { return entries_; }

  /// Adds the next step. Its version must be one above the last one's.
  void add(Entry entry);
  /// Goes on after that version, with no entry of what was before. There must be none.
  void skip_to(std::uint64_t version);
  /// Takes the oldest entry out. There must be one.
  Entry pop();

  /// The bytes of all that followed `version`; nothing if that is no longer here in full.
  /// O(entries).
  std::optional<std::size_t> bytes_after(std::uint64_t version) const;

 private:
  bool of_topic_;
  std::uint64_t version_;
  std::deque<Entry> entries_;  // the last ones, without a hole
  std::size_t bytes_ = 0;
};

}  // namespace agora
