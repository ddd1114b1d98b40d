// Lookups: reading the entries of a dict, namespace or set in the server's memory, without a call.
// Part of the seam below the proxies, no part for users; see window.hpp.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <agora/handle.hpp>

#include "shared/shm/table_reader.hpp"
#include "shared/value/key_bytes.hpp"

namespace agora::client {

/// Only `found` and `absent` are answers; for anything else make the call.
using shm::Look;

/// Asks the server what is new to map, if there is something. Any thread.
void map_what_is_new(const Window& window);

/// A key as it is looked for. One for each thread, so that looking allocates nothing.
struct LookupKey {
  std::string packed;
  std::string scratch;

  template <typename K>
  std::string_view read(const K& key) {
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

/// Whether a key that is not there cannot be there: else it is for the server to say what is wrong
/// with it (no text, not hashable).
bool may_be_key(PackedView key);

/// Looks a key up. `take(std::string_view)` as for shm::find.
template <typename K, typename Take>
Look look_up(const Handle& handle, ObjectKind kind, const K& key, Take&& take) {
  const Window* window = handle.window();
  if (window == nullptr || window->kind != kind) return Look::elsewhere;
  LookupKey& ready = LookupKey::mine();
  const Look look = shm::find(*window->pages, *window->cell, window->object, window->hash_key,
                              ready.read(key), std::forward<Take>(take));
  if (look == Look::elsewhere) map_what_is_new(*window);
  if (look == Look::absent && !may_be_key(PackedView{ready.packed})) return Look::elsewhere;
  return look;
}

/// Whether a key or member is there.
template <typename K>
Look look_for(const Handle& handle, ObjectKind kind, const K& key) {
  const Window* window = handle.window();
  if (window == nullptr || window->kind != kind) return Look::elsewhere;
  LookupKey& ready = LookupKey::mine();
  const Look look = shm::contains(*window->pages, *window->cell, window->object, window->hash_key,
                                  ready.read(key));
  if (look == Look::elsewhere) map_what_is_new(*window);
  if (look == Look::absent && !may_be_key(PackedView{ready.packed})) return Look::elsewhere;
  return look;
}

/// Looks a key up and puts its value into `out`, which changes only if it is found.
template <typename V, typename K>
Look look_up_into(const Handle& handle, ObjectKind kind, const K& key, V& out) {
  if constexpr (std::same_as<V, std::string>) {
    // Straight into a text, but not into the caller's: what is there may be torn.
    thread_local std::string taken;
    const Look look = look_up(handle, kind, key, [](std::string_view value) {
      Token token;
      Reader reader{value};
      if (reader.next(token) != Reader::Status::ok || token.kind != Kind::text) return false;
      shm::copy_racing(token.body, taken);
      return true;
    });
    if (look == Look::found) out.swap(taken);
    return look;
  } else if constexpr (std::is_arithmetic_v<V>) {
    V taken{};
    const Look look = look_up(handle, kind, key, [&taken](std::string_view value) {
      auto number = unpack<V>(PackedView{value});
      if (number) taken = *number;
      return static_cast<bool>(number);
    });
    if (look == Look::found) out = taken;
    return look;
  } else {
    thread_local std::string taken;
    const Look look =
        look_up(handle, kind, key, [](std::string_view value) { shm::copy_racing(value, taken); });
    if (look != Look::found) return look;
    auto value = unpack<V>(PackedView{taken});
    if (!value) return Look::elsewhere;  // the server's answer says it better
    out = std::move(*value);
    return look;
  }
}

}  // namespace agora::client
