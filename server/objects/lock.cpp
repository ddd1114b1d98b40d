// lock: one owner at a time, first come, first served. multiprocessing.Lock, with an owner.
//
// An owner is a session and its `owner` text. Every grant carries a fencing token, greater than
// all earlier ones of that name: base + count, the base taken from the server's floor when the
// lock is made, the floor raised when a lock is deleted. When a session ends, its lock goes to the
// next waiter, who is told owner_died, once; with on_owner_death="break" the lock stays broken
// until reset. owner_checked=false lets anybody release, as multiprocessing does.

#include <optional>

#include "server/core/call.hpp"
#include "server/core/people.hpp"
#include "server/objects/lost_replies.hpp"
#include "server/objects/types.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

struct Grant {
  SessionId session;
  std::string owner;
  std::uint64_t token = 0;
  Instant since{};
};

class Lock : public State {
 public:
  void save(Writer& out) const override {
    out.list(4);
    out.unsigned_integer(last_token_given);
    out.boolean(owner_checked);
    out.boolean(breaks);
    out.boolean(broken);
  }
  Outcome plain(Call&, Writer& out) const override {
    out.boolean(grant.has_value());
    return Progress::done;
  }
  void session_ended(Machine& machine, Object& object, SessionId session) override;
  void serve(Machine& machine, Object& object) override;
  bool gives_tokens() const override { return true; }
  bool holders(std::vector<Holder>& out) const override {
    if (grant) out.push_back({grant->session, grant->owner, grant->token, grant->since});
    return true;
  }
  std::uint64_t last_token() const override { return last_token_given; }

  bool owner_checked = true;
  bool breaks = false;      ///< on_owner_death="break"
  bool broken = false;      ///< an owner died; only reset mends it
  bool owner_died = false;  ///< to be said to the next grant
  std::uint64_t last_token_given = 0;
  ObjectId id;
  std::optional<Grant> grant;
  WaitQueue waiting;
};

void give(Machine& machine, Lock& lock, SessionId session, std::string owner, Writer& out) {
  lock.grant = Grant{session, std::move(owner), ++lock.last_token_given, machine.now()};
  machine.sessions().granted(session, lock.id);
  out.map(2);
  out.text("token"), out.unsigned_integer(lock.grant->token);
  out.text("owner_died"), out.boolean(std::exchange(lock.owner_died, false));
}

void take_back(Machine& machine, Lock& lock) {
  machine.sessions().returned(lock.grant->session, lock.id);
  lock.grant.reset();
}

void Lock::serve(Machine& machine, Object& object) {
  while (broken && !waiting.empty()) {
    machine.refuse(*waiting.front(), Errc::owner_died,
                   "the owner of lock " + object.name + " died; lock.reset mends it");
  }
  if (grant || broken || waiting.empty()) return;
  Waiter& next = *waiting.front();
  machine.changed(object, next.method);
  const SessionId session = next.session;
  const std::string owner = next.owner;
  machine.answer(next, [&](Writer& out) { give(machine, *this, session, owner, out); });
}

Failure broken(const Call& call) {
  return call.fail_here(Errc::owner_died,
                        call.what() + " is broken: its owner died; lock.reset mends it");
}

void Lock::session_ended(Machine& machine, Object& object, SessionId session) {
  if (!grant || grant->session != session) return;
  machine.changed(object, {});
  grant.reset();
  owner_died = !breaks;
  broken = breaks;
}

Outcome acquire(Call& call, Lock& lock) {
  if (lock.broken) return broken(call);
  if (lock.grant || !lock.waiting.empty()) {
    return call.wait(lock.waiting, 0, [&](Waiter& waiter) { waiter.owner = call.text(1); });
  }
  call.changed();
  Writer out = call.reply();
  give(call.machine(), lock, call.session(), std::string{call.text(1)}, out);
  return Progress::done;
}

Outcome release(Call& call, Lock& lock) {
  if (!lock.grant) return call.fail_here(Errc::not_locked, call.what() + " is not held");
  const auto token = call.maybe_integer(1);
  if (token && static_cast<std::uint64_t>(*token) != lock.grant->token) {
    return call.fail_here(Errc::stale_token, call.what() + " is held under another token than " +
                                                 std::to_string(*token));
  }
  const bool own = lock.grant->session == call.session() && lock.grant->owner == call.text(0);
  if (lock.owner_checked && !own) {
    return call.fail_here(Errc::not_owner, call.what() + " is held by another owner");
  }
  take_back(call.machine(), lock);
  call.changed();
  return Progress::done;
}

