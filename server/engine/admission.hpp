// SPDX-License-Identifier: MIT

// Admission: turns a request into a checked command: method, arity, kinds, names, times, role.
//
// It checks all that the method table alone can decide, before anything is journaled. The machine
// checks the rest, which depends on the objects. Admission changes no state.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "server/core/methods/command.hpp"
#include "server/core/state/catalogue.hpp"
#include "server/engine/logins.hpp"
#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/raw_bytes.hpp"

namespace agora {

/// One call as a protocol has decoded it. Its views must stay valid until `admit` returns.
struct CallRequest {
  LinkId link{};
  std::uint64_t tag = 0;
  std::uint64_t number = 0;  ///< the client's number of the call; `numbering` says how to use it
  Numbering numbering = Numbering::none;
  Role role = Role::write;
  ClientAccess* access = nullptr;  ///< of the connection, for the calls that log in
  std::string_view method;
  PackedView params;  ///< a list (by position), a map (by name), or absent
  /// Parameters by position, contiguous in memory, in place of `params`.
  std::span<const PackedView> positional{};
  PackedView options;  ///< call options beside the parameters, a map, or absent
  /// The buffer that all these views point into, if it is large and the caller does not need it any
  /// more. An admitted call takes it over and leaves it empty.
  RawBytes* message = nullptr;
  /// The client is dead: `admit` drops a call that would wait or deliver an item.
  bool only_harmless = false;
};

class Admission {
 public:
  /// @param logins  takes the calls by which clients log in
  Admission(const Catalogue& catalogue, const Limits& limits, Logins& logins)
      : catalogue_(catalogue), limits_(limits), logins_(logins) {}

  /// Appends the call to the batch, which owns its arguments: copies, or `message`.
  /// @error method_not_found  with the nearest names.
  /// @error invalid_params    arity, unknown name or wrong kind; names the parameter, the expected
  ///                          kind and the kind that was given.
  /// @error value_error       an object's name, an owner or a time out of bounds, or a
  ///                          malformed guard.
  /// @error unauthenticated   login is required and has not happened.
  /// @error forbidden         the role does not allow the method.
  /// After an error the batch and the message are unchanged.
  Expected<void> admit(const CallRequest& request, Batch& batch);

 private:
  Expected<void> bind(const MethodRef& ref, const CallRequest& request, Batch& batch,
                      std::uint32_t& guard) const;

  const Catalogue& catalogue_;
  const Limits& limits_;
  Logins& logins_;
};

}  // namespace agora
