// Table: an ordered hash map from keys to values, all of it in an arena; under dict, set,
// namespace.
//
// Keys are looked up by their comparison key (KeyBytes), and an entry keeps the form in which its
// key was first written. An entry is one block: header, key, value; a value of 16 KiB or more
// (Values::blob_bytes_min) rests outside and can be pinned. Chains hang on linearly hashed buckets,
// one of which is split for an insert, so no insert ever rebuilds the table. Entries have sequence
// numbers that are never used again; insertion order and scan cursors are those.
//
// An entry is named by its Handle, good until that entry is assigned to or erased. Views of keys
// and values are good as long. All views that go in may point into this table or its arena.
// Not thread-safe. Arena and Values must outlive the table.
//
// Other processes may read along without a lock (shared/shm/table_reader.hpp) once the table is
// shown. Then whatever they could come across changes only within a Change.
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
  /// What an insert did.
  struct Placed {
    Handle entry;
    bool inserted;  ///< false: the key was there and got another value
  };

  /// Readers look away for as long as one of these lives, so they see all of what happens
  /// meanwhile or nothing. They may be nested. Not in a table that moves or ends.
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
  /// The content changes places; what shows it stays where it is.
  Table& operator=(Table&& other) noexcept;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  /// Frees everything, O(n); to do that in slices see release_some.
  ~Table();

  /// The entry with that comparison key; null if there is none.
  Handle find(std::string_view key_bytes) const { return locate(key_bytes).entry; }

  /// Where a key is, or would be. Good while no entry is added or taken out.
  struct Place {
    std::uint32_t hash;
    Handle entry;  ///< null: there is none
  };
  Place locate(std::string_view key_bytes) const { return locate(hash_of(key_bytes), key_bytes); }
  /// The same if the key's hash is known.
  Place locate(std::uint32_t hash, std::string_view key_bytes) const {
    return {hash, find(hash, key_bytes)};
  }

  // For whoever knows which keys will be wanted soon.

  std::uint32_t hash_of(std::string_view key_bytes) const {
    return static_cast<std::uint32_t>(keyed_hash(key_bytes, hash_key_));
  }
  /// Fetches where the chain of that hash begins.
  void fetch_bucket(std::uint32_t hash) const {
    if (buckets_.count() > 0) __builtin_prefetch(&buckets_.head(buckets_.index_of(hash)));
  }
  /// Fetches the first entry of that chain: its key, and what of its value lies behind it.
  void fetch_entry(std::uint32_t hash) const {
    if (buckets_.count() == 0) return;
    const std::uint32_t unit = buckets_.head(buckets_.index_of(hash));
    if (unit == 0) return;
    const auto* entry = reinterpret_cast<const char*>(&at(Handle{unit}));
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 64);
  }

  PackedView key(Handle entry) const;
  /// Absent if the entry was made without a value.
  PackedView value(Handle entry) const;
  std::uint64_t sequence(Handle entry) const { return at(entry).sequence; }
  /// True if the key or the value is, or contains, a reference.
  bool has_references(Handle entry) const;
  /// A pin on the entry's value if it is a large one, else nothing: then copy it.
  std::optional<BlobRef> pin(Handle entry) const;

  /// Gives the key this value, in a new entry at the end of the order or in the one that it has.
  /// @param key_bytes  the comparison key of `key`
  /// @param key        present; kept only if the entry is new; less than 1 GiB
  /// @param value      absent is a value as well (sets); less than 2 GiB
  /// @error out_of_memory  no room; nothing changed.
  /// Handles of other entries stay good, that of this entry need not. Cost: the copies, and a walk
  /// through lists, maps and opaque values that looks for references.
  Expected<Placed> insert_or_assign(std::string_view key_bytes, PackedView key, PackedView value) {
    return put_at(locate(key_bytes), key_bytes, key, value);
  }
  /// The same where `place` is that of the key.
  Expected<Placed> put_at(Place place, std::string_view key_bytes, PackedView key,
                          PackedView value);

  /// Inserts with a given sequence number, for loading in the saved order. The number must not be
  /// below next_sequence() and the key must not be there. @error out_of_memory
  Expected<Handle> load(std::uint64_t sequence, std::string_view key_bytes, PackedView key,
                        PackedView value);

  /// Takes out an entry. O(1) but for its place in the order (see OrderIndex::erase).
  void erase(Handle entry);
  /// The same by key. False if there is none.
  bool erase(std::string_view key_bytes);

  // To take back: what is set aside keeps its block, its large value and its place in the order.

  /// Takes an entry out and sets it aside. Cost: as erase.
  void set_aside(Handle entry);
  /// Sets an entry aside and puts another value in its place, in a new entry.
  /// @error out_of_memory  no room; nothing changed.
  Expected<Handle> substitute(Handle entry, PackedView value);
  /// Puts an entry that was set aside back to where it was; its key must not be there. The room
  /// for its place in the order must be there: at most 2 KiB once in hundreds of calls. O(log n).
  void put_back(Handle aside);
  /// Puts an entry that `substitute` set aside back, and frees the one that stands there instead.
  void put_back_instead(Handle entry, Handle aside);
  /// Frees an entry that was set aside; may be called for as long as arena and Values live.
  void free_aside(Handle aside);
  /// The reverse of continue_from, for numbers above all that are there.
  void go_back_to(std::uint64_t sequence);

  std::size_t size() const { return order_.size(); }
  /// The ends of the insertion order; null if the table is empty.
  Handle first() const { return order_.first(); }
  Handle last() const { return order_.last(); }

  /// The number that the next new entry gets. Numbers begin at 1.
  std::uint64_t next_sequence() const { return next_sequence_; }
  /// After loading: goes on at `sequence` if that is higher, so that cursors given out before the
  /// save do not meet new entries below them.
  void continue_from(std::uint64_t sequence);

  /// Visits up to `count` (>= 1) entries with numbers from `from` on, in order, as visit(Handle).
  /// The visitor must not change the table.
  /// @return the cursor with which to go on; nothing at the end. Between two scans the table may
  /// change: an entry is met once if it stays, and never twice.
  template <typename Visit>
  std::optional<std::uint64_t> scan(std::uint64_t from, std::size_t count, Visit&& visit) const {
    OrderIndex::Place place = order_.lower_bound(from);
    Handle entry = order_.at(place);
    for (; entry && count > 0; --count) {
      visit(entry);
      place = order_.next(place);
      entry = order_.at(place);
    }
    if (!entry) return {};
    return sequence(entry);
  }

  /// Visits all entries in insertion order as visit(Handle); it must not change the table.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (OrderIndex::Place place; const Handle entry = order_.at(place);
         place = order_.next(place)) {
      visit(entry);
    }
  }

  /// Lets other processes see the content, from now on; the cell's object must be set.
  void show(shm::Cell& cell) { cell_.show(cell, size(), buckets_.shape().word()); }
  /// The reverse: the cell stays as in the midst of a change.
  void hide() { cell_.hide(); }
  bool shown() const { return cell_.shown(); }

  /// Destroys a table in slices, one that is not shown: gives back up to `entries` (>= 1) from the
  /// end of the order, and a share of the buckets. From the first call on only `last`, what reads
  /// an entry, `each`, `scan`, `size` and this may be used. @return what is left; 0: nothing, all
  /// is given back.
  std::size_t release_some(std::size_t entries);

  /// What the table takes: its blocks in the arena, large values, and its directories. O(n / 512).
  std::size_t bytes() const { return entry_bytes_ + order_.bytes() + buckets_.bytes(); }

 private:
  Entry& at(Handle entry) const { return arena_->as<Entry>(entry); }
  Handle find(std::uint32_t hash, std::string_view key_bytes) const;
  bool key_matches(const Entry& entry, std::string_view key_bytes) const;
  Handle insert(std::uint64_t sequence, std::uint32_t hash, std::string_view key_bytes,
                PackedView key, PackedView value);
  void link(Handle entry);
  Handle assign(Handle entry, PackedView value);
  Handle place(Handle entry, const EntryValue& stored);
  Handle move_entry(Handle entry, const EntryValue& stored);
  void stand_in(Handle entry, Handle other);
  std::uint32_t& link_to(Handle entry) const;
  std::size_t bytes_of(Handle entry) const;
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
