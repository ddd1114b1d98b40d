// SPDX-License-Identifier: MIT

// HoldRef: a reference-counted hold on the anonymous objects to which a decoded value refers.
//
// The server keeps an anonymous object alive for a client whose reply refers to it, until the
// client releases its hold. So all references decoded from that reply, and all values that contain
// some, share one Hold; the last of them releases it. Codecs know nothing of replies: a
// thread-local variable, set by ScopedHold, passes the hold to them.
#pragma once

#include <memory>
#include <utility>

namespace agora {

/// Releases the hold in its destructor; implemented by the client.
struct Hold {
  virtual ~Hold() = default;
};

/// Shared by all values decoded from one reply; null if the reply refers to no anonymous object.
using HoldRef = std::shared_ptr<const Hold>;

/// Gives the hold to all values that this thread decodes during the lifetime of the ScopedHold.
class ScopedHold {
 public:
  explicit ScopedHold(const HoldRef& hold) : outer_(std::exchange(current(), &hold)) {}
  ~ScopedHold() { current() = outer_; }
  ScopedHold(const ScopedHold&) = delete;
  ScopedHold& operator=(const ScopedHold&) = delete;

  /// Returns a reference to the hold of the value that this thread is decoding; null if there is
  /// none.
  static HoldRef share() { return current() == nullptr ? nullptr : *current(); }

 private:
  static const HoldRef*& current() {
    thread_local const HoldRef* hold = nullptr;
    return hold;
  }

  const HoldRef* outer_;
};

}  // namespace agora
