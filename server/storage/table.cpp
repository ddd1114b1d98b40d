// SPDX-License-Identifier: MIT

#include "server/storage/table.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "server/storage/entry_value.hpp"
#include "shared/base/assert.hpp"
#include "shared/base/bytes_equal.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

/// An insert may split this many buckets, to catch up after an insert that found no memory for one.
constexpr int kSplitsMax = 2;
/// An erase may merge this many buckets: at a quarter of the load, four are needed to hold it
/// there.
constexpr int kMergesMax = 4;
constexpr std::uint32_t kBucketsMin = 8;

Failure no_room() { return fail(Errc::out_of_memory, "no room for the entry"); }

}  // namespace

Table::Table(Arena& arena, Values& values, HashKey key)
    : arena_(&arena), values_(&values), hash_key_(key), buckets_(arena), order_(arena) {}

Table::Table(Table&& other) noexcept
    : arena_(other.arena_),
      values_(other.values_),
      hash_key_(other.hash_key_),
      buckets_(std::move(other.buckets_)),
      order_(std::move(other.order_)),
      next_sequence_(other.next_sequence_),
      entry_bytes_(std::exchange(other.entry_bytes_, 0)) {}

Table& Table::operator=(Table&& other) noexcept {
  Table moved{std::move(other)};  // destroys the previous content
  std::swap(arena_, moved.arena_);
  std::swap(values_, moved.values_);
  std::swap(hash_key_, moved.hash_key_);
  buckets_.swap(moved.buckets_);
  order_.swap(moved.order_);
  std::swap(next_sequence_, moved.next_sequence_);
  std::swap(entry_bytes_, moved.entry_bytes_);
  return *this;
}

Table::~Table() {
  unpublish();
  while (size() > 0) release_some(size());
}

Handle Table::find(std::uint32_t hash, std::string_view key_bytes) const {
  if (buckets_.count() == 0) return {};
  std::uint32_t unit = buckets_.head(buckets_.index_of(hash));
  while (unit != 0) {
    const Entry& entry = at(Handle{unit});
    if (entry.hash == hash && key_matches(entry, key_bytes)) break;
    unit = entry.next;
  }
  return Handle{unit};
}

bool Table::key_matches(const Entry& entry, std::string_view key_bytes) const {
  const std::string_view own{entry.key(), entry.key_bytes()};
  if ((entry.key_word & Entry::kKeyIsDerived) == 0) return bytes_equal(own, key_bytes);
  std::string scratch;
  return agora::key_bytes(PackedView{own}, scratch) == key_bytes;
}

PackedView Table::key(Handle entry) const {
  return PackedView{std::string_view{at(entry).key(), at(entry).key_bytes()}};
}

PackedView Table::value(Handle entry) const {
  const Entry& held = at(entry);
  if (held.is_outside()) return values_->view(outside_value(held));
  return PackedView{std::string_view{held.value(), held.value_bytes()}};
}

bool Table::has_references(Handle entry) const {
  return ((at(entry).key_word & Entry::kKeyRefers) |
          (at(entry).value_word & Entry::kValueRefers)) != 0;
}

std::optional<BlobRef> Table::pin(Handle entry) const {
  if (!at(entry).is_outside()) return {};
  return values_->pin(outside_value(at(entry)));
}

Expected<Table::Assigned> Table::put_at(Lookup found, std::string_view key_bytes, PackedView key,
                                        PackedView value) {
  const Handle entry = found.entry ? assign(found.entry, value)
                                   : insert(next_sequence_, found.hash, key_bytes, key, value);
  if (!entry) return no_room();
  return Assigned{entry, !found.entry};
}

Expected<Handle> Table::load(std::uint64_t sequence, std::string_view key_bytes, PackedView key,
                             PackedView value) {
  AGORA_ASSERT(sequence >= next_sequence_);
  const std::uint32_t hash = hash_of(key_bytes);
  AGORA_ASSERT(!find(hash, key_bytes));
  const Handle entry = insert(sequence, hash, key_bytes, key, value);
  if (!entry) return no_room();
  return entry;
}

void Table::continue_from(std::uint64_t sequence) {
  if (sequence > next_sequence_) next_sequence_ = sequence;
}

