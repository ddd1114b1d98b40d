// SPDX-License-Identifier: MIT

#include "shared/value/references.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

std::vector<std::string> references_in(const std::string& bytes) {
  std::vector<std::string> names;
  each_reference(PackedView(bytes), [&](std::string_view name) { names.emplace_back(name); });
  return names;
}

}  // namespace

TEST_CASE("references: none are found in plain values", "[value]") {
  CHECK(references_in(pack(5).bytes()).empty());
  CHECK(references_in(pack(std::vector<std::string>{"jobs"}).bytes()).empty());
  CHECK_FALSE(has_references(pack("jobs")));
}

TEST_CASE("references: found alone, in lists, and as keys and values of maps", "[value]") {
  CHECK(references_in(pack(reference{"jobs"}).bytes()) == std::vector<std::string>{"jobs"});
  const std::map<reference, std::vector<reference>> nested{{{"a"}, {{"b"}, {"c"}}}, {{"d"}, {}}};
  CHECK(references_in(pack(nested).bytes()) == std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(has_references(pack(nested)));
}

TEST_CASE("references: the side tables of opaque values are visited", "[value]") {
  const std::string payload = written([](Writer& writer) {
    writer.list(2);
    // These bytes look like a reference, but are private to another language.
    writer.bytes(bytes_of({0xd4, 1, 'n'}));
    writer.list(2);
    writer.reference("x");
    writer.reference("y");
  });
  const std::string value = written([&](Writer& writer) {
    writer.list(3);
    writer.reference("before");
    writer.opaque(payload);
    writer.reference("after");
  });
  CHECK(references_in(value) == std::vector<std::string>{"before", "x", "y", "after"});
  CHECK(has_references(PackedView(written([&](Writer& writer) { writer.opaque(payload); }))));
}

TEST_CASE("references: has_references agrees with each_reference", "[value]") {
  CHECK(rc::check("there are references if one is visited", [] {
    const std::string bytes = *values();
    RC_ASSERT(has_references(PackedView(bytes)) == !references_in(bytes).empty());
  }));
}
