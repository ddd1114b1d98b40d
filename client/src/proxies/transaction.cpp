// SPDX-License-Identifier: MIT

#include <algorithm>
#include <poll.h>
#include <random>
#include <utility>

#include <agora/detail/methods.hpp>
#include <agora/transaction.hpp>

#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

// Each conflict means that a change of another client took effect, so the first retry is made at
// once. After repeated conflicts each client waits for a different random time: exponential
// back-off with jitter.
void backoff_with_jitter(int attempt) {
  if (attempt == 1) return;
  constexpr int kLongestMs = 50;
  thread_local std::minstd_rand chance(std::random_device{}());
  const int longest = std::min(1 << std::min(attempt - 2, 10), kLongestMs);
  poll(nullptr, 0, std::uniform_int_distribution<int>(0, longest)(chance));
}

void append_call(std::string& out, std::string_view method, const detail::Params& params) {
  Writer writer(out);
  writer.text(method);
  writer.list(params.count);
  out += params.bytes;
}

}  // namespace

void transaction::check(const detail::ObjectHandle& object) const {
  std::string why;
  if (object.is_guarded()) why = " is guarded; guard the transaction instead: t.guard(lock)";
  if (&object.client() != &server_.client()) why = " belongs to another manager";
  if (!why.empty()) {
    throw_error({Errc::value_error, "the proxy of " + object.name() + why, Done::no, {}});
  }
}

void transaction::require(std::string_view method, const detail::Params& params,
                          PackedView result) {
  Writer(required_).list(3);
  append_call(required_, method, params);
  required_ += result.bytes();
  ++requirements_;
}

void transaction::fill(const detail::Reply& reply) {
  Reader reader(*reply);
  Token head;
  static_cast<void>(reader.next(head));
  for (const Planned& each : calls_) each.fill(reader.value(), reply.keep);
  for (detail::Reserved* each : settled_) each->settle();
}

bool transaction::commit(int attempt) {
  if (calls_.empty() && requirements_ == 0) return true;
  detail::Params params;
  Writer writer(params.bytes);
  writer.list(count_of(calls_.size()));
  for (const Planned& each : calls_) {
    writer.list(2);
    append_call(params.bytes, each.method, each.params);
  }
  writer.list(requirements_);
  params.bytes += required_;
  params.count = 2;
  server_.add_guard(params);
  detail::Call call = call_of(detail::methods::transaction_run);
  detail::Reply reply = server_.call(call.with(params));
  if (reply) return fill(reply), true;
  if (reply.error().code != Errc::conflict || attempt >= kAttemptsMax) {
    throw_error(std::move(reply.error()));
  }
  backoff_with_jitter(attempt);
  return false;
}

}  // namespace agora
