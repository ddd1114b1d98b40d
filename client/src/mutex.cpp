#include <utility>

#include <agora/mutex.hpp>

#include "client/src/client.hpp"

namespace agora {
namespace {

using client::Effect;
using client::Grant;
using client::thread_owner;

struct Granted {
  std::uint64_t token = 0;
  bool owner_died = false;
};

// `{token, owner_died}`, in whichever order.
Expected<Granted> read_grant(PackedView reply) {
  auto members = unpack<std::map<std::string, any>>(reply);
  if (!members) return members.failure();
  auto token = (*members)["token"].get<std::uint64_t>();
  if (!token) return token.failure();
  auto owner_died = (*members)["owner_died"].get<bool>();
  if (!owner_died) return owner_died.failure();
  return Granted{*token, *owner_died};
}

Failure lost(const std::string& name) {
  return fail(Errc::session_lost, "lock " + name + " was lost with the connection to the server");
}

// Gives a grant back, on the connection on which it was given; on a later one it is gone already.
Expected<Packed> give_back(const client::Handle& handle, const std::string& owner,
                           const std::optional<Grant>& grant) {
  const client::Params params = grant ? client::params_of(handle.name(), owner, grant->token)
                                      : client::params_of(handle.name(), owner);
  client::Call call{.method = "lock.release"};
  call.with(params);
  if (!grant) return handle.call(call).result;
  return handle.client().call_on(grant->connection, call).result;
}

}  // namespace

bool mutex::acquire(const client::Timeout& timeout) const {
  const std::string& owner = thread_owner();
  const client::Params params = client::params_of(name(), timeout, owner);
  const client::Params undo = client::params_of(name(), owner);
  client::Call call{.method = "lock.acquire", .waits = true, .timeout = timeout};
  call.with(params);
  call.undo_method = "lock.release";
  call.undo_count = undo.count;
  call.undo_params = undo.bytes;
  client::Reply reply = handle().call(call);
  if (!reply.result) throw_error(std::move(reply.result.error()));
  if (reply.result->view().is_null()) return false;
  auto granted = read_grant(*reply.result);
  if (!granted) client::throw_mismatch("lock.acquire", name(), granted.failure());
  handle().client().granted(name(), owner,
                            {granted->token, granted->owner_died, reply.connection, false});
  return true;
}

void mutex::lock() const { acquire(std::nullopt); }

void mutex::unlock() const noexcept {
  try {
    const std::string& owner = thread_owner();
    const auto grant = handle().client().grant(name(), owner);
    handle().client().ungranted(name(), owner);
    // Without a connection the server has taken the lock back by itself.
    if (!grant || !grant->lost) static_cast<void>(give_back(handle(), owner, grant));
  } catch (...) {  // NOLINT(bugprone-empty-catch): never throws, as lock_guard needs it
  }
}

void mutex::release() const {
  const std::string& owner = thread_owner();
  const auto grant = handle().client().grant(name(), owner);
  handle().client().ungranted(name(), owner);
  if (grant && grant->lost) throw_error(std::move(*lost(name()).error));
  take<void>("lock.release", give_back(handle(), owner, grant));
}

std::uint64_t mutex::token() const {
  const auto grant = handle().client().grant(name(), thread_owner());
  if (grant) return grant->token;
  throw_error({Errc::not_locked, "lock " + name() + " is not held by this thread", Done::no, {}});
}

bool mutex::owner_died() const {
  const auto grant = handle().client().grant(name(), thread_owner());
  if (grant) return grant->owner_died;
  throw_error({Errc::not_locked, "lock " + name() + " is not held by this thread", Done::no, {}});
}

bool mutex::held() const {
  const auto grant = handle().client().grant(name(), thread_owner());
  return grant && !grant->lost && handle().client().alive_on(grant->connection);
}

void mutex::on_lost(std::function<void()> callback) const {
  handle().client().on_lost(name(), std::move(callback));
}

}  // namespace agora
