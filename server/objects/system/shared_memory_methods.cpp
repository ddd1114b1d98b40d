// SPDX-License-Identifier: MIT

// session.map, ring, unmap, locate, unlocate, acquire_slot and release_slot: the handlers for
// clients that map the server's memory. Protocol: docs/protocol/shared-memory.md.

#include "server/objects/system/shared_memory_methods.hpp"

#include <algorithm>
#include <utility>

#include "shared/shm/ring.hpp"

namespace agora::session_calls {
namespace {

/// Returns the session, if it may access the memory that it has mapped.
Expected<Session*> mapped(Call& call) {
  Session* session = opened(call);
  if (session != nullptr && session->mapped) return session;
  return fail(Errc::runtime_error, "this session has mapped no shared memory; see session.map");
}

/// Writes the numbers of the extents that were not released.
void write_live(Writer& out, std::span<const SharedExtent> extents) {
  const auto live = std::ranges::count(extents, false, &SharedExtent::released);
  out.list(static_cast<std::uint32_t>(live));
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (!extents[i].released) out.unsigned_integer(i);
  }
}

}  // namespace

Outcome map(Call& call) {
  // The kernel passes at most 253 descriptors with one message (SCM_MAX_FD).
  constexpr std::size_t kExtentsMax = 250;
  Machine& machine = call.machine();
  Link& link = link_of(call);
  auto session = session_named(call);
  if (!session) return session.failure();
  if ((*session)->unmapped) {
    return fail(Errc::forbidden, "this session has said session.unmap: it gets no memory any more");
  }
  if (!can_map(machine, link.peer) || !(*session)->peer.may_map) {
    return fail(Errc::forbidden,
                "this connection cannot get shared memory: that needs the Unix "
                "socket, the server's own user, and a server that shares");
  }
  // Must precede extents(), since it may add one.
  const Handle memory = machine.mapped_view().publish_memory();
  const auto all = machine.input().sharing->extents();
  if (std::ranges::all_of(all, &SharedExtent::released)) {
    return fail(Errc::forbidden, "this server's system gives it no memory that can be shared");
  }
  const std::int64_t asked = call.integer(2);
  if (asked < 0 || static_cast<std::size_t>(asked) > all.size()) {
    return fail(Errc::value_error,
                "first must be 0 to " + std::to_string(all.size()) + ", the number of extents");
  }
  const auto first = static_cast<std::size_t>(asked);
  std::size_t next = first;
  std::uint32_t count = 0;
  for (; next < all.size() && count < kExtentsMax; ++next) count += all[next].released ? 0 : 1;
  (*session)->mapped = true;
  Effect& effect = machine.push(Effect::Kind::extents, link.id, call.caller().tag);
  effect.session = (*session)->id;
  effect.offset = first;
  effect.length = next - first;
  Writer out = call.reply();
  out.map(8);
  out.text("memory"), out.unsigned_integer(memory.unit);
  out.text("layout"), out.unsigned_integer(2);
  out.text("hash_key"), out.list(2);
  out.unsigned_integer(machine.input().hash_key.first);
  out.unsigned_integer(machine.input().hash_key.second);
  out.text("extents"), out.list(count);
  for (std::size_t i = first; i < next; ++i) {
    if (all[i].released) continue;
    out.list(4);
    out.boolean(all[i].writable);
    out.unsigned_integer(all[i].first_page);
    out.unsigned_integer(all[i].pages);
    out.unsigned_integer(i);
  }
  out.text("next"), out.unsigned_integer(next);
  out.text("total"), out.unsigned_integer(all.size());
  out.text("live"), write_live(out, all.first(first));
  out.text("releases"), out.unsigned_integer(machine.input().sharing->releases());
  return Progress::done;
}

Outcome ring(Call& call) {
  Machine& machine = call.machine();
  Link& link = link_of(call);
  if (!can_map(machine, link.peer)) {
    return fail(Errc::forbidden,
                "this connection cannot get a ring: that needs the Unix socket, the server's own "
                "user, and a server that shares");
  }
  if (link.session == nullptr || link.session->opened || std::exchange(link.ring, true)) {
    return fail(Errc::runtime_error,
                "a connection asks for its ring once, before its session is opened or resumed");
  }
  machine.push(Effect::Kind::ring, link.id, call.caller().tag);
  call.reply().unsigned_integer(shm::kRingTotal);
  return Progress::done;
}

Outcome unmap(Call& call) {
  if (Session* session = opened(call)) {
    session->mapped = false;
    // A session.map of this session may still be in flight on another connection.
    session->unmapped = true;
  }
  return Progress::done;
}

Outcome locate(Call& call) {
  auto session = mapped(call);
  if (!session) return session.failure();
  Machine& machine = call.machine();
  Object* object = machine.registry().find(call.name(0));
  if (object == nullptr) {
    return fail(Errc::not_found, "there is no object " + std::string{call.name(0)});
  }
  const Handle cell = machine.mapped_view().publish(*object);
  if (!cell) return fail(Errc::out_of_memory, "the server has no more memory");
  Located place;
  const bool words = object->state->locate(machine, *object, place);
  if (words) machine.lending().locate((*session)->id, object->id);
  machine.mapped_view().refresh_soon(*object);
  Writer out = call.reply();
  out.map(words ? 9 : 3);
  out.text("type"), out.text(object->type->name);
  out.text("object"), out.unsigned_integer(object->id.number);
  out.text("cell"), out.unsigned_integer(cell.unit);
  if (!words) return Progress::done;
  out.text("word"), out.unsigned_integer(place.first);
  out.text("count"), out.unsigned_integer(place.count);
  out.text("bytes"), out.unsigned_integer(place.element_bytes);
  out.text("typecode"), out.text({&place.typecode, 1});
  out.text("wraps"), out.boolean(place.wraps);
  out.text("base"), out.unsigned_integer(place.token_base);
  return Progress::done;
}

Outcome unlocate(Call& call) {
  auto session = mapped(call);
  if (!session) return session.failure();
  const std::int64_t object = call.integer(0);
  call.machine().lending().unlocate((*session)->id, ObjectId{static_cast<std::uint64_t>(object)});
  return Progress::done;
}

Outcome acquire_slot(Call& call) {
  auto session = mapped(call);
  if (!session) return session.failure();
  const std::uint32_t slot = call.machine().lending().acquire_slot((*session)->id, call.text(0));
  if (slot != 0) call.reply().unsigned_integer(slot);
  return Progress::done;
}

Outcome release_slot(Call& call) {
  auto session = mapped(call);
  if (!session) return session.failure();
  const std::int64_t slot = call.integer(0);
  if (slot > 0 && slot <= shm::kOwnerSlotMax) {
    call.machine().lending().release_slot((*session)->id, static_cast<std::uint32_t>(slot));
  }
  return Progress::done;
}

}  // namespace agora::session_calls
