// SPDX-License-Identifier: MIT

#include "server/core/methods/numbers.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "server/core/methods/scalar.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {
namespace {

__extension__ typedef __int128 Wide;  // holds any sum of two ints

Wide whole(const Token& token) {
  return token.negative ? Wide{token.integer} : Wide{token.natural};
}

double real(const Token& token) {
  return token.kind == Kind::real ? token.real : static_cast<double>(whole(token));
}

std::string decimal(Wide number) {
  std::string digits;
  for (Wide left = number; digits.empty() || left != 0; left /= 10) {
    const int digit = static_cast<int>(left % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
  }
  if (number < 0) digits += '-';
  std::ranges::reverse(digits);
  return digits;
}

bool is_number(const Token& token) {
  return token.kind == Kind::integer || token.kind == Kind::real;
}

}  // namespace

Expected<void> add_numbers(PackedView a, PackedView b, std::string& out, const IntRange& range) {
  const Token left = read(a);
  const Token right = read(b);
  if (!is_number(left) || !is_number(right)) {
    const Kind found = is_number(left) ? right.kind : left.kind;
    return fail(Errc::type_error, "cannot add to a " + std::string{to_string(found)} +
                                      "; expected an int or a float");
  }
  Writer writer{out};
  if (left.kind == Kind::real || right.kind == Kind::real) {
    writer.real(real(left) + real(right));
    return {};
  }
  const Wide sum = whole(left) + whole(right);
  if (sum > Wide{range.most} || sum < Wide{range.least}) {
    return fail(Errc::value_error, "int " + decimal(sum) + " is outside " +
                                       std::to_string(range.least) + " to " +
                                       std::to_string(range.most));
  }
  if (sum < 0) {
    writer.integer(static_cast<std::int64_t>(sum));
  } else {
    writer.unsigned_integer(static_cast<std::uint64_t>(sum));
  }
  return {};
}

Expected<void> add_wrapping(PackedView a, PackedView b, std::string& out) {
  const Token left = read(a);
  const Token right = read(b);
  if (left.kind != Kind::integer || right.kind != Kind::integer) return add_numbers(a, b, out);
  Writer{out}.unsigned_integer(static_cast<std::uint64_t>(whole(left) + whole(right)));
  return {};
}

}  // namespace agora
