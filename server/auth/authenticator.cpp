// SPDX-License-Identifier: MIT

#include "server/auth/authenticator.hpp"

#include <chrono>
#include <utility>

#include "server/auth/client_address.hpp"
#include "server/core/methods/scalar.hpp"
#include "shared/auth/digest.hpp"
#include "shared/auth/proof.hpp"

namespace agora {
namespace {

constexpr Duration kChallengeLife = std::chrono::seconds{60};
constexpr Duration kPenalty = std::chrono::seconds{1};
constexpr unsigned kFailuresMax = 3;

/// Stands in for the key of an unknown id, so that it costs the same work.
const std::string& no_key() {
  static const std::string key(kDigestBytes, '\0');
  return key;
}

std::string_view argument(const Batch& batch, const Command& command, std::uint32_t i) {
  return text_of(batch.argument(command.first + i));
}

LoginVerdict failed(Errc code, std::string message) {
  LoginVerdict verdict;
  verdict.result.error = std::make_unique<Error>(Error{code, std::move(message), Done::no, {}});
  return verdict;
}

/// Returns the id for the log: a client may send any text.
std::string shown(std::string_view id) { return is_key_id(id) ? std::string{id} : "?"; }

}  // namespace

Authenticator::Authenticator(KeyFile keys, std::string server,
                             std::function<void(const std::string&)> log)
    : server_(std::move(server)), log_(std::move(log)) {
  set_keys(std::move(keys));
}

std::unique_ptr<LoginState> Authenticator::begin(const Peer& peer) {
  auto state = std::make_unique<LoginState>();
  state->address = address_of(peer.host);
  state->tls = peer.tls;
  state->is_private = peer.tls != nullptr || peer.transport != "tcp" || is_loopback(peer.host);
  return state;
}

LoginVerdict Authenticator::verify(const Batch& batch, const Command& command,
                                   const ClientAccess& access, Instant now, Instant wall) {
  LoginState& state = *access.login;
  const LoginCall call = command.method.method->login;
  if (!keys_.has_keys()) {
    return failed(Errc::unauthenticated,
                  "this server has no keys to log in with; agorad --key-file gives it some");
  }
  if (state.failures >= kFailuresMax) {
    return failed(Errc::unauthenticated, "three logins have failed: the connection is closed");
  }
  if (call == LoginCall::challenge) return challenge(state, now);
  if (access.identity && access.identity->has_logged_in()) {
    return failed(Errc::runtime_error,
                  "this connection has logged in already, as " + access.identity->text());
  }
  return call == LoginCall::key ? log_in_by_key(batch, command, state, now)
                                : log_in_by_token(batch, command, state, now, wall);
}

LoginVerdict Authenticator::challenge(LoginState& state, Instant now) {
  state.nonce = random_bytes();
  state.challenged_at = now;
  LoginVerdict verdict;
  verdict.result.text = server_;
  verdict.result.nonce = to_hex(state.nonce);
  return verdict;
}

LoginVerdict Authenticator::log_in_by_key(const Batch& batch, const Command& command,
                                          LoginState& state, Instant now) {
  const std::string_view id = argument(batch, command, 0);
  const auto client_nonce = from_hex(argument(batch, command, 1));
  if (!client_nonce || client_nonce->size() != kDigestBytes) {
    return failed(Errc::value_error,
                  "nonce must be 32 bytes as 64 hexadecimal digits in lower case");
  }
  const std::string nonce = std::exchange(state.nonce, {});
  if (nonce.empty() || now - state.challenged_at > kChallengeLife) {
    return refused(id, state, now,
                   "no challenge is open: session.challenge gives one for one login on this "
                   "connection within 60 s");
  }
  const KeyLine* const key = keys_.key(id);
  const std::string& secret = key != nullptr ? key->key : no_key();
  const LoginTranscript login{
      server_, id, nonce, *client_nonce,
      state.tls ? std::string_view{state.tls->binding} : std::string_view{}};
  const bool proven =
      equal_secrets(to_hex(client_proof(secret, login)), argument(batch, command, 2));
  if (!proven || key == nullptr) {
    return refused(id, state, now, "the server knows no such key, or the proof is wrong");
  }
  return accepted(*key, to_hex(server_proof(secret, login)), state, now);
}

LoginVerdict Authenticator::log_in_by_token(const Batch& batch, const Command& command,
                                            LoginState& state, Instant now, Instant wall) {
  if (!state.is_private) {
    return failed(Errc::forbidden,
                  "a token may be overheard here: it is taken over TLS, loopback and the Unix "
                  "socket only; connect to tls://, or use session.login");
  }
  auto parsed = parse_token(argument(batch, command, 0));
  if (!parsed) return failed(parsed.error().code, parsed.error().message);
  const LoginToken& token = *parsed;
  const KeyLine* const key = keys_.key(token.id);
  const std::string& secret = key != nullptr ? key->key : no_key();
  const bool proven = equal_secrets(token_proof(secret, token.id, token.expiry_text), token.proof);
  if (!proven || key == nullptr) {
    return refused(token.id, state, now, "the server knows no such key, or the token is wrong");
  }
  const auto left =
      token.expiry -
      std::chrono::duration_cast<std::chrono::seconds>(wall.time_since_epoch()).count();
  if (left <= 0) {
    return refused(token.id, state, now,
                   "the token has expired, by the server's clock " + std::to_string(-left) +
                       " s ago; agora token makes a new one");
  }
  if (left > kTokenSecondsMax) {
    return refused(token.id, state, now,
                   "the token expires more than 24 h ahead, by the server's clock");
  }
  return accepted(*key, {}, state, now);
}

LoginVerdict Authenticator::accepted(const KeyLine& key, std::string proof, const LoginState& state,
                                     Instant now) {
  log_("login of " + key.id + " from " + state.address + " with the role " +
       std::string{to_string(key.role)});
  LoginVerdict verdict;
  verdict.result.text = std::move(proof);
  verdict.result.identity = identity_of(key);
  verdict.delay = delay(state, now);
  return verdict;
}

LoginVerdict Authenticator::refused(std::string_view id, LoginState& state, Instant now,
                                    std::string message) {
  LoginVerdict verdict = failed(Errc::unauthenticated, std::move(message));
  verdict.delay = delay(state, now);
  failures_.note(state.address, now);
  verdict.close = ++state.failures == kFailuresMax;
  log_("refused a login as " + shown(id) + " from " + state.address);
  return verdict;
}

Duration Authenticator::delay(const LoginState& state, Instant now) const {
  return failures_.is_over(state.address, now) ? kPenalty : Duration::zero();
}

IdentityPointer Authenticator::identity_of(const KeyLine& line) {
  const auto kind = line.is_key() ? Identity::Kind::key : Identity::Kind::certificate;
  Identity made{kind, line.is_key() ? line.id : line.subject, line.role, true, line.names};
  IdentityPointer& known = identities_[made.text()];
  if (!known) known = std::make_shared<const Identity>(std::move(made));
  return known;
}

void Authenticator::identify(Peer& peer) {
  if (!peer.tls || peer.tls->subject.empty()) return;
  const std::string& subject = peer.tls->subject;
  const KeyLine* const line = keys_.certificate(subject);
  if (line == nullptr && !peer.tls->role) return;
  peer.identity = line != nullptr
                      ? identity_of(*line)
                      : std::make_shared<const Identity>(Identity{
                            Identity::Kind::certificate, subject, *peer.tls->role, false, {}});
  peer.role = peer.identity->role;
  log_("login of " + peer.identity->text() + " from " + address_of(peer.host) + " with the role " +
       std::string{to_string(peer.role)});
}

void Authenticator::set_keys(KeyFile keys) {
  const KeyFile old = std::exchange(keys_, std::move(keys));
  for (const KeyLine& line : old.lines) {
    const KeyLine* const same =
        line.is_key() ? keys_.key(line.id) : keys_.certificate(line.subject);
    if (same != nullptr && *same == line) continue;
    identities_.erase(line.is_key() ? line.id : "cert:" + line.subject);
  }
}

bool Authenticator::is_valid(const Identity& identity) const {
  if (!identity.has_logged_in()) return true;
  // The role is the certificate's own, as long as no line gives it another one.
  if (!identity.by_key_file) return keys_.certificate(identity.id) == nullptr;
  const auto known = identities_.find(identity.text());
  return known != identities_.end() && known->second.get() == &identity;
}

}  // namespace agora
