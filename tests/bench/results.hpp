// SPDX-License-Identifier: MIT

// Results of a benchmark, printed as lines on the terminal and written as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace agora::bench {

/// The bound that a result must meet.
struct Bound {
  double limit = 0;
  bool at_least = true;
};
inline Bound at_least(double limit) { return {limit, true}; }
inline Bound at_most(double limit) { return {limit, false}; }

/// One measurement, compared with a peer, or alone if `peer` is empty.
struct Result {
  std::string row{};   ///< its name, which `./run bench numbers WORD` matches
  std::string what{};  ///< the description of the measurement
  std::string peer{};
  std::string unit{};  ///< of `ours` and `theirs`
  double ours = 0;
  double theirs = 0;
  /// The median over the rounds of ours / theirs; without a peer, `ours` itself.
  double measured = 0;
  std::optional<Bound> bound{};
  std::string note{};  ///< a remark; for a skipped row, the reason

  bool is_skipped() const { return unit.empty(); }
  bool is_missed() const {
    return !is_skipped() && bound &&
           (bound->at_least ? measured < bound->limit : measured > bound->limit);
  }
};

/// Prints each result when it is added, and keeps it.
class Report {
 public:
  /// @param title  the title of the table and of the JSON, such as "numbers" or "matrix"
  explicit Report(std::string title);
  void add(Result result);
  /// Adds a row that was not measured, with the reason.
  void skip(const std::string& row, const std::string& what, const std::string& why);
  /// Prints how many results there are, and how many missed their bound.
  void finish() const;
  /// @throws std::runtime_error  the file cannot be written.
  void write_json(const std::string& path) const;

 private:
  std::string title_;
  std::vector<Result> results_;
};

double median(std::vector<double> values);

}  // namespace agora::bench
