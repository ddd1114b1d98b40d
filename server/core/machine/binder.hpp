// SPDX-License-Identifier: MIT

// Binder: maps the parameters of a call to the arguments of the method's row, and checks them.
//
// It makes all checks that need only the method table. It changes no object and no session.
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

/// Appends a call's arguments to a batch: copies, or spans of a message that the batch owns. After
/// an error the batch may hold some of them; the caller truncates it.
class Binder {
 public:
  explicit Binder(const Limits& limits) : limits_(limits) {}

  /// @param params  a list (by position) or a map (by name, the call option `guard` among them).
  /// @error invalid_params  arity, unknown name or wrong kind; names the parameter, the expected
  ///                        kind and the kind that was given.
  /// @error value_error     an object's name, an owner or a time out of bounds.
  Expected<void> bind(const MethodRef& ref, PackedView params, Batch& batch);
  /// Binds by position. The values are contiguous in memory.
  Expected<void> bind(const MethodRef& ref, std::span<const PackedView> values, Batch& batch) const;

  /// Returns the call options among the named parameters of the last bind; absent if it had none.
  PackedView options() const { return PackedView{options_}; }
  /// Appends the guard in the call options (a map, or absent).
  /// @return 1 + its index in Batch::arguments; 0 if there is none.
  /// @error value_error  an unknown option, or a guard that is not [lock, token].
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

/// Returns MethodNotFound with the nearest names.
Error unknown_method(const Catalogue& catalogue, std::string_view name);

}  // namespace agora
