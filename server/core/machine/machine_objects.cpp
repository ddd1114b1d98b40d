// SPDX-License-Identifier: MIT

// Machine: creates and deletes objects, and counts their references and holds.
#include <algorithm>
#include <utility>
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/core/machine/creation.hpp"
#include "server/core/machine/machine.hpp"
#include "shared/base/assert.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

// Steps of the collector after each command; each visits one object or reference.
constexpr std::size_t kCollectSteps = 2'000;
// Objects that are deleted after each command, and holds of ended sessions that are given back.
constexpr std::size_t kFreeObjects = 1'000;

// A value that is stored: it is copied to the arena, and its references are counted.
constexpr std::size_t kStoreUnits = 4;

// Bytes that are copied or compared in the time of one step over an element, roughly.
constexpr std::size_t kBytesPerUnit = 64;

}  // namespace

Expected<Object*> Machine::create(const ObjectType& type, std::string_view name,
                                  PackedView arguments, PackedView options, SessionId session) {
  // Objects lie in the heap. The storage may hold as much again that is free, but cannot be given
  // back.
  constexpr std::size_t kRoom = std::size_t{8} << 20;
  if (memory_cap_ != 0 && bytes_taken() > memory_cap_ + memory_cap_ / 4 + kRoom) {
    return fail(out_of_memory());
  }
  auto object = std::make_unique<Object>();
  object->id = ObjectId{next_number()};
  object->type = &type;
  object->name = name.empty() ? "#" + std::to_string(object->id.number) : std::string{name};
  object->version = version_floor_ + 1;
  object->created = now_;
  object->options = options.present() ? Packed{options} : Packed{std::string{"\x80"}};
  CommonOptions common;
  Creation creation{*this, &type, object->id, object->name, {}, {}, session, object->options, {}};
  if (auto read = read_creation(type, arguments, options, creation, common); !read) {
    return read.failure();
  }
  creation.local = common.local.value_or(type.lends_locks);
  creation.version = object->version;
  Expected<std::unique_ptr<State>> state = make_state(creation);
  if (!state) return state.failure();
  object->state = std::move(*state);
  if (creation.shown) object->options = std::move(*creation.shown);
  object->lent = creation.local && type.lends_words;
  if (common.ttl) object->expires = now_ + *common.ttl;
  if (common.ephemeral) object->ephemeral_of = session;
  Object& added = registry_.add(std::move(object));
  if (Session* owner = sessions_.find(session); owner != nullptr && common.ephemeral) {
    owner->ephemerals.insert(added.id);
  }
  undo([this, id = added.id] {
    if (Object* made = registry_.find(id)) destroy(*made);
  });
  notifications_.names().note(added, true);
  return &added;
}

/// Makes the content as outside of a transaction: one undo step deletes the object with its
/// content. Values that the content drops meanwhile, as for a key given twice, are thus freed at
/// once.
Expected<std::unique_ptr<State>> Machine::make_state(Creation& creation) {
  struct Aside {
    explicit Aside(std::unique_ptr<Transaction>& its_place)
        : place(its_place), running(std::move(its_place)) {}
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;
    ~Aside() { place = std::move(running); }
    std::unique_ptr<Transaction>& place;
    std::unique_ptr<Transaction> running;
  };
  const Aside aside{transaction_};
  return creation.type->create(creation);
}

void Machine::remove(Object& object) {
  notifications_.names().note(object, false);
  if (!in_transaction()) {
    raise_version_floor(object);
    return destroy(object);
  }
  undo([this, floor = version_floor_] { version_floor_ = floor; });
  raise_version_floor(object);
  if (Lockable* lock = object.state->as_lock()) {
    lock->recall(*this, object);
    token_floor_ = std::max(token_floor_, lock->last_token());
  }
  registry_.unlink(object);
  transaction_->removed.push_back(&object);
  undo([this, &object] { registry_.link(object); });
}

/// Has the versions of later objects begin above this object's last one, that of its deletion. So a
/// name made anew is never taken for the old object.
void Machine::raise_version_floor(const Object& object) {
  version_floor_ = std::max(version_floor_, object.version + 1);
}