Handle Table::insert(std::uint64_t sequence, std::uint32_t hash, std::string_view key_bytes,
                     PackedView key, PackedView value) {
  AGORA_ASSERT(buckets_.count() > 0 || size() == 0);
  AGORA_ASSERT(key.present());
  if (key.size() > Entry::kLengthMask) return {};
  if (buckets_.count() == 0 && !buckets_.add()) return {};
  EntryValue stored(*values_, value);
  if (!stored.valid()) return {};
  const std::size_t block_bytes = sizeof(Entry) + key.size() + stored.size();
  const Handle made = arena_->allocate(block_bytes);
  if (!made) return {};

  Entry& entry = at(made);
  entry.hash = hash;
  entry.sequence = sequence;
  entry.key_word = static_cast<std::uint32_t>(key.size());
  if (key.bytes() != key_bytes) entry.key_word |= Entry::kKeyIsDerived;
  if (agora::has_references(key)) entry.key_word |= Entry::kKeyRefers;
  std::memcpy(entry.key(), key.bytes().data(), key.size());
  stored.write(entry);
  if (!order_.append(made)) {
    arena_->free(made, block_bytes);
    return {};
  }
  stored.keep();
  next_sequence_ = sequence + 1;
  entry_bytes_ += bytes_of(made);
  link(made);
  return made;
}

/// Links an entry into the chain of its bucket. The order index must have the entry already.
void Table::link(Handle entry) {
  const Change change{*this};
  std::uint32_t& head = buckets_.head(buckets_.index_of(at(entry).hash));
  at(entry).next = head;
  head = entry.unit;
  split_bucket();
}

/// Assigns another value to an entry. Returns null if there is no memory. The old value is freed
/// last, since the new one may be a view into it.
Handle Table::assign(Handle entry, PackedView value) {
  EntryValue stored(*values_, value);
  if (!stored.valid()) return {};
  const std::size_t bytes_before = bytes_of(entry);
  const bool was_outside = at(entry).is_outside();
  const Handle before = was_outside ? outside_value(at(entry)) : Handle{};
  const Handle written = write_value(entry, stored);
  if (!written) return {};
  stored.keep();
  entry_bytes_ = entry_bytes_ - bytes_before + bytes_of(written);
  if (was_outside) values_->drop(before);
  return written;
}

/// Writes the value in place if it fits, else into a new block for the entry.
Handle Table::write_value(Handle entry, const EntryValue& stored) {
  Entry& held = at(entry);
  const std::size_t bytes_old = held.block_bytes();
  const std::size_t bytes_new = sizeof(Entry) + held.key_bytes() + stored.size();
  if (bytes_new <= bytes_old) {
    const Change change{*this};
    // The value may lie in the room that resize frees, so write it first.
    stored.write(held);
    arena_->resize(entry, bytes_old, bytes_new);
    return entry;
  }
  if (!arena_->resize(entry, bytes_old, bytes_new)) return move_entry(entry, stored);
  const Change change{*this};
  stored.write(held);
  return entry;
}

Handle Table::move_entry(Handle entry, const EntryValue& stored) {
  const Entry& held = at(entry);
  const Handle made = arena_->allocate(sizeof(Entry) + held.key_bytes() + stored.size());
  if (!made) return {};
  std::memcpy(arena_->at(made), arena_->at(entry), sizeof(Entry) + held.key_bytes());
  stored.write(at(made));
  {
    const Change change{*this};
    link_to(entry) = made.unit;
  }
  order_.replace(held.sequence, made);
  arena_->free(entry, held.block_bytes());
  return made;
}

void Table::erase(Handle entry) {
  detach(entry);
  free_detached(entry);
}

void Table::detach(Handle entry) {
  order_.erase(at(entry).sequence);
  entry_bytes_ -= bytes_of(entry);
  const Change change{*this};
  link_to(entry) = at(entry).next;
  merge_bucket();
}

