// SPDX-License-Identifier: MIT

#include "server/objects/containers/list_order.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/value/compare.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

/// An element and its rank: an element of smaller rank comes first.
struct Ranked {
  std::uint64_t rank = 0;
  Handle element;
  bool exact = false;  ///< an equal rank that is exact too means an equal value
};

bool is_number(Kind kind) {
  return kind == Kind::boolean || kind == Kind::integer || kind == Kind::real;
}

/// The properties of all values by which ranks are made.
struct Common {
  bool numbers = true;
  bool texts = true;  ///< all are texts, or all are bytes
  std::optional<Kind> first{};
  bool integers = true;
  bool any_negative = false;
  bool any_beyond_int64 = false;
  std::optional<std::string_view> prefix{};  ///< of all texts

  void add(const Token& token) {
    numbers = numbers && is_number(token.kind);
    if (!first) first = token.kind;
    texts = texts && token.kind == *first && (*first == Kind::text || *first == Kind::bytes);
    integers = integers && token.kind == Kind::integer;
    if (token.kind == Kind::integer) {
      any_negative = any_negative || token.negative;
      any_beyond_int64 = any_beyond_int64 || (!token.negative && token.natural > INT64_MAX);
    }
    if (!texts) return;
    if (!prefix) {
      prefix = token.body;
      return;
    }
    const auto differ =
        std::mismatch(prefix->begin(), prefix->end(), token.body.begin(), token.body.end());
    prefix = prefix->substr(0, static_cast<std::size_t>(differ.first - prefix->begin()));
  }
  bool fits_64_bits() const { return integers && !(any_negative && any_beyond_int64); }
};

/// Returns the bits of a float as a number in the same order; NaN comes last.
std::uint64_t rank_of_real(double value) {
  if (std::isnan(value)) return ~std::uint64_t{0};
  const auto bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

/// Sets the rank of a number. All integers fit in 64 bits, or else their nearest float is taken.
void rank_number(const Token& token, const Common& common, Ranked& out) {
  constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;
  out.exact = true;
  if (token.kind == Kind::real) {
    out.rank = rank_of_real(token.real);
  } else if (token.kind == Kind::boolean) {
    out.rank = rank_of_real(token.boolean ? 1 : 0);
  } else if (common.fits_64_bits()) {
    out.rank = common.any_beyond_int64 ? token.natural
                                       : static_cast<std::uint64_t>(token.integer) ^ kSignBit;
  } else if (token.negative) {
    out.rank = rank_of_real(static_cast<double>(token.integer));
    out.exact = token.integer >= -static_cast<std::int64_t>(kExactMax);
  } else {
    out.rank = rank_of_real(static_cast<double>(token.natural));
    out.exact = token.natural <= kExactMax;
  }
}

/// Sets the rank of a text: the 7 bytes behind the common prefix, and the length up to 8. A text is
/// exact if these are all of it.
void rank_text(std::string_view text, const Common& common, Ranked& out) {
  constexpr std::size_t kBytes = 7;
  text.remove_prefix(common.prefix->size());
  out.rank = 0;
  for (std::size_t i = 0; i < kBytes; ++i) {
    out.rank = out.rank << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  }
  out.rank = out.rank << 8 | std::min(text.size(), kBytes + 1);
  out.exact = text.size() <= kBytes;
}

/// Returns the token by which a value is ranked: its own, or that of a list's first element. That
/// of an empty list is a list.
Token leading(PackedView value) {
  Reader reader{value};
  Token token;
  static_cast<void>(reader.next(token));
  if (token.kind != Kind::list || token.count == 0) return token;
  static_cast<void>(reader.next(token));
  return token;
}

void set_rank(PackedView value, const Common& common, Ranked& out) {
  const Token token = leading(value);
  if (common.numbers) {
    rank_number(token, common, out);
  } else if (common.texts) {
    rank_text(token.body, common, out);
  }
  out.exact = out.exact && value.kind() != Kind::list;
}

/// Sorts ranked elements, and counts the work of whole comparisons.
class Sorter {
 public:
  Sorter(const ListState& list, bool reversed, std::size_t units_max)
      : list_(list), reversed_(reversed), units_max_(units_max) {}

  void sort(std::vector<Ranked>& elements) {
    std::stable_sort(elements.begin(), elements.end(), [this](const Ranked& a, const Ranked& b) {
      return reversed_ ? less(b, a) : less(a, b);
    });
  }
  bool comparable() const { return comparable_; }
  bool gave_up() const { return units_ > units_max_; }
  std::size_t units() const { return units_; }

 private:
  bool less(const Ranked& a, const Ranked& b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    if ((a.exact && b.exact) || gave_up()) return false;
    const PackedView first = list_.at(a.element);
    const PackedView second = list_.at(b.element);
    constexpr std::size_t kBytesPerUnit = 8;
    units_ += Machine::kProbeUnits + std::min(first.size(), second.size()) / kBytesPerUnit;
    const auto order = compare(first, second);
    comparable_ = comparable_ && order;
    return order && *order == std::partial_ordering::less;
  }

  const ListState& list_;
  const bool reversed_;
  const std::size_t units_max_;
  std::size_t units_ = 0;
  bool comparable_ = true;
};

/// Finds values that cannot be compared before anything is sorted: std::stable_sort needs a strict
/// weak order.
Expected<Common> check_elements(const Call& call, const ListState& list,
                                const std::vector<Handle>& elements) {
  Common common;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const PackedView value = list.at(elements[i]);
    const Kind kind = value.kind();
    const Kind first = list.at(elements[0]).kind();
    const bool ordered =
        is_number(kind) || kind == Kind::text || kind == Kind::bytes || kind == Kind::list;
    const bool alike = kind == first || (is_number(kind) && is_number(first));
    if (i > 0 && (!ordered || !alike)) {
      return call.fail_here(Errc::type_error,
                            "elements 0 and " + std::to_string(i) + " cannot be compared");
    }
    common.add(leading(value));
  }
  return common;
}

}  // namespace

