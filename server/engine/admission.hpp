// From a request's words to a checked command: method, arity, kinds, names, times, role.
//
// All that the table alone can decide is decided here, before anything is journaled; what depends
// on the objects is decided by the machine. Nothing here changes any state.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "server/core/methods/command.hpp"
#include "server/core/state/catalogue.hpp"
#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/raw_bytes.hpp"

namespace agora {

/// One call as the wire gave it. Views are only used during `admit`.
struct CallRequest {
  LinkId link{};
  std::uint64_t tag = 0;
  std::uint64_t number = 0;  ///< as far as `numbering` says
  Numbering numbering = Numbering::none;
  Role role = Role::write;
  std::string_view method;
  PackedView params;  ///< a list (by position), a map (by name), or absent
  /// By position, one behind another, instead of `params`.
  std::span<const PackedView> positional{};
  PackedView options;  ///< call options beside the parameters, a map, or absent
  /// What all these views lie in, if it is large and nobody needs it any more: taken over, and left
  /// empty, if the call is admitted.
  RawBytes* message = nullptr;
  /// The caller is dead: what would wait, or hand something out, is dropped.
  bool only_harmless = false;
};

class Admission {
 public:
  Admission(const Catalogue& catalogue, const Limits& limits)
      : catalogue_(catalogue), limits_(limits) {}

  /// Appends the call to the batch, with its own copies of the arguments.
  /// @error method_not_found  with the nearest names.
  /// @error invalid_params    arity, unknown name, wrong kind: names parameter, expected, got.
  /// @error value_error       an object's name or a time out of bounds.
  /// @error forbidden         the role does not allow the method.
  /// After an error the batch is as before.
  Expected<void> admit(const CallRequest& request, Batch& batch) const;

 private:
  Expected<void> bind(const MethodRef& ref, const CallRequest& request, Batch& batch,
                      std::uint32_t& guard) const;

  const Catalogue& catalogue_;
  const Limits& limits_;
};

}  // namespace agora
