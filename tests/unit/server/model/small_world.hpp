// SPDX-License-Identifier: MIT

// SmallWorld: an exhaustive search of a small state space. Three sessions each make up to four
// calls, chosen from a menu, in every order, with time-outs and deaths in between.
//
// A model sees the replies, and only these, and reports violations. Histories that lead to the same
// state of the model are continued only once. Each history is replayed from the start with a new
// object in one machine, so a history that leaks state would disturb the next.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "server/core/machine/machine.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "shared/value/codec.hpp"
#include "shared/value/describe.hpp"

namespace agora::test {

constexpr std::size_t kActors = 3;

/// One choice of a menu.
struct Choice {
  std::string_view method;
  std::vector<Packed> arguments;  ///< after the object's name
  bool timed = false;             ///< has a time-out, of one second
  /// The index of the object that it is for.
  std::size_t object = 0;
};

/// The next event.
struct Event {
  enum class Kind : std::uint8_t { call, die, second_passes };
  Kind kind = Kind::call;
  std::size_t actor = 0;
  std::size_t choice = 0;
};

/// An object of the world: its type, and the `args` and options of object.create.
struct WorldObject {
  std::string_view type;
  Packed arguments = Packed{std::string{"\x90"}};
  Packed options = Packed{std::string{"\x80"}};
};

/// A renaming of the actors: they are symmetric, so states that differ in names only are one.
using Names = std::array<std::size_t, kActors>;

/// Replays histories against a model. Each function of the model but `describe_to` appends
/// violations to `wrong`. A reply is a result as text ("true", "{\"token\"..."), or an error's
/// type.
template <typename Model>
class SmallWorld {
 public:
  /// Each session makes up to `calls` calls; up to `deaths` of the three die.
  SmallWorld(std::vector<WorldObject> objects, std::vector<Choice> menu, std::size_t calls,
             std::size_t deaths)
      : objects_(std::move(objects)),
        menu_(std::move(menu)),
        calls_(calls),
        deaths_(deaths),
        machine_(all_types(), extents_, {}) {
    open(kOwner);
  }

  struct Result {
    std::size_t states = 0;
    std::size_t steps = 0;
    std::string wrong;  ///< empty if nothing is wrong; else the history and the violation
  };

  Result search(const Model& start) {
    Result result;
    std::vector<Node> todo{{start, {}, {}, {}, {}}};
    seen_.insert(key(todo.back()));
    while (!todo.empty()) {
      const Node node = std::move(todo.back());
      todo.pop_back();
      ++result.states;
      for (const Event& event : possible(node)) {
        ++result.steps;
        Node next = node;
        next.history.push_back(event);
        const std::string wrong = replay(next, event);
        if (!wrong.empty()) {
          result.wrong = format(next.history) + wrong;
          return result;
        }
        if (seen_.insert(key(next)).second) todo.push_back(std::move(next));
      }
    }
    return result;
  }

 private:
  static constexpr std::uint64_t kOwner = 1;

  struct Node {
    Model model;
    std::vector<Event> history;
    std::array<std::size_t, kActors> calls{};
    std::array<bool, kActors> dead{};
    std::array<std::optional<std::size_t>, kActors> waits{};  // by choice
  };

  std::vector<Event> possible(const Node& node) const {
    std::vector<Event> events;
    bool timed = false;
    std::size_t dead = 0;
    for (std::size_t i = 0; i < kActors; ++i) dead += node.dead[i] ? 1 : 0;
    for (std::size_t i = 0; i < kActors; ++i) {
      if (node.dead[i]) continue;
      if (dead < deaths_) events.push_back({Event::Kind::die, i, 0});
      if (node.waits[i]) {
        timed = timed || menu_[*node.waits[i]].timed;
      } else if (node.calls[i] < calls_) {
        for (std::size_t c = 0; c < menu_.size(); ++c) {
          events.push_back({Event::Kind::call, i, c});
        }
      }
    }
    if (timed) events.push_back({Event::Kind::second_passes, 0, 0});
    return events;
  }

  /// Returns the canonical description of a state: the least over all renamings of the actors.
  std::string key(const Node& node) const {
    std::string least;
    Names actors{0, 1, 2};  // by name
    do {
      Names names{};
      for (std::size_t name = 0; name < kActors; ++name) names[actors[name]] = name;
      std::string text;
      for (const std::size_t i : actors) {
        text += static_cast<char>('0' + node.calls[i]);
        text += node.dead[i] ? 'd' : 'l';
        text += static_cast<char>(node.waits[i] ? '0' + *node.waits[i] : '-');
      }
      node.model.describe_to(text, names, actors);
      if (least.empty() || text < least) least = std::move(text);
    } while (std::next_permutation(actors.begin(), actors.end()));
    return least;
  }

  std::string format(const std::vector<Event>& history) const {
    std::string text;
    for (const Event& event : history) {
      if (event.kind == Event::Kind::second_passes) {
        text += "a second passes; ";
      } else {
        text += static_cast<char>('A' + event.actor);
        text += event.kind == Event::Kind::die ? " dies" : " ";
        if (event.kind == Event::Kind::call) {
          text += menu_[event.choice].method;
          for (const Packed& each : menu_[event.choice].arguments) text += " " + describe(each);
        }
        text += "; ";
      }
    }
    return text + "=> ";
  }

