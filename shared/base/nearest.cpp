// SPDX-License-Identifier: MIT

#include "shared/base/nearest.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agora {
namespace {

constexpr std::size_t kBytesMax = 64;
constexpr std::size_t kNamesMax = 3;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kBytesMax);
  b = b.substr(0, kBytesMax);
  using Row = std::array<std::size_t, kBytesMax + 1>;
  Row before{};
  Row above{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.size()];
}

std::vector<std::string_view> nearest(std::string_view name,
                                      std::span<const std::string_view> names) {
  if (name.size() > kBytesMax) return {};
  const std::size_t limit = std::max<std::size_t>(2, name.size() / 3);
  std::vector<std::pair<std::size_t, std::string_view>> close;
  for (const std::string_view candidate : names) {
    if (candidate.size() > name.size() + limit || name.size() > candidate.size() + limit) continue;
    const std::size_t distance = edit_distance(name, candidate);
    // A distance of the whole length means that the two have no letter in common.
    if (distance > limit || distance >= std::max(name.size(), candidate.size())) continue;
    close.emplace_back(distance, candidate);
  }
  std::ranges::stable_sort(close, {}, [](const auto& entry) { return entry.first; });
  std::vector<std::string_view> found;
  for (const auto& entry : close) {
    if (found.size() == kNamesMax) break;
    found.push_back(entry.second);
  }
  return found;
}

}  // namespace agora
