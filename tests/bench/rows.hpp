// SPDX-License-Identifier: MIT

// The rows of the tables: `numbers`, in which each row has a bound, the wide `matrix`, `scaling`,
// which measures how the cost of a call grows, and `large`, which measures large values.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/results.hpp"

namespace agora::bench {

/// Substrings that must all occur in the name of a row; an empty filter selects every row.
using Filter = std::vector<std::string>;
bool fits(const std::string& row, const Filter& filter);

void numbers(Report& report, const Filter& filter);
void matrix(Report& report, const Filter& filter);
void scaling(Report& report, const Filter& filter);
/// Values of 1 KiB to 512 MiB over every transport.
void large(Report& report, const Filter& filter);
/// TLS beside Redis with TLS.
void secure(Report& report, const Filter& filter);

// The rows of `numbers` that are more than a load of requests; each adds its results.
void round_trip(Report& report);
void growing(Report& report);
void flooding(Report& report);
void idle_connections(Report& report);
void hand_over(Report& report);
void etcd_locks(Report& report);

}  // namespace agora::bench
