// Holds: the anonymous objects that the server holds for this session because of one reply.
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

/// Owned by what was decoded from that reply (see keeping.hpp); the last owner gives the holds
/// back. A child that agora::process forked takes them anew; any other child has none of them.
class Holds : public Hold, public Holder {
 public:
  /// `names` has each object as often as the reply refers to it.
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
