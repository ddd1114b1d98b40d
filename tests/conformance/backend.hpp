// SPDX-License-Identifier: MIT

// Backends of the transcripts: storage, journal, and a clock that only the test moves.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "server/engine/engine.hpp"
#include "server/engine/memory_journal.hpp"
#include "shared/base/extent_source.hpp"

namespace agora::test {

/// Starts at 2026-02-01 00:00:00 UTC and moves only by advance().
class ManualClock : public Clock {
 public:
  Instant now() override { return now_; }
  void advance(Duration span) { now_ += span; }

 private:
  Instant now_{std::chrono::seconds{1'769'904'000}};
};

/// Commits every batch three turns after it was appended, to show that no client sees the effects
/// of an uncommitted batch.
class DelayedJournal : public Journal {
 public:
  void append(std::unique_ptr<Batch> batch) override { batches_.push_back({3, std::move(batch)}); }
  std::unique_ptr<Batch> committed() override;

 private:
  struct Pending {
    int turns;
    std::unique_ptr<Batch> batch;
  };
  std::deque<Pending> batches_;
};

/// The storage and the journal under a transcript.
struct Backend {
  std::string name;
  bool memfd = false;            ///< storage in memfds, which clients can map; else on the heap
  bool delayed_journal = false;  ///< commits late; else at once
  bool keys = false;             ///< clients have to log in; see login_keys.hpp

  /// Returns the limits of a server. Under the delayed journal a turn has no work to spend, so that
  /// each call that may be expensive is deferred and has a pass of its own.
  Limits limits() const {
    Limits made;
    if (delayed_journal) made.turn_work_max = 1;
    return made;
  }
};

std::unique_ptr<ExtentSource> make_extents(const Backend& backend);
std::unique_ptr<Journal> make_journal(const Backend& backend);

}  // namespace agora::test
