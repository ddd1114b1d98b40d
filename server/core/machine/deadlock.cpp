// SPDX-License-Identifier: MIT

#include "server/core/machine/deadlock.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "server/core/machine/session_format.hpp"

namespace agora {
namespace {

// The error's message names so many waits of a cycle; its details have kListedMax.
constexpr std::size_t kNamedMax = 8;

/// Waiters; each waits for the owner of the next one, and the last for the first.
using Cycle = std::vector<Waiter*>;

/// Searches for the shortest cycle that begins with a wait of one owner. Breadth first and without
/// recursion: a cycle may have as many waits as there are owners.
///
/// Several waits of the owner may be tried, in order. An owner that an earlier search has visited
/// is not visited again: no path leads from it back to the first owner.
class Search : public Blockers {
 public:
  /// @param only_one  only one of the owner's waits is tried
  Search(Machine& machine, OwnerRef owner, bool only_one)
      : machine_(machine), target_(std::move(owner)), only_one_(only_one) {}
  ~Search() override {
    const std::size_t units = Machine::kProbeUnits * nodes_visited_ + steps_;
    machine_.spend(units);
    machine_.note_search(units);
  }

  /// Returns a cycle that begins with this wait of the owner; empty if there is none. Visits of a
  /// run that has found a cycle do not count: another wait may lead to it, too.
  Cycle run(Waiter& start) {
    nodes_.clear();
    keep_visits();
    reads_.swap(reads_of_target_);
    alone_ = only_one_;
    const bool closed = expand(start, kStart);
    alone_ = false;
    reads_.swap(reads_of_target_);
    Cycle cycle = closed ? path(start, kStart) : follow();
    if (cycle.empty()) return cycle;
    undo_visits();
    for (const Node& node : nodes_) seen_.erase(node.owner);
    return cycle;
  }
  /// Begins again with the owner's first wait.
  void begin_round() { reads_of_target_.clear(); }
  /// Forgets all that was visited: the graph has got a new edge.
  void restart() {
    seen_.clear();
    forget_visits();
  }

  void add(SessionId session, const std::string& owner) override {
    if (found_) return;
    if (session == target_.session && owner == target_.owner) {
      found_ = true;
      return;
    }
    OwnerRef blocker{session, owner};
    if (!seen_.insert(blocker).second) return;
    nodes_.push_back({std::move(blocker), via_, parent_});
  }

 private:
  static constexpr std::size_t kStart = ~std::size_t{0};
  struct Node {
    OwnerRef owner;
    Waiter* via = nullptr;        // the wait that leads to this owner
    std::size_t parent = kStart;  // the node of that wait's owner
  };
  struct Hash {
    std::size_t operator()(const OwnerRef& owner) const {
      return std::hash<SessionId>{}(owner.session) * 31 + std::hash<std::string>{}(owner.owner);
    }
  };

  Cycle follow() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      ++nodes_visited_;
      reads_.clear();
      Waiter* waiter = machine_.waiters().first_of(nodes_[i].owner.session, nodes_[i].owner.owner);
      for (; waiter != nullptr; waiter = Waiters::next_of_owner(*waiter)) {
        if (expand(*waiter, i)) return path(*waiter, i);
      }
    }
    return {};
  }

  /// Adds the owners for which the waiter waits. Returns true if the cycle's first owner is one.
  bool expand(Waiter& waiter, std::size_t parent) {
    step();
    via_ = &waiter;
    parent_ = parent;
    found_ = false;
    if (const Lockable* lock = waiter.object->state->as_lock()) lock->blockers(waiter, *this);
    return found_;
  }

  Cycle path(Waiter& last, std::size_t parent) const {
    Cycle cycle{&last};
    for (; parent != kStart; parent = nodes_[parent].parent) {
      cycle.push_back(nodes_[parent].via);
    }
    std::reverse(cycle.begin(), cycle.end());
    return cycle;
  }

