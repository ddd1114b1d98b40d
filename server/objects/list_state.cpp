#include "server/objects/list_state.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "shared/value/msgpack_reader.hpp"
#include "shared/value/references.hpp"

namespace agora {

void ListState::save(Writer& out) const {
  out.list(static_cast<std::uint32_t>(elements_.size()));
  for (const Handle element : elements_) out.packed(at(element));
}

Outcome ListState::plain(Call& call, Writer& out) const {
  auto ok = call.machine().check_work(elements_.size(), content_bytes_, "list.slice");
  if (!ok) return ok.failure();
  save(out);
  return Progress::done;
}

bool ListState::release_some(Machine&, std::size_t elements) {
  for (; elements > 0 && !elements_.empty(); --elements) {
    const Handle last = elements_.back();
    elements_.pop_back();
    drop(last);
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
  // A large list mostly refers to nothing: then it costs nothing.
  if (referring_ == 0) return;
  for (const Handle element : elements_) {
    if (machine_.values().has_references(element)) agora::each_reference(at(element), visit);
  }
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
  Reader reader{values};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t i = 0; i < head.count; ++i) {
    auto element = make(reader.value());
    if (!element) {
      discard(made);
      return element.failure();
    }
    made.push_back(*element);
  }
  return made;
}

void ListState::discard(std::span<const Handle> elements) {
  for (const Handle element : elements) drop(element);
}

void ListState::drop(Handle element) {
  content_bytes_ -= at(element).size();
  if (machine_.values().has_references(element)) --referring_;
  machine_.drop(element);
}

void ListState::replace(std::size_t place, Handle element) {
  const Handle old = std::exchange(elements_[place], element);
  machine_.undo([this, place, old] { elements_[place] = old; });
  drop(old);
}

void ListState::erase(std::size_t place) {
  const Handle old = elements_[place];
  const auto at_place = [this, place] {
    return elements_.begin() + static_cast<std::ptrdiff_t>(place);
  };
  elements_.erase(at_place());
  machine_.undo([this, at_place, old] { elements_.insert(at_place(), old); });
  drop(old);
}

/// The change of the order alone.
void ListState::put_in_place(std::size_t start, std::size_t count, std::span<const Handle> others) {
  // The ends of a deque are its quick way; they cost nothing but the elements that come or go.
  const auto begin = elements_.begin() + static_cast<std::ptrdiff_t>(start);
  const auto place = elements_.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  elements_.insert(place, others.begin(), others.end());
}

void ListState::splice(std::size_t start, std::size_t count, std::span<const Handle> others) {
  const auto begin = elements_.begin() + static_cast<std::ptrdiff_t>(start);
  std::vector<Handle> old(begin, begin + static_cast<std::ptrdiff_t>(count));
  put_in_place(start, count, others);
  for (const Handle element : old) drop(element);
  if (!machine_.in_transaction()) return;
  machine_.undo([this, start, now = others.size(), before = std::move(old)] {
    put_in_place(start, now, before);
  });
}

void ListState::erase_each(const Slice& slice) {
  std::vector<bool> goes(elements_.size());
  for (std::size_t i = 0; i < slice.count; ++i) goes[slice.at(i)] = true;
  std::deque<Handle> stays;
  std::vector<Handle> gone;
  for (std::size_t i = 0; i < goes.size(); ++i) {
    goes[i] ? gone.push_back(elements_[i]) : stays.push_back(elements_[i]);
  }
  reorder(std::move(stays));
  discard(gone);
}

void ListState::reverse() {
  std::reverse(elements_.begin(), elements_.end());
  machine_.undo([this] { std::reverse(elements_.begin(), elements_.end()); });
}

void ListState::reorder(std::deque<Handle> order) {
  elements_.swap(order);
  if (!machine_.in_transaction()) return;
  machine_.undo([this, before = std::move(order)]() mutable { elements_.swap(before); });
}

void ListState::clear() {
  auto content = std::make_unique<ListState>(machine_);
  content->elements_.swap(elements_);
  content->content_bytes_ = std::exchange(content_bytes_, 0);
  content->referring_ = std::exchange(referring_, 0);
  machine_.undo([this, kept = content.get()] { kept->elements_.swap(elements_); });
  machine_.give_back_later(std::move(content));
}

}  // namespace agora
