// SPDX-License-Identifier: MIT

// RandomCalls: random calls on containers. Few keys and indices, so that they collide; values of
// all kinds.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>
#include <string>

#include "shared/value/msgpack_writer.hpp"
#include "shared/value/packed.hpp"

namespace agora::test {

/// Makes random calls on "d", "l", "s", "n", "a", "v": a dict, list, set, namespace, array of 8 and
/// value. Their values refer to "t".
class RandomCalls {
 public:
  explicit RandomCalls(std::uint32_t seed) : random_(seed) {}

  /// [method, params]
  Packed next() {
    static constexpr const char* kShapes[] = {"dict.set d kv",
                                              "dict.set d kv",
                                              "dict.delete d k",
                                              "dict.pop d k",
                                              "dict.pop_item d",
                                              "dict.update d p",
                                              "dict.set_default d kv",
                                              "dict.add d ki",
                                              "dict.compare_and_set d kvv",
                                              "dict.delete_many d l",
                                              "dict.clear d",
                                              "dict.get d k",
                                              "list.append l v",
                                              "list.append l v",
                                              "list.extend l l",
                                              "list.insert l iv",
                                              "list.pop l i",
                                              "list.pop l",
                                              "list.set l iv",
                                              "list.delete l i",
                                              "list.remove l k",
                                              "list.reverse l",
                                              "list.sort l",
                                              "list.repeat l r",
                                              "list.clear l",
                                              "list.set_slice l iitl",
                                              "list.set_slice l iizl",
                                              "list.delete_slice l iit",
                                              "list.delete_slice l iiz",
                                              "list.add l ii",
                                              "list.compare_and_set l ivv",
                                              "set.add s k",
                                              "set.add s k",
                                              "set.discard s k",
                                              "set.remove s k",
                                              "set.pop s",
                                              "set.clear s",
                                              "set.update s l",
                                              "set.intersection_update s l",
                                              "set.difference_update s l",
                                              "set.symmetric_difference_update s l",
                                              "set.symmetric_difference_update s S",
                                              "set.union s l",
                                              "namespace.set n av",
                                              "namespace.set n av",
                                              "namespace.delete n a",
                                              "namespace.get n a",
                                              "array.set a ii",
                                              "array.add a ii",
                                              "array.fill a i",
                                              "array.set_slice a zztI",
                                              "array.compare_and_set a iii",
                                              "value.set v v",
                                              "value.exchange v v",
                                              "value.add v i"};
    std::string shape = kShapes[below(std::size(kShapes))];
    const std::size_t name = shape.find(' ') + 1;
    const std::string method = shape.substr(0, name - 1);
    const std::string kinds = shape.size() > name + 2 ? shape.substr(name + 2) : std::string{};
    std::string bytes;
    Writer out{bytes};
    out.list(2);
    out.text(method);
    out.list(static_cast<std::uint32_t>(1 + kinds.size()));
    out.text(shape.substr(name, 1));
    for (const char kind : kinds) parameter(out, kind);
    return Packed{bytes};
  }

 private:
  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }

  void parameter(Writer& out, char kind) {
    switch (kind) {
      case 'k':
        return key(out);
      case 'v':
        return value(out);
      case 'i':
        return out.integer(static_cast<std::int64_t>(below(14)) - 5);
      case 'r':
        return out.integer(below(4));
      case 't':
        return below(3) == 0 ? out.integer(2) : out.integer(-1);
      case 'z':
        return out.null();
      case 'a':
        return out.text(std::string(1, static_cast<char>('a' + below(5))));
      case 'S':
        return out.reference("s");
      case 'I':
        return integers(out);
      case 'p':
        return pairs(out);
      default:
        return keys(out);
    }
  }
  void key(Writer& out) {
    const std::uint32_t which = below(12);
    if (which < 8) return out.integer(which);
    if (which == 8) return out.real(below(8));
    if (which == 9) return out.reference("t");
    out.text("key " + std::to_string(below(4)));
  }
  void value(Writer& out) {
    switch (below(6)) {
      case 0:
        return out.reference("t");
      case 1:
        return out.text(std::string(20'000, 'x'));  // stored outside its entry
      case 2:
        out.list(2);
        out.reference("t");
        return out.reference("d");
      case 3:
        return out.real(0.5);
      default:
        return out.integer(below(9));
    }
  }
  void keys(Writer& out) {
    const std::uint32_t count = below(6);
    out.list(count);
    for (std::uint32_t i = 0; i < count; ++i) key(out);
  }
  void integers(Writer& out) {
    out.list(8);
    for (int i = 0; i < 8; ++i) out.integer(below(100));
  }
  void pairs(Writer& out) {
    const std::uint32_t count = below(5);
    out.list(count);
    for (std::uint32_t i = 0; i < count; ++i) out.list(2), key(out), value(out);
  }

  std::mt19937 random_;
};

}  // namespace agora::test
