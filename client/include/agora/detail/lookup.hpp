// Lookups: reading entries and elements in the server's memory, without a call. Part of the seam
// below the proxies, no part for users; see view.hpp.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <agora/detail/handle.hpp>

#include "shared/shm/list_reader.hpp"
#include "shared/shm/table_reader.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/text_body.hpp"

namespace agora::detail {

/// Only `found` and `absent` are answers; for anything else make the call.
using shm::ReadResult;

/// Asks the server what is new to map, if there is something. Any thread.
void map_what_is_new(const ObjectView& view);

/// Whether a key that is not there could be: if not, it is for the server to say what is wrong with
/// it (it is no text, or not hashable).
bool may_be_key(PackedView key);
bool may_be_key(std::string_view text);

/// A text as a key: its header, and the characters where they are.
inline shm::KeyParts text_key(std::string_view text) {
  const TextHeader head = text_header(text.size());
  return {head.bytes, head.size, text};
}

/// Any other key as it is looked for. One for each thread, so that looking allocates nothing.
struct LookupKey {
  std::string packed;
  std::string scratch;

  template <typename K>
  shm::KeyParts read(const K& key) {
    packed.clear();
    Writer writer(packed);
    Codec<K>::encode(writer, key);
    return key_bytes(PackedView{packed}, scratch);
  }
  static LookupKey& mine() {
    thread_local LookupKey of_this_thread;
    return of_this_thread;
  }
};

/// What looks: `look(view, key parts)` for a key.
template <typename K, typename LookAt>
ReadResult with_key(const Handle& handle, ObjectKind kind, const K& key, LookAt&& try_at) {
  const ObjectView* view = handle.view();
  if (view == nullptr || view->kind != kind) return ReadResult::use_rpc;
  ReadResult look = ReadResult::use_rpc;
  bool sound = true;
  if constexpr (std::convertible_to<const K&, std::string_view>) {
    const std::string_view text = key;
    look = try_at(*view, text_key(text));
    if (look == ReadResult::not_found) sound = may_be_key(text);
  } else {
    LookupKey& ready = LookupKey::mine();
    look = try_at(*view, ready.read(key));
    if (look == ReadResult::not_found) sound = may_be_key(PackedView{ready.packed});
  }
  if (look == ReadResult::use_rpc) map_what_is_new(*view);
  return sound ? look : ReadResult::use_rpc;
}

/// Whether a key or member is there.
template <typename K>
ReadResult try_contains(const Handle& handle, ObjectKind kind, const K& key) {
  return with_key(handle, kind, key, [](const ObjectView& view, const shm::KeyParts& parts) {
    return shm::contains(*view.pages, *view.cell, view.object, view.hash_key, parts);
  });
}

/// Puts what `read(take)` finds into `out`, which changes only if it is found. `take` gets bytes
/// that may be torn: see shm::find.
template <typename V, typename Read>
ReadResult take_into(V& out, Read&& read) {
  if constexpr (std::same_as<V, std::string>) {
    // Straight into a text, but not into the caller's: what is there may be torn.
    thread_local std::string taken;
    const ReadResult look = read([](std::string_view value) {
      const std::string_view text = text_body(value);
      if (text.data() != nullptr) shm::copy_racing(text, taken);
      return text.data() != nullptr;
    });
    if (look == ReadResult::found) out.swap(taken);
    return look;
  } else if constexpr (std::is_arithmetic_v<V>) {
    V taken{};
    const ReadResult look = read([&taken](std::string_view value) {
      auto number = unpack<V>(PackedView{value});
      if (number) taken = *number;
      return static_cast<bool>(number);
    });
    if (look == ReadResult::found) out = taken;
    return look;
  } else {
    thread_local std::string taken;
    const ReadResult look = read([](std::string_view value) { shm::copy_racing(value, taken); });
    if (look != ReadResult::found) return look;
    auto value = unpack<V>(PackedView{taken});
    if (!value) return ReadResult::use_rpc;  // the server's answer says it better
    out = std::move(*value);
    return look;
  }
}

/// Looks a key up and puts its value into `out`, which changes only if it is found.
template <typename V, typename K>
ReadResult try_get(const Handle& handle, ObjectKind kind, const K& key, V& out) {
  return take_into(out, [&](auto take) {
    return with_key(handle, kind, key, [&](const ObjectView& view, const shm::KeyParts& parts) {
      return shm::find(*view.pages, *view.cell, view.object, view.hash_key, parts, take);
    });
  });
}

/// The same for the element of a list at an index, which may be negative.
template <typename V>
ReadResult try_at(const Handle& handle, std::int64_t index, V& out) {
  const ObjectView* view = handle.view();
  if (view == nullptr || view->kind != ObjectKind::list) return ReadResult::use_rpc;
  const ReadResult look = take_into(out, [&](auto take) {
    return shm::at(*view->pages, *view->cell, view->object, index, take);
  });
  if (look == ReadResult::use_rpc) map_what_is_new(*view);
  return look;
}

}  // namespace agora::detail
