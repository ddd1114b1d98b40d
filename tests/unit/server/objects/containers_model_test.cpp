// SPDX-License-Identifier: MIT

// Each container against a plain model of the standard library: the same random operations on both,
// the same replies and the same content at every step. RapidCheck prints the seed.

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

using Pairs = std::vector<std::pair<int, int>>;

auto place_of(Pairs& pairs, int key) {
  return std::find_if(pairs.begin(), pairs.end(),
                      [&](const auto& pair) { return pair.first == key; });
}

TEST_CASE("dict: equals an ordered list of pairs", "[objects]") {
  CHECK(rc::check("dict", [] {
    MachineCalls call;
    call("object.create", "dict", "d");
    Pairs model;
    const int steps = *rc::gen::inRange(0, 200);
    for (int i = 0; i < steps; ++i) {
      const int key = *rc::gen::inRange(0, 20);
      const int value = *rc::gen::inRange(-5, 300);
      const auto at = place_of(model, key);
      const bool there = at != model.end();
      switch (*rc::gen::inRange(0, 8)) {
        case 0:
        case 1:
        case 2:
          call("dict.set", "d", key, value);
          there ? void(at->second = value) : void(model.emplace_back(key, value));
          break;
        case 3: {
          const Given given = call("dict.pop", "d", key);
          RC_ASSERT((there ? given.as<int>() == at->second : given.error == "KeyError"));
          if (there) model.erase(at);
          break;
        }
        case 4:
          RC_ASSERT(call("dict.add", "d", key, value).as<int>() ==
                    (there ? at->second += value : (model.emplace_back(key, value), value)));
          break;
        case 5: {
          const Given given = call("dict.pop_item", "d");
          if (model.empty()) {
            RC_ASSERT(given.error == "KeyError");
          } else {
            RC_ASSERT((given.as<std::pair<int, int>>() == model.back()));
            model.pop_back();
          }
          break;
        }
        case 6: {
          const bool same = call("dict.compare_and_set", "d", key, value, 7).as<bool>();
          RC_ASSERT(same == (there && at->second == value));
          if (same) at->second = 7;
          break;
        }
        default:
          if (value == 0) call("dict.clear", "d"), model.clear();
      }
      RC_ASSERT(call("dict.items", "d").as<Pairs>() == model);
      RC_ASSERT(call("dict.len", "d").as<std::size_t>() == model.size());
    }
  }));
}

/// A slice by Python's rules, in the simplest form.
std::vector<std::size_t> places(std::optional<int> start, std::optional<int> stop, int step,
                                int n) {
  const auto clip = [&](int x, int low, int high) {
    return std::clamp(x < 0 ? x + n : x, low, high);
  };
  std::vector<std::size_t> found;
  if (step > 0) {
    const int end = stop ? clip(*stop, 0, n) : n;
    for (int i = start ? clip(*start, 0, n) : 0; i < end; i += step) {
      found.push_back(static_cast<std::size_t>(i));
    }
  } else {
    const int end = stop ? clip(*stop, -1, n - 1) : -1;
    for (int i = start ? clip(*start, -1, n - 1) : n - 1; i > end; i += step) {
      found.push_back(static_cast<std::size_t>(i));
    }
  }
  return found;
}

