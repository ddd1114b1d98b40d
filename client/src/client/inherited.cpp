// SPDX-License-Identifier: MIT

#include "client/src/client/inherited.hpp"

#include <unordered_set>
#include <vector>

#include "client/src/client/client.hpp"
#include "client/src/transport/fork_guard.hpp"

namespace agora::detail {
namespace {

struct Inheritance {
  std::unordered_set<Client*> clients;
  std::unordered_set<HoldOwner*> holders;
};

// Never destroyed: objects with static storage may use it until the process exits. Each access
// holds a ForkPause, so a forked child finds both sets consistent.
Inheritance& inheritance() {
  static auto* const all = new Inheritance;
  return *all;
}

}  // namespace

void register_client(Client& client) {
  const ForkPause pause;
  inheritance().clients.insert(&client);
}

void unregister_client(Client& client) {
  const ForkPause pause;
  inheritance().clients.erase(&client);
}

void register_holder(HoldOwner& holder) {
  const ForkPause pause;
  inheritance().holders.insert(&holder);
}

void unregister_holder(HoldOwner& holder) {
  const ForkPause pause;
  inheritance().holders.erase(&holder);
}

void adopt_inherited() {
  // Iterate over copies: opening a session may register and unregister holders.
  const std::vector<Client*> clients(inheritance().clients.begin(), inheritance().clients.end());
  const std::vector<HoldOwner*> holders(inheritance().holders.begin(), inheritance().holders.end());
  for (Client* client : clients) client->open_quietly();
  for (HoldOwner* holder : holders) holder->hold_quietly();
}

}  // namespace agora::detail
