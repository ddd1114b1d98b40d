#include "server/core/binding.hpp"

#include "server/core/creation.hpp"
#include "server/core/scalar.hpp"
#include "server/core/signature.hpp"
#include "shared/base/nearest.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

Failure invalid(std::string message) { return fail(Errc::invalid_params, std::move(message)); }

/// Where the value lies in the batch: in a message that was taken over, or copied.
Batch::Span append(Batch& batch, PackedView value) {
  if (!batch.buffers.empty()) {
    const std::string& last = batch.buffers.back();
    const auto at = reinterpret_cast<std::uintptr_t>(value.bytes().data()) -
                    reinterpret_cast<std::uintptr_t>(last.data());
    if (at < last.size()) {
      return Batch::Span::in_buffer(batch.buffers.size() - 1, at, value.size());
    }
  }
  const Batch::Span span{batch.bytes.size(), value.size()};
  batch.bytes += value.bytes();
  return span;
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

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

/// [name, token]
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

Expected<void> Binder::bind(const MethodRef& ref, PackedView params, Batch& batch) {
  const std::size_t first = batch.arguments.size();
  auto bound =
      params.kind() == Kind::map ? bind_map(ref, params, batch) : bind_list(ref, params, batch);
  return bound ? check(ref, batch, first) : std::move(bound);
}

Expected<void> Binder::bind(const MethodRef& ref, std::span<const PackedView> values,
                            Batch& batch) const {
  if (values.size() > parameter_count(ref)) return invalid(too_many(ref, values.size()));
  const std::size_t first = batch.arguments.size();
  for (const PackedView value : values) batch.arguments.push_back(append(batch, value));
  return check(ref, batch, first);
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
  batch.arguments.push_back(append(batch, guard));
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
    batch.arguments.push_back(append(batch, reader.value()));
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
      return invalid(full_name(ref) + " has no parameter \"" + std::string{name} + "\"; it takes " +
                     parameter_names(ref));
    }
    batch.arguments[first + place] = append(batch, value);
  }
  return {};
}

Expected<void> Binder::check(const MethodRef& ref, const Batch& batch, std::size_t first) const {
  for (std::size_t i = 0; i < parameter_count(ref); ++i) {
    const Parameter& parameter = parameter_at(ref, i);
    const bool given = first + i < batch.arguments.size() && batch.arguments[first + i].length > 0;
    if (given) {
      if (auto ok = check_value(ref, parameter, batch.argument(first + i)); !ok) return ok;
    } else if (parameter.is_required()) {
      return invalid(signature(ref) + " lacks the parameter " + std::string{parameter.name});
    }
  }
  return {};
}

Expected<void> Binder::check_value(const MethodRef& ref, const Parameter& parameter,
                                   PackedView value) const {
  const std::string_view name = parameter.name;
  if (!fits(value, parameter)) {
    return invalid("parameter " + std::string{name} + " of " + full_name(ref) + ": " +
                   expected_got(parameter, value));
  }
  if (value.is_null()) return {};
  if (parameter.kind == ParamKind::seconds) {
    return check_seconds(name, value, limits_.timeout_seconds_max, parameter.takes_null());
  }
  if (parameter.kind == ParamKind::name) {
    const std::string_view text = read(value).body;
    if (text.empty() || text.size() > limits_.name_bytes_max || has_control_character(text)) {
      return fail(Errc::value_error, std::string{name} + " must be 1 to " +
                                         std::to_string(limits_.name_bytes_max) +
                                         " bytes of text without control characters, got " +
                                         std::to_string(text.size()) + " bytes");
    }
  } else if (name == "owner" && read(value).body.size() > limits_.owner_bytes_max) {
    return fail(Errc::value_error, "owner must be at most " +
                                       std::to_string(limits_.owner_bytes_max) + " bytes, got " +
                                       std::to_string(read(value).body.size()));
  }
  return {};
}

Error unknown_method(const Catalogue& catalogue, std::string_view name) {
  Error error{Errc::method_not_found, {}, Done::no, {}};
  error.message = "there is no method " + std::string{name.substr(0, 64)};
  const std::vector<std::string_view> near = nearest(name.substr(0, 64), catalogue.names());
  for (std::size_t i = 0; i < near.size(); ++i) {
    error.message += i == 0 ? "; did you mean " : i + 1 == near.size() ? " or " : ", ";
    error.message += near[i];
  }
  if (near.empty()) error.message += "; help lists them";
  return error;
}

}  // namespace agora