TEST_CASE("list: equals a vector with Python's indices", "[objects]") {
  CHECK(rc::check("list", [] {
    MachineCalls call;
    call("object.create", "list", "l");
    std::vector<int> model;
    const int steps = *rc::gen::inRange(0, 150);
    for (int i = 0; i < steps; ++i) {
      const int value = *rc::gen::inRange(0, 10);
      const int n = static_cast<int>(model.size());
      const int index = *rc::gen::inRange(-n - 2, n + 3);
      const int at = index < 0 ? index + n : index;
      const bool inside = at >= 0 && at < n;
      switch (*rc::gen::inRange(0, 11)) {
        case 0:
        case 1:
          call("list.append", "l", value);
          model.push_back(value);
          break;
        case 2:
          call("list.insert", "l", index, value);
          model.insert(model.begin() + std::clamp(at, 0, n), value);
          break;
        case 3: {
          const Given given = call("list.pop", "l", index);
          RC_ASSERT((inside ? given.as<int>() == model[static_cast<std::size_t>(at)]
                            : given.error == "IndexError"));
          if (inside) model.erase(model.begin() + at);
          break;
        }
        case 4: {
          const Given given = call("list.set", "l", index, value);
          RC_ASSERT(given.error == (inside ? "" : "IndexError"));
          if (inside) model[static_cast<std::size_t>(at)] = value;
          break;
        }
        case 5: {
          const auto found = std::find(model.begin(), model.end(), value);
          const Given given = call("list.remove", "l", value);
          RC_ASSERT(given.error == (found == model.end() ? "ValueError" : ""));
          if (found != model.end()) model.erase(found);
          break;
        }
        case 6:
        case 7: {
          std::optional<int> start, stop;
          if (*rc::gen::arbitrary<bool>()) start = *rc::gen::inRange(-n - 2, n + 3);
          if (*rc::gen::arbitrary<bool>()) stop = *rc::gen::inRange(-n - 2, n + 3);
          int step = *rc::gen::inRange(-3, 4);
          if (step == 0) step = 1;
          const auto chosen = places(start, stop, step, n);
          std::vector<int> expected;
          for (const std::size_t place : chosen) expected.push_back(model[place]);
          RC_ASSERT(call("list.slice", "l", start, stop, step).as<std::vector<int>>() == expected);
          if (value < 3) {
            call("list.delete_slice", "l", start, stop, step);
            std::vector<int> left;
            for (std::size_t p = 0; p < model.size(); ++p) {
              if (std::find(chosen.begin(), chosen.end(), p) == chosen.end())
                left.push_back(model[p]);
            }
            model = left;
          }
          break;
        }
        case 8:
          call("list.sort", "l", value < 5);
          std::stable_sort(model.begin(), model.end());
          if (value < 5) std::reverse(model.begin(), model.end());
          break;
        case 9:
          call("list.reverse", "l");
          std::reverse(model.begin(), model.end());
          break;
        default:
          RC_ASSERT(call("list.count", "l", value).as<long>() ==
                    std::count(model.begin(), model.end(), value));
      }
      RC_ASSERT(call("list.copy", "l").as<std::vector<int>>() == model);
    }
  }));
}

TEST_CASE("queue: equals a bounded deque", "[objects]") {
  CHECK(rc::check("queue", [] {
    MachineCalls call;
    const auto maxsize = *rc::gen::inRange<std::size_t>(1, 6);
    call("object.create", "queue", "q", std::vector<int>{},
         std::map<std::string, std::size_t>{{"maxsize", maxsize}});
    std::deque<int> model;
    std::uint64_t unfinished = 0;
    const int steps = *rc::gen::inRange(0, 150);
    for (int i = 0; i < steps; ++i) {
      const int value = *rc::gen::inRange(0, 100);
      switch (*rc::gen::inRange(0, 6)) {
        case 0:
        case 1: {
          const bool fits = model.size() < maxsize;
          RC_ASSERT(call("queue.put", "q", value, 0).error == (fits ? "" : "Full"));
          if (fits) model.push_back(value), ++unfinished;
          break;
        }
        case 2: {
          const Given given = call("queue.get", "q", 0);
          RC_ASSERT((model.empty() ? given.error == "Empty" : given.as<int>() == model.front()));
          if (!model.empty()) model.pop_front();
          break;
        }
        case 3: {
          const std::size_t most = static_cast<std::size_t>(value % 4) + 1;
          const Given given = call("queue.get_many", "q", most, 0);
          std::vector<int> expected;
          while (!model.empty() && expected.size() < most) {
            expected.push_back(model.front());
            model.pop_front();
          }
          RC_ASSERT((expected.empty() ? given.error == "Empty"
                                      : given.as<std::vector<int>>() == expected));
          break;
        }
        case 4:
          RC_ASSERT(call("queue.task_done", "q").error == (unfinished == 0 ? "ValueError" : ""));
          if (unfinished > 0) --unfinished;
          break;
        default:
          RC_ASSERT(call("queue.join", "q", 0).error == (unfinished == 0 ? "" : "Timeout"));
      }
      RC_ASSERT(call("queue.size", "q").as<std::size_t>() == model.size());
    }
  }));
}

