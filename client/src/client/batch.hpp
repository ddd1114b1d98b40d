// Batch: the calls that a pipeline has collected and not sent yet.
#pragma once

#include <memory>
#include <vector>

#include "client/src/client/client.hpp"

namespace agora::detail {

/// Not for two threads at once.
class Batch {
 public:
  explicit Batch(std::shared_ptr<Client> client) : client_(std::move(client)) {}
  /// What was never sent is told so.
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// Collects a call. One of another manager than the pipeline's is told value_error at once.
  void add(Client& client, const Call& call, std::unique_ptr<Completion> completion);
  /// Sends all in few writes, waits for the replies, and tells them, in the order of the calls.
  void run();
  std::size_t size() const { return calls_.size(); }

 private:
  const std::shared_ptr<Client> client_;
  std::vector<std::unique_ptr<OwnedCall>> calls_;
};

}  // namespace agora::detail
