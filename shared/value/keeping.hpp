// Keeping: what keeps alive the objects to which a value that is being decoded refers.
//
// A server holds an anonymous object for a client whose reply refers to it, until the client gives
// the hold back. So the references that are decoded from that reply, and the values of any kind
// that contain some, share an owner of the hold. Codecs know nothing of replies; they find the
// owner here.
#pragma once

#include <memory>
#include <utility>

namespace agora {

struct Kept {
  virtual ~Kept() = default;
};

/// Shared by all that was decoded from one value; null: there is nothing to keep.
using Keep = std::shared_ptr<const Kept>;

/// While it lives, what this thread decodes is kept by `keep`.
class Keeping {
 public:
  explicit Keeping(const Keep& keep) : before_(std::exchange(current(), &keep)) {}
  ~Keeping() { current() = before_; }
  Keeping(const Keeping&) = delete;
  Keeping& operator=(const Keeping&) = delete;

  /// A share in what keeps the value that is being decoded on this thread.
  static Keep share() { return current() == nullptr ? nullptr : *current(); }

 private:
  static const Keep*& current() {
    thread_local const Keep* keep = nullptr;
    return keep;
  }

  const Keep* before_;
};

}  // namespace agora
