// SPDX-License-Identifier: MIT

#include "server/core/machine/binder.hpp"

#include <algorithm>
#include <cstring>

#include "server/core/machine/creation.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/core/state/signature.hpp"
#include "shared/base/nearest.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

Failure invalid(std::string message) { return fail(Errc::invalid_params, std::move(message)); }

/// Returns the place of `bytes` in the batch: where they lie, if that is in the last of its
/// buffers; else it appends a copy.
Batch::Span append(Batch& batch, std::string_view bytes) {
  if (!batch.buffers.empty()) {
    const std::string_view last = batch.buffers.back().view();
    const auto at = reinterpret_cast<std::uintptr_t>(bytes.data()) -
                    reinterpret_cast<std::uintptr_t>(last.data());
    if (at < last.size()) {
      return Batch::Span::in_buffer(batch.buffers.size() - 1, at, bytes.size());
    }
  }
  const Batch::Span span{batch.bytes.size(), bytes.size()};
  batch.bytes += bytes;
  return span;
}

void append(Batch& batch, PackedView value) {
  const Batch::Span span = append(batch, value.bytes());
  batch.arguments.push_back(span);
}

/// Appends values that are contiguous in memory with one copy.
void append(Batch& batch, std::span<const PackedView> values) {
  if (values.empty()) return;
  const char* const begin = values.front().bytes().data();
  const std::string_view last = values.back().bytes();
  const std::string_view all{begin, static_cast<std::size_t>(last.data() + last.size() - begin)};
  Batch::Span span = append(batch, all);
  for (const PackedView value : values) {
    span.length = value.size();
    batch.arguments.push_back(span);
    span.offset += span.length;
  }
}

std::string parameter_names(const MethodRef& ref) {
  std::string names;
  for (std::size_t i = 0; i < parameter_count(ref); ++i) {
    if (i > 0) names += ", ";
    names += parameter_at(ref, i).name;
  }
  return names.empty() ? "none" : names;
}

std::string too_many(const MethodRef& ref, std::size_t given) {
  const std::size_t most = parameter_count(ref);
  return signature(ref) + " takes at most " + std::to_string(most) +
         (most == 1 ? " parameter" : " parameters") + ", got " + std::to_string(given);
}

/// Tells whether one of eight characters is below 0x20 or is 0x7f (SIMD within a register).
bool has_control_character(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighBits = 0x80 * kOnes;
  const std::uint64_t below = (word - 0x20 * kOnes) & ~word;
  const std::uint64_t other = word ^ (0x7f * kOnes);
  return ((below | ((other - kOnes) & ~other)) & kHighBits) != 0;
}

/// Tests eight characters at a time, the last eight overlapping: every call has a name to check.
bool has_control_character(std::string_view text) {
  std::uint64_t word = 0x2020202020202020U;
  if (text.size() < 8) {
    for (const char c : text) word = word << 8 | static_cast<unsigned char>(c);
    return has_control_character(word);
  }
  for (std::size_t at = 0; at < text.size(); at += 8) {
    std::memcpy(&word, text.data() + std::min(at, text.size() - 8), sizeof word);
    if (has_control_character(word)) return true;
  }
  return false;
}

Failure bad_name(const Parameter& parameter, std::string_view name, const Limits& limits) {
  return fail(Errc::value_error, std::string{parameter.name} + " must be 1 to " +
                                     std::to_string(limits.name_bytes_max) +
                                     " bytes of text without control characters, got " +
                                     std::to_string(name.size()) + " bytes");
}

/// Tells whether an int in normal form is above 2^63-1.
bool exceeds_int64(PackedView value) {
  constexpr char kEightBytes = '\xcf';  // the header of a MessagePack uint64
  return value.bytes().front() == kEightBytes && read(value).natural > INT64_MAX;
}

/// Tells whether the value is [name, token].
bool is_guard(PackedView guard) {
  if (guard.kind() != Kind::list || read(guard).count != 2) return false;
  Reader reader{guard};
  Token head;
  static_cast<void>(reader.next(head));
  const Kind lock = reader.value().kind();
  if (lock != Kind::text && lock != Kind::reference) return false;
  const PackedView token = reader.value();
  return token.kind() == Kind::integer && !read(token).negative;
}

}  // namespace

/// Tells whether the value is a text or a reference that can name an object.
inline bool Binder::is_name(PackedView value) const {
  if (value.kind() != Kind::text && value.kind() != Kind::reference) return false;
  const std::string_view name = text_of(value);
  return !name.empty() && name.size() <= limits_.name_bytes_max && !has_control_character(name);
}

template <typename ValueAt>
Expected<void> Binder::check(const MethodRef& ref, std::size_t given, ValueAt&& value_at) const {
  const auto lacks = [&](const Parameter& parameter) {
    return invalid(signature(ref) + " lacks the parameter " + std::string{parameter.name});
  };
  for (std::size_t i = 0; i < given; ++i) {
    const Parameter& parameter = parameter_at(ref, i);
    const PackedView value = value_at(i);
    if (value.present()) {
      if (parameter.kind == ParamKind::any) continue;
      if (parameter.kind == ParamKind::name && is_name(value)) continue;
      if (auto ok = check_value(ref, parameter, value); !ok) return ok;
    } else if (parameter.is_required()) {
      return lacks(parameter);
    }
  }
  // No required parameter follows an optional one.
  if (given == parameter_count(ref) || !parameter_at(ref, given).is_required()) return {};
  return lacks(parameter_at(ref, given));
}

