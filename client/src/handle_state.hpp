// HandleState: what the copies of one proxy share: the name, and the hold of an anonymous object.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <agora/handle.hpp>

namespace agora::client {

class HandleState {
 public:
  /// `held_on`: the connection on which the object is held; 0: none yet.
  HandleState(std::shared_ptr<Client> client, std::string name, std::uint64_t held_on);
  /// Gives the hold back, best effort: with the connection it is gone anyway.
  ~HandleState();
  HandleState(const HandleState&) = delete;
  HandleState& operator=(const HandleState&) = delete;

  const std::string& name() const { return name_; }
  Client& client() const { return *client_; }

  /// Makes one call, on a connection that holds the object.
  Reply call(const Call& call);
  /// Holds the object if the present connection does not. Silent: see adopt_inherited.
  void hold_quietly() noexcept;

 private:
  Expected<void> hold();
  bool anonymous() const { return name_.starts_with('#'); }

  const std::shared_ptr<Client> client_;
  const std::string name_;
  std::atomic<std::uint64_t> held_on_;
};

}  // namespace agora::client
