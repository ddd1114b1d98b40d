// A whole server core under a clock that only the test moves: what transcripts run against.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "server/engine/engine.hpp"
#include "server/engine/memory_journal.hpp"
#include "shared/base/extent_source.hpp"

namespace agora::test {

/// Stands at 2026-02-01 00:00:00 UTC until it is moved.
class ManualClock : public Clock {
 public:
  Instant now() override { return now_; }
  void advance(Duration span) { now_ += span; }

 private:
  Instant now_{std::chrono::seconds{1'769'904'000}};
};

/// Commits every batch three turns after it was appended: nothing uncommitted may be visible.
class LateJournal : public Journal {
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

/// What a transcript is run over: storage and journal.
struct Backend {
  std::string name;
  bool memfd = false;
  bool late = false;
};

std::unique_ptr<ExtentSource> extents_of(const Backend& backend);
std::unique_ptr<Journal> journal_of(const Backend& backend);

}  // namespace agora::test
