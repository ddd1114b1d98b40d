// SPDX-License-Identifier: MIT

#include "server/core/machine/atomic_run.hpp"

#include "server/core/machine/binder.hpp"
#include "server/core/machine/creation.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/core/state/signature.hpp"
#include "shared/value/describe.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

// Parameters of a call in a transaction are read twice, and their values are often small.
constexpr std::size_t kParameterBytesPerUnit = 16;

Failure at_index(Failure failure, std::uint32_t index) {
  std::string packed;
  Writer{packed}.unsigned_integer(index);
  failure.error->details.push_back({"index", std::move(packed)});
  failure.error->done = Done::no;
  return failure;
}

/// Returns the elements of a list that has `least` to `most` of them, the first a text.
/// @error value_error  the value has another shape.
Expected<std::vector<PackedView>> elements(PackedView list, std::size_t least, std::size_t most,
                                           std::string_view shape) {
  std::vector<PackedView> parts;
  if (list.kind() == Kind::list) {
    Reader reader{list};
    Token head;
    static_cast<void>(reader.next(head));
    for (std::uint32_t i = 0; i < head.count; ++i) parts.push_back(reader.value());
    if (parts.size() >= least && parts.size() <= most && parts[0].kind() == Kind::text) {
      return parts;
    }
  }
  return fail(Errc::value_error, "expected " + std::string{shape} + ", got " + describe(list));
}

bool is_zero(PackedView seconds) {
  const Token token = read(seconds);
  if (token.kind == Kind::real) return token.real == 0;
  return token.kind == Kind::integer && token.natural == 0;
}

}  // namespace

Outcome Machine::run_atomically(Call& outer, PackedView calls, PackedView require) {
  return AtomicRun{outer}.run(calls, require);
}

Outcome AtomicRun::run(PackedView calls, PackedView require) {
  if (machine_.in_transaction()) {
    return fail(Errc::value_error, "a transaction may not stand in a transaction");
  }
  at_cap_ = machine_.over_cap(calls.bytes().size());
  begin();
  machine_.work_end_ = machine_.work_ + machine_.limits().transaction_work_max;
  std::string results;
  Expected<void> done;
  try {
    done = check_requirements(require);
    if (done) done = run_calls(calls, results);
  } catch (const std::bad_alloc&) {
    done = fail(system_memory_full());
  }
  machine_.work_end_ = ~std::uint64_t{0};
  Outcome outcome = finish(std::move(done));
  if (outcome) machine_.reply_bytes() += results;
  return outcome;
}

Outcome AtomicRun::run_at_cap() {
  const MethodRef& ref = outer_.method();
  at_cap_ = true;
  if (!ref.on_object) {
    // transaction.run begins its own transaction, which run() checks. Other methods that are not on
    // objects make new records.
    return ref.type->name == "transaction" ? ref.method->handler(outer_) : full();
  }
  Object& object = outer_.object();
  // Words that are lent to clients have a fixed size, and cannot be rolled back.
  if (object.lent) return ref.method->handler(outer_);
  // A put stores an item; the content of users' types is not counted.
  if (ref.method->waits() || !object.type->counts_bytes) return full();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < ref.method->parameters.size(); ++i) bytes += outer_.arg(i).size();
  if (!may_fit(object, bytes)) return full();
  begin();
  machine_.before_change(object);
  const HandlerResult written{machine_.reply_bytes()};
  Outcome outcome = ref.method->handler(outer_);
  outcome = finish(outcome ? Expected<void>{} : Expected<void>{outcome.failure()});
  if (!outcome) written.drop();
  return outcome;
}

void AtomicRun::begin() {
  machine_.transaction_ = std::make_unique<Transaction>();
  if (at_cap_) stored_before_ = bytes_stored();
}

Outcome AtomicRun::finish(Expected<void> done) {
  if (done) done = check_cap();
  if (done) {
    machine_.commit();
    return Progress::done;
  }
  // Ends the transaction first: undo steps act on the machine as outside of one.
  const std::unique_ptr<Transaction> failed = std::move(machine_.transaction_);
  failed->roll_back();
  failed->end();
  return done.failure();
}

std::int64_t AtomicRun::bytes_stored() const {
  const Transaction& running = *machine_.transaction_;
  std::size_t freed = running.detached_bytes;
  for (const Handle value : running.dropped) freed += machine_.values().bytes(value);
  for (const auto& content : running.discarded) freed += content->bytes();
  for (const Object* object : running.removed) {
    freed += object->state->bytes() + object->name.size();
  }
  const std::size_t objects = machine_.registry().size() - running.removed.size();
  return static_cast<std::int64_t>(machine_.content_bytes(objects)) -
         static_cast<std::int64_t>(freed);
}

Expected<void> AtomicRun::check_cap() const {
  if (!at_cap_ || bytes_stored() <= stored_before_) return {};
  return full();
}

Failure AtomicRun::full() const { return fail(machine_.out_of_memory()); }

bool AtomicRun::may_fit(const Object& object, std::size_t bytes) const {
  constexpr std::size_t kSlackBytes = 4096;
  return !at_cap_ || bytes <= object.state->bytes() + kSlackBytes;
}

Expected<void> AtomicRun::check_requirements(PackedView require) {
  if (!require.present() || require.is_null()) return {};
  Reader reader{require};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t i = 0; i < head.count; ++i) {
    auto parts = elements(reader.value(), 3, 3, "[reading method, params, expected]");
    if (!parts) return at_index(parts.failure(), i);
    std::string found;
    auto done = run_one((*parts)[0], (*parts)[1], true, found);
    if (!done) return at_index(done.failure(), i);
    if (equal(PackedView{found}, (*parts)[2])) continue;
    return at_index(
        fail(Errc::conflict,
             "requirement " + std::to_string(i) + ": " + shown(read((*parts)[0]).body) + " gave " +
                 describe(PackedView{found}) + ", expected " + describe((*parts)[2])),
        i);
  }
  return {};
}

