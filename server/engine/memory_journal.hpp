// SPDX-License-Identifier: MIT

// MemoryJournal: a journal without durability. Each batch is committed at once, at no cost.
#pragma once

#include <deque>
#include <memory>

#include "server/engine/ports.hpp"

namespace agora {

class MemoryJournal : public Journal {
 public:
  void append(std::unique_ptr<Batch> batch) override { batches_.push_back(std::move(batch)); }
  std::unique_ptr<Batch> committed() override {
    if (batches_.empty()) return nullptr;
    std::unique_ptr<Batch> batch = std::move(batches_.front());
    batches_.pop_front();
    return batch;
  }

 private:
  std::deque<std::unique_ptr<Batch>> batches_;
};

}  // namespace agora
