// SPDX-License-Identifier: MIT

#include "server/core/machine/mapped_view.hpp"

#include <utility>

#include "server/core/machine/machine.hpp"

namespace agora {

MappedView::MappedView(Machine& machine, ExtentSource* words)
    : machine_(machine),
      cells_(machine.arena()),
      lending_(words != nullptr ? *words : own_words_, machine.limits().session_slots_max) {}

Handle MappedView::publish(Object& object) {
  if (object.cell) return object.cell;
  object.cell = cells_.take(object.id);
  if (!object.cell) return {};
  shm::Cell& cell = cells_.at(object.cell);
  write_cell(object);
  object.state->publish(cell);
  object.keeps_cell = !shm::write_in_progress(cell);
  if (!object.keeps_cell) shm::end_write(cell);  // a type whose content clients cannot read
  return object.cell;
}

void MappedView::unpublish(Object& object) {
  if (!object.cell) return;
  object.state->unpublish();
  cells_.free(std::exchange(object.cell, {}));
}

void MappedView::begin_write(Object& object) {
  if (!machine_.in_transaction() || !object.cell || object.keeps_cell) return;
  if (shm::write_in_progress(cells_.at(object.cell))) return;
  shm::begin_write(cells_.at(object.cell));
  machine_.on_finish([this, id = object.id] {
    Object* changed = machine_.registry().find(id);
    if (changed == nullptr || !changed->cell) return;
    write_cell(*changed);
    shm::end_write(cells_.at(changed->cell));
  });
}

Handle MappedView::publish_memory() {
  // No object has the number 0: clients read only its size and version.
  if (!memory_cell_) memory_cell_ = cells_.take(ObjectId{});
  if (memory_cell_) {
    const Sharing& sharing = *machine_.input().sharing;
    cells_.at(memory_cell_).size.store(sharing.extents().size());
    cells_.at(memory_cell_).version.store(sharing.releases());
  }
  return memory_cell_;
}

void MappedView::refresh() {
  for (std::size_t i = 0; i < to_refresh_.size(); ++i) {
    Object* object = machine_.registry().find(to_refresh_[i]);
    if (object == nullptr) continue;
    object->to_refresh = false;
    if (Lockable* lock = object->state->as_lock()) lock->lend(machine_, *object);
    if (object->cell) write_cell(*object);
  }
  to_refresh_.clear();
}

void MappedView::write_cell(Object& object) {
  shm::Cell& cell = cells_.at(object.cell);
  cell.version.store(object.version);
  cell.size.store(object.state->size_or_flag());
}

}  // namespace agora
