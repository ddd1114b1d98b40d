// TableState: content in a Table, and what dict, set and namespace share of it.
//
// Everything that changes an entry goes through put, drop and clear: they keep the references of
// keys and values, count the bytes, and note in a transaction how to take the step back, order and
// cursors included. As it stands a TableState is content that a clear has put aside.
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

/// A key as it is looked up.
struct Key {
  std::string scratch;
  std::string_view bytes;
  std::uint64_t prefetched = 0;  ///< what TableState::prefetch gave for it; 0: nothing
  /// @error type_error  it cannot be a key or member.
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
  /// The call's first argument.
  Expected<void> read(const Call& call) {
    prefetched = call.prefetched();
    return read(call.arg(0));
  }
};

class TableState : public State {
 public:
  explicit TableState(Machine& machine);

  void save(Writer& out) const override;
  void publish(shm::Cell& cell) override { table_.show(cell); }
  void unpublish() override { table_.hide(); }
  /// The content as a map.
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return table_.size(); }
  std::size_t bytes() const override { return content_bytes_; }
  bool release_some(Machine& machine, std::size_t elements) override;
  std::function<void()> restorer(Machine& machine) override;
  std::uint64_t prefetch(PackedView key) const override;
  void prefetch_further(std::uint64_t hash) const override {
    table_.fetch_entry(static_cast<std::uint32_t>(hash));
  }
  void each_reference(const std::function<void(std::string_view)>& visit) const override;

  const Table& table() const { return table_; }
  Table::Place locate(const Key& key) const {
    if (key.prefetched == 0) return table_.locate(key.bytes);
    return table_.locate(static_cast<std::uint32_t>(key.prefetched), key.bytes);
  }
  Handle find(const Key& key) const { return locate(key).entry; }
  /// Bytes of an entry's key and value.
  std::size_t entry_bytes(Handle entry) const {
    return table_.key(entry).size() + table_.value(entry).size();
  }
  /// To be held around several changes that are one step, also for those who read along.
  Table::Change one_step() { return Table::Change{table_}; }
  /// TooLarge if a reply with the whole content, or work on all of it, is over the limits.
  Expected<void> check_whole(std::string_view instead) const {
    return machine_.check_work(table_.size(), content_bytes_, instead);
  }

  /// Writes an entry, new or in place of the one with that key.
  /// @param value  absent in a set
  /// @error not_found, out_of_memory  nothing changed.
  Expected<Table::Placed> put(const Key& at, PackedView key, PackedView value) {
    return put(locate(at), at.bytes, key, value);
  }
  Expected<Table::Placed> put(std::string_view key_bytes, PackedView key, PackedView value) {
    return put(table_.locate(key_bytes), key_bytes, key, value);
  }
  /// Takes an entry out and releases what it referred to.
  void drop(Handle entry);
  /// Takes everything out, to be freed in slices; cursors stay meaningful. O(1).
  void clear();

  /// Fills new content from what `save` wrote. @error not_found, out_of_memory
  Expected<void> restore(PackedView saved);

 private:
  Expected<Table::Placed> put(Table::Place at, std::string_view key_bytes, PackedView key,
                              PackedView value);
  Expected<Table::Placed> place(Table::Place at, std::string_view key_bytes, PackedView key,
                                PackedView value);
  void about_to_change();

  Machine& machine_;
  Table table_;
  std::optional<Table::Change> in_transaction_;  ///< from the first change in it to its end
  std::size_t content_bytes_ = 0;                ///< keys and values, packed
  std::size_t referring_ = 0;                    ///< entries that refer to something
};

/// "k" for text, 5 for an int: a value as it is named in "... is not a key of dict d".
std::string name_of(PackedView key);

/// An error about a key that is not there, with the key in the details.
Failure no_key(const Call& call, Errc code, PackedView key, std::string_view is_not);

/// What scan answers: `{items, cursor}`, where `write(out, entry)` appends an item. Parameters 0
/// and 1 are cursor and count.
Outcome reply_scan(Call& call, const TableState& state,
                   const std::function<void(Writer, Handle)>& write);

/// The parameters of scan.
inline constexpr Parameter kScanCursor{"cursor", ParamKind::integer, kNull,
                                       "Where to go on, from the previous reply; null begins."};
inline constexpr Parameter kScanCount{"count", ParamKind::integer, default_int(1000),
                                      "Items in the reply at most."};

}  // namespace agora