  // ---- replaying a history -------------------------------------------------------------------

  /// Replays the node's history, of which the model knows all but the last event.
  std::string replay(Node& node, const Event& last) {
    ++world_;
    batch_.clear();
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      call(kOwner, "object.create",
           {pack(objects_[i].type), pack(name(i)), objects_[i].arguments, objects_[i].options});
    }
    for (std::size_t i = 0; i < kActors; ++i) {
      Command& command = add(Command::Kind::link_opened, link(i));
      command.peer = static_cast<std::uint32_t>(batch_.peers.size());
      batch_.peers.emplace_back();
    }
    for (std::size_t i = 0; i + 1 < node.history.size(); ++i) put(node.history[i]);
    apply();
    batch_.clear();
    put(last);
    apply();
    std::string wrong = check_replies(node, last);
    clean_up(node);
    return wrong;
  }

  void put(const Event& event) {
    if (event.kind == Event::Kind::second_passes) {
      // A batch has one time, so apply the earlier events first.
      apply();
      batch_.clear();
      now_ += std::chrono::seconds{1};
      add(Command::Kind::time_passed, 0);
    } else if (event.kind == Event::Kind::die) {
      add(Command::Kind::link_closed, link(event.actor));
    } else {
      const Choice& choice = menu_[event.choice];
      std::vector<Packed> arguments{pack(name(choice.object))};
      arguments.insert(arguments.end(), choice.arguments.begin(), choice.arguments.end());
      call(link(event.actor), choice.method, arguments);
    }
  }

  /// Passes the last event and all replies to the model.
  std::string check_replies(Node& node, const Event& event) {
    std::string wrong;
    Model& model = node.model;
    if (event.kind == Event::Kind::call) {
      ++node.calls[event.actor];
      node.waits[event.actor] = event.choice;
      model.called(event.actor, menu_[event.choice], wrong);
    } else if (event.kind == Event::Kind::die) {
      node.dead[event.actor] = true;
      node.waits[event.actor].reset();
      model.died(event.actor, wrong);
    } else {
      std::array<bool, kActors> due{};
      for (std::size_t i = 0; i < kActors; ++i) {
        due[i] = node.waits[i] && menu_[*node.waits[i]].timed;
      }
      model.second_passed(due, wrong);
    }
    for (const Effect& effect : effects_.list) {
      const bool is_reply =
          effect.kind == Effect::Kind::reply || effect.kind == Effect::Kind::failure;
      if (!is_reply) continue;
      const auto actor = static_cast<std::size_t>(effect.link.number - link(0));
      if (node.dead[actor]) {
        if (!effect.error || effect.error->code != Errc::session_lost) {
          wrong += "a dead session got a reply; ";
        }
        continue;
      }
      if (!node.waits[actor]) {
        wrong += "two replies to one call; ";
        continue;
      }
      const Choice& choice = menu_[*node.waits[actor]];
      node.waits[actor].reset();
      model.replied(actor, choice,
                    effect.error ? std::string{type_name(effect.error->code)}
                                 : describe(effects_.result(effect)),
                    wrong);
    }
    model.settled(wrong);
    return wrong;
  }

  void clean_up(const Node& node) {
    batch_.clear();
    for (std::size_t i = 0; i < kActors; ++i) {
      if (!node.dead[i]) add(Command::Kind::link_closed, link(i));
    }
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      call(kOwner, "object.delete", {pack(name(i))});
    }
    apply();
  }

  // ---- commands ------------------------------------------------------------------------------

  std::uint64_t link(std::size_t actor) const { return 2 + world_ * kActors + actor; }
  std::string name(std::size_t object) const {
    return "o" + std::to_string(world_) + "-" + std::to_string(object);
  }
  Command& add(Command::Kind kind, std::uint64_t link) {
    Command& command = batch_.commands.emplace_back();
    command.kind = kind;
    command.link = LinkId{link};
    return command;
  }
  void open(std::uint64_t link) {
    add(Command::Kind::link_opened, link);
    batch_.peers.emplace_back();
    apply();
  }
  void call(std::uint64_t link, std::string_view method, const std::vector<Packed>& arguments) {
    const auto first = static_cast<std::uint32_t>(batch_.arguments.size());
    for (const Packed& each : arguments) {
      batch_.arguments.push_back({batch_.bytes.size(), each.bytes().size()});
      batch_.bytes += each.bytes();
    }
    Command& command = add(Command::Kind::call, link);
    command.method = *machine_.catalogue().find(method);
    command.first = first;
    command.count = static_cast<std::uint32_t>(arguments.size());
  }
  void apply() {
    effects_.clear();
    batch_.now = now_;
    machine_.apply(batch_, effects_);
  }

  std::vector<WorldObject> objects_;
  std::vector<Choice> menu_;
  std::size_t calls_;
  std::size_t deaths_;
  HeapExtents extents_;
  Machine machine_;
  Batch batch_;
  Effects effects_;
  Instant now_{};
  std::uint64_t world_ = 0;
  std::unordered_set<std::string> seen_;
};

}  // namespace agora::test
