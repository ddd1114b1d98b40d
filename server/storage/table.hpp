// SPDX-License-Identifier: MIT

// Table: an ordered hash map from keys to values in an arena; the storage of dict, set and
// namespace.
//
// Keys are looked up by their comparison key (shared/value/key_bytes.hpp); an entry keeps the form
// in which its key was first written. An entry is one block: header, key, value. A value of 16 KiB
// or more (Values::blob_bytes_min) is stored outside and can be pinned. Chains hang on linearly
// hashed buckets. An insert splits one bucket, so no insert ever rehashes the whole table. Entries
// have sequence numbers that are never reused; insertion order and scan cursors are these numbers.
//
// The Handle of an entry is valid until that entry is assigned to or erased, and so are views of
// its key and value. All views passed in may point into this table or its arena. Not thread-safe.
// Arena and Values must outlive the table.
//
// Once the table is published, other processes read it without a lock
// (shared/shm/table_reader.hpp). Everything that they can reach then changes only within a Change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/storage/arena.hpp"
#include "server/storage/buckets.hpp"
#include "server/storage/cell_writer.hpp"
#include "server/storage/entry.hpp"
#include "server/storage/order_index.hpp"
#include "server/storage/values.hpp"
#include "shared/base/expected.hpp"
#include "shared/base/keyed_hash.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class EntryValue;

class Table {
 public:
  /// The result of an insert.
  struct Assigned {
    Handle entry;
    bool inserted;  ///< false: an existing key got another value
  };

  /// A write section of the seqlock: readers retry while one lives, so they see all of its changes
  /// or none. Changes nest. The table must not be moved or destroyed meanwhile.
  class [[nodiscard]] Change {
   public:
    explicit Change(Table& table) : table_(table) { table_.cell_.begin(); }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change() { table_.cell_.end(table_.size(), table_.buckets_.shape().word()); }

   private:
    Table& table_;
  };

  Table(Arena& arena, Values& values, HashKey key);
  Table(Table&& other) noexcept;  ///< `other` is left empty
  /// Moves the content; the published cell stays with its table.
  Table& operator=(Table&& other) noexcept;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  /// Frees everything, O(n); release_some does it incrementally.
  ~Table();

  /// Returns the entry with that comparison key; null if there is none.
  Handle find(std::string_view key_bytes) const { return locate(key_bytes).entry; }

  /// The result of a lookup: where a key is, or would be. Valid while no entry is added or removed.
  struct Lookup {
    std::uint32_t hash;
    Handle entry;  ///< null: the key is missing
  };
  Lookup locate(std::string_view key_bytes) const { return locate(hash_of(key_bytes), key_bytes); }
  /// Looks up a key whose hash the caller knows.
  Lookup locate(std::uint32_t hash, std::string_view key_bytes) const {
    return {hash, find(hash, key_bytes)};
  }

  // Prefetching, for a caller that knows the keys of the next calls.

