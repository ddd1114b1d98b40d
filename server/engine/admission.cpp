// SPDX-License-Identifier: MIT

#include "server/engine/admission.hpp"

#include "server/core/machine/binder.hpp"
#include "server/core/methods/scalar.hpp"

namespace agora {

namespace {

/// Refuses a method that the role does not allow.
[[gnu::cold]] Failure refused(const MethodRef& ref, Role role) {
  const std::string name = full_name(ref);
  if (role == Role::none) {
    return fail(Errc::unauthenticated,
                name +
                    " needs a login: session.challenge and session.login, or "
                    "session.login_token; programs take --key-file");
  }
  std::string message = name + " needs the role " + std::string{to_string(ref.role)} +
                        "; this connection has the role " + std::string{to_string(role)};
  if (ref.role == Role::admin) {
    message += ". The Unix socket gives the role admin to the server's own user";
  }
  return fail(Errc::forbidden, std::move(message));
}

}  // namespace

Expected<void> Admission::admit(const CallRequest& request, Batch& batch) {
  const MethodRef* ref = catalogue_.find(request.method);
  if (ref == nullptr) return fail(unknown_method(catalogue_, request.method));
  if (request.role < ref->role) [[unlikely]] {
    const bool open = request.role == Role::none && ref->method->before_login;
    if (!open) return refused(*ref, request.role);
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
  if (ref->method->login != LoginCall::none) [[unlikely]]
    logins_.take(batch, request.access);
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
