#include "server/objects/containers/table_state.hpp"

#include <memory>
#include <utility>

#include "shared/value/describe.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

/// An entry that was set aside: given back with the transaction that did so, or put back by it.
class Aside {
 public:
  Aside(Table& table, Handle entry) : table_(table), entry_(entry) {}
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  ~Aside() {
    if (entry_) table_.free_aside(entry_);
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
  Token token;
  static_cast<void>(reader.next(token));
  static_cast<void>(reader.next(token));
  const std::uint64_t next = token.natural;
  static_cast<void>(reader.next(token));
  for (std::uint32_t left = token.count; left > 0; --left) {
    Token parts;
    Token sequence;
    static_cast<void>(reader.next(parts));
    static_cast<void>(reader.next(sequence));
    const PackedView key = reader.value();
    const PackedView value = parts.count == 3 ? reader.value() : PackedView{};
    Key ready;
    if (auto ok = ready.read(key); !ok) return ok.failure();
    auto entry = table_.load(sequence.natural, ready.bytes, key, value);
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
    table_.go_back_to(next);
  };
}

void TableState::each_reference(const std::function<void(std::string_view)>& visit) const {
  // A large container mostly refers to nothing: then it costs nothing.
  if (referring_ == 0) return;
  table_.each([&](Handle entry) {
    if (!table_.has_references(entry)) return;
    agora::each_reference(table_.key(entry), visit);
    agora::each_reference(table_.value(entry), visit);
  });
}

std::uint64_t TableState::prefetch(PackedView key) const {
  // What is small lies in a near cache anyway.
  constexpr std::size_t kLarge = 4096;
  if (table_.size() < kLarge || !key.present() || !is_plain_key(key.kind())) return 0;
  const std::uint32_t hash = table_.hash_of(key.bytes());
  table_.fetch_bucket(hash);
  return std::uint64_t{1} << 32 | hash;
}

Expected<Table::Placed> TableState::put(Table::Place at, std::string_view key_bytes, PackedView key,
                                        PackedView value) {
  const Handle before = at.entry;
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
  auto placed = place(at, key_bytes, key, value);
  if (!placed) {
    machine_.release(value);
    if (!before) machine_.release(key);
    return placed;
  }
  content_bytes_ = content_bytes_ - bytes_before + entry_bytes(placed->entry);
  if (referred) --referring_;
  if (table_.has_references(placed->entry)) ++referring_;
  if (referred) machine_.release(old);
  return placed;
}

/// The change of the table alone, with its way back.
Expected<Table::Placed> TableState::place(Table::Place at, std::string_view key_bytes,
                                          PackedView key, PackedView value) {
  about_to_change();
  if (!machine_.in_transaction()) return table_.put_at(at, key_bytes, key, value);
  if (const Handle before = at.entry) {
    auto made = table_.substitute(before, value);
    if (!made) return made.failure();
    machine_.undo([this, entry = *made, aside = std::make_shared<Aside>(table_, before)] {
      table_.put_back_instead(entry, aside->take());
    });
    return Table::Placed{*made, false};
  }
  auto placed = table_.put_at(at, key_bytes, key, value);
  if (placed) machine_.undo([this, entry = placed->entry] { table_.erase(entry); });
  return placed;
}

void TableState::drop(Handle entry) {
  about_to_change();
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
    table_.set_aside(entry);
    machine_.undo(
        [this, aside = std::make_shared<Aside>(table_, entry)] { table_.put_back(aside->take()); });
  } else {
    table_.erase(entry);
  }
  // Last: releasing may delete objects, which is no time to hold handles.
  if (refers) machine_.release(key);
  if (refers) machine_.release(value);
}

/// Within a transaction those who read along look away until all objects are as they will stay.
void TableState::about_to_change() {
  if (!machine_.in_transaction() || in_transaction_ || !table_.shown()) return;
  in_transaction_.emplace(table_);
  machine_.on_finish([this] { in_transaction_.reset(); });
}

void TableState::clear() {
  about_to_change();
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
    return call.fail_here(Errc::value_error, "count must be 1 to " + std::to_string(most));
  }
  if (from < 0) return call.fail_here(Errc::value_error, "cursor must come from an earlier scan");
  std::string items;
  std::uint32_t found = 0;
  const auto cursor = state.table().scan(static_cast<std::uint64_t>(from),
                                         static_cast<std::size_t>(count), [&](Handle entry) {
                                           write(Writer{items}, entry);
                                           ++found;
                                         });
  Writer out = call.reply();
  out.map(2);
  out.text("items"), out.list(found), out.out() += items;
  out.text("cursor");
  cursor ? out.unsigned_integer(*cursor) : out.null();
  return Progress::done;
}

}  // namespace agora