Expected<std::vector<Handle>> sorted_elements(Call& call, const ListState& list,
                                              const std::vector<Handle>& elements, bool reversed) {
  // A step of the sort itself takes a fraction of a unit: the ranks lie side by side.
  constexpr std::size_t kStepsPerUnit = 4;
  constexpr std::size_t kWholeComparisons = 8;  // their units, relative to those of one call
  Machine& machine = call.machine();
  const std::size_t n = elements.size();
  const std::size_t steps = n * static_cast<std::size_t>(std::bit_width(n)) / kStepsPerUnit;
  if (auto ok = machine.check_transaction_work(n + steps); !ok) return ok.failure();
  if (auto ok = machine.check_work(n, 0, "smaller lists"); !ok) return ok.failure();
  machine.spend(steps);
  auto common = check_elements(call, list, elements);
  if (!common) return common.failure();
  std::vector<Ranked> ranked(n);
  for (std::size_t i = 0; i < n; ++i) {
    ranked[i].element = elements[i];
    set_rank(list.at(elements[i]), *common, ranked[i]);
  }
  Sorter sorter{list, reversed, kWholeComparisons * machine.limits().work_elements_max};
  sorter.sort(ranked);
  machine.spend(sorter.units());
  if (!sorter.comparable()) {
    return call.fail_here(Errc::type_error, "some elements cannot be compared with each other");
  }
  if (sorter.gave_up()) {
    return call.fail_here(Errc::too_large,
                          call.what() +
                              " has too many elements that begin alike; sort smaller "
                              "lists");
  }
  std::vector<Handle> sorted;
  sorted.reserve(n);
  for (const Ranked& each : ranked) sorted.push_back(each.element);
  return sorted;
}

}  // namespace agora
