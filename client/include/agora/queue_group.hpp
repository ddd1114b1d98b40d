// SPDX-License-Identifier: MIT

// queue_group<T>: takes items from several queues, whichever has one.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <agora/queue.hpp>

namespace agora {

namespace detail {

/// Checks the queues of a group: `further` is one of them, beside the first.
/// @throws value_error  it belongs to another manager, or it is guarded.
void check_grouped(const ObjectHandle& first, const ObjectHandle& further);
[[noreturn]] void refuse_empty_group();

}  // namespace detail

/// The consumers' end of several queues of one manager. A pop takes one item, from the first queue
/// that has one, in the order of the group. If none has one, it waits in the line of each queue,
/// first come, first served in each, and leaves all lines when one of them serves it. A queue that
/// is closed and has nothing left is skipped; if all are, a pop throws shut_down. If one of the
/// queues is deleted while a pop waits, it throws not_found, and nothing was taken.
///
/// @code
/// const agora::queue_group jobs{urgent, usual};
/// while (auto next = jobs.pop_for(1s)) run(next->item, next->index == 0);
/// @endcode
///
/// Items are delivered and acknowledged as by queue::pop and queue::reserve. If the proxy of the
/// first queue is guarded (agora::guarded), the calls of the group carry that guard.
template <typename T = any>
class queue_group {
 public:
  /// An item, and the index of its queue in the group.
  struct popped {
    std::size_t index = 0;
    T item{};
  };
  /// A reservation of an item, and the index of its queue in the group.
  struct reserved {
    std::size_t index = 0;
    reservation<T> job{};
  };

  /// @param queues  1 to 64 queues; a call throws value_error if they are more
  /// @throws value_error  there is none, they belong to several managers, or one that is not the
  ///                      first is guarded.
  explicit queue_group(std::vector<queue<T>> queues) : queues_(std::move(queues)) {
    if (queues_.empty()) detail::refuse_empty_group();
    for (const queue<T>& each : queues_) {
      if (!names_.empty()) detail::check_grouped(handle(), each.handle());
      names_.push_back(each.name());
    }
  }
  queue_group(std::initializer_list<queue<T>> queues)
      : queue_group(std::vector<queue<T>>(queues)) {}

  const std::vector<queue<T>>& queues() const { return queues_; }

  /// Takes an item; waits for one without a timeout. An item that is no T throws type_error, and is
  /// lost.
  popped pop() const { return popped_of(make(kGet, {})); }
  /// Takes an item without waiting; returns nullopt if none is ready.
  std::optional<popped> try_pop() const { return pop_by(detail::Seconds::zero()); }
  /// Returns nullopt if no item was ready in that time.
  template <typename Rep, typename Period>
  std::optional<popped> pop_for(std::chrono::duration<Rep, Period> span) const {
    return pop_by(detail::timeout_of(span));
  }