Expected<void> AtomicRun::run_calls(PackedView calls, std::string& results) {
  Reader reader{calls};
  Token head;
  static_cast<void>(reader.next(head));
  Writer{results}.list(head.count);
  for (std::uint32_t i = 0; i < head.count; ++i) {
    auto parts = elements(reader.value(), 1, 2, "[method, params]");
    if (!parts) return at_index(parts.failure(), i);
    const PackedView params = parts->size() > 1 ? (*parts)[1] : PackedView{"\x90"};
    auto done = run_one((*parts)[0], params, false, results);
    if (!done) return at_index(done.failure(), i);
    if (auto ok = fits_reply(results); !ok) return at_index(ok.failure(), i);
  }
  return {};
}

Expected<void> AtomicRun::fits_reply(const std::string& results) const {
  const std::size_t most = machine_.limits().frame_bytes_max;
  if (results.size() <= most) return {};
  return fail(reply_too_large(most));
}

Expected<void> AtomicRun::may_stand(const MethodRef& ref, const Batch& batch,
                                    bool only_reads) const {
  const std::string name = full_name(ref);
  const Session* session = machine_.sessions().find(outer_.session());
  if (ref.method->delivers && outer_.caller().is_notification() && session->opened) {
    return fail(Errc::value_error, name + " in a notification would lose what it delivers");
  }
  if (only_reads && ref.method->access != Access::read) {
    return fail(Errc::value_error, name + " changes something; a requirement only reads");
  }
  const bool of_object = ref.type->name == "object";
  if (!ref.on_object && !ref.method->is_static &&
      !(of_object && (only_reads || name == "object.create" || name == "object.delete"))) {
    return fail(Errc::value_error, name +
                                       " may not stand in a transaction; methods on objects, "
                                       "object.create and object.delete may");
  }
  if (!ref.method->waits()) return {};
  for (std::size_t i = 0; i < parameter_count(ref); ++i) {
    if (parameter_at(ref, i).name != "timeout") continue;
    const PackedView timeout = i < batch.arguments.size() ? batch.argument(i) : PackedView{};
    const bool zero = timeout.present() ? is_zero(timeout)
                                        : parameter_at(ref, i).fallback.is == Default::Is::integer;
    if (zero) return {};
  }
  return fail(Errc::value_error, name + " may stand in a transaction only with timeout 0");
}

/// Refuses an object that clients change without the server: it cannot be rolled back.
Expected<void> AtomicRun::check_lent(const Object* object, const MethodRef& ref,
                                     const Batch& batch) const {
  if (object == nullptr && parameter_count(ref) > 0 && parameter_at(ref, 0).name == "name") {
    object = machine_.registry().find(read(batch.argument(0)).body);
  }
  return object == nullptr ? Expected<void>{} : check_not_lent(*object, "part of a transaction");
}

Expected<void> AtomicRun::run_one(PackedView method, PackedView params, bool only_reads,
                                  std::string& result) {
  const std::string_view name = read(method).body;
  const MethodRef* ref = machine_.catalogue().find(name);
  if (ref == nullptr) return fail(unknown_method(machine_.catalogue(), name));
  if (params.kind() != Kind::list && params.kind() != Kind::map) {
    return fail(Errc::value_error, "params must be a list or a map, got " + describe(params));
  }
  machine_.spend(Machine::kProbeUnits + params.size() / kParameterBytesPerUnit);
  if (auto ok = machine_.check_transaction_work(0); !ok) return ok;
  Batch batch;
  Binder binder{machine_.limits()};
  if (auto bound = binder.bind(*ref, params, batch); !bound) return bound;
  if (binder.options().present()) {
    return fail(Errc::value_error, "a guard belongs to the transaction, not to a call in it");
  }
  if (auto ok = may_stand(*ref, batch, only_reads); !ok) return ok;
  Command command;
  command.method = *ref;
  command.count = static_cast<std::uint32_t>(batch.arguments.size());
  auto object = machine_.target(batch, command);
  if (!object) return object.failure();
  if (auto ok = check_lent(*object, *ref, batch); !ok) return ok;
  if (*object != nullptr && ref->method->access == Access::write) {
    const bool counted = (*object)->type->counts_bytes || !ref->method->grows || !at_cap_;
    if (!counted || !may_fit(**object, params.size())) return full();
    machine_.before_change(**object);
  }
  Caller caller = outer_.caller();
  caller.method = *ref;
  Call call{machine_, batch, command, caller, *object};
  const HandlerResult written{machine_.reply_bytes()};
  Outcome outcome = ref->method->handler(call);
  if (outcome) {
    if (auto ok = machine_.check_transaction_work(0); !ok) outcome = ok.failure();
  }
  if (!outcome) {
    written.drop();
    return outcome.failure();
  }
  outer_.add_deliveries(call);
  if (const BlobRef blob = call.take_blob()) {
    result.append(blob.view().bytes());
  } else if (written.size() == 0) {
    Writer{result}.null();
  } else {
    result += written.bytes();
  }
  written.drop();
  return {};
}

/// Ends the transaction that runs, and does all that it has deferred.
void Machine::commit() {
  const std::unique_ptr<Transaction> done = std::move(transaction_);
  for (const auto& step : done->on_commit) step();
  for (Object* object : done->removed) destroy(*object);
  for (const Handle value : done->dropped) drop(value);
  for (const Packed& value : done->released) release(value);
  for (auto& content : done->discarded) registry_.reclaim_later(std::move(content));
  done->end();
}

}  // namespace agora
