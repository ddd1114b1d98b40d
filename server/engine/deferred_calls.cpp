// SPDX-License-Identifier: MIT

#include "server/engine/deferred_calls.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "shared/base/assert.hpp"

namespace agora {
namespace {

/// Moves the arguments of a call, the last ones of their batch, to another batch.
void move_arguments(Batch& from, std::size_t first, Batch& to) {
  std::size_t bytes_left = from.bytes.size();
  bool in_buffer = false;
  for (std::size_t i = first; i < from.arguments.size(); ++i) {
    const Batch::Span span = from.arguments[i];
    if (span.length != 0 && span.is_in_buffer()) {
      AGORA_ASSERT(span.buffer() + 1 == from.buffers.size());
      in_buffer = true;
      to.arguments.push_back(Batch::Span::in_buffer(0, span.offset_in_buffer(), span.length));
      continue;
    }
    to.arguments.push_back({to.bytes.size(), span.length});
    to.bytes += from.argument(i).bytes();
    if (span.length != 0) bytes_left = std::min(bytes_left, span.offset);
  }
  from.arguments.resize(first);
  from.bytes.resize(bytes_left);
  if (!in_buffer) return;
  to.buffers.push_back(std::move(from.buffers.back()));
  from.buffers.pop_back();
}

}  // namespace

void DeferredCalls::take_last(Batch& from) {
  auto batch = std::make_unique<Batch>();
  Command& command = batch->commands.emplace_back(from.commands.back());
  from.commands.pop_back();
  if (command.kind == Command::Kind::call) {
    move_arguments(from, command.first, *batch);
    if (command.guard != 0) command.guard -= command.first;
    command.first = 0;
  }
  bytes_ += batch->size();
  auto& line = lines_[command.link];
  if (line.empty() && !blocked_.contains(command.link)) turns_.push_back(command.link);
  line.push_back(std::move(batch));
}

void DeferredCalls::block(LinkId link) {
  if (blocked_.insert(link).second) std::erase(turns_, link);
}

void DeferredCalls::unblock(LinkId link) {
  if (blocked_.erase(link) > 0 && lines_.contains(link)) turns_.push_back(link);
}

void DeferredCalls::unblock_all() {
  // In the order of the links, so that a replay has the same.
  std::set<LinkId> all(blocked_.begin(), blocked_.end());
  for (const LinkId link : all) unblock(link);
}

std::unique_ptr<Batch> DeferredCalls::pop() {
  const LinkId link = turns_.front();
  turns_.pop_front();
  const auto line = lines_.find(link);
  std::unique_ptr<Batch> batch = std::move(line->second.front());
  line->second.pop_front();
  if (line->second.empty()) {
    lines_.erase(line);
  } else {
    turns_.push_back(link);
  }
  bytes_ -= batch->size();
  return batch;
}

}  // namespace agora
