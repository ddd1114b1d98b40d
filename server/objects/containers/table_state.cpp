// SPDX-License-Identifier: MIT

#include "server/objects/containers/table_state.hpp"

#include <memory>
#include <utility>

#include "shared/value/describe.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

// A key and a value that are stored.
constexpr std::size_t kAssignUnits = 8;

/// Owns a detached entry. Frees it when the transaction's undo log is destroyed, unless a rollback
/// has put it back into the table.
class Detached {
 public:
  Detached(Table& table, Handle entry) : table_(table), entry_(entry) {}
  Detached(const Detached&) = delete;
  Detached& operator=(const Detached&) = delete;
  ~Detached() {
    if (entry_) table_.free_detached(entry_);
  }
  Handle take() { return std::exchange(entry_, {}); }

 private:
  Table& table_;
  Handle entry_;
};

}  // namespace

TableState::TableState(Machine& machine)
    : machine_(machine), table_(machine.arena(), machine.values(), machine.input().hash_key) {}

void TableState::save(Writer& out) const {
  out.list(2);
  out.unsigned_integer(table_.next_sequence());
  out.list(static_cast<std::uint32_t>(table_.size()));
  table_.each([&](Handle entry) {
    const PackedView value = table_.value(entry);
    out.list(value.present() ? 3 : 2);
    out.unsigned_integer(table_.sequence(entry));
    out.packed(table_.key(entry));
    out.packed(value);
  });
}

Expected<void> TableState::restore(PackedView saved) {
  Reader reader{saved};
  read(reader);
  const std::uint64_t next = read(reader).natural;
  for (std::uint32_t left = read(reader).count; left > 0; --left) {
    const Token parts = read(reader);
    const std::uint64_t sequence = read(reader).natural;
    const PackedView key = reader.value();
    const PackedView value = parts.count == 3 ? reader.value() : PackedView{};
    Key ready;
    if (auto ok = ready.read(key); !ok) return ok.failure();
    auto entry = table_.load(sequence, ready.bytes, key, value);
    if (!entry) return entry.failure();
    content_bytes_ += entry_bytes(*entry);
    if (table_.has_references(*entry)) ++referring_;
  }
  table_.continue_from(next);
  return {};
}

Outcome TableState::plain(Call&, Writer& out) const {
  if (auto ok = check_whole("scan, or read one by one"); !ok) return ok.failure();
  out.map(static_cast<std::uint32_t>(table_.size()));
  table_.each([&](Handle entry) {
    out.packed(table_.key(entry));
    out.packed(table_.value(entry));
  });
  return Progress::done;
}

bool TableState::release_some(Machine& machine, std::size_t elements) {
  for (; elements > 0 && table_.size() > 0; --elements) {
    const Handle entry = table_.last();
    if (!table_.has_references(entry)) {
      table_.release_some(1);
      continue;
    }
    const Packed key{table_.key(entry)};
    const Packed value{table_.value(entry)};
    table_.release_some(1);
    --referring_;
    machine.release(key);
    machine.release(value);
  }
  return table_.size() == 0 && table_.release_some(1) == 0;
}

std::function<void()> TableState::restorer(Machine&) {
  return [this, bytes = content_bytes_, referring = referring_, next = table_.next_sequence()] {
    content_bytes_ = bytes;
    referring_ = referring;
    table_.rewind_to(next);
  };
}

void TableState::each_reference(const std::function<void(std::string_view)>& visit) const {
  // Most containers hold no references: then this costs nothing.
  if (referring_ == 0) return;
  table_.each([&](Handle entry) {
    if (!table_.has_references(entry)) return;
    agora::each_reference(table_.key(entry), visit);
    agora::each_reference(table_.value(entry), visit);
  });
}

std::uint64_t TableState::prefetch(PackedView key) const {
  // A small table is in the cache anyway.
  constexpr std::size_t kLarge = 4096;
  if (table_.size() < kLarge || !key.present() || !is_plain_key(key.kind())) return 0;
  const std::uint32_t hash = table_.hash_of(key.bytes());
  table_.prefetch_bucket(hash);
  return std::uint64_t{1} << 32 | hash;
}

Expected<Table::Assigned> TableState::assign(Table::Lookup found, std::string_view key_bytes,
                                             PackedView key, PackedView value) {
  machine_.spend(kAssignUnits);
  const Handle before = found.entry;
  if (auto kept = machine_.retain(value); !kept) return kept.failure();
  if (!before) {
    if (auto kept = machine_.retain(key); !kept) {
      machine_.release(value);
      return kept.failure();
    }
  }
  const std::size_t bytes_before = before ? entry_bytes(before) : 0;
  const bool referred = before && table_.has_references(before);
  const Packed old = referred ? Packed{table_.value(before)} : Packed{};
  auto assigned = write(found, key_bytes, key, value);
  if (!assigned) {
    machine_.release(value);
    if (!before) machine_.release(key);
    return assigned;
  }
  content_bytes_ = content_bytes_ - bytes_before + entry_bytes(assigned->entry);
  if (referred) --referring_;
  if (table_.has_references(assigned->entry)) ++referring_;
  if (watched_ != nullptr) touch(key_bytes);
  if (referred) machine_.release(old);
  return assigned;
}

