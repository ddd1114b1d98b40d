#include "server/core/machine.hpp"

#include <algorithm>
#include <vector>

#include "server/core/call.hpp"
#include "server/core/creation.hpp"
#include "shared/base/assert.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/normalize.hpp"

namespace agora {
namespace {

// What an object or a parked call costs beside its content, bytes; measured roughly, so that a
// flood of empty ones meets the memory cap as well.
constexpr std::size_t kObjectBytes = 640;
constexpr std::size_t kWaiterBytes = 384;

// How much of deleted objects is given back with each command, elements.
constexpr std::size_t kBuryElements = 2'000;

std::string seconds_text(double seconds) {
  std::string text = std::to_string(seconds);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

}  // namespace

Machine::Machine(std::vector<const ObjectType*> types, ExtentSource& extents, MachineInput input)
    : catalogue_(std::move(types)),
      input_(std::move(input)),
      arena_(extents),
      values_(arena_, input_.limits.blob_bytes_min),
      now_(input_.started),
      token_floor_(input_.token_floor) {}

Machine::~Machine() = default;

std::size_t Machine::memory_used() const {
  return arena_.bytes_used() + registry_.size() * kObjectBytes + waiters_.size() * kWaiterBytes;
}

void Machine::apply(const Batch& batch, Effects& effects) {
  effects_ = &effects;
  now_ = std::max(now_, batch.now);  // a clock that goes back must not wake anybody late
  for (const Command& command : batch.commands) {
    apply(batch, command);
    if (registry_.has_dead()) registry_.bury(*this, kBuryElements);
  }
  effects_ = nullptr;
}

void Machine::apply(const Batch& batch, const Command& command) {
  switch (command.kind) {
    case Command::Kind::call:
      return call(batch, command);
    case Command::Kind::session_opened:
      sessions_.open(command.session, batch.peers[command.peer], now_);
      return;
    case Command::Kind::session_ended:
      return end_session(command.session);
    case Command::Kind::time_passed:
      return time_passed();
    case Command::Kind::cancel:
      if (Waiter* waiter = waiters_.find(command.session, command.tag)) {
        refuse(*waiter, Errc::cancelled, "the waiting call was cancelled");
      }
      return;
  }
}

void Machine::call(const Batch& batch, const Command& command) {
  ++calls_;
  const MethodRef& ref = command.method;
  Object* object = nullptr;
  if (ref.on_object) {
    Token name;
    Reader reader{batch.argument(command.first)};
    static_cast<void>(reader.next(name));
    object = registry_.find(name.body);
    if (object == nullptr) {
      return push_failure(command.session, command.tag, missing_object(name.body, *ref.type));
    }
    if (object->type != ref.type) {
      return push_failure(command.session, command.tag, wrong_type(*object, ref));
    }
  }
  const std::size_t cap = input_.limits.memory_bytes_max;
  if (ref.method->grows && cap != 0 && memory_used() + batch.bytes.size() > cap) {
    return push_failure(command.session, command.tag, memory_full(cap));
  }
  Call call{*this, batch, command, object};
  reply_bytes_.clear();
  Outcome outcome = ref.method->handler(call);
  if (!outcome) {
    return push_failure(command.session, command.tag, std::move(outcome.error()));
  }
  if (*outcome == Progress::done) return reply(command, call);
  push(Effect::Kind::parked, command.session, command.tag);
}

void Machine::reply(const Command& command, Call& call) {
  BlobRef blob = call.take_blob();
  const bool has_blob = blob.view().present();
  if (!has_blob && reply_bytes_.empty()) Writer{reply_bytes_}.null();
  Effect& effect = push(Effect::Kind::reply, command.session, command.tag);
  if (has_blob) {
    effect.blob = std::move(blob);
    return;
  }
  if (reply_bytes_.size() > input_.limits.frame_bytes_max) {
    effects_->list.pop_back();
    push_failure(command.session, command.tag, reply_too_large(input_.limits.frame_bytes_max));
    return;
  }
  effect.offset = effects_->bytes.size();
  effect.length = reply_bytes_.size();
  effects_->bytes += reply_bytes_;
}

Effect& Machine::push(Effect::Kind kind, SessionId session, std::uint64_t tag) {
  Effect& effect = effects_->list.emplace_back();
  effect.kind = kind;
  effect.session = session;
  effect.tag = tag;
  return effect;
}

void Machine::push_failure(SessionId session, std::uint64_t tag, Error error) {
  push(Effect::Kind::failure, session, tag).error = std::make_unique<Error>(std::move(error));
}

void Machine::ask_shutdown() { push(Effect::Kind::shutdown, {}, 0); }

// ---- waiting -------------------------------------------------------------------------------

std::unique_ptr<Waiter> Machine::take_out(Waiter& waiter) {
  --waiter.object->waiters;
  return waiters_.remove(waiter);
}

void Machine::leave(Waiter& waiter) {
  Object& object = *waiter.object;
  for (const Handle item : waiter.items) {
    drop(item);
  }
  if (object.state) object.state->waiter_left(*this, waiter);
}

void Machine::answer(Waiter& waiter, const std::function<void(Writer&)>& write) {
  const std::unique_ptr<Waiter> owned = take_out(waiter);
  const std::size_t offset = effects_->bytes.size();
  Writer writer{effects_->bytes};
  write(writer);
  Effect& effect = push(Effect::Kind::reply, owned->session, owned->tag);
  effect.offset = offset;
  effect.length = effects_->bytes.size() - offset;
}

void Machine::answer_null(Waiter& waiter) {
  answer(waiter, [](Writer& out) { out.null(); });
}

void Machine::answer_stored(Waiter& waiter, Handle value) {
  std::optional<BlobRef> blob = values_.pin(value);
  if (!blob) return answer(waiter, [&](Writer& out) { out.packed(values_.view(value)); });
  const std::unique_ptr<Waiter> owned = take_out(waiter);
  push(Effect::Kind::reply, owned->session, owned->tag).blob = std::move(*blob);
}

void Machine::refuse(Waiter& waiter, Errc code, std::string message) {
  const std::unique_ptr<Waiter> owned = take_out(waiter);
  Error error{code, std::move(message), Done::no, {}};
  std::string packed;
  Writer{packed}.text(owned->object->name);
  error.details.push_back({"object", std::move(packed)});
  push_failure(owned->session, owned->tag, std::move(error));
  leave(*owned);
}

void Machine::time_out(Waiter& waiter) {
  const std::unique_ptr<Waiter> owned = take_out(waiter);
  const double seconds = seconds_of(*owned->until - owned->since);
  std::string result;
  Outcome outcome = timed_out(owned->method, owned->object->name, seconds, result);
  if (outcome) {
    Effect& effect = push(Effect::Kind::reply, owned->session, owned->tag);
    effect.offset = effects_->bytes.size();
    effect.length = result.size();
    effects_->bytes += result;
  } else {
    push_failure(owned->session, owned->tag, std::move(outcome.error()));
  }
  leave(*owned);
}

Outcome Machine::timed_out(const MethodRef& method, std::string_view object, double seconds,
                           std::string& result) const {
  const std::string what = std::string{method.type->name} + " " + std::string{object};
  const std::string within = " within " + seconds_text(seconds);
  const auto error = [&](Errc code, std::string message) -> Outcome {
    Error made{code, std::move(message), Done::no, {}};
    std::string packed;
    Writer{packed}.text(object);
    made.details.push_back({"object", std::move(packed)});
    return fail(std::move(made));
  };
  switch (method.method->timed_out) {
    case TimedOut::null:
      Writer{result}.null();
      break;
    case TimedOut::no:
      Writer{result}.boolean(false);
      break;
    case TimedOut::empty:
      return error(Errc::empty,
                   seconds == 0 ? what + " is empty" : "nothing arrived in " + what + within);
    case TimedOut::full:
      return error(Errc::full,
                   seconds == 0 ? what + " is full" : "no place became free in " + what + within);
    case TimedOut::never_waits:
    case TimedOut::timeout:
      return error(Errc::timeout, full_name(method) + " of " + what + " did not come about" +
                                      (seconds == 0 ? " and was not to wait" : within));
  }
  return Progress::done;
}

void Machine::time_passed() {
  while (Waiter* waiter = waiters_.due(now_)) time_out(*waiter);
  while (Object* object = registry_.due(now_)) remove(*object);
}

std::optional<Instant> Machine::next_deadline() const {
  if (registry_.has_dead()) return now_;  // content to give back: as soon as there is time
  const std::optional<Instant> waiter = waiters_.next_deadline();
  const std::optional<Instant> expiry = registry_.next_expiry();
  if (!waiter) return expiry;
  if (!expiry) return waiter;
  return std::min(*waiter, *expiry);
}

// ---- objects -------------------------------------------------------------------------------

Expected<Object*> Machine::create(const ObjectType& type, std::string_view name,
                                  PackedView arguments, PackedView options, SessionId session) {
  auto object = std::make_unique<Object>();
  object->id = ObjectId{next_number()};
  object->type = &type;
  object->name = name.empty() ? "#" + std::to_string(object->id.number) : std::string{name};
  object->created = now_;
  object->options = options.present() ? Packed{options} : Packed{std::string{"\x80"}};
  CommonOptions common;
  Creation creation{*this, object->id, object->name, {}, {}};
  if (auto read = read_creation(type, arguments, options, creation, common); !read) {
    return read.failure();
  }
  Expected<std::unique_ptr<State>> state = type.create(creation);
  if (!state) return state.failure();
  object->state = std::move(*state);
  if (common.ttl) object->expires = now_ + *common.ttl;
  if (common.ephemeral) object->ephemeral_of = session;
  Object& added = registry_.add(std::move(object));
  if (Session* owner = sessions_.find(session); owner != nullptr && common.ephemeral) {
    owner->ephemerals.insert(added.id);
  }
  if (added.anonymous()) hold(added, session, 1);
  return &added;
}

void Machine::remove(Object& object) {
  const std::string gone = "the object " + object.name + " was deleted while the call waited";
  std::vector<Waiter*> waiting;
  if (object.waiters > 0) {
    waiters_.each([&](Waiter& waiter) {
      if (waiter.object == &object) waiting.push_back(&waiter);
    });
  }
  token_floor_ = std::max(token_floor_, object.state->last_token());
  std::unique_ptr<State> state = std::move(object.state);  // serves nobody any more
  for (Waiter* waiter : waiting) refuse(*waiter, Errc::not_found, gone);
  std::vector<Holder> holders;
  state->holders(holders);
  for (const Holder& holder : holders) sessions_.returned(holder.session, object.id);
  if (Session* owner = sessions_.find(object.ephemeral_of)) owner->ephemerals.erase(object.id);
  object.state = std::move(state);
  registry_.remove(object);
}

Expected<void> Machine::retain(PackedView value) {
  if (!has_references(value)) return {};
  std::optional<std::string> missing;
  each_reference(value, [&](std::string_view name) {
    if (registry_.find(name) == nullptr) missing = std::string{name};
  });
  if (missing) {
    return fail(Errc::not_found, "the value refers to \"" + *missing + "\", which does not exist");
  }
  each_reference(value, [&](std::string_view name) { ++registry_.find(name)->references; });
  return {};
}

void Machine::release(PackedView value) {
  if (!has_references(value)) return;
  each_reference(value, [&](std::string_view name) {
    Object* object = registry_.find(name);
    if (object == nullptr || object->references == 0) return;
    --object->references;
    maybe_free(*object);
  });
}

Expected<Handle> Machine::store(PackedView value) {
  if (auto kept = retain(value); !kept) return kept.failure();
  const Handle handle = values_.store(value);
  if (handle) return handle;
  release(value);
  return fail(Errc::out_of_memory, "the server has no more memory; nothing was changed");
}

void Machine::drop(Handle value) {
  // Dropped before released: releasing may delete objects, which is no time to hold views.
  if (!values_.has_references(value)) return values_.drop(value);
  const Packed copy{values_.view(value)};
  values_.drop(value);
  release(copy);
}

Expected<void> Machine::check_work(std::size_t elements, std::size_t bytes,
                                   std::string_view instead) const {
  const Limits& most = input_.limits;
  if (elements <= most.work_elements_max && bytes <= most.work_bytes_max) return {};
  return fail(Errc::too_large, "the reply would have " + std::to_string(elements) +
                                   " elements and " + std::to_string(bytes) + " bytes, over " +
                                   std::to_string(most.work_elements_max) + " elements or " +
                                   std::to_string(most.work_bytes_max) + " bytes; use " +
                                   std::string{instead});
}

void Machine::maybe_free(Object& object) {
  if (object.anonymous() && object.holds == 0 && object.references == 0) remove(object);
}

void Machine::hold(Object& object, SessionId session, std::uint64_t n) {
  Session* holder = sessions_.find(session);
  if (holder == nullptr) return;
  holder->holds[object.id] += n;
  object.holds += n;
}

void Machine::unhold(Object& object, SessionId session, std::uint64_t n) {
  Session* holder = sessions_.find(session);
  if (holder == nullptr) return;
  const auto held = holder->holds.find(object.id);
  if (held == holder->holds.end()) return;
  const std::uint64_t given = std::min(n, held->second);
  held->second -= given;
  if (held->second == 0) holder->holds.erase(held);
  object.holds -= given;
  maybe_free(object);
}

// ---- sessions ------------------------------------------------------------------------------

void Machine::end_session(SessionId session) {
  Session* ending = sessions_.find(session);
  if (ending == nullptr) return;
  // First all its waiters, so that nothing is granted to the dead; only then whoever stood behind
  // them may be served.
  std::vector<std::unique_ptr<Waiter>> waited;
  while (Waiter* waiter = waiters_.first_of(session)) {
    push_failure(session, waiter->tag,
                 {Errc::session_lost, "the session has ended while the call waited", Done::no, {}});
    waited.push_back(take_out(*waiter));
  }
  for (const auto& waiter : waited) leave(*waiter);
  const auto grants = std::move(ending->grants);
  ending->grants.clear();
  for (const auto& [id, count] : grants) {
    if (Object* object = registry_.find(id)) object->state->session_ended(*this, session);
  }
  const auto ephemerals = std::move(ending->ephemerals);
  ending->ephemerals.clear();
  for (const ObjectId id : ephemerals) {
    if (Object* object = registry_.find(id)) remove(*object);
  }
  const auto holds = ending->holds;
  for (const auto& [id, count] : holds) {
    if (Object* object = registry_.find(id)) unhold(*object, session, count);
  }
  sessions_.close(session);
  push(Effect::Kind::session_closed, session, 0);
}

}  // namespace agora
