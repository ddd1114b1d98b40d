// SPDX-License-Identifier: MIT

#include "shared/tls/tls_stream.hpp"

#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <vector>

#include "server/tls/tls_context.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"

namespace agora {
namespace {

using test::Authority;

/// A client and a server, whose bytes the test passes on.
class Pair {
 public:
  explicit Pair(int version = TLS1_3_VERSION) {
    authority_.issue({.names = {"DNS:localhost"}});
    server_context_ = std::make_unique<TlsContext>(
        TlsFiles{.certificate = authority_.certificate("server"), .key = authority_.key("server")});
    server = server_context_->accept();
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_load_verify_locations(context, authority_.path().c_str(), nullptr);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    client = std::make_unique<TlsStream>(SSL_new(context));
    SSL_CTX_free(context);
    SSL_set_connect_state(client->ssl());
  }

  /// Makes the handshake, with at most `most` bytes at a time.
  void handshake(std::size_t most) {
    TlsStream::State theirs = TlsStream::State::more;
    TlsStream::State ours = client->handshake(none_, to_server);
    while (ours == TlsStream::State::more || theirs == TlsStream::State::more) {
      REQUIRE(to_server.size() + to_client.size() > 0);
      if (theirs == TlsStream::State::more) {
        theirs = step(*server, to_server, to_client, most);
      }
      if (ours == TlsStream::State::more) ours = step(*client, to_client, to_server, most);
    }
    REQUIRE(ours == TlsStream::State::done);
    REQUIRE(theirs == TlsStream::State::done);
  }

  /// Returns all that `stream` decrypts from `from`, which is given in pieces.
  static std::string opened(TlsStream& stream, std::string_view from, std::size_t most) {
    std::string all;
    std::string replies;
    std::vector<char> space(100);  // smaller than a record
    do {
      std::string_view piece = from.substr(0, most);
      from.remove_prefix(piece.size());
      for (;;) {
        const TlsStream::Opened got = stream.open(piece, space, replies);
        if (got.bytes == 0) {
          CHECK(got.state == TlsStream::State::more);
          break;
        }
        all.append(space.data(), got.bytes);
      }
      CHECK(piece.empty());
    } while (!from.empty());
    return all;
  }

  std::unique_ptr<TlsStream> client;
  std::unique_ptr<TlsStream> server;
  std::string to_server;
  std::string to_client;

 private:
  static TlsStream::State step(TlsStream& stream, std::string& from, std::string& to,
                               std::size_t most) {
    std::string_view piece = std::string_view{from}.substr(0, most);
    const std::size_t given = piece.size();
    const TlsStream::State state = stream.handshake(piece, to);
    from.erase(0, given - piece.size());
    return state;
  }

  Authority authority_;
  std::unique_ptr<TlsContext> server_context_;
  std::string_view none_;
};

std::vector<iovec> parts_of(const std::vector<std::string>& texts) {
  std::vector<iovec> parts;
  for (const std::string& text : texts) {
    parts.push_back({const_cast<char*>(text.data()), text.size()});
  }
  return parts;
}

TEST_CASE("TLS stream: messages pass whole in pieces of any size, in both versions", "[tls]") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t most : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
      CAPTURE(version, most);
      Pair pair(version);
      pair.handshake(most);
      const std::vector<std::string> texts{"a", std::string(20'000, 'b'), "", std::string(5, 'c'),
                                           std::string(17'000, 'd')};
      std::string whole;
      for (const std::string& text : texts) whole += text;
      std::string records;
      CHECK(pair.client->seal(parts_of(texts), 1'000'000, records) == whole.size());
      CHECK(records.size() < whole.size() + 5 * 64);  // small parts share a record
      CHECK(Pair::opened(*pair.server, records, most) == whole);
      records.clear();
      CHECK(pair.server->seal(parts_of(texts), 10'000, records) == 10'000);
      CHECK(Pair::opened(*pair.client, pair.to_client + records, most) == whole.substr(0, 10'000));
    }
  }
}

TEST_CASE("TLS stream: an orderly end differs from bytes that are missing", "[tls]") {
  Pair pair;
  pair.handshake(100'000);
  std::string end;
  pair.client->close(end);
  std::string replies;
  std::vector<char> space(100);
  std::string_view half = std::string_view{end}.substr(0, end.size() - 1);
  CHECK(pair.server->open(half, space, replies).state == TlsStream::State::more);
  std::string_view rest = std::string_view{end}.substr(end.size() - 1);
  CHECK(pair.server->open(rest, space, replies).state == TlsStream::State::closed);
}

TEST_CASE("TLS stream: a changed byte ends the connection with a reason", "[tls]") {
  Pair pair;
  pair.handshake(100'000);
  std::string records;
  CHECK(pair.client->seal(parts_of({"transfer 10"}), 100, records) == 11);
  records[records.size() / 2] ^= 1;
  std::string replies;
  std::vector<char> space(100);
  std::string_view from = records;
  const TlsStream::Opened got = pair.server->open(from, space, replies);
  CHECK(got.state == TlsStream::State::failed);
  CHECK(got.bytes == 0);
  CHECK_FALSE(pair.server->problem().empty());
  CHECK_FALSE(replies.empty());  // an alert
}

TEST_CASE("TLS stream: plain text instead of a handshake fails", "[tls]") {
  Pair pair;
  std::string_view text = "ping\n";
  std::string to;
  CHECK(pair.server->handshake(text, to) == TlsStream::State::failed);
  CHECK_FALSE(pair.server->problem().empty());
}

}  // namespace
}  // namespace agora
