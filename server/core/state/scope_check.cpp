// SPDX-License-Identifier: MIT

#include "server/core/state/scope_check.hpp"

#include "server/core/methods/scalar.hpp"
#include "server/core/state/signature.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

class Checker {
 public:
  Checker(const NameScope& scope, const Catalogue& catalogue)
      : scope_(scope), catalogue_(catalogue) {}

  /// Returns true if the scope allows the argument of that parameter.
  bool allows(const MethodRef& ref, const Parameter& parameter, PackedView value) const {
    if (is_pattern(ref, parameter)) return allows_pattern(parameter, value);
    if (!value.present() || value.is_null()) return true;
    if (!allows_references(value)) return false;
    if (parameter.kind == ParamKind::name) return allows_name(value);
    if (parameter.kind == ParamKind::list && parameter.name == "names") {
      return all_of(value, [&](PackedView name) { return allows_name(name); });
    }
    if (parameter.name == "options") return allows_options(value);
    if (ref.type->name != "transaction") return true;
    return all_of(value, [&](PackedView part) { return allows_part(part); });
  }

  bool allows_name(PackedView value) const {
    const Token token = read(value);
    const bool names = token.kind == Kind::text || token.kind == Kind::reference;
    return !names || scope_.allows(token.body);
  }

 private:
  /// Returns true for the pattern of a call that tells of names in notices. That of object.list
  /// only narrows the list, which leaves out all other names anyway.
  static bool is_pattern(const MethodRef& ref, const Parameter& parameter) {
    return parameter.name == "pattern" && ref.type->name == "object" && ref.method->name != "list";
  }

  bool allows_pattern(const Parameter& parameter, PackedView value) const {
    const bool given = value.present() && value.kind() == Kind::text;
    return scope_.allows_pattern(given ? read(value).body : parameter.fallback.text);
  }

  template <typename Allows>
  static bool all_of(PackedView list, const Allows& allows) {
    if (list.kind() != Kind::list) return true;
    for (const PackedView element : Elements{list}) {
      if (!allows(element)) return false;
    }
    return true;
  }

  bool allows_references(PackedView value) const {
    if (!has_references(value)) return true;
    bool good = true;
    each_reference(value, [&](std::string_view name) { good = good && scope_.allows(name); });
    return good;
  }

  /// Checks the option `lock` of a condition.
  bool allows_options(PackedView options) const {
    if (options.kind() != Kind::map) return true;
    Reader reader{options};
    for (std::uint32_t left = read(reader).count; left > 0; --left) {
      const Token key = read(reader);
      const PackedView value = reader.value();
      if (key.kind == Kind::text && key.body == "lock" && !allows_name(value)) return false;
    }
    return true;
  }

  /// Checks a part of a transaction, [method, params] or [method, params, expected]. A part of
  /// another shape passes: the transaction refuses it.
  bool allows_part(PackedView part) const {
    if (part.kind() != Kind::list) return true;
    Elements elements{part};
    if (elements.count() < 2) return true;
    auto it = elements.begin();
    const PackedView method = *it;
    ++it;
    const PackedView params = *it;
    const MethodRef* ref =
        method.kind() == Kind::text ? catalogue_.find(read(method).body) : nullptr;
    if (ref == nullptr || ref->type->name == "transaction") return true;
    return params.kind() == Kind::map ? allows_named(*ref, params)
                                      : allows_positional(*ref, params);
  }

  bool allows_positional(const MethodRef& ref, PackedView params) const {
    std::size_t i = 0;
    return all_of(params, [&](PackedView value) {
      return i >= parameter_count(ref) || allows(ref, parameter_at(ref, i++), value);
    });
  }

  bool allows_named(const MethodRef& ref, PackedView params) const {
    Reader reader{params};
    for (std::uint32_t left = read(reader).count; left > 0; --left) {
      const Token key = read(reader);
      const PackedView value = reader.value();
      for (std::size_t i = 0; i < parameter_count(ref); ++i) {
        const Parameter& parameter = parameter_at(ref, i);
        if (parameter.name == key.body && !allows(ref, parameter, value)) return false;
      }
    }
    return true;
  }

  const NameScope& scope_;
  const Catalogue& catalogue_;
};

}  // namespace

Expected<void> check_scope(const NameScope& scope, Role role, const Catalogue& catalogue,
                           const Batch& batch, const Command& command) {
  const Checker checker{scope, catalogue};
  const MethodRef& ref = command.method;
  bool good = true;
  for (std::uint32_t i = 0; good && i < parameter_count(ref); ++i) {
    const PackedView value = i < command.count ? batch.argument(command.first + i) : PackedView{};
    good = checker.allows(ref, parameter_at(ref, i), value);
  }
  if (good && command.guard != 0) {
    good = checker.allows_name(*Elements{batch.argument(command.guard - 1)}.begin());
  }
  if (good) return {};
  return fail(Errc::forbidden, full_name(ref) + ": the role " + std::string{to_string(role)} +
                                   " of this client is limited to objects whose names begin with " +
                                   scope.prefix());
}

}  // namespace agora
