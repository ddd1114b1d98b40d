// SPDX-License-Identifier: MIT

// Client, shared memory: the locations of objects, and the owner slots of threads.

#include <map>
#include <utility>
#include <vector>

#include <agora/detail/lookup.hpp>
#include <agora/detail/methods.hpp>
#include <agora/detail/thread_slots.hpp>

#include "client/src/client/client.hpp"
#include "shared/value/any.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/utf8.hpp"

namespace agora::detail {
namespace {

using Members = std::map<std::string, any>;

template <typename T>
T member(Members& members, const char* name, T otherwise) {
  const auto found = members.find(name);
  if (found == members.end()) return otherwise;
  auto value = found->second.get<T>();
  return value ? std::move(*value) : std::move(otherwise);
}

ObjectKind kind_of(std::string_view type) {
  static constexpr std::pair<std::string_view, ObjectKind> kKinds[] = {
      {"dict", ObjectKind::dict},
      {"set", ObjectKind::set},
      {"namespace", ObjectKind::namespace_},
      {"list", ObjectKind::list},
      {"queue", ObjectKind::queue},
      {"event", ObjectKind::event},
      {"value", ObjectKind::value},
      {"array", ObjectKind::array},
      {"lock", ObjectKind::lock},
      {"rlock", ObjectKind::rlock},
  };
  for (const auto& [name, kind] : kKinds) {
    if (name == type) return kind;
  }
  return ObjectKind::other;
}

/// Returns the address that `find()` returns. If that is null, maps the memory that the server has
/// added and calls `find()` once more.
template <typename Find>
auto find_or_grow(Mapping& mapping, const Deadline& deadline, Find&& find) {
  auto found = find();
  if (found == nullptr && mapping.grow(deadline)) found = find();
  return found;
}

std::string_view text_of(PackedView text) {
  Token token;
  Reader reader{text};
  static_cast<void>(reader.next(token));
  return token.body;
}

}  // namespace

std::unique_ptr<ObjectView> Client::locate(const std::string& name, std::uint64_t session) {
  const auto mapping = present_mapping();
  if (!mapping) return nullptr;
  const Params params = params_of(name);
  Call call = call_of(methods::session_locate);
  call.with(params);
  const Deadline deadline = deadline_of(call);
  const Reply reply = call_in(session, call);
  if (!reply) return nullptr;
  auto members = unpack<Members>(*reply);
  if (!members) return nullptr;
  auto view = std::make_unique<ObjectView>();
  view->gate = &mapping->gate();
  view->session = session;
  view->object = member<std::uint64_t>(*members, "object", 0);
  const auto unit = member<std::uint32_t>(*members, "cell", 0);
  const std::byte* const cell = find_or_grow(
      *mapping, deadline, [&] { return mapping->pages().at(unit, sizeof(shm::Cell)); });
  if (cell == nullptr) return nullptr;
  view->cell = reinterpret_cast<const shm::Cell*>(cell);
  view->mapping = mapping;
  view->mapping_number = mapping->number();
  view->kind = kind_of(member<std::string>(*members, "type", ""));
  const bool lock = view->kind == ObjectKind::lock || view->kind == ObjectKind::rlock;
  view->pages = &mapping->pages();
  view->hash_key = mapping->hash_key();
  view->count = member<std::size_t>(*members, "count", 0);
  if (view->count == 0) {
    if (lock) view->kind = ObjectKind::other;  // the lock is not lent
    return view;
  }
  const auto index = member<std::uint32_t>(*members, "word", 0);
  const std::size_t bytes = view->count * member<std::size_t>(*members, "bytes", 8);
  view->words = find_or_grow(*mapping, deadline, [&] { return mapping->words(index, bytes); });
  if (view->words == nullptr) {
    // The words cannot be mapped, so the server need not keep them located for this session.
    start_in(session, methods::session_unlocate, params_of(view->object));
    return nullptr;
  }
  view->typecode = member<std::string>(*members, "typecode", "*").front();
  view->wraps = member<bool>(*members, "wraps", false);
  view->token_base = member<std::uint64_t>(*members, "base", 0);
  if (lock) {
    view->lost = &grants().lost();
    view->hold = mapping->word_hold(*view, name);
  }
  return view;
}

bool may_be_key(std::string_view text) { return is_utf8(text); }

bool may_be_key(PackedView key) {
  const Kind kind = key.kind();
  if (kind == Kind::text) return may_be_key(text_of(key));
  return kind == Kind::integer || kind == Kind::real || kind == Kind::boolean ||
         kind == Kind::null || kind == Kind::bytes;
}

void map_new_memory(const ObjectView& view) { view.mapping->grow_if_behind(); }

void Client::unlocate(const ObjectView& view) noexcept {
  try {
    if (view.words == nullptr) return;
    view.mapping->unlocate(view);
    start_in(view.session, methods::session_unlocate, params_of(view.object));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the end of the session does it
  }
}

std::uint32_t Client::acquire_slot(const ObjectView& view) {
  std::uint32_t slot = 0;
  if (ThreadSlots::find(view.mapping_number, slot)) return slot;
  const Params params = params_of(thread_owner());
  Call call = call_of(methods::session_acquire_slot);
  const Reply reply = call_in(view.session, call.with(params));
  if (!reply) return 0;
  auto given = unpack<std::optional<std::uint32_t>>(*reply);
  if (!given) return 0;
  slot = given->value_or(0);
  if (slot != 0) view.mapping->add_slot(slot, thread_owner());
  ThreadSlots::add(view.mapping_number, slot, weak_from_this(), view.session);
  return slot;
}

}  // namespace agora::detail
