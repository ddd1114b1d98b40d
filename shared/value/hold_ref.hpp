// ScopedHold: what keeps alive the objects to which a value that is being decoded refers.
//
// A server holds an anonymous object for a client whose reply refers to it, until the client gives
// the hold back. So the references that are decoded from that reply, and the values of any kind
// that contain some, share an owner of the hold. Codecs know nothing of replies; they find the
// owner here.
#pragma once

#include <memory>
#include <utility>

namespace agora {

struct Hold {
  virtual ~Hold() = default;
};

/// Shared by all that was decoded from one value; null: there is nothing to keep.
using HoldRef = std::shared_ptr<const Hold>;

/// While it lives, what this thread decodes is kept by `keep`.
class ScopedHold {
 public:
  explicit ScopedHold(const HoldRef& keep) : before_(std::exchange(current(), &keep)) {}
  ~ScopedHold() { current() = before_; }
  ScopedHold(const ScopedHold&) = delete;
  ScopedHold& operator=(const ScopedHold&) = delete;

  /// A share in what keeps the value that is being decoded on this thread.
  static HoldRef share() { return current() == nullptr ? nullptr : *current(); }

 private:
  static const HoldRef*& current() {
    thread_local const HoldRef* keep = nullptr;
    return keep;
  }

  const HoldRef* before_;
};

}  // namespace agora
