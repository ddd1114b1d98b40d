// SPDX-License-Identifier: MIT

// namespace: attributes by name. multiprocessing's Namespace.
//
// Like a dict whose keys are text, but a missing key is an AttributeError.

#include <string>

#include "server/objects/containers/table_state.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/describe.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

class Namespace : public TableState {
 public:
  using TableState::TableState;
  Expected<std::string> entry_key(PackedView key) const override {
    if (key.kind() == Kind::text) return std::string{key.bytes()};
    return fail(Errc::type_error, "the name of an attribute is text, got " + describe(key));
  }
};

/// Returns the entry of the attribute that the call names; null if there is none.
Handle entry_of(const Call& call, const Namespace& space) {
  return space.table().find(call.arg(0).bytes());  // text is its own comparison key
}

Failure no_attribute(const Call& call) {
  return no_key(call, Errc::attribute_error, call.arg(0), "is not an attribute of");
}

Expected<void> put(Namespace& space, PackedView name, PackedView value) {
  auto assigned = space.assign(space.table().locate(name.bytes()), name.bytes(), name, value);
  if (!assigned) return assigned.failure();
  return {};
}

Outcome get(Call& call, Namespace& space) {
  const Handle entry = entry_of(call, space);
  if (!entry) return no_attribute(call);
  if (auto blob = space.table().pin(entry)) {
    call.reply_blob(std::move(*blob));
  } else {
    call.reply().packed(space.table().value(entry));
  }
  return Progress::done;
}

Outcome set(Call& call, Namespace& space) {
  if (auto ok = put(space, call.arg(0), call.arg(1)); !ok) return ok.failure();
  call.changed(call.arg(0));
  return Progress::done;
}

Outcome remove(Call& call, Namespace& space) {
  const Handle entry = entry_of(call, space);
  if (!entry) return no_attribute(call);
  space.erase(entry);
  call.changed(call.arg(0));
  return Progress::done;
}

Outcome contains(Call& call, Namespace& space) {
  call.reply().boolean(static_cast<bool>(entry_of(call, space)));
  return Progress::done;
}

Outcome attributes(Call& call, Namespace& space) {
  if (auto ok = space.check_whole("namespace.get"); !ok) return ok.failure();
  Writer out = call.reply();
  out.list(static_cast<std::uint32_t>(space.table().size()));
  space.table().each([&](Handle entry) { out.packed(space.table().key(entry)); });
  return Progress::done;
}

/// Puts all attributes of a map.
Expected<void> put_all(Namespace& space, PackedView map) {
  Reader reader{map};
  for (std::uint32_t left = read(reader).count; left > 0; --left) {
    const PackedView key = reader.value();
    const PackedView value = reader.value();
    if (key.kind() != Kind::text) {
      return fail(Errc::type_error, "the name of an attribute is text, got " + describe(key));
    }
    if (auto ok = put(space, key, value); !ok) return ok;
  }
  return {};
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto space = std::make_unique<Namespace>(creation.machine);
  if (creation.arguments[0].present()) {
    if (auto ok = put_all(*space, creation.arguments[0]); !ok) {
      creation.machine.reclaim_later(std::move(space));
      return ok.failure();
    }
  }
  return space;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto space = std::make_unique<Namespace>(creation.machine);
  if (auto ok = space->restore(saved); !ok) return ok.failure();
  return space;
}

constexpr Parameter kAttribute{"attribute", ParamKind::text, kRequired,
                               "The name of the attribute."};

constexpr Method kMethods[] = {
    {.name = "get",
     .parameters = {kAttribute},
     .result = "any: the value",
     .errors = {Errc::attribute_error},
     .cost = "O(1)",
     .doc = "Returns the value of an attribute.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get>},
    {.name = "set",
     .parameters = {kAttribute, Parameter{"value", ParamKind::any, kRequired, "Any value."}},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Sets the value of an attribute, new or existing.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set>},
    {.name = "delete",
     .parameters = {kAttribute},
     .result = "null",
     .errors = {Errc::attribute_error},
     .access = Access::write,
     .cost = "O(log n)",
     .doc = "Removes an attribute.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&remove>},
    {.name = "contains",
     .parameters = {kAttribute},
     .result = "bool",
     .cost = "O(1)",
     .doc = "Returns whether the attribute exists.",
     .if_reply_lost = retry::kRead,
     .handler = on<&contains>},
    {.name = "attributes",
     .result = "list of text",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns the names of all attributes in insertion order.",
     .if_reply_lost = retry::kRead,
     .handler = on<&attributes>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"attributes", ParamKind::map, kAbsent, "The initial content; its keys are text."},
};

}  // namespace

const ObjectType& namespace_type() {
  static constexpr ObjectType kType{.name = "namespace",
                                    .doc = "Holds attributes by name.",
                                    .arguments = kArguments,
                                    .methods = kMethods,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
