// SPDX-License-Identifier: MIT

// Interleaved comparison of agora and its peers under one load, so that noise from the machine hits
// all of them alike.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/load/generator.hpp"
#include "tests/bench/results.hpp"

namespace agora::bench {

inline constexpr int kRounds = 5;

/// The connections to one server, prepared for one shape of load.
class Side {
 public:
  /// @param dial  returns a connected socket
  Side(std::unique_ptr<load::Protocol> protocol, const load::Shape& shape,
       const std::function<int()>& dial);
  ~Side();
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  /// Runs the load until every connection has had, on average, the replies to a whole pipeline.
  /// @param seconds  the shortest time to run
  /// @return replies per second
  double run(double seconds);
  const std::vector<load::Line>& lines() const { return lines_; }

 private:
  std::unique_ptr<load::Protocol> protocol_;
  std::vector<load::Traffic> traffic_;  ///< one for all connections, or one for each
  std::vector<load::Line> lines_;
};

/// One participant. `turn` runs one measurement and returns a rate or a cost.
struct Candidate {
  std::string name;
  std::function<double()> turn;
};

/// One candidate compared with the first one.
struct Comparison {
  std::string name;
  double first = 0;   ///< the median of the first candidate's turns
  double theirs = 0;  ///< the median of this candidate's turns
  double ratio = 0;   ///< the median over the rounds of first / theirs
};

/// Runs `rounds` rounds, in each of which every candidate has a turn, in alternating order.
/// @return a comparison for each candidate except the first, in their order
std::vector<Comparison> run_interleaved(const std::vector<Candidate>& candidates,
                                        int rounds = kRounds);

}  // namespace agora::bench
