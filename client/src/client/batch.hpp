// SPDX-License-Identifier: MIT

// CallBatch: the calls that a pipeline has collected and not sent yet.
#pragma once

#include <memory>
#include <vector>

#include "client/src/client/client.hpp"

namespace agora::detail {

/// Only one thread may use it at a time.
class CallBatch {
 public:
  explicit CallBatch(std::shared_ptr<Client> client) : client_(std::move(client)) {}
  /// Fails the calls that were never sent with `cancelled`.
  ~CallBatch();
  CallBatch(const CallBatch&) = delete;
  CallBatch& operator=(const CallBatch&) = delete;

  /// Collects a call. Fails it at once with value_error if it belongs to another manager than the
  /// pipeline.
  void add(Client& client, const Call& call, CompletionPtr completion);
  /// Sends all calls in few writes, waits for the replies, and completes the calls in order.
  void run();
  std::size_t size() const { return calls_.size(); }

 private:
  const std::shared_ptr<Client> client_;
  std::vector<std::unique_ptr<OwnedCall>> calls_;
};

}  // namespace agora::detail
