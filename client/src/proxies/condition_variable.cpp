#include <utility>

#include <agora/condition_variable.hpp>

#include "client/src/client/client.hpp"

namespace agora {

using detail::thread_owner;

void condition_variable::throw_foreign() const {
  throw_error({Errc::runtime_error,
               "condition " + name() + " waits only with its own lock, " + mutex_.name() +
                   ", held by what is given",
               Done::no,
               {}});
}

void condition_variable::check(const Lock& lock) const {
  const bool own = lock.owns_lock() && lock.mutex() != nullptr && *lock.mutex() == mutex_;
  if (!own) throw_foreign();
}

const std::string& condition_variable::owner_of(const lock_grant& held) const {
  const bool own = held.owner_ && held.owner_->way == &detail::kRecursiveLock &&
                   held.owner_->handle.name() == mutex_.name() &&
                   &held.owner_->handle.client() == &handle().client();
  if (!own) throw_foreign();
  return held.owner_->text;
}

bool condition_variable::wait_by(Lock& lock, const detail::Timeout& timeout) const {
  check(lock);
  detail::Client& client = handle().client();
  mutex_.recursive().hand_over();
  const auto grant = client.grants().find(mutex_.name(), thread_owner());
  const detail::Params params = handle().params(timeout, thread_owner());
  // No end of its own for the client: the lock is taken again past the time-out, however late.
  detail::Call call{.method = "condition.wait", .waits = true};
  detail::Reply reply = !grant || grant->lost ? client.call_in(0, call.with(params))
                                              : handle().call(call.with(params));
  if (reply) {
    client.grants().set_token(mutex_.name(), thread_owner(), 0);
    return take<bool>("condition.wait", std::move(reply));
  }
  // Whether the lock is held now depends on when the wait failed; afterwards it is not.
  lock.release();
  client.grants().remove(mutex_.name(), thread_owner());
  mutex_.unlock();
  throw_error(std::move(reply.error()));
}

// Whether it was notified; the grant is empty if that throws.
bool condition_variable::waited(lock_grant& held, detail::Reply reply) const {
  // Only the server knows the token with which the lock was taken again, if it was.
  handle().client().grants().set_token(mutex_.name(), owner_of(held), 0);
  if (!reply) held = lock_grant();
  return take<bool>("condition.wait", std::move(reply));
}

void condition_variable::notify(std::int64_t n) const {
  change<void>("condition.notify", n, thread_owner());
}

void condition_variable::notify_all() const {
  change<void>("condition.notify_all", thread_owner());
}

}  // namespace agora
