// The views through which the engine sees the world: time, the journal, and where effects go.
#pragma once

#include <memory>

#include "server/core/methods/command.hpp"
#include "server/core/state/effect.hpp"
#include "shared/base/time.hpp"

namespace agora {

class Clock {
 public:
  virtual ~Clock() = default;
  /// The present time; never goes back.
  virtual Instant now() = 0;
};

/// An ordered log of batches. What it has committed is applied, in that order, and nothing else
/// ever is: so nothing uncommitted is visible to anybody.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual void append(std::unique_ptr<Batch> batch) = 0;
  /// The next batch that is as durable as the policy demands; null while there is none.
  virtual std::unique_ptr<Batch> committed() = 0;
};

/// Where effects go: the connections, or a test.
class Outbox {
 public:
  virtual ~Outbox() = default;
  /// `effects` holds the bytes; both are valid during this call only (a blob may be kept).
  virtual void deliver(const Effect& effect, const Effects& effects) = 0;
};

}  // namespace agora
