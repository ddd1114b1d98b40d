// SPDX-License-Identifier: MIT

// TableState: content in a Table; the base of dict, set and namespace.
//
// Every change of an entry goes through assign, erase and clear. They maintain the reference counts
// of keys and values and the byte count, and in a transaction they log the undo step, which
// restores order and cursors as well. `clear` moves the old content into a bare TableState, to be
// freed incrementally.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/machine/call.hpp"
#include "server/core/machine/creation.hpp"
#include "shared/value/key_bytes.hpp"

namespace agora {

/// A key prepared for lookup.
struct Key {
  std::string scratch;
  std::string_view bytes;
  std::uint64_t prefetched = 0;  ///< the hash that TableState::prefetch returned; 0 if none
  /// @error type_error  the value cannot be a key or member.
  Expected<void> read(PackedView key) {
    if (is_plain_key(key.kind())) {
      bytes = key.bytes();
      return {};
    }
    auto made = hashable_key(key, scratch);
    if (!made) return made.failure();
    bytes = *made;
    return {};
  }
  /// Reads the call's first argument.
  Expected<void> read(const Call& call) {
    prefetched = call.prefetched();
    return read(call.arg(0));
  }
};

class TableState : public State {
 public:
  explicit TableState(Machine& machine);

  void save(Writer& out) const override;
  void publish(shm::Cell& cell) override { table_.publish(cell); }
  void unpublish() override { table_.unpublish(); }
  /// Writes the content as a map.
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return table_.size(); }
  std::size_t bytes() const override { return content_bytes_; }
  bool release_some(Machine& machine, std::size_t elements) override;
  std::function<void()> restorer(Machine& machine) override;
  std::uint64_t prefetch(PackedView key) const override;
  void prefetch_further(std::uint64_t hash) const override {
    table_.prefetch_entry(static_cast<std::uint32_t>(hash));
  }
  void each_reference(const std::function<void(std::string_view)>& visit) const override;
  Expected<std::string> entry_key(PackedView key) const override;
  void report_entries(WatchedKeys* keys) override { watched_ = keys; }

  const Table& table() const { return table_; }
  Table::Lookup lookup(const Key& key) const {
    if (key.prefetched == 0) return table_.locate(key.bytes);
    return table_.locate(static_cast<std::uint32_t>(key.prefetched), key.bytes);
  }
  Handle find(const Key& key) const { return lookup(key).entry; }
  /// Returns the bytes of an entry's key and value.
  std::size_t entry_bytes(Handle entry) const {
    return table_.key(entry).size() + table_.value(entry).size();
  }
  /// Holds a write section over several changes that are one step, so that concurrent readers see
  /// all of them or none.
  Table::Change one_step() { return Table::Change{table_}; }
  /// Returns too_large if a reply with the whole content, or work on all of it, exceeds the limits.
  /// @param instead  the alternative that the message recommends
  Expected<void> check_whole(std::string_view instead) const {
    return machine_.check_work(table_.size(), content_bytes_, instead);
  }

  /// Assigns a value to a key, in the entry that the lookup found or in a new one.
  /// @param found  the result of `lookup` for that key
  /// @param value  absent in a set
  /// @error not_found, out_of_memory  nothing changed.
  Expected<Table::Assigned> assign(Table::Lookup found, std::string_view key_bytes, PackedView key,
                                   PackedView value);
  /// Erases an entry and releases its references.
  void erase(Handle entry);
  /// Removes everything, to be freed incrementally; cursors stay valid. O(1).
  void clear();

  /// Loads the content that `save` wrote into an empty state. @error not_found, out_of_memory
  Expected<void> restore(PackedView saved);

 protected:
  Machine& machine() const { return machine_; }

 private:
  Expected<Table::Assigned> write(Table::Lookup found, std::string_view key_bytes, PackedView key,
                                  PackedView value);
  void begin_change();
  void touch(std::string_view key_bytes);
  void touch_all();

  Machine& machine_;
  Table table_;
  std::optional<Table::Change>
      in_transaction_;              ///< open from the transaction's first change to its end
  std::size_t content_bytes_ = 0;   ///< keys and values, packed
  std::size_t referring_ = 0;       ///< entries that contain a reference
  WatchedKeys* watched_ = nullptr;  ///< null: no entry is watched
};

/// Formats a key for an error message, without its kind: "k" for a text, 5 for an int.
std::string name_of(PackedView key);

/// Returns an error about a missing key: "<key> <is_not> <object>", with the key in the details.
Failure no_key(const Call& call, Errc code, PackedView key, std::string_view is_not);

/// Writes the reply of scan: `{items, cursor}`, where `write(out, entry)` appends an item.
/// Parameters 0 and 1 are cursor and count.
Outcome reply_scan(Call& call, const TableState& state,
                   const std::function<void(Writer, Handle)>& write);

/// The parameters of scan.
inline constexpr Parameter kScanCursor{
    "cursor", ParamKind::integer, kNull,
    "The cursor of the previous reply; null starts from the beginning."};
inline constexpr Parameter kScanCount{"count", ParamKind::integer, default_int(1000),
                                      "Maximum number of items in the reply."};

}  // namespace agora