  Machine& machine_;
  OwnerRef target_;
  std::vector<Node> nodes_;
  std::unordered_set<OwnerRef, Hash> seen_;  // never iterated
  Locks reads_of_target_;
  const bool only_one_;
  std::size_t nodes_visited_ = 0;
  Waiter* via_ = nullptr;  // the wait that is being expanded, and the node of its owner
  std::size_t parent_ = kStart;
  bool found_ = false;
};

Error deadlock(Machine& machine, const Cycle& cycle) {
  const auto described = [&](const Waiter& waiter) {
    return format_session(machine, waiter.session, waiter.owner);
  };
  Error error{Errc::deadlock, described(*cycle.front()), Done::no, {}};
  for (std::size_t i = 0; i < std::min(cycle.size(), kNamedMax); ++i) {
    const Waiter& waiter = *cycle[i];
    const bool last = i + 1 == cycle.size();
    if (i > 0) error.message += ", who";
    error.message += " waits for " + std::string{waiter.object->type->name} + " " +
                     waiter.object->name + " and so for " +
                     (last ? described(*cycle.front()) : described(*cycle[i + 1]));
  }
  if (cycle.size() > kNamedMax) {
    error.message += ", and " + std::to_string(cycle.size() - kNamedMax) + " more in the cycle";
  }
  std::string packed;
  Writer out{packed};
  const std::size_t listed = std::min(cycle.size(), kListedMax);
  out.list(static_cast<std::uint32_t>(listed));
  for (std::size_t i = 0; i < listed; ++i) write_waiting(out, machine, *cycle[i]);
  error.details.push_back({"cycle", std::move(packed)});
  return error;
}

/// Returns a cycle through one of the owner's waits in which an acquire can be refused, the newest
/// acquire first; empty if there is none.
Cycle breakable(Search& search, Waiter* waiter) {
  search.begin_round();
  for (; waiter != nullptr; waiter = Waiters::next_of_owner(*waiter)) {
    Cycle cycle = search.run(*waiter);
    if (cycle.empty()) continue;
    const auto newest =
        std::max_element(cycle.begin(), cycle.end(), [](const Waiter* a, const Waiter* b) {
          const auto arrival = [](const Waiter& w) { return w.levels != 0 ? 0 : w.serial; };
          return arrival(*a) < arrival(*b);
        });
    if ((*newest)->levels != 0) continue;
    std::rotate(cycle.begin(), newest, cycle.end());
    return cycle;
  }
  return {};
}

/// Tells whether other owners may wait for that of the waiter: only then can it close a cycle.
/// Looks at a few grants only.
bool may_be_waited_for(Machine& machine, const Waiter& waiter) {
  constexpr std::size_t kGrantsMax = 16;
  if (waiter.waits_elsewhere()) return true;
  const Session* session = machine.sessions().find(waiter.session);
  if (session == nullptr || session->grants.size() > kGrantsMax) return true;
  bool found = false;
  session->grants.each([&](ObjectId id) {
    const Object* object = machine.registry().find(id);
    const Lockable* lock = object == nullptr ? nullptr : object->state->as_lock();
    if (lock == nullptr || object->waiters.empty()) return;
    found = found || lock->blocks_as(waiter.session, waiter.owner);
  });
  return found;
}

}  // namespace

std::optional<Error> closed_cycle(Machine& machine, Waiter& waiter) {
  if (!may_be_waited_for(machine, waiter)) return std::nullopt;
  Search search{machine, {waiter.session, waiter.owner}, true};
  const Cycle cycle = search.run(waiter);
  if (cycle.empty()) return std::nullopt;
  return deadlock(machine, cycle);
}

void break_cycles(Machine& machine, const OwnerRef& owner) {
  const auto first = [&] { return machine.waiters().first_of(owner.session, owner.owner); };
  if (first() == nullptr) return;
  Search search{machine, owner, false};
  for (;;) {
    const Cycle cycle = breakable(search, first());
    if (cycle.empty()) return;
    const std::uint64_t moves = machine.waiters().moves();
    machine.refuse(*cycle.front(), deadlock(machine, cycle));
    if (machine.waiters().moves() != moves) search.restart();
  }
}

}  // namespace agora
