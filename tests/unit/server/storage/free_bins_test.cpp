// SPDX-License-Identifier: MIT

#include "server/storage/free_bins.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using agora::FreeBins;

TEST_CASE("free bins: small sizes have a bin each, and the largest size the last bin",
          "[core][storage]") {
  for (std::uint32_t units = 1; units < 32; ++units) CHECK(FreeBins::bin_of(units) == units);
  CHECK(FreeBins::bin_of(32) == 32);
  CHECK(FreeBins::bin_of(33) == 32);
  CHECK(FreeBins::bin_of(34) == 33);
  CHECK(FreeBins::bin_of(std::numeric_limits<std::uint32_t>::max()) == FreeBins::kCount - 1);
}

TEST_CASE("free bins: a block in a higher bin is larger than any in a lower one",
          "[core][storage]") {
  CHECK(rc::check("bins rise with sizes", [](std::uint32_t a, std::uint32_t b) {
    const std::uint32_t low = std::min(a, b) | 1;
    const std::uint32_t high = std::max(low, std::max(a, b));
    RC_ASSERT(FreeBins::bin_of(low) <= FreeBins::bin_of(high));
  }));
}

TEST_CASE("free bins: a bin spans at most a sixteenth of its sizes", "[core][storage]") {
  std::uint32_t first = 32;
  for (std::uint32_t units = 32; units < 100'000; ++units) {
    if (FreeBins::bin_of(units) != FreeBins::bin_of(first)) first = units;
    REQUIRE((units - first) * 16 < first);
  }
}

TEST_CASE("free bins: the search finds the lowest bin in use", "[core][storage]") {
  CHECK(rc::check("as a set would", [](const std::vector<std::uint16_t>& flips) {
    FreeBins bins;
    std::set<std::size_t> model;
    for (const std::uint16_t flip : flips) {
      const std::size_t bin = flip % FreeBins::kCount;
      const bool on = model.count(bin) == 0;
      bins.set_head(bin, on ? flip + 1U : 0U);
      on ? void(model.insert(bin)) : void(model.erase(bin));
      for (const std::size_t from : {std::size_t{0}, bin, bin + 1, FreeBins::kCount}) {
        const auto found = model.lower_bound(from);
        RC_ASSERT(bins.first_in_use(from) == (found == model.end() ? FreeBins::kNone : *found));
      }
    }
  }));
}
