// Holds: the anonymous objects that the server holds for this session because of one reply.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/src/client.hpp"
#include "shared/value/keeping.hpp"

namespace agora::client {

/// Owned by what was decoded from that reply (see keeping.hpp); the last owner gives the holds
/// back. In a forked child it holds nothing.
class Holds : public Kept {
 public:
  /// `names` has each object as often as the reply refers to it.
  Holds(std::shared_ptr<Client> client, std::uint64_t session, std::vector<std::string> names)
      : client_(std::move(client)), session_(session), names_(std::move(names)) {}
  ~Holds() override {
    for (const std::string& name : names_) client_->release(session_, name);
  }
  Holds(const Holds&) = delete;
  Holds& operator=(const Holds&) = delete;

  std::uint64_t session() const { return session_; }
  const Client& client() const { return *client_; }

 private:
  const std::shared_ptr<Client> client_;
  const std::uint64_t session_;
  const std::vector<std::string> names_;
};

}  // namespace agora::client
