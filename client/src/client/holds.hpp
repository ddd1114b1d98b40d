// SPDX-License-Identifier: MIT

// Holds: the holds of anonymous objects that one reply has granted to the session.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/src/client/client.hpp"
#include "client/src/client/inherited.hpp"
#include "shared/value/hold_ref.hpp"

namespace agora::detail {

/// Owned by the values that were decoded from that reply (see hold_ref.hpp). The last owner
/// releases the holds. In a child of agora::process the object acquires them anew; in a child of a
/// bare fork() it has none.
class Holds : public Hold, public HoldOwner {
 public:
  /// @param names  contains each object as often as the reply refers to it
  Holds(std::shared_ptr<Client> client, std::uint64_t session, std::vector<std::string> names);
  ~Holds() override;
  Holds(const Holds&) = delete;
  Holds& operator=(const Holds&) = delete;

  void hold_quietly() noexcept override;
  std::uint64_t session() const { return session_.load(); }
  const Client& client() const { return *client_; }

 private:
  const std::shared_ptr<Client> client_;
  std::atomic<std::uint64_t> session_;
  const std::vector<std::string> names_;
};

}  // namespace agora::detail