Expected<Handle> Table::replace(Handle entry, PackedView value) {
  EntryValue stored(*values_, value);
  if (!stored.valid()) return no_room();
  const Entry& held = at(entry);
  const Handle made = arena_->allocate(sizeof(Entry) + held.key_bytes() + stored.size());
  if (!made) return no_room();
  std::memcpy(arena_->at(made), arena_->at(entry), sizeof(Entry) + held.key_bytes());
  stored.write(at(made));
  stored.keep();
  swap_in(entry, made);
  return made;
}

/// Replaces `entry` by `other`, which has the same key and sequence number.
void Table::swap_in(Handle entry, Handle other) {
  at(other).next = at(entry).next;
  {
    const Change change{*this};
    link_to(entry) = other.unit;
  }
  order_.replace(at(entry).sequence, other);
  entry_bytes_ = entry_bytes_ - bytes_of(entry) + bytes_of(other);
}

void Table::reattach(Handle detached) {
  const bool placed = order_.insert(detached);
  AGORA_ASSERT(placed);
  entry_bytes_ += bytes_of(detached);
  link(detached);
}

void Table::restore(Handle entry, Handle detached) {
  swap_in(entry, detached);
  free_detached(entry);
}

void Table::free_detached(Handle detached) {
  const Entry& held = at(detached);
  if (held.is_outside()) values_->drop(outside_value(held));
  arena_->free(detached, held.block_bytes());
}

void Table::rewind_to(std::uint64_t sequence) {
  AGORA_ASSERT(!last() || sequence > at(last()).sequence);
  next_sequence_ = sequence;
}

bool Table::erase(std::string_view key_bytes) {
  const Handle entry = find(key_bytes);
  if (entry) erase(entry);
  return static_cast<bool>(entry);
}

/// Returns the head or link that points to an entry.
std::uint32_t& Table::link_to(Handle entry) const {
  std::uint32_t* link = &buckets_.head(buckets_.index_of(at(entry).hash));
  while (*link != entry.unit) {
    AGORA_ASSERT(*link != 0);
    link = &at(Handle{*link}).next;
  }
  return *link;
}

std::size_t Table::bytes_of(Handle entry) const {
  const Entry& held = at(entry);
  const std::size_t outside = held.is_outside() ? values_->bytes(outside_value(held)) : 0;
  return Arena::rounded(held.block_bytes()) + outside;
}

std::size_t Table::release_some(std::size_t entries) {
  constexpr std::size_t kEntriesPerSegment = 64;
  AGORA_ASSERT(!published());
  for (std::size_t n = entries / kEntriesPerSegment + 1; n > 0 && buckets_.segments() > 0; --n) {
    buckets_.drop_segment();
  }
  for (; entries > 0 && size() > 0; --entries) {
    const Handle entry = order_.last();
    order_.pop_last();
    entry_bytes_ -= bytes_of(entry);
    free_detached(entry);
  }
  return size() + buckets_.segments();
}

/// Splits a bucket if there are more entries than buckets. Without memory for it, chains grow
/// longer.
void Table::split_bucket() {
  for (int n = 0; n < kSplitsMax && size() > buckets_.count(); ++n) {
    if (!buckets_.add()) return;
    const std::uint32_t added = buckets_.count() - 1;
    std::uint32_t* stay = &buckets_.head(Buckets::partner(added));
    std::uint32_t* go = &buckets_.head(added);
    for (std::uint32_t unit = *stay; unit != 0;) {
      Entry& entry = at(Handle{unit});
      std::uint32_t*& tail = buckets_.index_of(entry.hash) == added ? go : stay;
      *tail = unit;
      tail = &entry.next;
      unit = entry.next;
    }
    *stay = 0;
    *go = 0;
  }
}

/// Merges the last bucket into its partner while there are more than four buckets an entry.
void Table::merge_bucket() {
  for (int n = 0; n < kMergesMax && buckets_.count() > kBucketsMin && size() < buckets_.count() / 4;
       ++n) {
    const std::uint32_t gone = buckets_.count() - 1;
    std::uint32_t* tail = &buckets_.head(gone);
    std::uint32_t& head = buckets_.head(Buckets::partner(gone));
    const std::uint32_t first = *tail;
    while (*tail != 0) tail = &at(Handle{*tail}).next;
    *tail = head;
    head = first == 0 ? head : first;
    buckets_.remove_last();
  }
}

}  // namespace agora
