// SPDX-License-Identifier: MIT

#include "server/objects/containers/list_state.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "shared/base/assert.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

/// Returns the work of moving the handles on the side of an index that has fewer of them.
std::size_t units_to_move(std::size_t before, std::size_t behind) {
  constexpr std::size_t kMovesPerUnit = 32;
  return std::min(before, behind) / kMovesPerUnit;
}

}  // namespace

void ListState::save(Writer& out) const {
  out.list(static_cast<std::uint32_t>(elements_.size()));
  elements_.each([&](Handle element) { out.packed(at(element)); });
}

Outcome ListState::plain(Call& call, Writer& out) const {
  auto ok = call.machine().check_work(elements_.size(), content_bytes_, "list.slice");
  if (!ok) return ok.failure();
  save(out);
  return Progress::done;
}

bool ListState::release_some(Machine&, std::size_t elements) {
  AGORA_ASSERT(!elements_.published());
  for (; elements > 0 && !elements_.empty(); --elements) {
    const Handle last = elements_[elements_.size() - 1];
    elements_.erase(elements_.size() - 1, 1);
    free_element(last);
  }
  return elements_.empty();
}

std::function<void()> ListState::restorer(Machine&) {
  return [this, bytes = content_bytes_, referring = referring_] {
    content_bytes_ = bytes;
    referring_ = referring;
  };
}

void ListState::each_reference(const std::function<void(std::string_view)>& visit) const {
  // Most lists hold no references: then this costs nothing.
  if (referring_ == 0) return;
  elements_.each([&](Handle element) {
    if (machine_.values().has_references(element)) agora::each_reference(at(element), visit);
  });
}

Expected<Handle> ListState::make(PackedView value) {
  auto made = machine_.store(value);
  if (!made) return made;
  content_bytes_ += value.size();
  if (machine_.values().has_references(*made)) ++referring_;
  return made;
}

Expected<std::vector<Handle>> ListState::make_all(PackedView values) {
  std::vector<Handle> made;
  for (const PackedView value : Elements{values}) {
    auto element = make(value);
    if (!element) {
      discard(made);
      return element.failure();
    }
    made.push_back(*element);
  }
  return made;
}

void ListState::discard(std::span<const Handle> elements) {
  for (const Handle element : elements) free_element(element);
}

void ListState::free_element(Handle element) {
  content_bytes_ -= at(element).size();
  if (machine_.values().has_references(element)) --referring_;
  machine_.drop(element);
}

/// Opens the write section of a transaction: readers retry until the content of all objects is
/// final.
void ListState::begin_change() {
  if (!machine_.in_transaction() || in_transaction_ || !elements_.published()) return;
  in_transaction_.emplace(elements_);
  machine_.on_finish([this] { in_transaction_.reset(); });
}

void ListState::replace(std::size_t index, Handle element) {
  begin_change();
  const Handle old = elements_.exchange(index, element);
  machine_.undo([this, index, old] { elements_.exchange(index, old); });
  free_element(old);
}

void ListState::erase(std::size_t index) {
  machine_.spend(units_to_move(index, elements_.size() - index));
  begin_change();
  const Handle old = elements_[index];
  elements_.erase(index, 1);
  machine_.undo([this, index, old] { undo_range(index, 0, {&old, 1}); });
  free_element(old);
}

/// Replaces handles in the deque without freeing or counting elements. Returns false if there is no
/// memory; then nothing changed.
bool ListState::exchange_range(std::size_t start, std::size_t count,
                               std::span<const Handle> others) {
  const HandleDeque::Change change{elements_};
  const std::size_t both = std::min(count, others.size());
  if (!elements_.insert(start + both, others.subspan(both))) return false;
  for (std::size_t i = 0; i < both; ++i) elements_.exchange(start + i, others[i]);
  elements_.erase(start + others.size(), count - both);
  return true;
}

/// Reverses exchange_range. The deque gets no larger than it was before the change, so the memory
/// that it needs must be available.
void ListState::undo_range(std::size_t start, std::size_t count, std::span<const Handle> before) {
  const bool placed = exchange_range(start, count, before);
  AGORA_ASSERT(placed);
}

Expected<void> ListState::splice(std::size_t start, std::size_t count,
                                 std::span<const Handle> others) {
  machine_.spend(count + units_to_move(start, elements_.size() - start));
  begin_change();
  std::vector<Handle> old;
  for (std::size_t i = 0; i < count; ++i) old.push_back(elements_[start + i]);
  if (!exchange_range(start, count, others)) {
    discard(others);
    return fail(Errc::out_of_memory, "the server has no more memory; nothing was changed");
  }
  for (const Handle element : old) free_element(element);
  if (!machine_.in_transaction()) return {};
  machine_.undo([this, start, now = others.size(), before = std::move(old)] {
    undo_range(start, now, before);
  });
  return {};
}

void ListState::erase_each(const Slice& slice) {
  std::vector<bool> goes(elements_.size());
  for (std::size_t i = 0; i < slice.count; ++i) goes[slice.at(i)] = true;
  std::vector<Handle> stays;
  std::vector<Handle> gone;
  for (std::size_t i = 0; i < goes.size(); ++i) {
    goes[i] ? gone.push_back(elements_[i]) : stays.push_back(elements_[i]);
  }
  reorder(stays);
  discard(gone);
}

void ListState::reverse() {
  begin_change();
  elements_.reverse();
  machine_.undo([this] { elements_.reverse(); });
}

void ListState::reorder(const std::vector<Handle>& order) {
  begin_change();
  if (machine_.in_transaction()) {
    machine_.undo(
        [this, now = order.size(), before = elements_.all()] { undo_range(0, now, before); });
  }
  const bool placed = exchange_range(0, elements_.size(), order);
  AGORA_ASSERT(placed);  // there are no more than before
}

void ListState::clear() {
  begin_change();
  auto content = std::make_unique<ListState>(machine_);
  const HandleDeque::Change change{elements_};
  content->elements_.swap(elements_);
  content->content_bytes_ = std::exchange(content_bytes_, 0);
  content->referring_ = std::exchange(referring_, 0);
  machine_.undo([this, kept = content.get()] { kept->elements_.swap(elements_); });
  machine_.reclaim_later(std::move(content));
}

}  // namespace agora