/// Deletes the object at once. `remove` does so outside a transaction; within one the commit does,
/// or the rollback of the object's creation.
void Machine::destroy(Object& object) {
  Lockable* lock = object.state->as_lock();
  if (lock != nullptr) lock->recall(*this, object);
  const std::string gone = "the object " + object.name + " was deleted while the call waited";
  if (object.to_serve != 0) to_serve_[object.to_serve - 1] = nullptr;
  set_alarm(object, std::nullopt);
  object.state->deleted(*this, object);
  if (lock != nullptr) token_floor_ = std::max(token_floor_, lock->last_token());
  notifications_.end_feeds(object);
  mapped_view_.unpublish(object);
  // From here on waiters that leave have nothing served: the object has no State.
  std::unique_ptr<State> state = std::move(object.state);
  while (Waiter* waiter = object.waiters.front()) refuse(*waiter, Errc::not_found, gone);
  for (const Holder& holder : holders_of(*state)) sessions_.returned(holder.session, object.id);
  if (Session* owner = sessions_.find(object.ephemeral_of)) owner->ephemerals.erase(object.id);
  object.state = std::move(state);
  registry_.remove(object);
}

void Machine::before_change(Object& object) {
  if (!in_transaction()) return;
  mapped_view_.begin_write(object);
  if (auto restore = object.state->restorer(*this)) undo(std::move(restore));
}

void Machine::changed(Object& object, const MethodRef& method, PackedView key) {
  undo([&object, version = object.version] { object.version = version; });
  ++object.version;
  if (object.watched) notifications_.note_change(object, cause(method), key);
  serve_soon(object);
}

void Machine::changed_by(Object& object, std::string_view cause, PackedView key) {
  ++object.version;
  if (object.watched) notifications_.note_change(object, cause, key);
  serve_soon(object);
}

std::string Machine::cause(const MethodRef& method) const {
  if (method.method != nullptr) return full_name(method);
  return time_passes_ ? "object.expire" : "session.close";
}

void Machine::serve_soon(Object& object) {
  if (object.cell) mapped_view_.refresh_soon(object);
  if (object.to_serve != 0 || object.waiters.empty()) return;
  to_serve_.push_back(&object);
  object.to_serve = to_serve_.size();
}

void Machine::set_alarm(Object& object, std::optional<Instant> when) {
  if (object.alarm == when) return;
  undo([this, &object, old = object.alarm] { registry_.set_alarm(object, old); });
  registry_.set_alarm(object, when);
}

void Machine::reclaim_later(std::unique_ptr<State> content) {
  if (in_transaction()) return transaction_->discarded.push_back(std::move(content));
  registry_.reclaim_later(std::move(content));
}

Expected<void> Machine::check_references(PackedView value) {
  std::optional<std::string> missing;
  each_reference(value, [&](std::string_view name) {
    if (registry_.find(name) == nullptr) missing = std::string{name};
  });
  if (missing) {
    return fail(Errc::not_found, "the value refers to \"" + *missing + "\", which does not exist");
  }
  return {};
}

Expected<void> Machine::retain(PackedView value) {
  if (!has_references(value)) return {};
  if (auto there = check_references(value); !there) return there;
  each_reference(value, [&](std::string_view name) {
    Object& object = *registry_.find(name);
    ++object.references;
    collector_.reference_added(object);
  });
  if (in_transaction()) {
    undo([this, copy = Packed{value}] {
      each_reference(copy, [&](std::string_view name) { --registry_.find(name)->references; });
    });
  }
  return {};
}

void Machine::release(PackedView value) {
  if (!has_references(value)) return;
  if (in_transaction()) return transaction_->released.push_back(Packed{value});
  each_reference(value, [&](std::string_view name) {
    Object* object = registry_.find(name);
    if (object == nullptr || object->references == 0) return;
    --object->references;
    collector_.reference_removed(*object);
    maybe_free(*object);
  });
}

