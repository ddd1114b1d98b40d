// SPDX-License-Identifier: MIT

#include "client/src/client/holds.hpp"

#include <utility>

#include <agora/detail/methods.hpp>

namespace agora::detail {

Holds::Holds(std::shared_ptr<Client> client, std::uint64_t session, std::vector<std::string> names)
    : client_(std::move(client)), session_(session), names_(std::move(names)) {
  register_holder(*this);
}

Holds::~Holds() {
  unregister_holder(*this);
  for (const std::string& name : names_) client_->release(session(), name);
}

void Holds::hold_quietly() noexcept {
  const std::uint64_t present = client_->present();
  if (present == 0 || session_.exchange(present) == present) return;
  for (const std::string& name : names_) {
    try {
      const Params params = params_of(name);
      Call hold = call_of(methods::object_hold);
      static_cast<void>(client_->call_in(present, hold.with(params)));
    } catch (...) {  // NOLINT(bugprone-empty-catch): the first use fails again and reports it
    }
  }
}

}  // namespace agora::detail
