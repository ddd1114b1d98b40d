// Figures: what a benchmark found, as lines on the terminal and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace agora::bench {

/// What is asked of a figure.
struct Wanted {
  double bound = 0;
  bool at_least = true;
};
inline Wanted at_least(double bound) { return {bound, true}; }
inline Wanted at_most(double bound) { return {bound, false}; }

/// One measured thing beside a peer, or by itself if `peer` is empty.
struct Figure {
  std::string row{};   ///< what `./run bench numbers WORD` finds it by
  std::string what{};  ///< in words
  std::string peer{};
  std::string unit{};  ///< of `ours` and `theirs`
  double ours = 0;
  double theirs = 0;
  /// The median of the rounds' ratios ours / theirs; without a peer, `ours` itself.
  double measured = 0;
  std::optional<Wanted> wanted{};
  std::string note{};  ///< what else must be known; for a figure that was left out, why

  bool is_left_out() const { return unit.empty(); }
  bool is_missed() const {
    return !is_left_out() && wanted &&
           (wanted->at_least ? measured < wanted->bound : measured > wanted->bound);
  }
};

/// Prints each figure as it comes, and keeps them.
class Report {
 public:
  /// @param title  heads the table and the JSON: "numbers" or "matrix"
  explicit Report(std::string title);
  void add(Figure figure);
  /// Something could not be measured, and why.
  void leave_out(const std::string& row, const std::string& what, const std::string& why);
  /// How many figures there are, and how many are missed; says so on the terminal.
  void finish() const;
  /// @throws std::runtime_error  the file cannot be written.
  void write_json(const std::string& path) const;

 private:
  std::string title_;
  std::vector<Figure> figures_;
};

double median(std::vector<double> values);

}  // namespace agora::bench
