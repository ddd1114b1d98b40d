// SPDX-License-Identifier: MIT

// session.challenge, login, login_token and info: the handlers. The server's login port has
// verified the login before the call reached the machine; they apply its verdict. Protocol:
// docs/protocol/login.md.

#include "server/objects/system/login_methods.hpp"

#include "server/core/machine/session_format.hpp"
#include "server/objects/system/shared_memory_methods.hpp"

namespace agora::session_calls {
namespace {

/// Returns the verdict on the call.
/// @error unauthenticated, ...  the login was refused, or the server has no keys.
Expected<const LoginResult*> verdict(Call& call) {
  const LoginResult* const result = call.login();
  if (result == nullptr) {
    return fail(Errc::unauthenticated,
                "this server has no keys to log in with; agorad --key-file gives it some");
  }
  if (result->error) return fail(*result->error);
  return result;
}

}  // namespace

Outcome challenge(Call& call) {
  auto result = verdict(call);
  if (!result) return result.failure();
  Writer out = call.reply();
  out.map(2);
  out.text("server"), out.text((*result)->text);
  out.text("nonce"), out.text((*result)->nonce);
  return Progress::done;
}

Outcome login(Call& call) {
  auto result = verdict(call);
  if (!result) return result.failure();
  const IdentityPointer& identity = (*result)->identity;
  call.machine().log_in(link_of(call), identity);
  Writer out = call.reply();
  out.map(2);
  out.text("role"), out.text(to_string(identity->role));
  out.text("proof"), out.text((*result)->text);
  return Progress::done;
}

Outcome login_token(Call& call) {
  auto result = verdict(call);
  if (!result) return result.failure();
  const IdentityPointer& identity = (*result)->identity;
  call.machine().log_in(link_of(call), identity);
  Writer out = call.reply();
  out.map(1);
  out.text("role"), out.text(to_string(identity->role));
  return Progress::done;
}

Outcome info(Call& call) {
  const Link& link = link_of(call);
  const Peer& peer = link.peer;
  Writer out = call.reply();
  out.map(6);
  out.text("session"), out.text(session_text(call.machine(), link.session->id));
  out.text("id");
  peer.identity ? out.text(peer.identity->text()) : out.null();
  out.text("role"), out.text(to_string(peer.role));
  out.text("names");
  peer.identity && !peer.identity->names.empty() ? out.text(peer.identity->names) : out.null();
  out.text("transport"), out.text(link.session->mapped ? "shared memory" : peer.transport);
  out.text("peer"), out.text(peer.host);
  return Progress::done;
}

}  // namespace agora::session_calls
