// SPDX-License-Identifier: MIT

#include <utility>

#include <agora/detail/handle.hpp>
#include <agora/detail/methods.hpp>
#include <agora/error.hpp>

#include "client/src/client/batch.hpp"
#include "client/src/client/client.hpp"
#include "client/src/client/handle_state.hpp"
#include "client/src/client/inherited.hpp"
#include "shared/wire/msgpack_rpc.hpp"

namespace agora::detail {
namespace {

/// The pause before an object that has no view is located again: that costs a call.
constexpr std::chrono::seconds kPause{1};
/// A view lives as long as its handle, as any thread may be reading through it. If a program
/// deletes and creates an object again and again under one handle, the handle makes calls after
/// this many views.
constexpr int kViewsMax = 1000;

// Returns the deadline for acquiring a hold: that of a call that does not wait, even if the call
// that needs the hold waits.
Deadline hold_deadline(const Client& client, const Deadline& whole) {
  const Deadline own = client.deadline_of(Call{});
  return whole && (!own || *whole < *own) ? whole : own;
}

}  // namespace

HandleState::HandleState(std::shared_ptr<Client> its_client, std::string its_name,
                         std::uint64_t held_in, HoldRef keep)
    : client_(std::move(its_client)),
      name_(std::move(its_name)),
      hold_(std::move(keep)),
      kept_in_(hold_ ? held_in : 0),
      held_in_(held_in) {
  if (anonymous()) register_holder(*this);
}

HandleState::~HandleState() {
  for (const ObjectView* each = view_.load(); each != nullptr;) {
    const std::unique_ptr<const ObjectView> owned(each);
    each = each->older;
    client_->unlocate(*owned);
  }
  if (!anonymous()) return;
  unregister_holder(*this);
  const std::uint64_t held_in = held_in_.load();
  if (held_in != 0 && held_in != kept_in_) client_->release(held_in, name_);
}

// Acquires a hold in the present session, unless it has one. A new session, after a fork or a loss,
// holds no object yet.
Expected<void> HandleState::hold(const Deadline& deadline) {
  auto session = client_->connect(deadline);
  if (!session) return session.failure();
  const std::uint64_t number = (*session)->number();
  std::uint64_t before = held_in_.load();
  if (before == number || !held_in_.compare_exchange_strong(before, number)) return {};
  const Params params = params_of(name_);
  Call call = call_of(methods::object_hold);
  auto held = client_->call_in(number, call.with(params), deadline);
  if (held) return {};
  std::uint64_t mine = number;
  held_in_.compare_exchange_strong(mine, before);  // the next call tries again
  return held.failure();
}

bool HandleState::must_hold() { return anonymous() && held_in_.load() != client_->present(); }

void HandleState::hold_quietly() noexcept {
  try {
    if (must_hold()) static_cast<void>(hold(client_->deadline_of(Call{})));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the first use reports it
  }
}

// An object without a view may get one later, for example when it is created. So try again after
// kPause.
bool HandleState::may_locate(std::uint64_t session) const {
  if (views_.load() >= kViewsMax) return false;
  return without_in_.load() != session || Clock::now() >= without_until_.load();
}

// Several threads may locate the object at once; compare-and-swap keeps the view of the first.
const ObjectView* HandleState::view() {
  const std::uint64_t session = client_->mapped();
  if (session == 0) return nullptr;
  const ObjectView* last = view_.load();
  if (last == nullptr || last->session != session || last->cell->object.load() != last->object) {
    if (!may_locate(session)) return nullptr;
    if (must_hold() && !hold(client_->deadline_of(Call{}))) return nullptr;
    std::unique_ptr<ObjectView> made = client_->locate(name_, session);
    if (!made) {
      without_until_.store(Clock::now() + kPause);
      without_in_.store(session);
      return nullptr;
    }
    made->older = last;
    const ObjectView* const fresh = made.get();
    if (view_.compare_exchange_strong(last, fresh)) {
      last = made.release();
      ++views_;
    } else {
      client_->unlocate(*made);
    }
  }
  return last->open() ? last : nullptr;
}

Reply HandleState::call(const Call& call) {
  const Deadline deadline = client_->deadline_of(call);
  if (must_hold()) {
    if (auto held = hold(hold_deadline(*client_, deadline)); !held) return held.failure();
  }
  return client_->call(call, deadline);
}

void HandleState::start(const Call& call, CompletionPtr completion) {
  if (must_hold()) {
    auto held = hold(hold_deadline(*client_, client_->deadline_of(call)));
    if (!held) return client_->refuse(std::move(completion), held.failure());
  }
  if (CallBatch* batch = completion->batch())
    return batch->add(*client_, call, std::move(completion));
  client_->start(call, std::move(completion));
}

ObjectHandle::ObjectHandle(std::shared_ptr<Client> client, std::string name, std::uint64_t held_in,
                           HoldRef keep)
    : state_(std::make_shared<HandleState>(std::move(client), std::move(name), held_in,
                                           std::move(keep))) {}

const std::string& ObjectHandle::name() const { return state_->name(); }

Client& ObjectHandle::client() const { return state_->client(); }

ObjectHandle ObjectHandle::guarded(const std::string& lock, std::uint64_t token) const {
  if (guard_) {
    throw_error({Errc::value_error,
                 "calls on " + name() + " are guarded already, and a call carries one guard",
                 Done::no,
                 {}});
  }
  std::string options;
  Writer writer(options);
  writer.map(1);
  writer.text("guard"), writer.list(2), writer.text(lock), writer.unsigned_integer(token);
  auto guard = std::make_shared<std::string>();
  Writer(*guard).extension(kCallOptionsExtension, options);
  ObjectHandle copy = *this;
  copy.guard_ = std::move(guard);
  copy.view_.store(nullptr);  // only the server can check a guard
  return copy;
}

const ObjectView* ObjectHandle::find_view() const {
  if (guard_) return nullptr;
  const ObjectView* const seen = state_->view();
  if (seen != nullptr) view_.store(seen, std::memory_order_release);
  return seen;
}

const ObjectView* ObjectHandle::last_view() const { return guard_ ? nullptr : state_->last_view(); }

Reply ObjectHandle::call(const Call& call) const { return state_->call(call); }

void ObjectHandle::start(const Call& call, CompletionPtr completion) const {
  state_->start(call, std::move(completion));
}

CallCanceller ObjectHandle::canceller() const {
  return CallCanceller(state_->client().shared_from_this());
}

CallCanceller::CallCanceller(const std::shared_ptr<Client>& client) : client_(client) {
  static std::atomic<CallTicket> last{0};
  ticket_ = ++last;
}

void CallCanceller::cancel(Cancellation kind) const noexcept {
  if (const auto client = client_.lock()) client->cancel(ticket_, kind);
}

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

void throw_nan() {
  throw_error({Errc::value_error, "a duration must be a number, not NaN", Done::no, {}});
}

}  // namespace agora::detail
