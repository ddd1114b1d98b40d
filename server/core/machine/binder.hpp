// Binding: from parameters as they were given to the places of a method's row, checked against it.
//
// All that the table alone can decide is decided here. Nothing here changes any state.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/core/methods/command.hpp"
#include "server/core/state/catalogue.hpp"
#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"

namespace agora {

/// Appends a call's arguments to a batch, with its own copies. After an error the batch may hold
/// some of them; the caller cuts them off.
class Binder {
 public:
  explicit Binder(const Limits& limits) : limits_(limits) {}

  /// @param params  a list (by position) or a map (by name, the call option `guard` among them).
  /// @error invalid_params  arity, unknown name, wrong kind: names parameter, expected, got.
  /// @error value_error     an object's name or a time out of bounds.
  Expected<void> bind(const MethodRef& ref, PackedView params, Batch& batch);
  /// The same, by position; the values lie one behind another.
  Expected<void> bind(const MethodRef& ref, std::span<const PackedView> values, Batch& batch) const;

  /// The call options that stood among the named parameters of the last bind; absent: none.
  PackedView options() const { return PackedView{options_}; }
  /// Appends the guard that call options (a map, or absent) ask for.
  /// @return 1 + its place in Batch::arguments; 0: there is none.
  /// @error value_error  an unknown option, or a guard that is no [lock, token].
  Expected<std::uint32_t> bind_guard(PackedView options, Batch& batch) const;

 private:
  Expected<void> bind_list(const MethodRef& ref, PackedView params, Batch& batch) const;
  Expected<void> bind_map(const MethodRef& ref, PackedView params, Batch& batch);
  template <typename ValueAt>
  Expected<void> check(const MethodRef& ref, std::size_t given, ValueAt&& value_at) const;
  Expected<void> check_value(const MethodRef& ref, const Parameter& parameter,
                             PackedView value) const;
  bool is_name(PackedView value) const;

  const Limits& limits_;
  std::string options_;
};

/// There is no such method: the error, with the nearest names.
Error unknown_method(const Catalogue& catalogue, std::string_view name);

}  // namespace agora
