// Client, shared memory: where objects lie, and the slots of threads.

#include <map>
#include <utility>
#include <vector>

#include <agora/detail/lookup.hpp>
#include <agora/detail/thread_slots.hpp>

#include "client/src/client/client.hpp"
#include "shared/value/any.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/normalize.hpp"

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

/// The address of what lies at that place; maps what the server has added if it is not known yet.
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

std::unique_ptr<Window> Client::locate(const std::string& name, std::uint64_t session) {
  const auto mapping = present_mapping();
  if (!mapping) return nullptr;
  const Params params = params_of(name);
  Call call{.method = "session.locate"};
  call.with(params);
  const Deadline deadline = deadline_of(call);
  const Reply reply = call_in(session, call);
  if (!reply) return nullptr;
  auto members = unpack<Members>(*reply);
  if (!members) return nullptr;
  auto window = std::make_unique<Window>();
  window->gate = &mapping->gate();
  window->session = session;
  window->object = member<std::uint64_t>(*members, "object", 0);
  const auto unit = member<std::uint32_t>(*members, "cell", 0);
  const std::byte* const cell = find_or_grow(
      *mapping, deadline, [&] { return mapping->pages().at(unit, sizeof(shm::Cell)); });
  if (cell == nullptr) return nullptr;
  window->cell = reinterpret_cast<const shm::Cell*>(cell);
  window->mapping = mapping;
  window->mapping_number = mapping->number();
  window->kind = kind_of(member<std::string>(*members, "type", ""));
  const bool lock = window->kind == ObjectKind::lock || window->kind == ObjectKind::rlock;
  window->pages = &mapping->pages();
  window->hash_key = mapping->hash_key();
  window->count = member<std::size_t>(*members, "count", 0);
  if (window->count == 0) {
    if (lock) window->kind = ObjectKind::other;  // it is not lent
    return window;
  }
  const auto place = member<std::uint32_t>(*members, "word", 0);
  const std::size_t bytes = window->count * member<std::size_t>(*members, "bytes", 8);
  window->words = find_or_grow(*mapping, deadline, [&] { return mapping->words(place, bytes); });
  if (window->words == nullptr) {
    // They cannot be mapped: the server need not keep them for us.
    start_in(session, "session.let_go", params_of(window->object));
    return nullptr;
  }
  window->typecode = member<std::string>(*members, "typecode", "*").front();
  window->wraps = member<bool>(*members, "wraps", false);
  window->token_base = member<std::uint64_t>(*members, "base", 0);
  if (lock) {
    window->lost = &lost_grants();
    window->hold = mapping->word_hold(*window, name);
  }
  return window;
}

bool may_be_key(std::string_view text) { return is_utf8(text); }

bool may_be_key(PackedView key) {
  const Kind kind = key.kind();
  if (kind == Kind::text) return may_be_key(text_of(key));
  return kind == Kind::integer || kind == Kind::real || kind == Kind::boolean ||
         kind == Kind::null || kind == Kind::bytes;
}

void map_what_is_new(const Window& window) { window.mapping->grow_if_behind(); }

void Client::let_go(const Window& window) noexcept {
  try {
    if (window.words == nullptr) return;
    window.mapping->let_go(window);
    start_in(window.session, "session.let_go", params_of(window.object));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the session's end does it
  }
}

std::uint32_t Client::owner_slot(const Window& window) {
  std::uint32_t slot = 0;
  if (ThreadSlots::find(window.mapping_number, slot)) return slot;
  const Params params = params_of(thread_owner());
  Call call{.method = "session.owner_slot"};
  const Reply reply = call_in(window.session, call.with(params));
  if (!reply) return 0;
  auto given = unpack<std::optional<std::uint32_t>>(*reply);
  if (!given) return 0;
  slot = given->value_or(0);
  if (slot != 0) window.mapping->add_slot(slot, thread_owner());
  ThreadSlots::add(window.mapping_number, slot, weak_from_this(), window.session);
  return slot;
}

}  // namespace agora::detail