  /// Reserves an item; waits for one without a timeout. An item that is no T throws type_error, and
  /// returns to its queue.
  reserved reserve() const { return reserved_of(make(kReserve, {}, kForever)); }
  /// As reserve, without waiting; returns nullopt if no item is ready.
  std::optional<reserved> try_reserve() const { return reserve_by(detail::Seconds::zero(), {}); }
  /// Returns nullopt if no item was ready in that time.
  template <typename Rep, typename Period>
  std::optional<reserved> reserve_for(std::chrono::duration<Rep, Period> span) const {
    return reserve_by(detail::timeout_of(span), {});
  }
  /// As above; the item also returns to its queue if the reservation is neither settled nor touched
  /// for the time `lease`.
  template <typename Rep, typename Period, typename Rep2, typename Period2>
  std::optional<reserved> reserve_for(std::chrono::duration<Rep, Period> span,
                                      std::chrono::duration<Rep2, Period2> lease) const {
    return reserve_by(detail::timeout_of(span), detail::timeout_of(lease));
  }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_pop(Token&& token) const {
    return async_make<popped>(
        kGet, {},
        [group = *this](detail::Reply reply) { return group.popped_of(std::move(reply)); }, token);
  }
  template <typename Token>
  auto async_try_pop(Token&& token) const {
    return async_pop_by(detail::Seconds::zero(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_pop_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_pop_by(detail::timeout_of(span), token);
  }
  template <typename Token>
  auto async_reserve(Token&& token) const {
    return async_make<reserved>(
        kReserve, {},
        [group = *this](detail::Reply reply) { return group.reserved_of(std::move(reply)); }, token,
        kForever);
  }
  template <typename Token>
  auto async_try_reserve(Token&& token) const {
    return async_reserve_by(detail::Seconds::zero(), {}, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_reserve_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_reserve_by(detail::timeout_of(span), {}, token);
  }
  template <typename Rep, typename Period, typename Rep2, typename Period2, typename Token>
  auto async_reserve_for(std::chrono::duration<Rep, Period> span,
                         std::chrono::duration<Rep2, Period2> lease, Token&& token) const {
    return async_reserve_by(detail::timeout_of(span), detail::timeout_of(lease), token);
  }

 private:
  friend class transaction;

  static constexpr const detail::Method& kGet = detail::methods::queue_get_any;
  static constexpr const detail::Method& kReserve = detail::methods::queue_reserve_any;
  static constexpr detail::Timeout kForever{};

  const detail::ObjectHandle& handle() const { return queues_.front().handle(); }

  template <typename... A>
  detail::Params params(const A&... arguments) const {
    detail::Params all = detail::params_of(names_, arguments...);
    handle().add_guard(all);
    return all;
  }
  template <typename... A>
  detail::Reply make(const detail::Method& method, const detail::Timeout& timeout,
                     const A&... arguments) const {
    const detail::Params all = params(timeout, arguments...);
    detail::Call call = detail::call_of(method, timeout);
    return handle().call(call.with(all));
  }
  template <typename R, typename Decode, typename Token, typename... A>
  auto async_make(const detail::Method& method, const detail::Timeout& timeout, Decode decode,
                  Token&& token, const A&... arguments) const {
    return detail::async_call<R>(
        handle(),
        {detail::call_of(method, timeout), std::string(method.name), params(timeout, arguments...)},
        std::move(decode), token);
  }

  std::optional<popped> pop_by(const detail::Timeout& timeout) const {
    return unless_empty(make(kGet, timeout), &queue_group::popped_of);
  }
  template <typename Token>
  auto async_pop_by(const detail::Timeout& timeout, Token&& token) const {
    return async_make<std::optional<popped>>(
        kGet, timeout,
        [group = *this](detail::Reply reply) {
          return group.unless_empty(std::move(reply), &queue_group::popped_of);
        },
        token);
  }
  std::optional<reserved> reserve_by(const detail::Timeout& timeout,
                                     const detail::Timeout& lease) const {
    return unless_empty(make(kReserve, timeout, lease), &queue_group::reserved_of);
  }
  template <typename Token>
  auto async_reserve_by(const detail::Timeout& timeout, const detail::Timeout& lease,
                        Token&& token) const {
    return async_make<std::optional<reserved>>(
        kReserve, timeout,
        [group = *this](detail::Reply reply) {
          return group.unless_empty(std::move(reply), &queue_group::reserved_of);
        },
        token, lease);
  }

  template <typename R>
  std::optional<R> unless_empty(detail::Reply reply,
                                R (queue_group::*decode)(detail::Reply) const) const {
    if (!reply && reply.error().code == Errc::empty) return std::nullopt;
    return (this->*decode)(std::move(reply));
  }

  using Members = std::map<std::string, any>;
  /// Returns the members of a result.
  Members members_in(const detail::Method& method, PackedView result) const {
    auto members = unpack<Members>(result);
    if (!members) detail::throw_mismatch(method.name, names_.front(), members.failure());
    return std::move(*members);
  }
  /// The same of a reply, or throws the error of the call.
  Members members_of(const detail::Method& method, detail::Reply& reply) const {
    if (!reply) throw_error(std::move(reply.error()));
    const ScopedHold keeping(reply.keep);
    return members_in(method, *reply);
  }
  std::size_t index_of(Members& members) const {
    const std::string name = members["queue"].template if_is<std::string>().value_or("");
    std::size_t index = 0;
    while (index + 1 < names_.size() && names_[index] != name) ++index;
    return index;
  }
  popped popped_of(detail::Reply reply) const { return popped_in(members_of(kGet, reply)); }
  popped popped_in(PackedView result) const { return popped_in(members_in(kGet, result)); }
  popped popped_in(Members members) const {
    const std::size_t index = index_of(members);
    auto item = members["item"].template get<T>();
    if (!item) detail::throw_mismatch(kGet.name, names_[index], item.failure());
    return {index, std::move(*item)};
  }
  reserved reserved_of(detail::Reply reply) const {
    Members members = members_of(kReserve, reply);
    const std::size_t index = index_of(members);
    detail::ReservedParts parts = detail::read_reserved(queues_[index].handle(), reply);
    auto item = parts.item.template get<T>();
    if (!item) detail::throw_mismatch(kReserve.name, names_[index], item.failure());
    return {index, reservation<T>(std::move(parts.reserved), std::move(*item))};
  }

  std::vector<queue<T>> queues_;
  std::vector<std::string> names_;
};

}  // namespace agora
