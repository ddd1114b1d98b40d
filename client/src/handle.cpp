#include <utility>

#include <agora/error.hpp>
#include <agora/handle.hpp>

#include "client/src/client.hpp"
#include "client/src/fork_guard.hpp"
#include "client/src/handle_state.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::client {

HandleState::HandleState(std::shared_ptr<Client> its_client, std::string its_name,
                         std::uint64_t held_on)
    : client_(std::move(its_client)), name_(std::move(its_name)), held_on_(held_on) {
  if (anonymous()) register_handle(*this);
}

HandleState::~HandleState() {
  if (!anonymous()) return;
  unregister_handle(*this);
  const std::uint64_t held_on = held_on_.load();
  if (held_on == 0) return;
  try {
    std::string message;
    begin_msgpack_notification("object.release", 1, message);
    Writer(message).text(name_);
    client_->notify_on(held_on, message);
  } catch (...) {  // NOLINT(bugprone-empty-catch): best effort, as the contract says
  }
}

// A connection that is new (after a fork, after a loss) holds nothing yet.
Expected<void> HandleState::hold() {
  auto connection = client_->connect();
  if (!connection) return connection.failure();
  const std::uint64_t number = (*connection)->number();
  std::uint64_t before = held_on_.load();
  if (before == number || !held_on_.compare_exchange_strong(before, number)) return {};
  const Params params = params_of(name_);
  Call call{.method = "object.hold"};
  auto held = client_->call_on(number, call.with(params)).result;
  if (!held) return held.failure();
  return {};
}

void HandleState::hold_quietly() noexcept {
  try {
    static_cast<void>(hold());
  } catch (...) {  // NOLINT(bugprone-empty-catch): the first use will say it
  }
}

Reply HandleState::call(const Call& call) {
  if (anonymous() && held_on_.load() != client_->present()) {
    if (auto held = hold(); !held) return {held.failure(), 0};
  }
  return client_->call(call);
}

Handle::Handle(std::shared_ptr<Client> client, std::string name, std::uint64_t held_on)
    : state_(std::make_shared<HandleState>(std::move(client), std::move(name), held_on)) {}

const std::string& Handle::name() const { return state_->name(); }

Client& Handle::client() const { return state_->client(); }

Reply Handle::call(const Call& call) const { return state_->call(call); }

void throw_mismatch(std::string_view method, const std::string& name, Failure inner) {
  const std::string_view type = method.substr(0, method.find('.'));
  std::string where = name.empty() ? std::string(method) : std::string(type) + " " + name;
  Error error = std::move(*inner.error);
  error.message.insert(0, where + ": ");
  if (!name.empty()) {
    Params packed = params_of(name);
    error.details.push_back({"object", std::move(packed.bytes)});
  }
  throw_error(std::move(error));
}

}  // namespace agora::client
