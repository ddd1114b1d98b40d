// SPDX-License-Identifier: MIT

#include <utility>

#include <agora/condition_variable.hpp>

#include "client/src/client/client.hpp"

namespace agora {

using detail::thread_owner;

void condition_variable::throw_foreign() const {
  throw_error({Errc::runtime_error,
               "condition " + name() + " waits only with its own lock, " + mutex_.name() +
                   ", but the given lock is another one",
               Done::no,
               {}});
}

const std::string& condition_variable::owner_of(const lock_grant& held) const {
  const bool own = held.owner_ && held.owner_->methods == &detail::kRecursiveLock &&
                   held.owner_->handle.name() == mutex_.name() &&
                   &held.owner_->handle.client() == &handle().client();
  if (!own) throw_foreign();
  return held.owner_->text;
}

// Returns whether it was notified. If it throws, sets `lost` if the thread no longer has the lock.
bool condition_variable::wait_held(const recursive_mutex* locked, const detail::Timeout& timeout,
                                   bool& lost) const {
  if (locked == nullptr || !(*locked == mutex_)) throw_foreign();
  detail::Client& client = handle().client();
  mutex_.by_thread().hand_over();
  const auto grant = client.grants().find(mutex_.name(), thread_owner());
  const detail::Params params = handle().params(timeout, thread_owner());
  // The call has no deadline in the client: the server replies only when it has taken the lock
  // again, which may be long after the timeout.
  detail::Call call = call_of(detail::methods::condition_wait);
  // Without a grant call_in(0) fails with session_lost: no session has the number 0.
  detail::Reply reply = !grant || grant->lost ? client.call_in(0, call.with(params))
                                              : handle().call(call.with(params));
  if (reply) {
    client.grants().set_token(mutex_.name(), thread_owner(), 0);
    return take<bool>(detail::methods::condition_wait.name, std::move(reply));
  }
  // Whether the lock is held now depends on the moment of the failure. Release it in any case.
  lost = true;
  client.grants().remove(mutex_.name(), thread_owner());
  mutex_.unlock();
  throw_error(std::move(reply.error()));
}

// Returns whether it was notified. The grant is empty if this throws.
bool condition_variable::waited(lock_grant& held, detail::Reply reply) const {
  // Only the server knows the token with which it took the lock again.
  handle().client().grants().set_token(mutex_.name(), owner_of(held), 0);
  if (!reply) held = lock_grant();
  return take<bool>(detail::methods::condition_wait.name, std::move(reply));
}

void condition_variable::notify(std::int64_t n) const {
  call<void>(detail::methods::condition_notify, n, thread_owner());
}

void condition_variable::notify_all() const {
  call<void>(detail::methods::condition_notify_all, thread_owner());
}

}  // namespace agora
