// SPDX-License-Identifier: MIT

#include "server/net/speculative_poll.hpp"

#include <new>

#include "server/net/connection.hpp"

namespace agora {

/// Returns whether a poll is worth its cost, which is a fifth of a wait's for each connection.
bool SpeculativePoll::promising() {
  constexpr double kShareMin = 0.1;
  constexpr std::uint32_t kTurnsLeftOut = 31;  // after these the load may have changed
  if (share_ >= kShareMin) return true;
  if (++left_out_ <= kTurnsLeftOut) return false;
  left_out_ = 0;
  return true;
}

/// Fills descriptors_ with what the kernel tells, in the order of running_.
/// @return false if a client has connected
bool SpeculativePoll::ask() {
  descriptors_.clear();
  for (Connection* const connection : running_) {
    descriptors_.push_back({connection->descriptor(), POLLIN, 0});
  }
  for (const int acceptor : acceptors_) descriptors_.push_back({acceptor, POLLIN, 0});
  if (::poll(descriptors_.data(), descriptors_.size(), 0) < 0) return false;
  for (std::size_t i = running_.size(); i < descriptors_.size(); ++i) {
    if (descriptors_[i].revents != 0) return false;
  }
  return true;
}

void SpeculativePoll::count(std::size_t found) {
  constexpr double kWeight = 0.125;
  share_ += kWeight * (static_cast<double>(found) / static_cast<double>(running_.size()) - share_);
}

void SpeculativePoll::run() {
  if (asked_.empty()) return;
  running_.clear();
  running_.swap(asked_);
  const bool asked = promising() && ask();
  std::size_t found = 0;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    const bool arrived = asked && descriptors_[i].revents != 0;
    if (arrived) ++found;
    try {
      running_[i]->go_on(arrived);
    } catch (const std::bad_alloc&) {
      running_[i]->fail();  // and the others go on
    }
  }
  if (asked) count(found);
}

}  // namespace agora
