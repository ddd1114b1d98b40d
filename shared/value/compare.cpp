// SPDX-License-Identifier: MIT

#include "shared/value/compare.hpp"

#include <cmath>

#include "shared/value/key_bytes.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

using Order = std::partial_ordering;

bool is_number(Kind kind) {
  return kind == Kind::boolean || kind == Kind::integer || kind == Kind::real;
}

bool is_whole(const Token& token) { return token.kind != Kind::real; }

Token as_number(Token token) {
  if (token.kind == Kind::boolean) token.natural = token.boolean ? 1 : 0;
  return token;
}

Order compare_whole(const Token& a, const Token& b) {
  if (a.negative != b.negative) return a.negative ? Order::less : Order::greater;
  return a.negative ? a.integer <=> b.integer : a.natural <=> b.natural;
}

// Compares the integer with the float's integer part, as integers, and then looks at the fraction.
// Converting the integer to a float instead would round it beyond 2^53.
Order compare_whole_to_real(const Token& whole, double real) {
  if (std::isnan(real)) return Order::unordered;
  if (real >= 18446744073709551616.0) return Order::less;
  if (real < -9223372036854775808.0) return Order::greater;
  const double floor = std::floor(real);
  Token below;
  below.negative = floor < 0;
  if (below.negative) {
    below.integer = static_cast<std::int64_t>(floor);
  } else {
    below.natural = static_cast<std::uint64_t>(floor);
  }
  const Order order = compare_whole(whole, below);
  if (order == Order::equivalent && real > floor) return Order::less;
  return order;
}

Order reversed(Order order) { return 0 <=> order; }

Order compare_numbers(const Token& a, const Token& b) {
  if (is_whole(a) && is_whole(b)) return compare_whole(a, b);
  if (is_whole(a)) return compare_whole_to_real(a, b.real);
  if (is_whole(b)) return reversed(compare_whole_to_real(b, a.real));
  return a.real <=> b.real;
}

// Compares at the first pair of elements that differ. Equal elements are skipped even if their kind
// has no order (null, maps).
std::optional<Order> compare_lists(Reader a, std::uint32_t count_a, Reader b,
                                   std::uint32_t count_b) {
  for (std::uint32_t i = 0; i < count_a && i < count_b; ++i) {
    const PackedView from_a = a.value();
    const PackedView from_b = b.value();
    const std::optional<Order> order = compare(from_a, from_b);
    if (order == Order::equivalent) continue;
    if (order == Order::less || order == Order::greater || !equal(from_a, from_b)) return order;
  }
  return count_a <=> count_b;
}

}  // namespace

std::optional<std::partial_ordering> compare(PackedView a, PackedView b) {
  Reader reader_a(a);
  Reader reader_b(b);
  Token token_a;
  Token token_b;
  if (reader_a.next(token_a) != Reader::Status::ok) return std::nullopt;
  if (reader_b.next(token_b) != Reader::Status::ok) return std::nullopt;
  if (is_number(token_a.kind) && is_number(token_b.kind)) {
    return compare_numbers(as_number(token_a), as_number(token_b));
  }
  if (token_a.kind != token_b.kind) return std::nullopt;
  switch (token_a.kind) {
    case Kind::text:
    case Kind::bytes:
      return token_a.body <=> token_b.body;
    case Kind::list:
      return compare_lists(reader_a, token_a.count, reader_b, token_b.count);
    default:
      return std::nullopt;
  }
}

}  // namespace agora
