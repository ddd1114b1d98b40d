// SPDX-License-Identifier: MIT

#include "server/net/login_guard.hpp"

#include <algorithm>
#include <utility>

#include "server/auth/client_address.hpp"
#include "server/net/connection.hpp"
#include "server/net/hub.hpp"

namespace agora {
namespace {

KeyFile first_keys(const std::string& path) {
  if (path.empty()) return {};
  auto keys = read_key_file(path);
  if (!keys) throw OptionError("--key-file " + keys.error().message);
  return std::move(*keys);
}

PendingLogins::Bounds bounds(const Limits& limits) {
  return {.all = std::max<std::size_t>(1, limits.connections_max / 4),
          .of_address = limits.logins_of_address_max,
          .time = std::chrono::seconds{limits.login_seconds_max}};
}

Error unauthenticated(std::string message) {
  return {Errc::unauthenticated, std::move(message), Done::no, {}};
}

}  // namespace

LoginGuard::LoginGuard(Hub& hub, Clock& clock, std::string key_file, const std::string& server,
                       LogFn log)
    : hub_(hub),
      clock_(clock),
      key_file_(std::move(key_file)),
      log_(log),
      authenticator_(first_keys(key_file_), server, std::move(log)),
      pending_(bounds(hub.context().engine.limits())),
      timer_(hub.io(), [this] {
        timer_set_ = false;
        hub_.turn();
        set_timer();
      }) {}

void LoginGuard::added(Connection& connection) {
  const ClientAccess& access = connection.dialogue().access();
  if (access.role != Role::none || !access.login) return;
  const auto evicted = pending_.add(connection.link(), access.login->address, clock_.now());
  set_timer();
  if (!evicted) return;
  hub_.close_link(*evicted, unauthenticated("too many connections have not logged in; this one is "
                                            "the oldest, and gives way to a new one"));
}

void LoginGuard::close_expired() {
  if (pending_.size() == 0) return;
  while (const auto link = pending_.expired(clock_.now())) {
    hub_.close_link(*link, unauthenticated("this connection has not logged in within 60 s"));
  }
}

void LoginGuard::set_timer() {
  const auto deadline = pending_.next_deadline();
  if (!deadline || std::exchange(timer_set_, true)) return;
  const Duration left = std::max(*deadline - clock_.now(), Duration::zero());
  timer_.set(std::chrono::steady_clock::now() + left);
}

void LoginGuard::reload() {
  if (key_file_.empty()) return;
  auto keys = read_key_file(key_file_);
  if (!keys) return log_("the keys stay as they were: --key-file " + keys.error().message);
  authenticator_.set_keys(std::move(*keys));
  log_("read the keys of " + key_file_ + " again");
  hub_.close_links(
      [this](const ClientAccess& access) {
        return access.identity && !authenticator_.is_valid(*access.identity);
      },
      unauthenticated("the key or the certificate that this connection has logged in with is no "
                      "longer valid"));
}

}  // namespace agora
