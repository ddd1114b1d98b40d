// SPDX-License-Identifier: MIT

// QueueModel: a queue in the simplest form: all items in one list, searched from end to end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace agora::test {

class QueueModel {
 public:
  enum class Where { ready, delayed, reserved, got, dead };
  struct Item {
    int value = 0;
    int priority = 0;
    int arrival = 0;
    int deliveries = 0;
    Where where = Where::ready;
    std::optional<int> until;  // delayed, reserved
    int owner = 0;             // reserved, got: a session
    std::uint64_t number = 0;  // reserved: the id; got: the call
  };
  struct Waiter {
    int owner = 0;
    std::uint64_t tag = 0;
    std::uint64_t number = 0;
    std::string method;
    std::optional<int> until;
    std::vector<int> items;
    int priority = 0;
    int delay = 0;
    std::optional<int> lease;
  };
  using Replies = std::map<std::uint64_t, std::string>;

  QueueModel(std::string order, std::size_t maxsize, int max_deliveries)
      : order_(std::move(order)), maxsize_(maxsize), max_deliveries_(max_deliveries) {}

  /// Runs a put, get, reserve or join; with a timeout of 0 it does not wait. Returns its reply, or
  /// "waits".
  std::string wait(Waiter call, std::optional<int> timeout) {
    if (timeout) call.until = now_ + *timeout;
    const std::uint64_t tag = call.tag;
    auto& waiting = call.method == "put" ? putters_ : getters_;
    waiting.push_back(call);
    serve_waiters();
    if (const auto it = replies.find(tag); it != replies.end()) {
      const std::string reply = it->second;
      replies.erase(it);
      return reply;
    }
    if (timeout != 0) return "waits";
    waiting.pop_back();
    return call.method == "put" ? "Full" : "Empty";
  }
  bool acknowledge(int owner, std::uint64_t id) {
    const auto item = reserved(owner, id);
    if (item == items_.end()) return false;
    items_.erase(item);
    done(1);
    serve_waiters();
    return true;
  }
  bool requeue(int owner, std::uint64_t id, int delay, bool counts) {
    const auto item = reserved(owner, id);
    if (item == items_.end()) return false;
    if (!counts) --item->deliveries;
    return_to_ready(*item, delay);
    serve_waiters();
    return true;
  }
  bool reject(int owner, std::uint64_t id) {
    const auto item = reserved(owner, id);
    if (item == items_.end()) return false;
    item->until.reset();
    add_dead_letter(*item);
    serve_waiters();
    return true;
  }
  int purge() {
    const auto count = static_cast<int>(dead_.size());
    dead_.clear();
    std::erase_if(items_, [](const Item& item) { return item.where == Where::dead; });
    return count;
  }
  void reply_arrived(int owner, std::uint64_t number) {
    const auto count = static_cast<int>(std::erase_if(items_, [&](const Item& item) {
      return item.where == Where::got && item.owner == owner && item.number == number;
    }));
    const int reported = std::min(early_[owner], count);
    early_[owner] -= reported;
    owed_[owner] += count - reported;
    serve_waiters();
  }
  bool task_done(int owner) {
    if (unfinished_ == 0) return false;
    const auto got = std::count_if(items_.begin(), items_.end(), [&](const Item& item) {
      return item.where == Where::got && item.owner == owner;
    });
    if (owed_[owner] > 0) {
      --owed_[owner];
    } else if (early_[owner] < got) {
      ++early_[owner];
    }
    done(1);
    return true;
  }
  int clear() {
    const auto waiting = [](const Item& item) {
      return item.where == Where::ready || item.where == Where::delayed;
    };
    const int count = static_cast<int>(std::erase_if(items_, waiting));
    done(count);
    serve_waiters();
    return count;
  }
  int redrive(int count) {
    int redriven = 0;
    for (; redriven < count && !dead_.empty(); ++redriven) {
      at(dead_.front()).where = Where::ready;
      at(dead_.front()).deliveries = 0;
      dead_.pop_front();
      ++unfinished_;
    }
    serve_waiters();
    return redriven;
  }
  void close() {
    closed_ = true;
    serve_waiters();
  }
  void die(int owner) {
    for (auto* waiting : {&getters_, &putters_}) {
      for (const Waiter& waiter : *waiting) {
        if (waiter.owner == owner) replies[waiter.tag] = "SessionLost";
      }
      std::erase_if(*waiting, [&](const Waiter& waiter) { return waiter.owner == owner; });
    }
    unfinished_ += early_[owner];
    early_[owner] = owed_[owner] = 0;
    // The last place first, as the dead-letter list shows.
    for (const int arrival : arrivals(true)) {
      Item& item = at(arrival);
      const bool held = item.where == Where::reserved || item.where == Where::got;
      if (held && item.owner == owner) return_to_ready(item, 0);
    }
    serve_waiters();
  }
  void advance() {
    ++now_;
    for (auto* waiting : {&getters_, &putters_}) {
      for (const Waiter& waiter : *waiting) {
        if (waiter.until == now_) replies[waiter.tag] = waiter.method == "put" ? "Full" : "Empty";
      }
      std::erase_if(*waiting, [&](const Waiter& waiter) { return waiter.until == now_; });
    }
    std::map<std::uint64_t, Item*> expired;  // by reservation: the oldest comes back first
    for (Item& item : items_) {
      if (item.until != now_) continue;
      if (item.where == Where::delayed) item.where = Where::ready;
      if (item.where == Where::reserved) expired[item.number] = &item;
    }
    for (const auto& [id, item] : expired) return_to_ready(*item, 0);
    serve_waiters();
  }

