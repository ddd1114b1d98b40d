// SPDX-License-Identifier: MIT

#include <map>
#include <utility>

#include <agora/lock_grant.hpp>

#include "client/src/client/client.hpp"
#include "client/src/proxies/word_lock.hpp"
#include "shared/value/any.hpp"

namespace agora {
namespace detail {

namespace {

struct Granted {
  std::uint64_t token = 0;
  bool owner_died = false;
};

std::string_view kind_of(const LockMethods& methods) {
  return methods.acquire->name.substr(0, methods.acquire->name.find('.'));
}

// Reads `{token, owner_died}`, in either order.
Expected<Granted> read_grant(PackedView reply) {
  auto members = unpack<std::map<std::string, any>>(reply);
  if (!members) return members.failure();
  auto token = (*members)["token"].get<std::uint64_t>();
  if (!token) return token.failure();
  auto owner_died = (*members)["owner_died"].get<bool>();
  if (!owner_died) return owner_died.failure();
  return Granted{*token, *owner_died};
}

[[noreturn]] void throw_lost(const ObjectHandle& handle, const LockMethods& methods) {
  throw_error({Errc::session_lost,
               std::string(kind_of(methods)) + " " + handle.name() + " was lost with the session",
               Done::no,
               {}});
}

/// Returns the owner's grant if it was taken by those methods.
std::optional<Grant> find(const ObjectHandle& handle, const LockMethods& methods,
                          const std::string& owner) {
  auto grant = handle.client().grants().find(handle.name(), owner);
  if (grant && grant->way != &methods) grant.reset();
  return grant;
}

Grant grant_of(const ObjectHandle& handle, const LockMethods& methods, const std::string& owner) {
  if (auto grant = find(handle, methods, owner)) return *grant;
  throw_error({Errc::not_locked,
               std::string(kind_of(methods)) + " " + handle.name() + " is not held here",
               Done::no,
               {}});
}

bool is_held(const ObjectHandle& handle, const LockMethods& methods, const std::string& owner) {
  const auto grant = find(handle, methods, owner);
  return grant && !grant->lost && !grant->may_be_over() &&
         handle.client().certain_in(grant->session);
}

// Returns the token of a grant. Asks the server for it if the wait of a condition took the lock
// again.
std::uint64_t token_of(const ObjectHandle& handle, const LockMethods& methods,
                       const std::string& owner) {
  const Grant grant = grant_of(handle, methods, owner);
  if (grant.token != 0 || methods.holder == nullptr) return grant.token;
  const Params params = params_of(handle.name());
  Call call = call_of(*methods.holder);
  auto reply = handle.client().call_in(grant.session, call.with(params));
  if (!reply) throw_error(std::move(reply.error()));
  auto holder = unpack<std::map<std::string, any>>(*reply);
  if (!holder) throw_lost(handle, methods);
  auto token = (*holder)["token"].get<std::uint64_t>();
  if (!token) throw_mismatch(methods.holder->name, handle.name(), token.failure());
  handle.client().grants().set_token(handle.name(), owner, *token);
  return *token;
}

Params release_params(const std::string& name, const LockMethods& methods, const std::string& owner,
                      const std::optional<Grant>& grant) {
  if (!methods.by_token || !grant || grant->token == 0) return params_of(name, owner);
  return params_of(name, owner, grant->token);
}

// Releases a grant in the session that granted it; a later session does not have it any more.
Reply release_grant(const ObjectHandle& handle, const LockMethods& methods,
                    const std::string& owner, const std::optional<Grant>& grant) {
  const Params params = release_params(handle.name(), methods, owner, grant);
  Call call = call_of(*methods.release);
  call.lasting = true;
  call.with(params);
  if (!grant) return handle.call(call);
  return handle.client().call_in(grant->session, call);
}

// Releases one level. Returns the grant. Sets `more` if levels are left, so that the owner still
// holds the lock.
std::optional<Grant> last_level(const ObjectHandle& handle, const LockMethods& methods,
                                const std::string& owner, bool& more) {
  const auto grant = find(handle, methods, owner);
  more = grant && handle.client().grants().remove_level(handle.name(), owner) > 0;
  return grant;
}

void release_now(const ObjectHandle& handle, const LockMethods& methods, const std::string& owner) {
  bool more = false;
  const auto grant = last_level(handle, methods, owner, more);
  if (grant && grant->lost) throw_lost(handle, methods);
  if (more) return;
  auto reply = release_grant(handle, methods, owner, grant);
  if (!reply) throw_error(std::move(reply.error()));
}

// Records the server's grant. Returns false if the reply is null, since the timeout expired.
bool record(const ObjectHandle& handle, const LockMethods& methods, const std::string& owner,
            Reply& reply, std::optional<LifeClock::time_point> until = {}) {
  if (!reply) throw_error(std::move(reply.error()));
  if (reply->view().is_null()) return false;
  auto granted = read_grant(*reply);
  if (!granted) throw_mismatch(methods.acquire->name, handle.name(), granted.failure());
  Grant grant{granted->token, granted->owner_died, reply.session, false};
  grant.way = &methods;
  grant.until = until;
  forget_word(handle, reply.session);
  handle.client().grants().add(handle.name(), owner, grant);
  return true;
}

std::optional<LifeClock::time_point> time_of(std::optional<std::int64_t> end) {
  if (!end) return std::nullopt;
  return LifeClock::time_point(std::chrono::nanoseconds(*end));
}

// Locking a leased lock again must not succeed in this process alone once the lease may be over.
[[noreturn]] void throw_over(const ObjectHandle& handle, const LockMethods& methods) {
  throw_error({Errc::stale_token,
               "the lease of " + std::string(kind_of(methods)) + " " + handle.name() +
                   " is over; release each level first",
               Done::no,
               {}});
}

}  // namespace

DeferredCall ThreadLock::acquire_call(const Timeout& timeout, const std::string& owner,
                                      const Timeout& lease) const {
  Call shape = call_of(*methods_.acquire, timeout);
  shape.undo_method = methods_.release->name;
  Params params = params_of(handle_.name(), timeout, owner);
  if (lease) params.add(lease);
  return {shape, std::string(methods_.acquire->name), std::move(params),
          params_of(handle_.name(), owner)};
}

DeferredCall ThreadLock::extend_call(const std::string& owner, const Timeout& lease) const {
  const std::uint64_t token = token_of(handle_, methods_, owner);
  return {call_of(*methods_.extend), std::string(methods_.extend->name),
          params_of(handle_.name(), token, lease)};
}

std::string ThreadLock::fresh_owner() { return new_owner(); }

ThreadLock::End ThreadLock::end_of(const Timeout& lease) {
  if (!lease) return std::nullopt;
  const auto span = std::chrono::duration_cast<std::chrono::nanoseconds>(*lease);
  return (LifeClock::now() + span).time_since_epoch().count();
}

lock_grant ThreadLock::granted_to(const std::string& owner, Reply reply, End end) const {
  if (!record(handle_, methods_, owner, reply, time_of(end))) return {};
  return lock_grant({handle_, &methods_, owner});
}

void ThreadLock::extended(const std::string& owner, Reply reply, End end) const {
  if (!reply) throw_error(std::move(reply.error()));
  handle_.client().grants().set_until(handle_.name(), owner, time_of(end));
}

void ThreadLock::extend_of(const std::string& owner, const Timeout& lease) const {
  const Grant grant = grant_of(handle_, methods_, owner);
  if (grant.lost) throw_lost(handle_, methods_);
  const DeferredCall call = extend_call(owner, lease);
  const End end = end_of(lease);
  // A later session does not have the grant any more.
  extended(owner, handle_.client().call_in(grant.session, call.call()), end);
}

void ThreadLock::extend(const Timeout& lease) const {
  hand_over();
  extend_of(thread_owner(), lease);
}

bool ThreadLock::acquire_leased(const Timeout& timeout, const Timeout& lease) const {
  if (!lease) return acquire(timeout);
  const std::string& owner = thread_owner();
  if (methods_.recursive) {
    hand_over();
    if (has_grant()) return acquire(timeout) && (extend_of(owner, lease), true);
  }
  const DeferredCall call = acquire_call(timeout, owner, lease);
  const LifeClock::time_point sent = LifeClock::now();
  const End end = end_of(lease);
  Reply reply = handle_.call(call.call());
  if (!record(handle_, methods_, owner, reply, time_of(end))) return false;
  // The lease began at some time between call and reply. If the call has waited, a lease that
  // begins now is certain for longer.
  constexpr int kPart = 8;
  if (LifeClock::now() - sent < *lease / kPart) return true;
  try {
    extend_of(owner, lease);
  } catch (const stale_token&) {
    // The lease was over before the thread ran again: held() is false.
    handle_.client().grants().set_until(handle_.name(), owner, sent);
  }
  return true;
}

bool ThreadLock::acquire(const Timeout& timeout) const {
  if (const auto taken = take_word(handle_, methods_, timeout)) return *taken;
  const std::string& owner = thread_owner();
  if (methods_.recursive) {
    const auto grant = find(handle_, methods_, owner);
    // Another owner may have changed the data that the outer levels protected.
    if (grant && grant->lost) throw_lost(handle_, methods_);
    if (grant && grant->may_be_over()) throw_over(handle_, methods_);
    if (grant && handle_.client().grants().add_level(handle_.name(), owner)) return true;
  }
  const DeferredCall call = acquire_call(timeout, owner);
  Reply reply = handle_.call(call.call());
  return record(handle_, methods_, owner, reply);
}

void ThreadLock::unlock() const noexcept {
  try {
    Grant by_word;
    switch (release_word(handle_, methods_, by_word)) {
      case WordRelease::free:
      case WordRelease::one_level:
        return;
      case WordRelease::by_call:
        static_cast<void>(release_grant(handle_, methods_, thread_owner(), by_word));
        return;
      case WordRelease::not_held:
        break;
    }
    const std::string& owner = thread_owner();
    bool more = false;
    const auto grant = last_level(handle_, methods_, owner, more);
    // The server released a lost grant by itself when the session ended.
    if (more || (grant && grant->lost)) return;
    static_cast<void>(release_grant(handle_, methods_, owner, grant));
  } catch (...) {  // NOLINT(bugprone-empty-catch): never throws, as lock_guard needs it
  }
}

void ThreadLock::release() const {
  Grant by_word;
  switch (release_word(handle_, methods_, by_word)) {
    case WordRelease::free:
    case WordRelease::one_level:
      return;
    case WordRelease::by_call: {
      auto reply = release_grant(handle_, methods_, thread_owner(), by_word);
      if (!reply) throw_error(std::move(reply.error()));
      return;
    }
    case WordRelease::not_held:
      return release_now(handle_, methods_, thread_owner());
  }
}

std::uint64_t ThreadLock::token() const {
  if (const auto grant = by_word()) return grant->token;
  return token_of(handle_, methods_, thread_owner());
}

// A lock that a thread took by its word has no dead previous owner: the server does not lend such
// locks.
bool ThreadLock::owner_died() const {
  return !by_word() && grant_of(handle_, methods_, thread_owner()).owner_died;
}

bool ThreadLock::held() const {
  if (const auto grant = by_word()) return handle_.client().certain_in(grant->session);
  return is_held(handle_, methods_, thread_owner());
}

bool ThreadLock::has_grant() const {
  return by_word() || find(handle_, methods_, thread_owner()).has_value();
}

void ThreadLock::hand_over() const { hand_over_word(handle_, methods_); }

std::optional<Grant> ThreadLock::by_word() const { return word_grant(handle_, methods_); }

void ThreadLock::on_lost(std::function<void()> callback) const {
  handle_.client().grants().on_lost(handle_.name(), std::move(callback));
}

}  // namespace detail

using detail::Grant;

lock_grant::lock_grant(lock_grant&& other) noexcept
    : owner_(std::exchange(other.owner_, std::nullopt)) {}

lock_grant& lock_grant::operator=(lock_grant&& other) noexcept {
  if (this == &other) return *this;
  std::swap(owner_, other.owner_);
  lock_grant before(std::move(other));
  return *this;
}

lock_grant::~lock_grant() {
  if (!owner_) return;
  try {
    detail::Client& client = owner_->handle.client();
    const std::string& name = owner_->handle.name();
    const auto grant = client.grants().find(name, owner_->text);
    client.grants().remove_level(name, owner_->text);
    if (!grant || grant->lost) return;
    client.start_in(grant->session, *owner_->methods->release,
                    detail::release_params(name, *owner_->methods, owner_->text, grant));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the session's end releases it
  }
}

const lock_grant::Owner& lock_grant::owner() const {
  if (owner_) return *owner_;
  throw_error({Errc::not_locked, "this lock_grant is empty", Done::no, {}});
}

void lock_grant::release() {
  if (!owner_) return;
  const Owner before = std::move(*std::exchange(owner_, std::nullopt));
  detail::release_now(before.handle, *before.methods, before.text);
}

std::uint64_t lock_grant::token() const {
  return detail::token_of(owner().handle, *owner().methods, owner().text);
}
bool lock_grant::owner_died() const {
  return detail::grant_of(owner().handle, *owner().methods, owner().text).owner_died;
}
bool lock_grant::held() const {
  return owner_ && detail::is_held(owner_->handle, *owner_->methods, owner_->text);
}
const std::string& lock_grant::name() const { return owner().handle.name(); }

}  // namespace agora
