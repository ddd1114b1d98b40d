// SPDX-License-Identifier: MIT

#include "client/src/client/batch.hpp"

#include <utility>

#include <agora/pipeline.hpp>

namespace agora::detail {

CallBatch::~CallBatch() {
  for (auto& call : calls_) {
    call->completion->complete(
        fail(Errc::cancelled, call->method + ": the pipeline ended before it was run"), nullptr);
  }
}

void CallBatch::add(Client& client, const Call& call, CompletionPtr completion) {
  if (&client != client_.get()) {
    return completion->complete(
        fail(Errc::value_error, std::string(call.method) +
                                    ": the object belongs to another manager than the "
                                    "pipeline"),
        nullptr);
  }
  calls_.push_back(std::make_unique<OwnedCall>(call, Deadline(), std::move(completion)));
}

void CallBatch::run() {
  auto calls = std::exchange(calls_, {});
  for (auto& call : calls) call->deadline = client_->deadline_of(call->call);
  client_->run(calls);
}

}  // namespace agora::detail

namespace agora {

pipeline::pipeline(std::shared_ptr<detail::Client> client)
    : batch_(std::make_unique<detail::CallBatch>(std::move(client))) {}
pipeline::pipeline(pipeline&& other) noexcept = default;
pipeline& pipeline::operator=(pipeline&& other) noexcept = default;
pipeline::~pipeline() = default;

void pipeline::run() { batch_->run(); }
std::size_t pipeline::size() const { return batch_->size(); }

void throw_not_run() {
  throw_error({Errc::runtime_error,
               "the result is there only once its pipeline or transaction was run",
               {},
               {}});
}

}  // namespace agora
