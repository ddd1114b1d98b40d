// SPDX-License-Identifier: MIT

#include "server/engine/admission.hpp"

#include "server/core/machine/binder.hpp"
#include "server/core/methods/scalar.hpp"

namespace agora {

Expected<void> Admission::admit(const CallRequest& request, Batch& batch) const {
  const MethodRef* ref = catalogue_.find(request.method);
  if (ref == nullptr) return fail(unknown_method(catalogue_, request.method));
  if (ref->method->admin && request.role != Role::admin) {
    return fail(Errc::forbidden, full_name(*ref) +
                                     " needs the role admin, which the Unix socket "
                                     "gives to the server's own user");
  }
  if (request.only_harmless && (ref->method->waits() || ref->method->delivers)) return {};
  const std::size_t bytes_before = batch.bytes.size();
  const std::size_t first = batch.arguments.size();
  if (request.message != nullptr) batch.buffers.push_back(std::move(*request.message));
  std::uint32_t guard = 0;
  if (Expected<void> bound = bind(*ref, request, batch, guard); !bound) {
    batch.bytes.resize(bytes_before);
    batch.arguments.resize(first);
    if (request.message != nullptr) {
      *request.message = std::move(batch.buffers.back());
      batch.buffers.pop_back();
    }
    return bound;
  }
  const std::size_t guards = guard == 0 ? 0 : 1;
  Command& command = batch.commands.emplace_back();
  command.kind = Command::Kind::call;
  command.link = request.link;
  command.tag = request.tag;
  command.method = *ref;
  command.first = static_cast<std::uint32_t>(first);
  command.count = static_cast<std::uint32_t>(batch.arguments.size() - first - guards);
  command.guard = guard;
  command.number = request.number;
  command.numbering = request.numbering;
  return {};
}

/// Appends the arguments and then the guard. Stores the result of Binder::bind_guard in `guard`.
Expected<void> Admission::bind(const MethodRef& ref, const CallRequest& request, Batch& batch,
                               std::uint32_t& guard) const {
  Binder binder{limits_};
  Expected<void> bound = request.params.present() ? binder.bind(ref, request.params, batch)
                                                  : binder.bind(ref, request.positional, batch);
  const PackedView inside = binder.options();
  const PackedView options = inside.present() ? inside : request.options;
  if (!bound || !options.present()) return bound;
  auto bound_guard = binder.bind_guard(options, batch);
  if (!bound_guard) return bound_guard.failure();
  guard = *bound_guard;
  return {};
}

}  // namespace agora