  std::vector<int> ready() const {
    std::vector<int> values;
    for (const int arrival : arrivals(false)) {
      const Item& item = const_cast<QueueModel*>(this)->at(arrival);
      if (item.where == Where::ready) values.push_back(item.value);
    }
    return values;
  }
  std::vector<int> dead() const {
    std::vector<int> values;
    for (const int arrival : dead_) {
      values.push_back(const_cast<QueueModel*>(this)->at(arrival).value);
    }
    return values;
  }
  bool closed() const { return closed_; }
  int unfinished() const { return unfinished_; }
  /// Returns the ids that a session has reserved.
  std::vector<std::uint64_t> ids(int owner) const {
    std::vector<std::uint64_t> found;
    for (const Item& item : items_) {
      if (item.where == Where::reserved && item.owner == owner) found.push_back(item.number);
    }
    return found;
  }

  Replies replies;  ///< to calls that waited

 private:
  Item& at(int arrival) {
    return *std::find_if(items_.begin(), items_.end(),
                         [&](const Item& item) { return item.arrival == arrival; });
  }
  std::vector<Item>::iterator reserved(int owner, std::uint64_t id) {
    return std::find_if(items_.begin(), items_.end(), [&](const Item& item) {
      return item.where == Where::reserved && item.owner == owner && item.number == id;
    });
  }
  /// Returns the arrivals of all items, in order or reversed.
  std::vector<int> arrivals(bool reverse) const {
    std::vector<Item> sorted = items_;
    std::sort(sorted.begin(), sorted.end(), [&](const Item& a, const Item& b) {
      if (order_ == "lifo") return a.arrival > b.arrival;
      if (order_ == "fifo") return a.arrival < b.arrival;
      return std::tie(a.priority, a.arrival) < std::tie(b.priority, b.arrival);
    });
    std::vector<int> found;
    for (const Item& item : sorted) found.push_back(item.arrival);
    if (reverse) std::reverse(found.begin(), found.end());
    return found;
  }
  std::size_t count(std::vector<Where> places) const {
    return static_cast<std::size_t>(
        std::count_if(items_.begin(), items_.end(), [&](const Item& item) {
          return std::find(places.begin(), places.end(), item.where) != places.end();
        }));
  }
  void done(int n) { unfinished_ = std::max(0, unfinished_ - n); }
  void return_to_ready(Item& item, int delay) {
    item.until.reset();
    if (max_deliveries_ != 0 && item.deliveries >= max_deliveries_) return add_dead_letter(item);
    item.where = delay > 0 ? Where::delayed : Where::ready;
    if (delay > 0) item.until = now_ + delay;
  }
  void add_dead_letter(Item& item) {
    item.where = Where::dead;
    dead_.push_back(item.arrival);
    done(1);
  }
  bool has_room(std::size_t more) const {
    return maxsize_ == 0 || count({Where::ready, Where::delayed}) + more <= maxsize_;
  }
  void serve_waiters() {
    while (closed_ && !putters_.empty()) refuse(putters_);
    while (true) {
      if (!getters_.empty() && count({Where::ready}) > 0) {
        serve(getters_.front());
        getters_.erase(getters_.begin());
      } else if (!putters_.empty() && has_room(putters_.front().items.size())) {
        const Waiter putter = putters_.front();
        putters_.erase(putters_.begin());
        for (const int value : putter.items) {
          Item item{value, putter.priority, ++arrivals_, 0, Where::ready, {}, 0, 0};
          if (putter.delay > 0) item.where = Where::delayed, item.until = now_ + putter.delay;
          items_.push_back(item);
          ++unfinished_;
        }
        replies[putter.tag] = "null";
      } else {
        break;
      }
    }
    const bool drained = count({Where::ready, Where::delayed, Where::reserved, Where::got}) == 0;
    while (closed_ && drained && !getters_.empty()) refuse(getters_);
  }
  void refuse(std::vector<Waiter>& waiting) {
    replies[waiting.front().tag] = "ShutDown";
    waiting.erase(waiting.begin());
  }
  void serve(const Waiter& getter) {
    for (const int arrival : arrivals(false)) {
      Item& item = at(arrival);
      if (item.where != Where::ready) continue;
      item.owner = getter.owner;
      ++item.deliveries;
      if (getter.method == "reserve") {
        item.where = Where::reserved;
        item.number = ++ids_;
        if (getter.lease) item.until = now_ + *getter.lease;
        replies[getter.tag] = std::to_string(item.number) + ":" + std::to_string(item.value) + "x" +
                              std::to_string(item.deliveries);
      } else {
        item.where = Where::got;
        item.number = getter.number;
        replies[getter.tag] = std::to_string(item.value);
      }
      return;
    }
  }

  std::string order_;
  std::size_t maxsize_;
  int max_deliveries_;
  bool closed_ = false;
  int now_ = 0;
  int arrivals_ = 0;
  std::uint64_t ids_ = 0;
  int unfinished_ = 0;
  std::map<int, int> owed_;   // items that have arrived at a session and are not done
  std::map<int, int> early_;  // reported as done before they had arrived
  std::vector<Item> items_;
  std::deque<int> dead_;  // arrivals
  std::vector<Waiter> getters_;
  std::vector<Waiter> putters_;
};

}  // namespace agora::test