Expected<Handle> Machine::store(PackedView value) {
  spend(kStoreUnits);
  if (auto kept = retain(value); !kept) return kept.failure();
  const Handle handle = values_.store(value);
  if (handle) {
    undo([this, handle] { values_.drop(handle); });
    return handle;
  }
  release(value);
  return fail(Errc::out_of_memory, "the server has no more memory; nothing was changed");
}

void Machine::drop(Handle value) {
  if (in_transaction()) return transaction_->dropped.push_back(value);
  // Dropped before released: releasing may delete objects and invalidate views of the arena.
  if (!values_.has_references(value)) return values_.drop(value);
  const Packed copy{values_.view(value)};
  values_.drop(value);
  release(copy);
}

Expected<void> Machine::check_work(std::size_t elements, std::size_t bytes,
                                   std::string_view instead) {
  const Limits& most = input_.limits;
  if (elements > most.work_elements_max || bytes > most.work_bytes_max) {
    return fail(Errc::too_large, "the reply would have " + std::to_string(elements) +
                                     " elements and " + std::to_string(bytes) + " bytes, over " +
                                     std::to_string(most.work_elements_max) + " elements or " +
                                     std::to_string(most.work_bytes_max) + " bytes; use " +
                                     std::string{instead});
  }
  const std::size_t units = elements + bytes / kBytesPerUnit;
  if (auto ok = check_transaction_work(units); !ok) return ok;
  spend(units);
  return {};
}

Expected<void> Machine::check_transaction_work(std::size_t units) const {
  if (work_ + units <= work_end_) return {};
  return fail(Errc::too_large, "the transaction would cost more than " +
                                   std::to_string(input_.limits.transaction_work_max) +
                                   " elements of work; run it in smaller parts");
}

Expected<void> Machine::check_probes(std::size_t keys) {
  constexpr std::size_t kUnits = kProbeUnits / 2;
  if (auto ok = check_transaction_work(keys * kUnits); !ok) return ok;
  spend(keys * kUnits);
  return {};
}

void Machine::maybe_free(Object& object) {
  if (!object.anonymous() || object.holds > 0) return;
  if (object.references > 0) return collector_.add_candidate(object);
  // Deleted after the command only: its reply may carry a reference to the object and give a hold.
  unneeded_.push_back(object.id);
}

void Machine::free_unneeded() {
  for (std::size_t left = kFreeObjects; left > 0 && !left_holds_.empty(); --left) {
    auto& holds = left_holds_.front();
    if (const auto hold = holds.begin(); hold != holds.end()) {
      if (Object* object = registry_.find(hold->first)) {
        object->holds -= hold->second;
        maybe_free(*object);
      }
      holds.erase(hold);
      sessions_.count_holds(-1);
    }
    if (holds.empty()) left_holds_.pop_front();
  }
  for (std::size_t left = kFreeObjects; left > 0 && !unneeded_.empty(); --left) {
    Object* object = registry_.find(unneeded_.front());
    unneeded_.pop_front();
    if (object != nullptr && object->holds == 0 && object->references == 0) remove(*object);
  }
  collector_.work(kCollectSteps);
}

void Machine::hold(Object& object, SessionId session, std::uint64_t n) {
  Session* holder = sessions_.find(session);
  if (holder == nullptr) return;
  std::uint64_t& held = holder->holds[object.id];
  if (held == 0) sessions_.count_holds(1);
  held += n;
  object.holds += n;
  collector_.reference_added(object);
  undo([this, id = object.id, session, n] {
    if (Object* const still = registry_.find(id)) unhold(*still, session, n);
  });
}

void Machine::unhold(Object& object, SessionId session, std::uint64_t n) {
  Session* holder = sessions_.find(session);
  if (holder == nullptr) return;
  const auto held = holder->holds.find(object.id);
  if (held == holder->holds.end()) return;
  const std::uint64_t given = std::min(n, held->second);
  held->second -= given;
  if (held->second == 0) {
    holder->holds.erase(held);
    sessions_.count_holds(-1);
  }
  object.holds -= given;
  maybe_free(object);
}

}  // namespace agora
