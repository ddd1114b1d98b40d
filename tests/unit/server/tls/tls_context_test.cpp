// SPDX-License-Identifier: MIT

#include "server/tls/tls_context.hpp"

#include <fstream>
#include <memory>
#include <openssl/ssl.h>
#include <optional>
#include <stdexcept>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"

namespace agora {
namespace {

using test::Authority;
using test::CertificateRequest;

TlsFiles files_of(const Authority& authority) {
  return {.certificate = authority.certificate("server"),
          .key = authority.key("server"),
          .client_ca = authority.path(),
          .client_required = false};
}

/// Returns the identity that a handshake proves to the server. @param client  empty: no certificate
std::shared_ptr<const TlsPeer> peer_after_handshake(const TlsContext& context,
                                                    const Authority& authority,
                                                    const std::string& client) {
  SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
  if (!client.empty()) {
    SSL_CTX_use_certificate_chain_file(made, authority.certificate(client).c_str());
    SSL_CTX_use_PrivateKey_file(made, authority.key(client).c_str(), SSL_FILETYPE_PEM);
  }
  TlsStream stream(SSL_new(made));
  SSL_CTX_free(made);
  SSL_set_connect_state(stream.ssl());
  const std::unique_ptr<TlsStream> server = context.accept();
  std::string to_server;
  std::string to_client;
  for (TlsStream::State state = TlsStream::State::more; state == TlsStream::State::more;) {
    std::string_view from = to_client;
    static_cast<void>(stream.handshake(from, to_server));
    to_client.clear();
    std::string_view given = to_server;
    state = server->handshake(given, to_client);
    to_server.clear();
    REQUIRE(state != TlsStream::State::failed);
  }
  return TlsContext::peer_of(*server);
}

TEST_CASE("TLS context: the first agora URI of a client's certificate gives its role", "[tls]") {
  struct Case {
    CertificateRequest request;
    std::optional<Role> role;
  };
  const Case cases[] = {
      {{.name = "a", .names = {"URI:agora:read"}}, Role::read},
      {{.name = "b", .names = {"DNS:b", "URI:https://x", "URI:agora:write"}}, Role::write},
      {{.name = "c", .names = {"URI:agora:admin", "URI:agora:read"}}, Role::admin},
      {{.name = "d", .names = {"URI:agora:root", "URI:agora:admin"}}, std::nullopt},
      {{.name = "e", .names = {"DNS:agora:admin"}}, std::nullopt},
      {{.name = "f", .names = {}}, std::nullopt},
  };
  Authority authority;
  authority.issue({.names = {"DNS:localhost"}});
  const TlsContext context(files_of(authority));
  for (const Case& each : cases) {
    CAPTURE(each.request.name);
    authority.issue(each.request);
    const auto peer = peer_after_handshake(context, authority, each.request.name);
    CHECK(peer->role == each.role);
    CHECK(peer->subject == "CN=" + each.request.name);
  }
}

TEST_CASE("TLS context: a subject is in RFC 4514 form, with each blank as \\20", "[tls]") {
  Authority authority;
  authority.issue({.names = {"DNS:localhost"}});
  const TlsContext context(files_of(authority));
  for (const auto& [name, subject] : {std::pair{"worker 1, left", "CN=worker\\201\\,\\20left"},
                                      {" x ", "CN=\\20x\\20"},
                                      {"a+b=c", "CN=a\\+b=c"},
                                      {"\xc3\xa9t\xc3\xa9", "CN=\xc3\xa9t\xc3\xa9"}}) {
    authority.issue({.name = name, .names = {}});
    CHECK(peer_after_handshake(context, authority, name)->subject == subject);
  }
}

TEST_CASE("TLS context: without a client's certificate only the channel binding is known",
          "[tls]") {
  Authority authority;
  authority.issue({.names = {"DNS:localhost"}});
  TlsContext context(files_of(authority));
  const auto first = peer_after_handshake(context, authority, "");
  CHECK(first->binding.size() == 32);
  CHECK(first->subject.empty());
  CHECK_FALSE(first->role);
  CHECK(peer_after_handshake(context, authority, "")->binding == first->binding);
  authority.issue({.names = {"DNS:localhost"}});
  context.reload();
  CHECK(peer_after_handshake(context, authority, "")->binding != first->binding);
}

TEST_CASE("TLS context: a failed reload keeps the certificate", "[tls]") {
  Authority authority;
  authority.issue({.names = {"DNS:localhost"}});
  TlsContext context(files_of(authority));
  const auto first = peer_after_handshake(context, authority, "");
  std::ofstream(authority.certificate("server")) << "nothing\n";
  CHECK_THROWS_WITH(context.reload(), Catch::Matchers::Contains("--tls-cert"));
  CHECK(peer_after_handshake(context, authority, "")->binding == first->binding);
}

}  // namespace
}  // namespace agora
