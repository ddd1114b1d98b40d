// SPDX-License-Identifier: MIT

#include "client/load/histogram.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/catch.hpp"

using agora::load::Histogram;

TEST_CASE("histogram: quantiles are those of the sorted values, within one thirty-second",
          "[load]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(random() >> (random() % 64));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const std::uint64_t exact = values[static_cast<std::size_t>(share * 9'999)];
    const std::uint64_t found = histogram.quantile(share);
    CAPTURE(share, exact, found);
    CHECK(found >= exact);
    CHECK(found - exact <= exact / 32);
  }
  CHECK(histogram.max() == values.back());
  CHECK(histogram.count() == 10'000);
}

TEST_CASE("histogram: is zero while empty, and merges", "[load]") {
  Histogram one;
  CHECK(one.quantile(0.5) == 0);
  CHECK(one.max() == 0);
  Histogram other;
  other.record(7);
  one.record(5);
  one.merge(other);
  CHECK(one.count() == 2);
  CHECK(one.quantile(0) == 5);
  CHECK(one.quantile(1) == 7);
}
