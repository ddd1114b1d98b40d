// A contest: agora and its peers under one load, in turns, so that what the machine does meanwhile
// falls on all of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/load/generator.hpp"
#include "tests/bench/results.hpp"

namespace agora::bench {

inline constexpr int kRounds = 5;

/// Connections to one server, prepared for one shape of load.
class Side {
 public:
  /// @param dial  gives a connected socket.
  Side(std::unique_ptr<load::Dialect> dialect, const load::Shape& shape,
       const std::function<int()>& dial);
  ~Side();
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  /// @param seconds  at least; on average every connection has a whole pipeline answered.
  /// @return answered requests a second.
  double run(double seconds);
  const std::vector<load::Line>& lines() const { return lines_; }

 private:
  std::unique_ptr<load::Dialect> dialect_;
  std::vector<load::Traffic> traffic_;  ///< one, or one for each connection
  std::vector<load::Line> lines_;
};

/// Somebody who takes part, and one turn of it: whatever is measured, more of it is another number.
struct Contender {
  std::string name;
  std::function<double()> turn;
};

/// One contender beside the first one.
struct Outcome {
  std::string name;
  double first = 0;   ///< the median of the first one's turns
  double theirs = 0;  ///< of this one's turns
  double ratio = 0;   ///< the median over the rounds of first / this one
};

/// So many rounds, in each of which everybody has a turn, in changing order.
/// @return all but the first, in their order.
std::vector<Outcome> contest(const std::vector<Contender>& contenders, int rounds = kRounds);

}  // namespace agora::bench
