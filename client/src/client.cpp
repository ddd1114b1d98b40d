#include "client/src/client.hpp"

#include <utility>

#include "client/src/anonymous.hpp"
#include "client/src/fork_guard.hpp"
#include "client/src/holds.hpp"

namespace agora::client {

/// The state of one process. Left as it is by a forked child.
struct Client::Live : SessionWatcher {
  explicit Live(Client& its_client) : client(its_client) {}

  void completed(Session& from, OwnedSlot& call) noexcept override;
  void noticed(const Packed& notice) noexcept override;
  void ended(Session& from, std::vector<std::unique_ptr<OwnedSlot>> unsent) noexcept override;

  Client& client;
  const std::uint64_t epoch = process_epoch();
  std::mutex opening;    // one thread opens a session at a time; taken before `mutex`
  std::mutex following;  // orders the beginnings and ends of listening; taken before `mutex`
  std::mutex mutex;      // guards the rest
  std::shared_ptr<Session> session;
  std::vector<std::shared_ptr<Session>> earlier;  // lost ones, whose thread may still tell of it
  std::uint64_t sessions = 0;                     // opened so far
  std::atomic<std::uint64_t> mapped{0};           // the number of `session` if it shares memory
  Grants grants;
  Notices notices;
  Live* abandoned = nullptr;  // the parent's: kept reachable, never touched
};

namespace {

Failure lost_with_session(const Call& call) {
  return fail(Errc::session_lost,
              std::string(call.method) + ": what was held is lost with the session");
}

/// Tells the session that a reply has arrived when the last copy goes.
struct Arrival : Kept {
  std::weak_ptr<Session> session;
  std::uint64_t number = 0;
  bool kept = false;
  Arrival(Session& its_session, const OwnedSlot& call)
      : session(its_session.weak_from_this()),
        number(call.number),
        kept(call.call.effect == Effect::changes || !anonymous_names(call.result).empty()) {}
  ~Arrival() override {
    if (const auto still = session.lock()) still->finished(number, kept);
  }
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;
};

}  // namespace

void Client::Live::completed(Session& from, OwnedSlot& call) noexcept {
  client.complete(from.number(), call, std::make_shared<const Arrival>(from, call));
}

void Client::Live::noticed(const Packed& notice) noexcept {
  auto members = unpack<Notice>(notice);
  if (!members) return;
  std::vector<Notices::Due> due;
  {
    const std::lock_guard guard(mutex);
    due = notices.due(*members);
  }
  for (const Notices::Due& each : due) (*each.callback)(*members);
}

// Callbacks may take part in the loss of a lock, but must not hide it: an exception ends the
// program.
void Client::Live::ended(Session& from, std::vector<std::unique_ptr<OwnedSlot>> unsent) noexcept {
  std::vector<Grants::Callback> due;
  std::vector<Notices::Due> deaf;
  {
    const std::lock_guard guard(mutex);
    std::uint64_t present = from.number();
    mapped.compare_exchange_strong(present, 0);
    if (const Mapping* mapping = from.mapping()) {
      for (const Mapping::HeldLock& lock : mapping->held_locks()) {
        Grant grant{lock.token, false, from.number(), false};
        grant.levels = lock.levels;
        grants.add(lock.name, lock.owner, grant);
      }
    }
    due = grants.lose(from.number());
    deaf = notices.lose(from.number());
  }
  for (const Grants::Callback& callback : due) callback();
  for (const Notices::Due& each : deaf) (*each.callback)(each.notice);
  for (auto& call : unsent) {
    // What nobody waits for gave something of that session back, and that is done.
    if (!call->completion) continue;
    auto next = client.connect();
    call->number = 0;
    call->done = false;
    if (next) {
      call->error.reset();
      call = (*next)->start(std::move(call));
    }
    if (call) client.complete(from.number(), *call, nullptr);
  }
}

const std::string& thread_owner() {
  static std::atomic<std::uint64_t> last{0};
  thread_local const std::string owner = "t" + std::to_string(++last);
  return owner;
}

std::string new_owner() {
  static std::atomic<std::uint64_t> last{0};
  return "g" + std::to_string(++last);
}

Client::Client(std::string address_text, Address address, manager_options options,
               std::function<bool()> server_gone)
    : address_text_(std::move(address_text)),
      plan_{std::move(address), std::move(options), std::move(server_gone)} {
  register_client(*this);
}

Client::~Client() {
  unregister_client(*this);
  Live* here = live_here();
  if (here == nullptr) return;
  for (const auto& session : here->earlier) session->stop();
  if (here->session) here->session->stop();
  delete here;
}

Client::Live* Client::live_here() const {
  Live* here = live_.load(std::memory_order_acquire);
  return here != nullptr && here->epoch == process_epoch() ? here : nullptr;
}

Client::Live& Client::live() {
  for (;;) {
    if (Live* here = live_here()) return *here;
    Live* before = live_.load(std::memory_order_acquire);
    auto fresh = std::make_unique<Live>(*this);
    fresh->abandoned = before;
    if (live_.compare_exchange_strong(before, fresh.get(), std::memory_order_acq_rel)) {
      return *fresh.release();
    }
  }
}

std::shared_ptr<Session> Client::present_session() {
  Live* here = live_here();
  if (here == nullptr) return nullptr;
  const std::lock_guard guard(here->mutex);
  return here->session;
}

std::uint64_t Client::mapped() const {
  const Live* here = live_here();
  return here != nullptr ? here->mapped.load(std::memory_order_acquire) : 0;
}

std::shared_ptr<Mapping> Client::present_mapping() {
  const auto session = present_session();
  return session ? session->share_mapping() : nullptr;
}

std::uint64_t Client::present() {
  const auto session = present_session();
  return session && !session->over() ? session->number() : 0;
}

Expected<std::shared_ptr<Session>> Client::connect() {
  Live& here = live();
  {
    const std::lock_guard guard(here.mutex);
    if (here.session && !here.session->over()) return here.session;
  }
  return open(here);
}

Expected<std::shared_ptr<Session>> Client::open(Live& here) {
  const std::lock_guard one_at_a_time(here.opening);
  std::uint64_t number = 0;
  {
    const std::lock_guard guard(here.mutex);
    if (here.session && !here.session->over()) return here.session;
    number = (here.epoch << 32) + ++here.sessions;
  }
  auto fresh = Session::open(plan_, here, number);
  if (!fresh) return fresh.failure();
  const std::lock_guard guard(here.mutex);
  std::erase_if(here.earlier, [](const auto& session) { return session->thread_ended(); });
  if (here.session) here.earlier.push_back(std::move(here.session));
  here.session = std::move(*fresh);
  here.mapped.store(here.session->mapping() != nullptr ? number : 0);
  if (!here.notices.empty()) here.session->expect_notices();
  return here.session;
}

void Client::open_quietly() noexcept {
  try {
    static_cast<void>(connect());
  } catch (...) {  // NOLINT(bugprone-empty-catch): the first use will say it
  }
}

Deadline Client::deadline_of(const Call& call) const {
  if (!call.waits) return deadline_in(plan_.options.deadline);
  if (!call.timeout) return std::nullopt;
  return deadline_in(*call.timeout + plan_.options.deadline);
}

Keep Client::keep_of(std::uint64_t session, const Packed& result) {
  auto names = anonymous_names(result);
  if (names.empty()) return nullptr;
  // The last reply may come while the client ends; then the session's end gives back the holds.
  auto self = weak_from_this().lock();
  if (!self) return nullptr;
  return std::make_shared<const Holds>(std::move(self), session, std::move(names));
}

Reply Client::reply_of(std::uint64_t session, Session::Outcome outcome) {
  Keep keep = outcome.result ? keep_of(session, *outcome.result) : nullptr;
  return {std::move(outcome.result), session, std::move(keep)};
}

Reply Client::call(const Call& call) {
  const Deadline deadline = deadline_of(call);
  for (bool again = true;; again = false) {
    auto session = connect();
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

Reply Client::call_in(std::uint64_t number, const Call& call) {
  const auto session = present_session();
  if (!session || session->number() != number || session->over()) return lost_with_session(call);
  return reply_of(number, session->call(call, deadline_of(call)));
}

void Client::start(const Call& call, std::unique_ptr<Completion> completion) {
  auto slot = std::make_unique<OwnedSlot>(call, deadline_of(call), std::move(completion));
  for (;;) {
    auto session = connect();
    if (!session) {
      slot->error = std::make_unique<Error>(error_for(*slot, session.error()));
      return complete(0, *slot, nullptr);
    }
    slot = (*session)->start(std::move(slot));
    if (!slot) return;
  }
}

namespace {

// A session that was lost before a call was sent is no reason for it to fail.
bool may_run_again(OwnedSlot& call) {
  const bool unsent = call.error && call.error->code == Errc::session_lost && !call.sent;
  if (!unsent) return false;
  call.error.reset();
  call.done = false;
  call.number = 0;
  return true;
}

}  // namespace

void Client::run(std::span<const std::unique_ptr<OwnedSlot>> calls) {
  std::uint64_t number = 0;
  for (bool again = true; again;) {
    auto session = connect();
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

void Client::complete(std::uint64_t session, OwnedSlot& call, Keep arrived) {
  if (call.error) {
    return call.completion->complete(Failure{std::move(call.error)}, std::move(arrived));
  }
  Keep keep = keep_of(session, call.result);
  call.completion->complete({std::move(call.result), session, std::move(keep)}, std::move(arrived));
}

void Client::start_in(std::uint64_t number, std::string_view method,
                      const Params& params) noexcept {
  try {
    const auto session = present_session();
    if (!session || session->number() != number) return;
    Call call{.method = method};
    static_cast<void>(session->start(std::make_unique<OwnedSlot>(call.with(params), Deadline())));
  } catch (...) {  // NOLINT(bugprone-empty-catch): what it gives back goes with the session then
  }
}

void Client::release(std::uint64_t session, const std::string& name) noexcept {
  start_in(session, "object.release", params_of(name));
}

bool Client::certain_in(std::uint64_t number) {
  const auto session = present_session();
  return session && session->number() == number && session->certain();
}

void Client::granted(const std::string& name, const std::string& owner, const Grant& grant) {
  std::vector<Grants::Callback> due;
  {
    Live& here = live();
    const std::lock_guard guard(here.mutex);
    due = here.grants.add(name, owner, grant);
  }
  for (const Grants::Callback& callback : due) callback();
}

std::optional<Grant> Client::grant(const std::string& name, const std::string& owner) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  return here.grants.find(name, owner);
}

void Client::ungranted(const std::string& name, const std::string& owner) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  here.grants.remove(name, owner);
}

void Client::on_lost(const std::string& name, Grants::Callback callback) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  here.grants.on_lost(name, std::move(callback));
}

bool Client::deepen(const std::string& name, const std::string& owner) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  return here.grants.deepen(name, owner);
}

std::uint32_t Client::leave(const std::string& name, const std::string& owner) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  return here.grants.leave(name, owner);
}

