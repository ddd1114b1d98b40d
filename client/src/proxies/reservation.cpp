// SPDX-License-Identifier: MIT

#include <utility>

#include <agora/detail/methods.hpp>
#include <agora/reservation.hpp>

#include "client/src/client/client.hpp"

namespace agora::detail {

Reserved::Reserved(Reserved&& other) noexcept
    : queue_(std::exchange(other.queue_, std::nullopt)),
      session_(other.session_),
      id_(other.id_),
      deliveries_(other.deliveries_) {}

Reserved& Reserved::operator=(Reserved&& other) noexcept {
  if (this == &other) return *this;
  std::swap(queue_, other.queue_);
  std::swap(session_, other.session_);
  std::swap(id_, other.id_);
  std::swap(deliveries_, other.deliveries_);
  Reserved before(std::move(other));
  return *this;
}

Reserved::~Reserved() {
  if (!queue_) return;
  try {
    // A later session, or a forked child, does not have the reservation.
    queue_->client().start_in(session_, methods::queue_requeue, params_of(queue_->name(), id_));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the session's end requeues it
  }
}

void Reserved::check_open() const {
  if (queue_) return;
  throw_error({Errc::runtime_error, "this reservation is settled already", Done::no, {}});
}

std::uint64_t Reserved::id() const {
  check_open();
  return id_;
}

const ObjectHandle& Reserved::queue() const {
  check_open();
  return *queue_;
}

void Reserved::call(const Method& method, const Params& params) const {
  Call call = call_of(method);
  auto reply = queue_->client().call_in(session_, call.with(params));
  if (!reply) throw_error(std::move(reply.error()));
}

void Reserved::touch() const {
  check_open();
  call(methods::queue_touch, params_of(queue_->name(), id_));
}

void Reserved::acknowledge() {
  check_open();
  call(methods::queue_acknowledge, params_of(queue_->name(), id_));
  queue_.reset();
}

void Reserved::requeue(Seconds delay, bool counts) {
  check_open();
  call(methods::queue_requeue, params_of(queue_->name(), id_, delay.count(), counts));
  queue_.reset();
}

void Reserved::reject(const std::string& reason) {
  check_open();
  call(methods::queue_reject, params_of(queue_->name(), id_, reason));
  queue_.reset();
}

ReservedParts read_reserved(const ObjectHandle& queue, const Reply& reply) {
  const ScopedHold keeping(reply.keep);
  auto members = unpack<std::map<std::string, any>>(*reply);
  if (!members) throw_mismatch(methods::queue_reserve.name, queue.name(), members.failure());
  auto id = (*members)["id"].get<std::uint64_t>();
  if (!id) throw_mismatch(methods::queue_reserve.name, queue.name(), id.failure());
  const auto deliveries = (*members)["deliveries"].if_is<std::uint64_t>().value_or(1);
  return {Reserved(queue, reply.session, *id, deliveries), std::move((*members)["item"])};
}

}  // namespace agora::detail
