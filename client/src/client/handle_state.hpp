// SPDX-License-Identifier: MIT

// HandleState: shared by the copies of one proxy: the name, and the hold of an anonymous object.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <agora/detail/handle.hpp>

#include "client/src/client/inherited.hpp"
#include "client/src/transport/deadline.hpp"

namespace agora::detail {

class HandleState : public HoldOwner {
 public:
  /// @param held_in  the session in which the object is held; 0 if there is no hold yet
  /// @param keep     owns that hold; null if this object owns it
  HandleState(std::shared_ptr<Client> client, std::string name, std::uint64_t held_in,
              HoldRef keep);
  /// Releases the hold, if its session is still the present one.
  ~HandleState() override;
  HandleState(const HandleState&) = delete;
  HandleState& operator=(const HandleState&) = delete;

  const std::string& name() const { return name_; }
  Client& client() const { return *client_; }

  /// Makes one call in a session that holds the object.
  Reply call(const Call& call);
  void start(const Call& call, CompletionPtr completion);
  /// Acquires a hold if the present session has none. Reports no failure: see adopt_inherited.
  void hold_quietly() noexcept override;

  /// Returns the present view; locates the object if there is none yet. See ObjectHandle::view.
  const ObjectView* view();
  const ObjectView* last_view() const { return view_.load(std::memory_order_acquire); }

 private:
  Expected<void> hold(const Deadline& deadline);
  bool must_hold();
  bool may_locate(std::uint64_t session) const;
  bool anonymous() const { return name_.starts_with('#'); }

  const std::shared_ptr<Client> client_;
  const std::string name_;
  const HoldRef hold_;
  const std::uint64_t kept_in_;  // the session of `hold_`
  std::atomic<std::uint64_t> held_in_;
  std::atomic<const ObjectView*> view_{nullptr};  // owned, as are all older views
  std::atomic<std::uint64_t> without_in_{0};      // the session in which locating failed last
  std::atomic<Clock::time_point> without_until_{Clock::time_point::min()};
  std::atomic<int> views_{0};
};

}  // namespace agora::detail