void Client::set_token(const std::string& name, const std::string& owner, std::uint64_t token) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  here.grants.set_token(name, owner, token);
}

Expected<std::uint64_t> Client::follow(const Handle& object, std::string_view start,
                                       Notices::Listener listener) {
  Live& here = live();
  std::uint64_t number = 0;
  {
    const std::lock_guard in_order(here.following);
    const std::lock_guard guard(here.mutex);
    number = here.notices.add(object.name(), std::move(listener));
    if (here.session) here.session->expect_notices();
  }
  const Params params = params_of(object.name());
  Call call{.method = start};
  auto reply = object.call(call.with(params));
  std::vector<Notices::Due> due;
  {
    const std::lock_guard guard(here.mutex);
    if (!reply) {
      here.notices.remove(number);
    } else {
      due = here.notices.bind(number, reply.session);
      if (here.session) here.session->expect_notices();
    }
  }
  if (!reply) return reply.failure();
  for (const Notices::Due& each : due) (*each.callback)(each.notice);
  return number;
}

void Client::unfollow(std::uint64_t number, std::string_view stop) noexcept {
  Live* here = live_here();
  if (here == nullptr) return;
  // Nobody begins to listen between the end of the last listener and the call that says so.
  const std::lock_guard in_order(here->following);
  std::optional<Notices::Listener> last;
  {
    const std::lock_guard guard(here->mutex);
    last = here->notices.remove(number);
  }
  if (last && last->session != 0) start_in(last->session, stop, params_of(last->object));
}

}  // namespace agora::client