Expected<void> Binder::bind(const MethodRef& ref, PackedView params, Batch& batch) {
  const std::size_t first = batch.arguments.size();
  auto bound =
      params.kind() == Kind::map ? bind_map(ref, params, batch) : bind_list(ref, params, batch);
  if (!bound) return bound;
  return check(ref, batch.arguments.size() - first,
               [&](std::size_t i) { return batch.argument(first + i); });
}

Expected<void> Binder::bind(const MethodRef& ref, std::span<const PackedView> values,
                            Batch& batch) const {
  if (values.size() > parameter_count(ref)) return invalid(too_many(ref, values.size()));
  append(batch, values);
  return check(ref, values.size(), [&](std::size_t i) { return values[i]; });
}

Expected<std::uint32_t> Binder::bind_guard(PackedView options, Batch& batch) const {
  if (!options.present()) return 0U;
  Reader reader{options};
  Token head;
  static_cast<void>(reader.next(head));
  PackedView guard;
  for (std::uint32_t i = 0; i < head.count; ++i) {
    const PackedView key = reader.value();
    const PackedView value = reader.value();
    if (key.kind() != Kind::text || read(key).body != "guard") {
      return fail(Errc::value_error, "unknown call option; there is guard=[lock, token]");
    }
    guard = value;
  }
  if (!guard.present() || guard.is_null()) return 0U;
  if (!is_guard(guard)) {
    return fail(Errc::value_error,
                "guard must be [lock, token]: a lock's name and the token of its grant");
  }
  append(batch, guard);
  return static_cast<std::uint32_t>(batch.arguments.size());
}

Expected<void> Binder::bind_list(const MethodRef& ref, PackedView params, Batch& batch) const {
  Reader reader{params};
  Token head;
  static_cast<void>(reader.next(head));
  if (head.count > parameter_count(ref)) {
    return invalid(too_many(ref, head.count));
  }
  for (std::uint32_t i = 0; i < head.count; ++i) {
    append(batch, reader.value());
  }
  return {};
}

Expected<void> Binder::bind_map(const MethodRef& ref, PackedView params, Batch& batch) {
  const std::size_t first = batch.arguments.size();
  batch.arguments.resize(first + parameter_count(ref));
  Reader reader{params};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t i = 0; i < head.count; ++i) {
    const PackedView key = reader.value();
    const PackedView value = reader.value();
    const std::string_view name = key.kind() == Kind::text ? read(key).body : std::string_view{};
    std::size_t place = 0;
    while (place < parameter_count(ref) && parameter_at(ref, place).name != name) ++place;
    if (place == parameter_count(ref) && name == "guard") {
      options_.clear();
      Writer out{options_};
      out.map(1), out.text("guard"), out.packed(value);
      continue;
    }
    if (place == parameter_count(ref)) {
      return invalid(full_name(ref) + " has no parameter \"" + shown(name) + "\"; it takes " +
                     parameter_names(ref));
    }
    batch.arguments[first + place] = append(batch, value.bytes());
  }
  return {};
}

Expected<void> Binder::check_value(const MethodRef& ref, const Parameter& parameter,
                                   PackedView value) const {
  if (!fits(value, parameter)) {
    return invalid("parameter " + std::string{parameter.name} + " of " + full_name(ref) + ": " +
                   expected_got(parameter, value));
  }
  if (value.is_null()) return {};
  if (parameter.kind == ParamKind::integer) {
    if (parameter.beyond_int64 || !exceeds_int64(value)) return {};
    return fail(Errc::value_error, "parameter " + std::string{parameter.name} + " of " +
                                       full_name(ref) + " must be at most " +
                                       std::to_string(INT64_MAX) + ", got " + decimal(value));
  }
  if (parameter.kind == ParamKind::name) return bad_name(parameter, text_of(value), limits_);
  if (parameter.kind == ParamKind::seconds) {
    return check_seconds(parameter.name, value, limits_.timeout_seconds_max,
                         parameter.takes_null());
  }
  if (parameter.kind != ParamKind::text || parameter.name != "owner") return {};
  const std::size_t length = text_of(value).size();
  if (length <= limits_.owner_bytes_max) return {};
  return fail(Errc::value_error, "owner must be at most " +
                                     std::to_string(limits_.owner_bytes_max) + " bytes, got " +
                                     std::to_string(length));
}

Error unknown_method(const Catalogue& catalogue, std::string_view name) {
  Error error{Errc::method_not_found, {}, Done::no, {}};
  error.message = "there is no method " + shown(name);
  const std::string_view renamed = catalogue.renamed(name);
  const std::vector<std::string_view> near =
      renamed.empty() ? nearest(name.substr(0, 64), catalogue.names()) : std::vector{renamed};
  for (std::size_t i = 0; i < near.size(); ++i) {
    error.message += i == 0 ? "; did you mean " : i + 1 == near.size() ? " or " : ", ";
    error.message += near[i];
  }
  if (near.empty()) error.message += "; help lists them";
  return error;
}

}  // namespace agora
