#include "server/engine/admission.hpp"

#include "server/core/creation.hpp"
#include "server/core/scalar.hpp"
#include "server/core/signature.hpp"
#include "shared/base/nearest.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

Failure invalid(std::string message) { return fail(Errc::invalid_params, std::move(message)); }

Batch::Span append(Batch& batch, PackedView value) {
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

}  // namespace

Expected<void> Admission::admit(const CallRequest& request, Batch& batch) const {
  const MethodRef* ref = catalogue_.find(request.method);
  if (ref == nullptr) return fail(unknown_method(request.method));
  if (ref->method->admin && request.role != Role::admin) {
    return fail(Errc::forbidden, full_name(*ref) +
                                     " needs the role admin, which the Unix socket "
                                     "gives to the server's own user");
  }
  if (request.options.present() && read(request.options).count > 0) {
    return fail(Errc::value_error, "unknown call option; none is offered by this server");
  }
  const std::size_t bytes_before = batch.bytes.size();
  const std::size_t first = batch.arguments.size();
  Expected<void> bound = bind(*ref, request, batch);
  if (bound) bound = check(*ref, batch, first);
  if (!bound) {
    batch.bytes.resize(bytes_before);
    batch.arguments.resize(first);
    return bound;
  }
  Command command;
  command.kind = Command::Kind::call;
  command.session = request.session;
  command.tag = request.tag;
  command.method = *ref;
  command.first = static_cast<std::uint32_t>(first);
  command.count = static_cast<std::uint32_t>(batch.arguments.size() - first);
  batch.commands.push_back(command);
  return {};
}

Expected<void> Admission::bind(const MethodRef& ref, const CallRequest& request,
                               Batch& batch) const {
  const PackedView params = request.params;
  if (!params.present()) return bind_views(ref, request.positional, batch);
  return params.kind() == Kind::map ? bind_map(ref, params, batch) : bind_list(ref, params, batch);
}

Expected<void> Admission::bind_views(const MethodRef& ref, std::span<const PackedView> values,
                                     Batch& batch) const {
  if (values.size() > parameter_count(ref)) return invalid(too_many(ref, values.size()));
  for (const PackedView value : values) batch.arguments.push_back(append(batch, value));
  return {};
}

Expected<void> Admission::bind_list(const MethodRef& ref, PackedView params, Batch& batch) const {
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

Expected<void> Admission::bind_map(const MethodRef& ref, PackedView params, Batch& batch) const {
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
    if (place == parameter_count(ref)) {
      return invalid(full_name(ref) + " has no parameter \"" + std::string{name} + "\"; it takes " +
                     parameter_names(ref));
    }
    batch.arguments[first + place] = append(batch, value);
  }
  return {};
}

Expected<void> Admission::check(const MethodRef& ref, const Batch& batch, std::size_t first) const {
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

Expected<void> Admission::check_value(const MethodRef& ref, const Parameter& parameter,
                                      PackedView value) const {
  const std::string_view name = parameter.name;
  if (!fits(value, parameter)) {
    return invalid("parameter " + std::string{name} + " of " + full_name(ref) + ": " +
                   expected_got(parameter, value));
  }
  if (value.is_null()) return {};
  if (parameter.kind == ParamKind::seconds) {
    return check_seconds(name, value, limits_.timeout_seconds_max);
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

Error Admission::unknown_method(std::string_view name) const {
  Error error{Errc::method_not_found, {}, Done::no, {}};
  error.message = "there is no method " + std::string{name.substr(0, 64)};
  const std::vector<std::string_view> near = nearest(name.substr(0, 64), catalogue_.names());
  for (std::size_t i = 0; i < near.size(); ++i) {
    error.message += i == 0 ? "; did you mean " : i + 1 == near.size() ? " or " : ", ";
    error.message += near[i];
  }
  if (near.empty()) error.message += "; help lists them";
  return error;
}

}  // namespace agora
