// SPDX-License-Identifier: MIT

#include "server/core/machine/deadlock.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "server/core/machine/session_format.hpp"

namespace agora {
namespace {

// The error's message names so many waits of a cycle; its details have kListedMax.
constexpr std::size_t kNamedMax = 8;

/// Waiters; each waits for the owner of the next one, and the last for the first.
using Cycle = std::vector<Waiter*>;

/// Searches for the shortest cycle that begins with one wait. Breadth first and without recursion:
/// a cycle may have as many waits as there are owners.
class Search {
 public:
  Search(Machine& machine, Waiter& start)
      : machine_(machine), start_(start), target_{start.session, start.owner} {}

  /// Returns the cycle; empty if there is none.
  Cycle run() {
    if (expand(start_, kStart)) return path(start_, kStart);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Waiter* waiter = machine_.waiters().first_of(nodes_[i].owner.session, nodes_[i].owner.owner);
      for (; waiter != nullptr; waiter = Waiters::next_of_owner(*waiter)) {
        if (expand(*waiter, i)) return path(*waiter, i);
      }
    }
    return {};
  }

 private:
  static constexpr std::size_t kStart = ~std::size_t{0};
  struct Node {
    OwnerRef owner;
    Waiter* via = nullptr;        // the wait that leads to this owner
    std::size_t parent = kStart;  // the node of that wait's owner
  };

  /// Adds the owners for which the waiter waits. Returns true if the cycle's first owner is one.
  bool expand(Waiter& waiter, std::size_t parent) {
    blockers_.clear();
    if (const Lockable* lock = waiter.object->state->as_lock()) lock->blockers(waiter, blockers_);
    for (OwnerRef& owner : blockers_) {
      if (owner == target_) return true;
      if (!seen_.insert({owner.session, owner.owner}).second) continue;
      nodes_.push_back({std::move(owner), &waiter, parent});
    }
    return false;
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
  Waiter& start_;
  OwnerRef target_;
  std::vector<Node> nodes_;
  std::set<std::pair<SessionId, std::string>> seen_;
  std::vector<OwnerRef> blockers_;
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
Cycle breakable(Machine& machine, const OwnerRef& owner) {
  Waiter* waiter = machine.waiters().first_of(owner.session, owner.owner);
  for (; waiter != nullptr; waiter = Waiters::next_of_owner(*waiter)) {
    Cycle cycle = Search{machine, *waiter}.run();
    const auto newest =
        std::max_element(cycle.begin(), cycle.end(), [](const Waiter* a, const Waiter* b) {
          const auto arrival = [](const Waiter& w) { return w.levels != 0 ? 0 : w.serial; };
          return arrival(*a) < arrival(*b);
        });
    if (newest == cycle.end() || (*newest)->levels != 0) continue;
    std::rotate(cycle.begin(), newest, cycle.end());
    return cycle;
  }
  return {};
}

}  // namespace

std::optional<Error> closed_cycle(Machine& machine, Waiter& waiter) {
  // No other owner waits for one that holds nothing and has no other wait.
  const Session* session = machine.sessions().find(waiter.session);
  const bool only = machine.waiters().first_of(waiter.session, waiter.owner) == &waiter &&
                    Waiters::next_of_owner(waiter) == nullptr;
  if (only && session != nullptr && session->grants.empty()) return std::nullopt;
  const Cycle cycle = Search{machine, waiter}.run();
  if (cycle.empty()) return std::nullopt;
  return deadlock(machine, cycle);
}

void break_cycles(Machine& machine, const OwnerRef& owner) {
  for (;;) {
    const Cycle cycle = breakable(machine, owner);
    if (cycle.empty()) return;
    machine.refuse(*cycle.front(), deadlock(machine, cycle));
  }
}

}  // namespace agora