Outcome locked(Call& call, Lock& lock) {
  call.reply().boolean(lock.grant.has_value());
  return Progress::done;
}

Outcome holder(Call& call, Lock& lock) {
  std::vector<Holder> holders;
  lock.holders(holders);
  Writer out = call.reply();
  if (holders.empty()) {
    out.null();
  } else {
    write_holder(out, call.machine(), holders.front());
  }
  return Progress::done;
}

Outcome reset(Call& call, Lock& lock) {
  if (lock.broken) call.changed();
  lock.broken = false;
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto lock = std::make_unique<Lock>();
  lock->id = creation.id;
  lock->last_token_given = creation.machine.token_floor();
  if (creation.options[0].present()) lock->owner_checked = creation.options[0].bytes() == "\xc3";
  if (creation.options[1].present()) {
    Token policy;
    Reader reader{creation.options[1]};
    static_cast<void>(reader.next(policy));
    if (policy.body != "report" && policy.body != "break") {
      return fail(Errc::value_error, "on_owner_death must be \"report\" or \"break\"");
    }
    lock->breaks = policy.body == "break";
  }
  return lock;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto lock = std::make_unique<Lock>();
  lock->id = creation.id;
  Reader reader{saved};
  Token token;
  static_cast<void>(reader.next(token));
  static_cast<void>(reader.next(token));
  lock->last_token_given = token.natural;
  for (bool* flag : {&lock->owner_checked, &lock->breaks, &lock->broken}) {
    static_cast<void>(reader.next(token));
    *flag = token.boolean;
  }
  return lock;
}

constexpr Method kMethods[] = {
    {.name = "acquire",
     .parameters = {kTimeout, kOwner},
     .result = "{token, owner_died}, or null if it was not got in time",
     .errors = {Errc::owner_died},
     .access = Access::write,
     .timed_out = TimedOut::null,
     .cost = "O(1)",
     .doc = "Takes the lock, or waits for it, first come, first served. The token is greater than "
            "that of every earlier grant; owner_died says that the previous owner ended while it "
            "held the lock.",
     .lost = lost::kGrant,
     .handler = on<&acquire>},
    {.name = "release",
     .parameters = {kOwner, Parameter{"token", ParamKind::integer, kNull,
                                      "The grant that is meant; null: whichever stands."}},
     .result = "null",
     .errors = {Errc::not_locked, Errc::stale_token, Errc::not_owner},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Gives the lock to the next waiter, or frees it. Only its owner may, unless the lock "
            "was made with owner_checked=false.",
     .lost = lost::kOnce,
     .handler = on<&release>},
    {.name = "locked",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Whether somebody holds the lock.",
     .lost = lost::kRead,
     .handler = on<&locked>},
    {.name = "holder",
     .result = "{session, host, pid, owner, token, since}, or null if it is free",
     .cost = "O(1)",
     .doc = "Who holds the lock.",
     .lost = lost::kRead,
     .handler = on<&holder>},
    {.name = "reset",
     .result = "null",
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Mends a lock that broke when its owner died; the next waiter gets it. Does nothing to "
            "a sound one.",
     .lost = lost::kIdempotent,
     .handler = on<&reset>},
};
static_assert(check_table(kMethods));

constexpr Parameter kOptions[] = {
    {"owner_checked", ParamKind::boolean, default_bool(true),
     "False: anybody may release it, as in multiprocessing."},
    {"on_owner_death", ParamKind::text, default_text("report"),
     "report: the next grant says owner_died; break: OwnerDied for all until reset."},
};

}  // namespace

const ObjectType& lock_type() {
  static constexpr ObjectType kType{
      .name = "lock",
      .doc = "One owner at a time, first come, first served; passes on when its owner dies.",
      .options = kOptions,
      .methods = kMethods,
      .create = create,
      .load = load};
  return kType;
}

}  // namespace agora
