// SPDX-License-Identifier: MIT

#include "tests/conformance/login_keys.hpp"

#include <regex>
#include <stdexcept>
#include <tuple>

#include "shared/auth/digest.hpp"
#include "shared/auth/proof.hpp"

namespace agora::test {
namespace {

const std::string kNonce(kDigestBytes, 'n');

std::string key_of(const std::string& id) { return sha256("the test key " + id); }

LoginTranscript transcript(const std::string& id, const std::smatch& challenge, std::string& server,
                           std::string& nonce) {
  server = challenge[1].str();
  nonce = *from_hex(challenge[2].str());
  return {server, id, nonce, kNonce, {}};
}

std::smatch parsed(const std::string& challenge) {
  static const std::regex form{R"form(\{"server":"([^"]*)","nonce":"([0-9a-f]{64})"\})form"};
  std::smatch found;
  if (!std::regex_match(challenge, found, form)) throw std::runtime_error(challenge);
  return found;
}

}  // namespace

std::string key_file_text() {
  std::string text;
  for (const auto& [id, role, names] : {std::tuple{"admin", "admin", ""},
                                        {"writer", "write", ""},
                                        {"reader", "read", ""},
                                        {"jobs", "write", " names=jobs."},
                                        {"peek", "read", " names=jobs."}}) {
    text += std::string{id} + " " + role + " " + to_hex(key_of(id)) + names + "\n";
  }
  return text;
}

KeyFile login_keys() { return *parse_key_file(key_file_text()); }

std::string login_line(const std::string& id, const std::string& challenge) {
  std::string server;
  std::string nonce;
  const std::smatch found = parsed(challenge);
  const LoginTranscript login = transcript(id, found, server, nonce);
  return "session.login " + id + " " + to_hex(kNonce) + " " +
         to_hex(client_proof(key_of(id), login));
}

std::string checked_reply(const std::string& id, const std::string& challenge,
                          const std::string& reply) {
  std::string server;
  std::string nonce;
  const std::smatch found = parsed(challenge);
  const LoginTranscript login = transcript(id, found, server, nonce);
  const std::string proof = ",\"proof\":\"" + to_hex(server_proof(key_of(id), login)) + "\"";
  const std::size_t at = reply.find(proof);
  if (at == std::string::npos) return reply;
  return std::string{reply}.erase(at, proof.size());
}

}  // namespace agora::test
