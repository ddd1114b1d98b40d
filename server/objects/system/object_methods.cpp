// SPDX-License-Identifier: MIT

// object.*: methods of objects of any type: create, delete, list, describe, expire, hold. Objects
// must be created before use. Semantics: docs/concepts/objects.md.

#include <algorithm>

#include "server/core/machine/call.hpp"
#include "server/core/machine/creation.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/system/visibility.hpp"
#include "server/objects/types.hpp"
#include "shared/base/pattern.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/text_detail.hpp"

namespace agora {
namespace {

// Steps of a pattern's automaton in the time of one step over an element, roughly.
constexpr std::size_t kStepsPerUnit = 8;

Expected<Object*> named(Call& call) {
  const std::string_view name = call.name(0);
  if (Object* object = call.machine().registry().find(name)) return object;
  Error error{Errc::not_found,
              "there is no object " + std::string{name} + "; object.list shows what there is",
              Done::no,
              {}};
  error.details.push_back(text_detail("object", name));
  return fail(std::move(error));
}

bool asks_exist_ok(PackedView options) {
  if (!options.present()) return true;
  Reader reader{options};
  for (std::uint32_t left = read(reader).count; left > 0; --left) {
    const Token key = read(reader);
    const PackedView value = reader.value();
    if (key.kind == Kind::text && key.body == "exist_ok") return value.bytes() != "\xc2";
  }
  return true;
}

Outcome existing(Call& call, Object& object, const ObjectType& type) {
  if (!asks_exist_ok(call.arg(3))) {
    return fail(Errc::exists,
                "there is already a " + std::string{object.type->name} + " named " + object.name);
  }
  if (object.type != &type) {
    return fail(Errc::wrong_type, object.name + " exists and is a " +
                                      std::string{object.type->name} + ", not a " +
                                      std::string{type.name});
  }
  call.reply().reference(object.name);
  return Progress::done;
}

Failure unknown_type(Call& call, std::string_view name) {
  std::string known;
  for (const ObjectType* each : call.machine().catalogue().types()) {
    if (each->create != nullptr) known += (known.empty() ? "" : ", ") + std::string{each->name};
  }
  return fail(Errc::value_error, "there is no type \"" + shown(name) + "\"; there are " + known);
}

/// Tells whether the text has a control character of the block that follows ASCII, as UTF-8. Only
/// the names of new objects are checked: no other name has an object.
bool has_c1_control(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const auto next = static_cast<unsigned char>(text[i + 1]);
    if (text[i] == '\xc2' && next >= 0x80 && next <= 0x9f) return true;
  }
  return false;
}

Outcome create(Call& call) {
  const std::string_view type_name = call.text(0);
  const ObjectType* type = call.machine().catalogue().type(type_name);
  if (type == nullptr || type->create == nullptr) return unknown_type(call, type_name);
  const std::string_view name = call.text(1);
  if (name.starts_with('#')) {
    return fail(Errc::value_error, "names that begin with # are the server's own");
  }
  if (has_c1_control(name)) {
    return fail(Errc::value_error,
                "name must be text without control characters, and U+0080 to U+009F are some");
  }
  if (Object* object = name.empty() ? nullptr : call.machine().registry().find(name)) {
    return existing(call, *object, *type);
  }
  auto made = call.machine().create(*type, name, call.arg(2), call.arg(3), call.session());
  if (!made) return made.failure();
  // An opened session holds the objects that its replies name; other sessions hold the objects that
  // they created.
  const Session* session = call.machine().sessions().find(call.session());
  if ((*made)->anonymous() && session != nullptr && !session->opened) {
    call.machine().hold(**made, call.session(), 1);
  }
  call.reply().reference((*made)->name);
  return Progress::done;
}

Outcome remove(Call& call) {
  Object* object = call.machine().registry().find(call.name(0));
  call.reply().boolean(object != nullptr);
  if (object != nullptr) call.machine().remove(*object);
  return Progress::done;
}

Outcome exists(Call& call) {
  call.reply().boolean(call.machine().registry().find(call.name(0)) != nullptr);
  return Progress::done;
}

Outcome type(Call& call) {
  auto object = named(call);
  if (!object) return object.failure();
  call.reply().text((*object)->type->name);
  return Progress::done;
}

Outcome version(Call& call) {
  auto object = named(call);
  if (!object) return object.failure();
  call.reply().unsigned_integer((*object)->version);
  return Progress::done;
}

/// Returns the name pattern in the first argument.
/// @error value_error  it is longer than any name.
Expected<NamePattern> pattern_asked(Call& call) {
  const std::size_t most = call.machine().limits().name_bytes_max;
  if (call.text(0).size() <= most) return NamePattern{call.text(0)};
  return fail(Errc::value_error, "pattern must be at most " + std::to_string(most) +
                                     " bytes, as names are, got " +
                                     std::to_string(call.text(0).size()));
}

Outcome list(Call& call) {
  const std::int64_t most = call.integer(3);
  const auto limit = static_cast<std::int64_t>(call.machine().limits().work_elements_max);
  if (most < 1 || most > limit) {
    return fail(Errc::value_error,
                "count must be 1 to " + std::to_string(limit) + ", got " + call.decimal(3));
  }
  auto pattern = pattern_asked(call);
  if (!pattern) return pattern.failure();
  const bool all_types = !call.given(1) || call.arg(1).is_null();
  std::string items;
  Writer out{items};
  std::uint32_t found = 0;
  std::string_view last;
  bool more = false;
  const Visibility visible{call};
  // Few objects may match. So the cursor may also stand behind an object that did not.
  std::size_t units = 0;
  call.machine().registry().each_after(call.text(2), [&](const Object& object) {
    if (units >= static_cast<std::size_t>(limit)) return !(more = true);
    units += Machine::kProbeUnits;
    if (found < static_cast<std::uint32_t>(most)) last = object.name;
    if (!all_types && object.type->name != call.text(1)) return true;
    units += object.name.size() * pattern->step_words() / kStepsPerUnit;
    if (!pattern->matches(object.name) || !visible.sees_name(object.name)) return true;
    if (found == static_cast<std::uint32_t>(most)) return !(more = true);
    out.map(3);
    out.text("name"), out.text(object.name);
    out.text("type"), out.text(object.type->name);
    out.text("version"), out.unsigned_integer(object.version);
    ++found;
    if (items.size() > call.machine().limits().work_bytes_max) return !(more = true);
    return true;
  });
  if (auto ok = call.machine().check_transaction_work(units); !ok) return ok.failure();
  call.machine().spend(units);
  Writer reply = call.reply();
  reply.map(2);
  reply.text("items");
  reply.list(found);
  reply.out() += items;
  reply.text("cursor");
  more ? reply.text(last) : reply.null();
  return Progress::done;
}

Outcome info(Call& call) {
  auto found = named(call);
  if (!found) return found.failure();
  const Object& object = **found;
  Writer out = call.reply();
  out.map(9);
  out.text("type"), out.text(object.type->name);
  out.text("version"), out.unsigned_integer(object.version);
  out.text("created"), out.real(call.machine().wall_seconds(object.created));
  out.text("size"), out.unsigned_integer(object.state->size());
  out.text("bytes"), out.unsigned_integer(object.state->bytes());
  out.text("holds"), out.unsigned_integer(object.holds);
  out.text("holders");
  write_holders(out, call.machine(), holders_of(*object.state));
  out.text("waiters"), out.unsigned_integer(object.waiters.size());
  out.text("options"), out.packed(object.options);
  return Progress::done;
}

Outcome expire(Call& call) {
  auto object = named(call);
  if (!object) return object.failure();
  const std::optional<Duration> span = call.seconds(1);
  std::optional<Instant> when;
  if (span) when = call.now() + *span;
  call.machine().registry().expire(**object, when);
  return Progress::done;
}

Expected<std::uint64_t> count(Call& call) {
  if (call.integer(1) >= 1) return static_cast<std::uint64_t>(call.integer(1));
  return fail(Errc::value_error, "n must be at least 1, got " + call.decimal(1));
}

Outcome hold(Call& call) {
  auto object = named(call);
  if (!object) return object.failure();
  auto n = count(call);
  if (!n) return n.failure();
  if (*n > 0xffffffff)
    return fail(Errc::value_error, "n must be at most 2^32 - 1, got " + call.decimal(1));
  call.machine().hold(**object, call.session(), *n);
  return Progress::done;
}

Outcome release(Call& call) {
  auto object = named(call);
  if (!object) return object.failure();
  auto n = count(call);
  if (!n) return n.failure();
  call.machine().unhold(**object, call.session(), *n);
  return Progress::done;
}

/// Returns the error of a watch, with the object's name in front if its type has no such entries.
Failure unfit_key(const Object& object, const Error& error) {
  if (error.code != Errc::wrong_type) return fail(error);
  return fail(Errc::wrong_type, object.name + " is a " + std::string{object.type->name} +
                                    " and has no keys to watch; a dict, a set and a namespace do");
}

Outcome watch(Call& call) {
  auto object = named(call);
  if (!object) return object.failure();
  if (auto ok = check_not_lent(**object, "watched"); !ok) return ok.failure();
  const std::uint64_t present = (*object)->version;
  std::optional<std::uint64_t> after;
  if (const auto from = call.maybe_integer(1)) {
    if (*from < 0) {
      return fail(Errc::value_error,
                  "from_version must be 0 or more, got " + std::to_string(*from));
    }
    // Versions above the present one are another object's, or another run's of the server. From
    // version 0 there is always a gap: no object has it.
    after = static_cast<std::uint64_t>(*from);
    if (*after > present) after = 0;
  }
  Session& session = *call.machine().sessions().find(call.session());
  Notifications& notifications = call.machine().notifications();
  auto done = call.value(2).is_null()
                  ? notifications.watch(**object, session, after)
                  : notifications.watch_key(**object, call.arg(2), session, after);
  if (!done) return unfit_key(**object, done.error());
  call.reply().unsigned_integer(present);
  return Progress::done;
}

Outcome unwatch(Call& call) {
  auto object = named(call);
  if (!object) return object.failure();
  Session& session = *call.machine().sessions().find(call.session());
  Notifications& notifications = call.machine().notifications();
  if (call.value(1).is_null()) {
    notifications.unwatch(**object, session);
  } else if (auto done = notifications.unwatch_key(**object, call.arg(1), session); !done) {
    return unfit_key(**object, done.error());
  }
  return Progress::done;
}

/// Returns the type that the call's second argument names; empty for any.
Expected<std::string_view> type_asked(Call& call) {
  if (call.value(1).is_null()) return std::string_view{};
  const std::string_view name = call.text(1);
  const ObjectType* type = call.machine().catalogue().type(name);
  if (type == nullptr || type->create == nullptr) return unknown_type(call, name);
  return name;
}

Outcome watch_names(Call& call) {
  auto type = type_asked(call);
  if (!type) return type.failure();
  if (auto pattern = pattern_asked(call); !pattern) return pattern.failure();
  Session& session = *call.machine().sessions().find(call.session());
  auto done = call.machine().notifications().names().watch(session, call.text(0), *type);
  if (!done) return done.failure();
  return Progress::done;
}

Outcome unwatch_names(Call& call) {
  auto type = type_asked(call);
  if (!type) return type.failure();
  Session& session = *call.machine().sessions().find(call.session());
  call.machine().notifications().names().unwatch(session, call.text(0), *type);
  return Progress::done;
}

constexpr Parameter kWatchedKey{"key", ParamKind::any, kNull,
                                "The key, member or attribute of one entry; null: all changes."};
constexpr Parameter kNamePattern{"pattern", ParamKind::text, default_text("*"),
                                 "Pattern of names, at most 512 bytes; * matches any text, ? one "
                                 "byte."};
constexpr Parameter kTypeOfNames{"type", ParamKind::text, kNull, "Only objects of that type."};
constexpr Parameter kN{"n", ParamKind::integer, default_int(1), "The number of holds, at least 1."};

constexpr Method kMethods[] = {
    {.name = "create",
     .parameters = {Parameter{"type", ParamKind::text, kRequired,
                              "The name of a type; help lists them."},
                    Parameter{"name", ParamKind::name, kNull,
                              "The object's name, 1 to 512 bytes; null makes an anonymous object."},
                    Parameter{"args", ParamKind::list, kAbsent,
                              "The type's own arguments, such as the initial content."},
                    Parameter{"options", ParamKind::map, kAbsent,
                              "exist_ok, ephemeral, ttl, and the type's own options."}},
     .result = "reference",
     .errors = {Errc::exists, Errc::wrong_type, Errc::value_error},
     .access = Access::write,
     .grows = true,
     .cost = "O(size of args)",
     .doc = "Creates an object, or opens the existing one of that name. Arguments and options "
            "apply only if this call creates it.",
     .if_reply_lost =
         "Creating it again opens the same object; an anonymous one ends with its session.",
     .handler = create},
    {.name = "delete",
     .parameters = {kNameOf},
     .result = "bool: it existed",
     .access = Access::write,
     .cost = "O(1 + waiters)",
     .doc = "Deletes an object. Calls that wait on it get NotFound.",
     .if_reply_lost = retry::kIdempotent,
     .handler = remove},
    {.name = "exists",
     .parameters = {kNameOf},
     .result = "bool",
     .cost = "O(1)",
     .doc = "Returns whether an object of that name exists.",
     .if_reply_lost = retry::kRead,
     .handler = exists},
    {.name = "type",
     .parameters = {kNameOf},
     .result = "text",
     .errors = {Errc::not_found},
     .cost = "O(1)",
     .doc = "Returns the name of the object's type.",
     .if_reply_lost = retry::kRead,
     .handler = type},
    {.name = "version",
     .parameters = {kNameOf},
     .result = "int",
     .errors = {Errc::not_found},
     .cost = "O(1)",
     .doc = "Returns the object's version, which grows with each change. A new object's version is "
            "above those of all objects that have ended, so that an object made anew under a "
            "deleted name is never taken for the old one.",
     .if_reply_lost = retry::kRead,
     .handler = version},
    {.name = "list",
     .parameters = {Parameter{"pattern", ParamKind::text, default_text("*"),
                              "Pattern of names, at most 512 bytes; * matches any text, ? one "
                              "byte."},
                    Parameter{"type", ParamKind::text, kNull, "Only objects of that type."},
                    Parameter{"cursor", ParamKind::text, kNull,
                              "The cursor of the previous reply."},
                    Parameter{"count", ParamKind::integer, default_int(1000),
                              "Maximum number of objects in the reply."}},
     .result = "{items: [{name, type, version}], cursor}, cursor null at the end",
     .errors = {Errc::value_error},
     .cost = "O(all objects)",
     .doc = "Lists the objects of the server in the order of their names. One call looks at some "
            "60,000 objects at most: the reply may have fewer items than count, even none, and yet "
            "a cursor.",
     .if_reply_lost = retry::kRead,
     .handler = list},
    {.name = "info",
     .parameters = {kNameOf},
     .result = "{type, version, created, size, bytes, holds, holders, waiters, options}",
     .errors = {Errc::not_found},
     .cost = "O(holders)",
     .doc = "Describes one object: bytes counts its content, created is in seconds since 1970.",
     .if_reply_lost = retry::kRead,
     .handler = info},
    {.name = "expire",
     .parameters = {kNameOf,
                    Parameter{"seconds", ParamKind::seconds, kRequiredOrNull,
                              "Seconds from now until the object is deleted; null: never."}},
     .result = "null",
     .errors = {Errc::not_found, Errc::value_error},
     .access = Access::write,
     .cost = "O(log n) in the number of objects that expire",
     .doc = "Sets or removes the object's expiry.",
     .if_reply_lost = "A retry counts the time from then.",
     .handler = expire},
    {.name = "hold",
     .parameters = {kNameOf, kN},
     .result = "null",
     .errors = {Errc::not_found, Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(log n) in the session's holds",
     .doc = "Keeps an anonymous object alive while this session lives or until release.",
     .if_reply_lost = retry::kOnce,
     .handler = hold},
    {.name = "release",
     .parameters = {kNameOf, kN},
     .result = "null",
     .errors = {Errc::not_found, Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(log n) in the session's holds",
     .doc = "Releases holds; an anonymous object without holds and references is deleted.",
     .if_reply_lost = retry::kOnce,
     .handler = release},
    {.name = "watch",
     .parameters =
         {kNameOf,
          Parameter{"from_version", ParamKind::integer, kNull,
                    "Send the changes after that version too; null: only changes from now on. A "
                    "version that the object never had is answered by a gap."},
          kWatchedKey},
     .result = "int: the present version",
     .errors = {Errc::not_found, Errc::wrong_type, Errc::type_error, Errc::overloaded,
                Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .grows = true,
     .cost = "O(log n) in the object's watchers, plus the notices sent from the history",
     .doc = "Sends the session a notice {kind: \"watch\", object, version, method, key?} for "
            "each change of the object's version from now on, in order. key is the key, index "
            "or attribute that the method got; object.delete is the last method. A change "
            "without a method call is reported as session.close (a session ended) or "
            "object.expire (the time came). With key, only the changes of that entry of a dict, "
            "a set or a namespace are sent, each with that key, be it present or not; the entry's "
            "own end is reported as dict.expire or session.close. While an object or an entry is "
            "watched, and a minute longer, its last 1,024 notices are kept for from_version and "
            "for sessions that resume. Changes that are no longer kept are reported as one notice "
            "{kind: \"gap\", object, version, key?}: read the object, notices continue after that "
            "version.",
     .if_reply_lost = "A retry changes nothing; with from_version it sends the history again.",
     .handler = watch},
    {.name = "unwatch",
     .parameters = {kNameOf, kWatchedKey},
     .result = "null",
     .errors = {Errc::not_found, Errc::wrong_type, Errc::type_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(log n) in the object's watchers",
     .doc = "Ends the session's notices about that object, or about that entry of it. Watches of "
            "entries and of the whole object are independent.",
     .if_reply_lost = retry::kIdempotent,
     .handler = unwatch},
    {.name = "watch_names",
     .parameters = {kNamePattern, kTypeOfNames},
     .result = "null",
     .errors = {Errc::value_error, Errc::overloaded},
     .access = Access::write,
     .role = Role::read,
     .grows = true,
     .cost = "O(patterns of the session), and a comparison with each later creation and deletion",
     .doc = "Sends the session a notice {kind: \"names\", method, object, type} for each named "
            "object that is created (object.create) or ends (object.delete: deleted, expired or "
            "gone with its session) from now on, in order; one notice however many patterns "
            "match. Objects that exist already are not reported: watch first, then use "
            "object.list. A session that resumes gets the notices that it has missed, the last "
            "ones perhaps twice, or one notice {kind: \"gap\", pattern, type} for each pattern: "
            "list again. A session watches at most 64 patterns.",
     .if_reply_lost = retry::kIdempotent,
     .handler = watch_names},
    {.name = "unwatch_names",
     .parameters = {kNamePattern, kTypeOfNames},
     .result = "null",
     .errors = {Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(patterns of the session)",
     .doc = "Ends the notices of the object.watch_names call with the same pattern and type.",
     .if_reply_lost = retry::kIdempotent,
     .handler = unwatch_names},
    {.name = "value",
     .parameters = {kNameOf},
     .result = "any: the whole content as a plain value",
     .errors = {Errc::not_found, Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns the content of a dict, list, value or event as one value; a queue's "
            "ready items; whether a lock is held.",
     .if_reply_lost = retry::kRead,
     .handler = [](Call& call) -> Outcome {
       auto object = named(call);
       if (!object) return object.failure();
       Writer out = call.reply();
       return (*object)->state->plain(call, out);
     }},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& object_methods() {
  static constexpr ObjectType kType{
      .name = "object", .doc = "Methods of objects of any type.", .methods = kMethods};
  return kType;
}

}  // namespace agora
