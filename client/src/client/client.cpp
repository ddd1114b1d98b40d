// SPDX-License-Identifier: MIT

#include "client/src/client/client.hpp"

#include <span>
#include <utility>

#include <agora/detail/methods.hpp>
#include <agora/error.hpp>

#include "client/src/client/holds.hpp"
#include "client/src/client/inherited.hpp"
#include "client/src/client/process_state.hpp"
#include "client/src/session/anonymous.hpp"

namespace agora::detail {
namespace {

Failure lost_with_session(const Call& call) {
  return fail(Errc::session_lost,
              std::string(call.method) + ": what was held is lost with the session");
}

// Prepares a call to run again in the next session, if its session was lost before the call was
// sent. Returns false if it was sent, or has another outcome.
bool may_run_again(OwnedCall& call) {
  const bool unsent = call.error && call.error->code == Errc::session_lost && !call.sent;
  if (!unsent) return false;
  call.error.reset();
  call.done = false;
  call.number = 0;
  return true;
}

}  // namespace

const std::string& thread_owner() {
  static std::atomic<std::uint64_t> last{0};
  thread_local const std::string owner = "t" + std::to_string(++last);
  return owner;
}

std::string new_owner() {
  static std::atomic<std::uint64_t> last{0};
  return "g" + std::to_string(++last);
}

Client::Client(std::string address_text, std::vector<Address> addresses, manager_options options,
               std::function<bool()> server_gone)
    : address_text_(std::move(address_text)),
      plan_{std::move(addresses), std::move(options), std::move(server_gone)} {
  register_client(*this);
}

Client::~Client() {
  unregister_client(*this);
  ProcessState* const state = existing_state();
  if (state == nullptr) return;
  state->stop();
  delete state;
}

ProcessState* Client::existing_state() const {
  ProcessState* const state = state_.load(std::memory_order_acquire);
  return state != nullptr && state->is_current() ? state : nullptr;
}

ProcessState& Client::state() {
  for (;;) {
    if (ProcessState* const present = existing_state()) return *present;
    ProcessState* before = state_.load(std::memory_order_acquire);
    auto fresh = std::make_unique<ProcessState>(*this, plan_, before);
    if (state_.compare_exchange_strong(before, fresh.get(), std::memory_order_acq_rel)) {
      return *fresh.release();
    }
  }
}

std::shared_ptr<Session> Client::present_session() {
  ProcessState* const state = existing_state();
  return state != nullptr ? state->session() : nullptr;
}

std::uint64_t Client::mapped() const {
  const ProcessState* const state = existing_state();
  return state != nullptr ? state->mapped() : 0;
}

std::shared_ptr<Mapping> Client::present_mapping() {
  const auto session = present_session();
  return session ? session->share_mapping() : nullptr;
}

std::uint64_t Client::present() {
  const auto session = present_session();
  return session && !session->over() ? session->number() : 0;
}

Expected<std::shared_ptr<Session>> Client::connect(const Deadline& deadline, const Wait& wait) {
  return state().connect(deadline, wait);
}

void Client::open_quietly() noexcept {
  try {
    static_cast<void>(connect());
  } catch (...) {  // NOLINT(bugprone-empty-catch): the first use fails again and reports it
  }
}

Grants& Client::grants() { return state().grants(); }

Deadline Client::deadline_of(const Call& call) const {
  if (!call.waits) return deadline_in(plan_.options.deadline);
  if (!call.timeout) return std::nullopt;
  return deadline_in(*call.timeout + plan_.options.deadline);
}

HoldRef Client::hold_of(std::uint64_t session, const Packed& result) {
  auto names = anonymous_names(result);
  if (names.empty()) return nullptr;
  // A reply may come while the client is being destroyed. Then the end of the session releases the
  // holds.
  auto self = weak_from_this().lock();
  if (!self) return nullptr;
  return std::make_shared<const Holds>(std::move(self), session, std::move(names));
}

Reply Client::reply_of(std::uint64_t session, Session::Outcome outcome) {
  HoldRef keep = outcome.result ? hold_of(session, *outcome.result) : nullptr;
  return {std::move(outcome.result), session, std::move(keep)};
}

Reply Client::call(const Call& call, const Deadline& deadline) {
  for (bool again = true;; again = false) {
    auto session = connect(deadline);
    if (!session) {
      Failure failure = session.failure();
      failure.error->message.insert(0, std::string(call.method) + ": ");
      return failure;
    }
    auto outcome = (*session)->call(call, deadline);
    const bool unsent = !outcome.sent && !outcome.result && (*session)->over();
    if (!unsent || !again) return reply_of((*session)->number(), std::move(outcome));
  }
}

Reply Client::call_in(std::uint64_t number, const Call& call, const Deadline& deadline) {
  const auto session = present_session();
  if (!session || session->number() != number || session->over()) return lost_with_session(call);
  return reply_of(number, session->call(call, deadline));
}

void Client::start(const Call& call, CompletionPtr completion) {
  ProcessState& here = state();
  here.start_callback_thread();
  auto owned = std::make_unique<OwnedCall>(call, deadline_of(call), std::move(completion));
  for (;;) {
    auto session = connect(owned->deadline);
    if (!session) {
      owned->error = std::make_unique<Error>(error_for(*owned, session.error()));
      return here.post(0, std::move(owned), nullptr);
    }
    owned = (*session)->start(std::move(owned));
    if (!owned) return;
  }
}

void Client::cancel(CallTicket ticket, Cancellation kind) noexcept {
  try {
    if (const auto session = present_session()) session->cancel(ticket, kind);
  } catch (...) {  // NOLINT(bugprone-empty-catch): no memory; the call goes on
  }
}

void Client::refuse(CompletionPtr completion, Failure failure) {
  ProcessState& here = state();
  here.start_callback_thread();
  here.post(std::move(completion), std::move(failure));
}

void Client::run(std::span<const std::unique_ptr<OwnedCall>> calls) {
  std::uint64_t number = 0;
  const Deadline nearest = nearest_deadline(calls);
  for (bool again = true; again;) {
    auto session = connect(nearest);
    again = session && number == 0;
    if (session) {
      number = (*session)->number();
      (*session)->run(calls);
    }
    bool unsent = false;
    for (const auto& call : calls) {
      if (!session && !call->done) {
        call->error = std::make_unique<Error>(error_for(*call, session.error()));
      } else if (again && (*session)->over() && may_run_again(*call)) {
        unsent = true;
      }
    }
    again = again && unsent;
  }
  for (const auto& call : calls) complete(number, *call, nullptr);
}

void Client::complete(std::uint64_t session, OwnedCall& call, HoldRef arrived) {
  HoldRef hold = call.error ? nullptr : hold_of(session, call.result);
  call.complete(session, std::move(hold), std::move(arrived));
}

void Client::start_in(std::uint64_t number, const Method& method, const Params& params) noexcept {
  try {
    const auto session = present_session();
    if (!session || session->number() != number) return;
    Call call = call_of(method);
    static_cast<void>(session->start(std::make_unique<OwnedCall>(call.with(params), Deadline())));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the end of the session releases it
  }
}

void Client::release(std::uint64_t session, const std::string& name) noexcept {
  start_in(session, methods::object_release, params_of(name));
}

bool Client::certain_in(std::uint64_t number) {
  const auto session = present_session();
  return session && session->number() == number && session->certain();
}

Expected<std::uint64_t> Client::follow(const ObjectHandle& object, const Method& start,
                                       const Params& params, Notices::Listener listener) {
  ProcessState& here = state();
  here.start_callback_thread();
  const std::uint64_t number = here.add_listener(object.name(), std::move(listener));
  Call call = call_of(start);
  auto reply = object.call(call.with(params));
  if (!reply) {
    here.drop_listener(number);
    return reply.failure();
  }
  const auto version = unpack<std::uint64_t>(*reply);  // object.watch returns it
  here.bind_listener(number, reply.session, version ? *version : 0);
  return number;
}

void Client::unfollow(std::uint64_t number, const Method& stop) noexcept {
  ProcessState* const here = existing_state();
  if (here == nullptr) return;
  here->remove_listener(number, [this, &stop](const Notices::Listener& last) {
    start_in(last.session, stop, last.stop);
  });
}

}  // namespace agora::detail