TEST_CASE("containers: a saved object loads as an equal one", "[objects]") {
  MachineCalls call;
  call("object.create", "dict", "d", std::vector<std::map<std::string, int>>{{{"a", 1}, {"b", 2}}});
  call("dict.delete", "d", "a");
  call("dict.set", "d", 2.5, std::string(20'000, 'x'));
  call("object.create", "list", "l", std::vector<std::vector<int>>{{3, 1, 2}});
  call("object.create", "queue", "q", std::vector<int>{},
       std::map<std::string, int>{{"maxsize", 3}});
  call("queue.put", "q", "item");
  call("object.create", "value", "v", std::tuple<std::string, int>{"i", 5});
  call("object.create", "event", "e");
  call("event.set", "e");
  call("object.create", "lock", "k");
  for (const char* name : {"d", "l", "q", "v", "e", "k"}) {
    INFO(name);
    Object& object = *call.machine().registry().find(std::string_view{name});
    std::string saved;
    Writer writer{saved};
    object.state->save(writer);
    Creation creation{call.machine(), object.type, object.id, object.name, {}, {}};
    auto loaded = object.type->load(creation, PackedView{saved});
    REQUIRE(loaded);
    std::string again;
    Writer second{again};
    (*loaded)->save(second);
    CHECK(saved == again);
    CHECK((*loaded)->size() == object.state->size());
    CHECK((*loaded)->bytes() == object.state->bytes());
    object.state.swap(*loaded);
    (*loaded)->release_some(call.machine(), 1000);
  }
  CHECK(call("dict.get", "d", 2.5).as<std::string>() == std::string(20'000, 'x'));
  CHECK(call("dict.scan", "d").result.bytes() != "");
  CHECK(call("list.copy", "l").as<std::vector<int>>() == std::vector<int>{3, 1, 2});
  CHECK(call("queue.get", "q").as<std::string>() == "item");
  CHECK(call("value.add", "v", 1).as<int>() == 6);
}

TEST_CASE("containers: deleted content is freed to the last byte", "[objects]") {
  MachineCalls call;
  const std::size_t before = call.machine().arena().bytes_used();
  call("object.create", "dict", "d");
  call("object.create", "list", "l");
  for (int i = 0; i < 5'000; ++i) {
    call("dict.set", "d", i, std::string(static_cast<std::size_t>(i % 50) * 10, 'v'));
    call("list.append", "l", i);
  }
  call("list.append", "l", reference{"d"});
  call("object.delete", "d");
  call("list.clear", "l");
  call("object.delete", "l");
  for (int i = 0; i < 20; ++i) call("ping");
  CHECK_FALSE(call.machine().registry().pending_reclaim());
  CHECK(call.machine().arena().bytes_used() == before);
}

TEST_CASE("memory cap: only methods that grow the memory are refused", "[objects]") {
  MachineInput input;
  input.limits.memory_bytes_max = 200'000;
  MachineCalls call{input};
  call("object.create", "dict", "d");
  int entries = 0;
  while (call("dict.set", "d", entries, std::string(1000, 'v')).error.empty()) ++entries;
  CHECK(entries > 100);
  CHECK(call("dict.set", "d", "more", std::string(1000, 'v')).error == "OutOfMemory");
  CHECK(call("queue.put", "q", 0).error == "NotFound");
  CHECK(call("dict.get", "d", 0).as<std::string>().size() == 1000);
  CHECK(call("dict.delete", "d", 0).error.empty());
  CHECK(call("dict.clear", "d").error.empty());
  CHECK(call("dict.set", "d", "works", "again").error.empty());
}

}  // namespace
}  // namespace agora::test
