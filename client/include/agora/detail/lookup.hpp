// SPDX-License-Identifier: MIT

// Lookups: the fast path of reads, which finds entries and elements in shared memory without a
// call. namespace agora::detail: no part of the API; see object_view.hpp.
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

/// `found` and `not_found` are results. For any other value the caller makes the call instead.
using shm::ReadResult;

/// Maps the memory that the server has added since the last time, if any. Any thread.
void map_new_memory(const ObjectView& view);

/// Returns true if a value could be a key. If not (it is no text, or not hashable), only a call
/// gives the right error.
bool may_be_key(PackedView key);
bool may_be_key(std::string_view text);

/// Returns a text as a key: its header, and a view of the characters.
inline shm::KeyParts text_key(std::string_view text) {
  const TextHeader head = text_header(text.size());
  return {head.bytes, head.size, text};
}

/// Encodes any other key. There is one buffer for each thread, so that a lookup allocates nothing.
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

/// Returns the result of `try_at(view, key parts)` for a key.
template <typename K, typename TryAt>
ReadResult with_key(const ObjectHandle& handle, ObjectKind kind, const K& key, TryAt&& try_at) {
  const ObjectView* view = handle.view();
  if (view == nullptr || view->kind != kind) return ReadResult::use_rpc;
  ReadResult result = ReadResult::use_rpc;
  bool sound = true;
  if constexpr (std::convertible_to<const K&, std::string_view>) {
    const std::string_view text = key;
    result = try_at(*view, text_key(text));
    if (result == ReadResult::not_found) sound = may_be_key(text);
  } else {
    LookupKey& ready = LookupKey::mine();
    result = try_at(*view, ready.read(key));
    if (result == ReadResult::not_found) sound = may_be_key(PackedView{ready.packed});
  }
  if (result == ReadResult::use_rpc) map_new_memory(*view);
  return sound ? result : ReadResult::use_rpc;
}

/// Returns whether a key or member exists.
template <typename K>
ReadResult try_contains(const ObjectHandle& handle, ObjectKind kind, const K& key) {
  return with_key(handle, kind, key, [](const ObjectView& view, const shm::KeyParts& parts) {
    return shm::contains(*view.pages, *view.cell, view.object, view.hash_key, parts);
  });
}

/// Calls `read(take)`, which calls `take` with the bytes of the value if it finds one. Stores the
/// decoded value in `out`; changes `out` only if the result is `found`. The bytes may be torn
/// (seqlock); see shm::find.
template <typename V, typename Read>
ReadResult take_into(V& out, Read&& read) {
  if constexpr (std::same_as<V, std::string>) {
    // Into a buffer of the thread and not into `out`: the bytes may be torn.
    thread_local std::string taken;
    const ReadResult result = read([](std::string_view value) {
      const std::string_view text = text_body(value);
      if (text.data() != nullptr) shm::copy_racing(text, taken);
      return text.data() != nullptr;
    });
    if (result == ReadResult::found) out.swap(taken);
    return result;
  } else if constexpr (std::is_arithmetic_v<V>) {
    V taken{};
    const ReadResult result = read([&taken](std::string_view value) {
      auto number = unpack<V>(PackedView{value});
      if (number) taken = *number;
      return static_cast<bool>(number);
    });
    if (result == ReadResult::found) out = taken;
    return result;
  } else {
    thread_local std::string taken;
    const ReadResult result = read([](std::string_view value) { shm::copy_racing(value, taken); });
    if (result != ReadResult::found) return result;
    auto value = unpack<V>(PackedView{taken});
    if (!value) return ReadResult::use_rpc;  // the call's error names object and key
    out = std::move(*value);
    return result;
  }
}

/// Stores the value of a key in `out`, which changes only if the key is found.
template <typename V, typename K>
ReadResult try_get(const ObjectHandle& handle, ObjectKind kind, const K& key, V& out) {
  return take_into(out, [&](auto take) {
    return with_key(handle, kind, key, [&](const ObjectView& view, const shm::KeyParts& parts) {
      return shm::find(*view.pages, *view.cell, view.object, view.hash_key, parts, take);
    });
  });
}

/// As try_get, for the element of a list at an index, which may be negative.
template <typename V>
ReadResult try_at(const ObjectHandle& handle, std::int64_t index, V& out) {
  const ObjectView* view = handle.view();
  if (view == nullptr || view->kind != ObjectKind::list) return ReadResult::use_rpc;
  const ReadResult result = take_into(out, [&](auto take) {
    return shm::at(*view->pages, *view->cell, view->object, index, take);
  });
  if (result == ReadResult::use_rpc) map_new_memory(*view);
  return result;
}

}  // namespace agora::detail