  std::uint32_t hash_of(std::string_view key_bytes) const {
    return static_cast<std::uint32_t>(keyed_hash(key_bytes, hash_key_));
  }
  /// Prefetches the head of that hash's chain.
  void prefetch_bucket(std::uint32_t hash) const {
    if (buckets_.count() > 0) __builtin_prefetch(&buckets_.head(buckets_.index_of(hash)));
  }
  /// Prefetches the first entry of that chain: its key and the part of its value behind it.
  void prefetch_entry(std::uint32_t hash) const {
    if (buckets_.count() == 0) return;
    const std::uint32_t unit = buckets_.head(buckets_.index_of(hash));
    if (unit == 0) return;
    const auto* entry = reinterpret_cast<const char*>(&at(Handle{unit}));
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 64);
  }

  PackedView key(Handle entry) const;
  /// Returns the value; absent if the entry was made without one.
  PackedView value(Handle entry) const;
  std::uint64_t sequence(Handle entry) const { return at(entry).sequence; }
  /// Returns whether the key or the value is, or contains, a reference.
  bool has_references(Handle entry) const;
  /// Returns a pin on the entry's value if it is a large one, else nullopt: then copy it.
  std::optional<BlobRef> pin(Handle entry) const;

  /// Assigns the value to the key, in the existing entry or in a new one at the end of the order.
  /// @param key_bytes  the comparison key of `key`
  /// @param key        present; kept only if the entry is new; less than 1 GiB
  /// @param value      absent is a value as well (sets); less than 2 GiB
  /// @error out_of_memory  nothing changed.
  /// Handles of other entries stay valid; that of this entry may change. Cost: the copies, and a
  /// walk through lists, maps and opaque values that looks for references.
  Expected<Assigned> insert_or_assign(std::string_view key_bytes, PackedView key,
                                      PackedView value) {
    return put_at(locate(key_bytes), key_bytes, key, value);
  }
  /// Assigns as insert_or_assign, given the result of a lookup of that key.
  Expected<Assigned> put_at(Lookup found, std::string_view key_bytes, PackedView key,
                            PackedView value);

  /// Inserts with a given sequence number, to load in the saved order. The number must not be below
  /// next_sequence() and the key must not be there. @error out_of_memory
  Expected<Handle> load(std::uint64_t sequence, std::string_view key_bytes, PackedView key,
                        PackedView value);

  /// Erases an entry. O(1) but for its place in the order (see OrderIndex::erase).
  void erase(Handle entry);
  /// Erases the entry with that comparison key. Returns false if there is none.
  bool erase(std::string_view key_bytes);

  // For rollback: a detached entry keeps its block, its large value and its sequence number.

  /// Removes an entry from the table and keeps it detached. Cost: as erase.
  void detach(Handle entry);
  /// Detaches an entry and puts a new entry with another value in its place.
  /// @error out_of_memory  nothing changed.
  Expected<Handle> replace(Handle entry, PackedView value);
  /// Puts a detached entry back in its place; its key must not be there. The memory for its place
  /// in the order must be available: at most 2 KiB once in hundreds of calls. O(log n).
  void reattach(Handle detached);
  /// Reverses `replace`: puts the detached entry back, and frees `entry`, which took its place.
  void restore(Handle entry, Handle detached);
  /// Returns the bytes of the arena that an entry takes, detached or not.
  std::size_t bytes_of(Handle entry) const;
  /// Frees a detached entry; may be called as long as arena and Values live.
  void free_detached(Handle detached);
  /// Reverses continue_from. `sequence` must be above all numbers in the table.
  void rewind_to(std::uint64_t sequence);

  std::size_t size() const { return order_.size(); }
  /// Returns an end of the insertion order; null if the table is empty.
  Handle first() const { return order_.first(); }
  Handle last() const { return order_.last(); }
  /// Returns the entry with that sequence number; null if there is none. O(log n).
  Handle entry_with(std::uint64_t number) const {
    const Handle entry = order_.at(order_.lower_bound(number));
    return entry && sequence(entry) == number ? entry : Handle{};
  }

  /// Returns the number of the next new entry. Numbers begin at 1.
  std::uint64_t next_sequence() const { return next_sequence_; }
  /// Continues at `sequence` if that is higher. Called after loading, so that cursors issued before
  /// the save do not meet new entries below them.
  void continue_from(std::uint64_t sequence);

  /// Visits up to `count` (>= 1) entries with numbers from `from` on, in order, as visit(Handle).
  /// The visitor must not change the table. Between two calls the table may change: an entry that
  /// stays is visited once, and none is visited twice.
  /// @return the cursor to continue with; nullopt at the end.
  template <typename Visit>
  std::optional<std::uint64_t> scan(std::uint64_t from, std::size_t count, Visit&& visit) const {
    OrderIndex::Position position = order_.lower_bound(from);
    Handle entry = order_.at(position);
    for (; entry && count > 0; --count) {
      visit(entry);
      position = order_.next(position);
      entry = order_.at(position);
    }
    if (!entry) return {};
    return sequence(entry);
  }

  /// Visits all entries in insertion order as visit(Handle); it must not change the table.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (OrderIndex::Position position; const Handle entry = order_.at(position);
         position = order_.next(position)) {
      visit(entry);
    }
  }

  /// Publishes the content to other processes from now on; the cell's object must be set.
  void publish(shm::Cell& cell) { cell_.publish(cell, size(), buckets_.shape().word()); }
  /// Ends the publication: the sequence stays odd (write in progress), so readers reject the
  /// content.
  void unpublish() { cell_.unpublish(); }
  bool published() const { return cell_.published(); }

  /// Destroys an unpublished table incrementally: frees up to `entries` (>= 1) from the end of the
  /// order, and a share of the buckets. After the first call only `last`, the accessors of an
  /// entry, `each`, `scan`, `size` and this function may be used.
  /// @return the number of entries and segments left; 0 if everything is freed.
  std::size_t release_some(std::size_t entries);

  /// Returns the table's size: its blocks in the arena, large values, and its directories. O(n /
  /// 512).
  std::size_t bytes() const { return entry_bytes_ + order_.bytes() + buckets_.bytes(); }

 private:
  Entry& at(Handle entry) const { return arena_->as<Entry>(entry); }
  Handle find(std::uint32_t hash, std::string_view key_bytes) const;
  bool key_matches(const Entry& entry, std::string_view key_bytes) const;
  Handle insert(std::uint64_t sequence, std::uint32_t hash, std::string_view key_bytes,
                PackedView key, PackedView value);
  void link(Handle entry);
  Handle assign(Handle entry, PackedView value);
  Handle write_value(Handle entry, const EntryValue& stored);
  Handle move_entry(Handle entry, const EntryValue& stored);
  void swap_in(Handle entry, Handle other);
  std::uint32_t& link_to(Handle entry) const;
  void split_bucket();
  void merge_bucket();

  Arena* arena_;
  Values* values_;
  HashKey hash_key_;
  CellWriter cell_;
  Buckets buckets_;
  OrderIndex order_;
  std::uint64_t next_sequence_ = 1;
  std::size_t entry_bytes_ = 0;
};

}  // namespace agora
