#include "client/src/client/client.hpp"

#include <condition_variable>
#include <map>
#include <span>
#include <utility>

#include <agora/detail/methods.hpp>
#include <agora/error.hpp>
#include <agora/lock_grant.hpp>

#include "client/src/client/holds.hpp"
#include "client/src/client/inherited.hpp"
#include "client/src/session/anonymous.hpp"
#include "client/src/transport/fork_guard.hpp"

namespace agora::detail {

/// The state of one process. Left as it is by a forked child.
struct Client::Live : SessionWatcher {
  explicit Live(Client& its_client) : client(its_client) {}

  void completed(Session& from, std::unique_ptr<OwnedSlot> call) noexcept override;
  void noticed(const Packed& notice) noexcept override;
  void ended(Session& from) noexcept override;
  void unsent(Session& from, std::vector<std::unique_ptr<OwnedSlot>> calls,
              const Wait& wait) noexcept override;
  void settled(Session& from) noexcept override;
  std::vector<Grants::Callback> lose(Session& over);
  void wait_for_earlier(const Session& fresh);
  void post(std::vector<Grants::Callback> callbacks);
  void post(std::uint64_t session, std::unique_ptr<OwnedSlot> call, HoldRef arrived);
  void post(std::vector<Notices::Due> due);

  Client& client;
  const std::uint64_t epoch = process_epoch();
  CallbackThread callback_thread;
  std::mutex following;  // orders the beginnings and ends of listening; taken before `mutex`
  std::mutex mutex;      // guards the rest
  std::shared_ptr<Session> session;
  std::vector<std::shared_ptr<Session>> earlier;  // lost ones, whose thread may still tell of it
  // Those whose thread may still make what they had not sent again, and what waits for that.
  std::map<std::uint64_t, std::vector<GateHold>> unsettled;
  std::uint64_t sessions = 0;            // opened so far
  std::atomic<std::uint64_t> mapped{0};  // the number of `session` if it shares memory
  bool opening = false;                  // one thread opens a session at a time
  std::condition_variable opened;        // or failed to
  std::uint64_t failures = 0;            // of opening, whatever time there was
  Error failure;                         // the last of them
  bool ending = false;
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
struct Arrival : Hold {
  std::weak_ptr<Session> session;
  std::uint64_t number = 0;
  bool kept = false;
  const std::uint64_t epoch = process_epoch();
  Arrival(Session& its_session, const OwnedSlot& call)
      : session(its_session.weak_from_this()),
        number(call.number),
        kept(call.call.effect == Effect::changes || !anonymous_names(call.result).empty()) {}
  ~Arrival() override {
    // In a forked child the session's mutex may be held by a thread that is not there.
    if (epoch != process_epoch()) return;
    if (const auto still = session.lock()) still->finished(number, kept);
  }
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;
};

void tell(OwnedSlot& call, std::uint64_t session, HoldRef keep, HoldRef arrived) {
  if (call.error) {
    call.completion->complete(Failure{std::move(call.error)}, std::move(arrived));
  } else {
    call.completion->complete({std::move(call.result), session, std::move(keep)},
                              std::move(arrived));
  }
}

}  // namespace

void Client::Live::post(std::uint64_t from, std::unique_ptr<OwnedSlot> call, HoldRef arrived) {
  callback_thread.post([this, from, told = std::move(call),
                        arrived = std::move(arrived)](bool client_lives) mutable {
    if (client_lives) {
      client.complete(from, *told, std::move(arrived));
    } else {
      tell(*told, from, nullptr, std::move(arrived));
    }
  });
}

void Client::Live::completed(Session& from, std::unique_ptr<OwnedSlot> call) noexcept {
  auto arrived = std::make_shared<const Arrival>(from, *call);
  post(from.number(), std::move(call), std::move(arrived));
}

// A callback may end the client: after each nothing of it is touched.
void Client::Live::noticed(const Packed& notice) noexcept {
  callback_thread.post([this, notice](bool client_lives) {
    if (!client_lives) return;
    auto members = unpack<Notice>(notice);
    if (!members) return;
    std::vector<Notices::Due> due;
    {
      const std::lock_guard guard(mutex);
      due = notices.due(*members);
    }
    for (const Notices::Due& each : due) (*each.callback)(*members);
  });
}

void Client::Live::post(std::vector<Notices::Due> due) {
  if (due.empty()) return;
  callback_thread.post([due = std::move(due)](bool client_lives) {
    if (!client_lives) return;
    for (const Notices::Due& each : due) (*each.callback)(each.notice);
  });
}

// Callbacks may take part in the loss of a lock, but must not hide it: an exception ends the
// program.
void Client::Live::post(std::vector<Grants::Callback> callbacks) {
  for (Grants::Callback& callback : callbacks) {
    callback_thread.post([callback = std::move(callback)](bool client_lives) {
      if (client_lives) callback();
    });
  }
}

// What that session held is lost, whether it was got by calls or by words. Under the mutex.
std::vector<Grants::Callback> Client::Live::lose(Session& over) {
  std::uint64_t present = over.number();
  mapped.compare_exchange_strong(present, 0);
  if (Mapping* mapping = over.mapping()) {
    for (const Mapping::HeldLock& lock : mapping->lose_locks()) {
      Grant grant{lock.token, false, over.number(), false};
      grant.levels = lock.levels;
      grant.way = lock.kind == ObjectKind::lock ? &kPlainLock : &kRecursiveLock;
      grants.remember(lock.name, lock.owner, grant);
    }
  }
  return grants.lose(over.number());
}

void Client::Live::ended(Session& from) noexcept {
  std::vector<Grants::Callback> due;
  {
    const std::lock_guard guard(mutex);
    due = lose(from);
  }
  post(std::move(due));
  // Behind the notices that came before.
  callback_thread.post([this, number = from.number()](bool client_lives) {
    if (!client_lives) return;
    std::vector<Notices::Due> deaf;
    {
      const std::lock_guard guard(mutex);
      deaf = notices.lose(number);
    }
    for (const Notices::Due& each : deaf) (*each.callback)(each.notice);
  });
}

// Looks of the new session wait until what earlier ones had not sent is on its way in it. Under the
// mutex.
void Client::Live::wait_for_earlier(const Session& fresh) {
  if (fresh.mapping() == nullptr) return;
  for (const auto& before : earlier) {
    if (!unsettled.contains(before->number())) continue;
    unsettled.at(before->number()).emplace_back(fresh.share_mapping());
  }
}

void Client::Live::settled(Session& from) noexcept {
  const std::lock_guard guard(mutex);
  unsettled.erase(from.number());
}

// They are made once more in the next session, in their order, each within its own time.
void Client::Live::unsent(Session& from, std::vector<std::unique_ptr<OwnedSlot>> calls,
                          const Wait& wait) noexcept {
  for (auto& call : calls) {
    call->number = 0;
    call->done = false;
  }
  for (std::size_t first = 0; first < calls.size();) {
    Deadline nearest;
    for (const auto& call : std::span(calls).subspan(first)) {
      if (call->deadline && (!nearest || *call->deadline < *nearest)) nearest = call->deadline;
    }
    auto next = client.connect(nearest, wait);
    if (next) {
      std::unique_ptr<OwnedSlot>& call = calls[first];
      call->error.reset();
      call = (*next)->start(std::move(call));
      if (!call) ++first;
      continue;
    }
    // Of those whose time is over, or if none's is, of all.
    const bool in_time = !is_past(nearest);
    std::vector<std::unique_ptr<OwnedSlot>> left;
    for (auto& call : std::span(calls).subspan(first)) {
      if (!in_time && !is_past(call->deadline)) {
        left.push_back(std::move(call));
        continue;
      }
      call->error = std::make_unique<Error>(error_for(*call, next.error()));
      post(from.number(), std::move(call), nullptr);
    }
    calls = std::move(left);
    first = 0;
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
  std::vector<std::shared_ptr<Session>> all;
  {
    const std::lock_guard guard(here->mutex);
    here->ending = true;
    here->opened.notify_all();
    all = here->earlier;
    if (here->session) all.push_back(here->session);
  }
  for (const auto& session : all) session->stop();
  here->callback_thread.stop();
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

Expected<std::shared_ptr<Session>> Client::connect(const Deadline& deadline, const Wait& wait) {
  Live& here = live();
  std::unique_lock lock(here.mutex);
  for (;;) {
    if (here.ending) return fail(Errc::unavailable, "the manager has ended");
    if (here.session && !here.session->over()) return here.session;
    if (!here.opening) break;
    const std::uint64_t failures = here.failures;
    if (!deadline) {
      here.opened.wait(lock);
    } else if (here.opened.wait_until(lock, *deadline) == std::cv_status::timeout) {
      return fail(Errc::unavailable, "no connection to " + address_text_ + " in time");
    }
    if (here.failures != failures) return fail(here.failure);
  }
  here.opening = true;
  lock.unlock();
  return open(here, deadline, wait);
}

// The only thread that does so now.
Expected<std::shared_ptr<Session>> Client::open(Live& here, const Deadline& deadline,
                                                const Wait& wait) {
  struct Opening {
    Live& live;
    ~Opening() {
      const std::lock_guard guard(live.mutex);
      live.opening = false;
      live.opened.notify_all();
    }
  };
  const Opening opening{here};
  const std::uint64_t number = (here.epoch << 32) + ++here.sessions;
  {
    // Before anything can be taken anew in the next session.
    std::unique_lock lock(here.mutex);
    here.unsettled.try_emplace(number);
    auto due = here.session ? here.lose(*here.session) : std::vector<Grants::Callback>();
    lock.unlock();
    here.post(std::move(due));
  }
  auto fresh = Session::open(plan_, here, number, deadline, wait);
  std::unique_lock lock(here.mutex);
  if (fresh && here.ending) {
    lock.unlock();
    (*fresh)->stop();
    return fail(Errc::unavailable, "the manager has ended");
  }
  if (!fresh) {
    here.unsettled.erase(number);
    // One that had less time than others give has nothing to say to them.
    if (!is_past(deadline)) ++here.failures, here.failure = fresh.error();
    return fresh.failure();
  }
  std::erase_if(here.earlier, [](const auto& session) { return session->thread_ended(); });
  if (here.session) here.earlier.push_back(std::move(here.session));
  here.session = std::move(*fresh);
  here.wait_for_earlier(*here.session);
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

// What is posted to it afterwards is certain to be told.
void Client::need_callback_thread(Live& here) {
  if (auto ready = here.callback_thread.ready(); !ready) throw_error(std::move(ready.error()));
}

Deadline Client::deadline_of(const Call& call) const {
  if (!call.waits) return deadline_in(plan_.options.deadline);
  if (!call.timeout) return std::nullopt;
  return deadline_in(*call.timeout + plan_.options.deadline);
}

HoldRef Client::hold_of(std::uint64_t session, const Packed& result) {
  auto names = anonymous_names(result);
  if (names.empty()) return nullptr;
  // The last reply may come while the client ends; then the session's end gives back the holds.
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

void Client::start(const Call& call, std::unique_ptr<Completion> completion) {
  Live& here = live();
  need_callback_thread(here);
  auto slot = std::make_unique<OwnedSlot>(call, deadline_of(call), std::move(completion));
  for (;;) {
    auto session = connect(slot->deadline);
    if (!session) {
      slot->error = std::make_unique<Error>(error_for(*slot, session.error()));
      return here.post(0, std::move(slot), nullptr);
    }
    slot = (*session)->start(std::move(slot));
    if (!slot) return;
  }
}

void Client::refuse(std::unique_ptr<Completion> completion, Failure failure) {
  Live& here = live();
  need_callback_thread(here);
  here.callback_thread.post(
      [completion = std::move(completion), failure = std::move(failure)](bool) mutable {
        completion->complete(std::move(failure), nullptr);
      });
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
  Deadline nearest;
  for (const auto& call : calls) {
    if (call->deadline && (!nearest || *call->deadline < *nearest)) nearest = call->deadline;
  }
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

void Client::complete(std::uint64_t session, OwnedSlot& call, HoldRef arrived) {
  HoldRef keep = call.error ? nullptr : hold_of(session, call.result);
  tell(call, session, std::move(keep), std::move(arrived));
}

void Client::start_in(std::uint64_t number, const Method& method, const Params& params) noexcept {
  try {
    const auto session = present_session();
    if (!session || session->number() != number) return;
    Call call = call_of(method);
    static_cast<void>(session->start(std::make_unique<OwnedSlot>(call.with(params), Deadline())));
  } catch (...) {  // NOLINT(bugprone-empty-catch): what it gives back goes with the session then
  }
}

void Client::release(std::uint64_t session, const std::string& name) noexcept {
  start_in(session, methods::object_release, params_of(name));
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
  live().post(std::move(due));
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

const std::atomic<std::uint32_t>& Client::lost_grants() { return live().grants.lost(); }

void Client::on_lost(const std::string& name, Grants::Callback callback) {
  Live& here = live();
  need_callback_thread(here);
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

Expected<std::uint64_t> Client::follow(const Handle& object, const Method& start,
                                       Notices::Listener listener) {
  Live& here = live();
  need_callback_thread(here);
  std::uint64_t number = 0;
  {
    const std::lock_guard in_order(here.following);
    const std::lock_guard guard(here.mutex);
    number = here.notices.add(object.name(), std::move(listener));
    if (here.session) here.session->expect_notices();
  }
  const Params params = params_of(object.name());
  Call call = call_of(start);
  auto reply = object.call(call.with(params));
  const std::lock_guard guard(here.mutex);
  if (!reply) {
    here.notices.remove(number);
    return reply.failure();
  }
  here.post(here.notices.bind(number, reply.session));
  if (here.session) here.session->expect_notices();
  return number;
}

void Client::unfollow(std::uint64_t number, const Method& stop) noexcept {
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

}  // namespace agora::detail