/// Writes to the table without counting references and bytes, and logs the undo step.
Expected<Table::Assigned> TableState::write(Table::Lookup found, std::string_view key_bytes,
                                            PackedView key, PackedView value) {
  begin_change();
  if (!machine_.in_transaction()) return table_.put_at(found, key_bytes, key, value);
  if (const Handle before = found.entry) {
    auto made = table_.replace(before, value);
    if (!made) return made.failure();
    machine_.freed_by_commit(table_.bytes_of(before));
    machine_.undo([this, entry = *made, detached = std::make_shared<Detached>(table_, before)] {
      table_.restore(entry, detached->take());
    });
    return Table::Assigned{*made, false};
  }
  auto assigned = table_.put_at(found, key_bytes, key, value);
  if (assigned) machine_.undo([this, entry = assigned->entry] { table_.erase(entry); });
  return assigned;
}

void TableState::erase(Handle entry) {
  begin_change();
  if (watched_ != nullptr) {
    std::string scratch;
    touch(key_bytes(table_.key(entry), scratch));
  }
  content_bytes_ -= entry_bytes(entry);
  Packed key;
  Packed value;
  const bool refers = table_.has_references(entry);
  if (refers) {
    key = Packed{table_.key(entry)};
    value = Packed{table_.value(entry)};
    --referring_;
  }
  if (machine_.in_transaction()) {
    table_.detach(entry);
    machine_.freed_by_commit(table_.bytes_of(entry));
    machine_.undo([this, detached = std::make_shared<Detached>(table_, entry)] {
      table_.reattach(detached->take());
    });
  } else {
    table_.erase(entry);
  }
  // Release last: it may delete objects, and no handle may be held then.
  if (refers) machine_.release(key);
  if (refers) machine_.release(value);
}

/// Opens the write section of a transaction: readers retry until the content of all objects is
/// final.
void TableState::begin_change() {
  if (!machine_.in_transaction() || in_transaction_ || !table_.published()) return;
  in_transaction_.emplace(table_);
  machine_.on_finish([this] { in_transaction_.reset(); });
}

void TableState::clear() {
  begin_change();
  if (watched_ != nullptr) touch_all();
  const std::uint64_t next = table_.next_sequence();
  auto content = std::make_unique<TableState>(machine_);
  const Table::Change change{table_};
  std::swap(content->table_, table_);
  content->content_bytes_ = std::exchange(content_bytes_, 0);
  content->referring_ = std::exchange(referring_, 0);
  table_.continue_from(next);
  machine_.undo([this, kept = content.get()] { std::swap(kept->table_, table_); });
  machine_.reclaim_later(std::move(content));
}

Expected<std::string> TableState::entry_key(PackedView key) const {
  Key ready;
  if (auto ok = ready.read(key); !ok) return ok.failure();
  return std::string{ready.bytes};
}

/// Notes for the watchers of entries that the entry with that comparison key changes.
void TableState::touch(std::string_view key_bytes) {
  watched_->touch(key_bytes);
  machine_.undo([this] {
    if (watched_ != nullptr) watched_->forget_touched();
  });
}

void TableState::touch_all() {
  for (const auto& [bytes, feed] : watched_->feeds) {
    if (table_.find(bytes)) touch(bytes);
  }
}

std::string name_of(PackedView key) {
  std::string text = describe(key);
  const std::size_t kind = text.find(' ');
  if (kind != std::string::npos) text.erase(0, kind + 1);
  return text;
}

Failure no_key(const Call& call, Errc code, PackedView key, std::string_view is_not) {
  Failure failure =
      call.fail_here(code, name_of(key) + " " + std::string{is_not} + " " + call.what());
  failure.error->details.push_back({"key", std::string{key.bytes()}});
  return failure;
}

Outcome reply_scan(Call& call, const TableState& state,
                   const std::function<void(Writer, Handle)>& write) {
  const std::int64_t from = call.maybe_integer(0).value_or(0);
  const std::int64_t count = call.integer(1);
  const auto most = static_cast<std::int64_t>(call.machine().limits().work_elements_max);
  if (count < 1 || count > most) {
    return call.fail_here(Errc::value_error, "count must be 1 to " + std::to_string(most) +
                                                 ", got " + call.decimal(1));
  }
  if (from < 0) return call.fail_here(Errc::value_error, "cursor must come from an earlier scan");
  const std::size_t bytes_max = call.machine().limits().work_bytes_max;
  std::string items;
  std::uint32_t found = 0;
  const auto cursor = state.table().scan(static_cast<std::uint64_t>(from),
                                         static_cast<std::size_t>(count), [&](Handle entry) {
                                           if (items.size() <= bytes_max) {
                                             write(Writer{items}, entry);
                                           }
                                           ++found;
                                         });
  if (items.size() > bytes_max) {
    return call.machine().check_work(found, items.size(), "a smaller count").failure();
  }
  Writer out = call.reply();
  out.map(2);
  out.text("items"), out.list(found), out.out() += items;
  out.text("cursor");
  cursor ? out.unsigned_integer(*cursor) : out.null();
  return Progress::done;
}

}  // namespace agora
