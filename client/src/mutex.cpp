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

Error lost(const std::string& name) {
  return {Errc::session_lost, "lock " + name + " was lost with the session", Done::no, {}};
}

client::Params release_params(const std::string& name, const std::string& owner,
                              const std::optional<Grant>& grant) {
  return grant ? client::params_of(name, owner, grant->token) : client::params_of(name, owner);
}

// Gives a grant back, in the session in which it was given; in a later one it is gone already.
client::Reply give_back(const client::Handle& handle, const std::string& owner,
                        const std::optional<Grant>& grant) {
  const client::Params params = release_params(handle.name(), owner, grant);
  client::Call call{.method = "lock.release"};
  call.with(params);
  if (!grant) return handle.call(call);
  return handle.client().call_in(grant->session, call);
}

Grant grant_of(const client::Handle& handle, const std::string& owner) {
  const auto grant = handle.client().grant(handle.name(), owner);
  if (grant) return *grant;
  throw_error({Errc::not_locked, "lock " + handle.name() + " is not held here", Done::no, {}});
}

bool is_held(const client::Handle& handle, const std::string& owner) {
  const auto grant = handle.client().grant(handle.name(), owner);
  return grant && !grant->lost && handle.client().certain_in(grant->session);
}

// Takes the grant out and releases the lock.
void release_now(const client::Handle& handle, const std::string& owner) {
  const auto grant = handle.client().grant(handle.name(), owner);
  handle.client().ungranted(handle.name(), owner);
  if (grant && grant->lost) throw_error(lost(handle.name()));
  auto reply = give_back(handle, owner, grant);
  if (!reply) throw_error(std::move(reply.error()));
}

// Notes what the server granted; false if it granted nothing.
bool note(const client::Handle& handle, const std::string& owner, client::Reply& reply) {
  if (!reply) throw_error(std::move(reply.error()));
  if (reply->view().is_null()) return false;
  auto granted = read_grant(*reply);
  if (!granted) client::throw_mismatch("lock.acquire", handle.name(), granted.failure());
  handle.client().granted(handle.name(), owner,
                          {granted->token, granted->owner_died, reply.session, false});
  return true;
}

}  // namespace

client::DeferredCall mutex::acquire_call(const client::Timeout& timeout,
                                         const std::string& owner) const {
  const client::Call shape{
      .method = {}, .waits = true, .timeout = timeout, .undo_method = "lock.release"};
  return {shape, "lock.acquire", client::params_of(name(), timeout, owner),
          client::params_of(name(), owner)};
}

std::string mutex::fresh_owner() { return client::new_owner(); }

lock_grant mutex::granted_to(const std::string& owner, client::Reply reply) const {
  if (!note(handle(), owner, reply)) return {};
  return lock_grant({handle(), owner});
}

bool mutex::acquire(const client::Timeout& timeout) const {
  const client::DeferredCall call = acquire_call(timeout, thread_owner());
  client::Reply reply = handle().call(call.call());
  return note(handle(), thread_owner(), reply);
}

void mutex::lock() const { acquire(std::nullopt); }

void mutex::unlock() const noexcept {
  try {
    const std::string& owner = thread_owner();
    const auto grant = handle().client().grant(name(), owner);
    handle().client().ungranted(name(), owner);
    // With the session the server has taken the lock back by itself.
    if (!grant || !grant->lost) static_cast<void>(give_back(handle(), owner, grant));
  } catch (...) {  // NOLINT(bugprone-empty-catch): never throws, as lock_guard needs it
  }
}

void mutex::release() const { release_now(handle(), thread_owner()); }
std::uint64_t mutex::token() const { return grant_of(handle(), thread_owner()).token; }
bool mutex::owner_died() const { return grant_of(handle(), thread_owner()).owner_died; }
bool mutex::held() const { return is_held(handle(), thread_owner()); }

void mutex::on_lost(std::function<void()> callback) const {
  handle().client().on_lost(name(), std::move(callback));
}

lock_grant::lock_grant(lock_grant&& other) noexcept
    : owner_(std::exchange(other.owner_, std::nullopt)) {}

lock_grant& lock_grant::operator=(lock_grant&& other) noexcept {
  std::swap(owner_, other.owner_);
  lock_grant before(std::move(other));
  return *this;
}

lock_grant::~lock_grant() {
  if (!owner_) return;
  try {
    client::Client& client = owner_->handle.client();
    const std::string& name = owner_->handle.name();
    const auto grant = client.grant(name, owner_->text);
    client.ungranted(name, owner_->text);
    if (!grant || grant->lost) return;
    client.start_in(grant->session, "lock.release", release_params(name, owner_->text, grant));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the session's end gives it back
  }
}

const lock_grant::Owner& lock_grant::owner() const {
  if (owner_) return *owner_;
  throw_error({Errc::not_locked, "this lock_grant is empty", Done::no, {}});
}

void lock_grant::release() {
  if (!owner_) return;
  const Owner before = std::move(*std::exchange(owner_, std::nullopt));
  release_now(before.handle, before.text);
}

std::uint64_t lock_grant::token() const { return grant_of(owner().handle, owner().text).token; }
bool lock_grant::owner_died() const { return grant_of(owner().handle, owner().text).owner_died; }
bool lock_grant::held() const { return owner_ && is_held(owner_->handle, owner_->text); }

}  // namespace agora
