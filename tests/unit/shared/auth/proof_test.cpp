// SPDX-License-Identifier: MIT

#include "shared/auth/proof.hpp"

#include <string>

#include "shared/auth/digest.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

/// Returns 32 bytes: first, first + 1, ...
std::string counted(int first) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes += static_cast<char>(first + i);
  return bytes;
}

const std::string kKey = counted(0);
const std::string kServerNonce = counted(32);
const std::string kClientNonce = counted(64);
const std::string kBinding = counted(96);

LoginTranscript transcript(std::string_view server = "host", std::string_view binding = {}) {
  return {server, "ci.1", kServerNonce, kClientNonce, binding};
}

// The expected values were computed by Python's hmac and hashlib, from the text of the contract.

TEST_CASE("proofs: client and server give those of an independent implementation", "[auth]") {
  CHECK(to_hex(client_proof(kKey, transcript())) ==
        "870019ca89db14ddc0f614d97a4c5662e4cbe399d18fad9e29ae69a34fac27ca");
  CHECK(to_hex(server_proof(kKey, transcript())) ==
        "7b1c5dcb71963eb2e9023883893b35dc5bafb777cc0c838b0724b118ac1aa2e1");
  CHECK(to_hex(client_proof(kKey, transcript("h\xc3\xb6st", kBinding))) ==
        "c7d8e7e8473089aa881b9223c1f574073fbc0301ff5510b27079b7b82f217edc");
}

TEST_CASE("proofs: each input changes the proof", "[auth]") {
  const std::string proof = client_proof(kKey, transcript());
  CHECK(proof != server_proof(kKey, transcript()));
  CHECK(proof != client_proof(counted(1), transcript()));
  CHECK(proof != client_proof(kKey, transcript("hosts")));
  CHECK(proof != client_proof(kKey, transcript("host", kBinding)));
  LoginTranscript swapped = transcript();
  std::swap(swapped.server_nonce, swapped.client_nonce);
  CHECK(proof != client_proof(kKey, swapped));
  LoginTranscript moved = transcript("hostc");
  moved.id = "i.1";  // the same bytes without lengths
  CHECK(proof != client_proof(kKey, moved));
}

TEST_CASE("a token: is that of an independent implementation, and is taken apart from the right",
          "[auth]") {
  const std::string token = make_token(kKey, "ci.1", 1'769'904'600);
  CHECK(token ==
        "agora1.ci.1.1769904600."
        "2c04d98b1a1741ac29a2e4a54106f0cfee111128bac68ec33716d216ade85f30");
  const auto parsed = parse_token(token);
  REQUIRE(parsed);
  CHECK(parsed->id == "ci.1");
  CHECK(parsed->expiry_text == "1769904600");
  CHECK(parsed->expiry == 1'769'904'600);
  CHECK(parsed->proof == token_proof(kKey, "ci.1", "1769904600"));
}

TEST_CASE("a token: text of another form is refused", "[auth]") {
  const std::string proof(64, 'a');
  for (const std::string& text :
       {std::string{}, std::string{"agora1"}, std::string{"agora1."}, "agora1." + proof,
        "agora1.1." + proof, "agora1..1." + proof, "agora2.ci.1." + proof, "agora1.ci.." + proof,
        "agora1.ci.-1." + proof, "agora1.ci.+1." + proof, "agora1.ci.1x." + proof,
        "agora1.ci.99999999999999999999." + proof, "agora1.ci.1." + proof + "a",
        "agora1.ci.1." + std::string(64, 'A'), "agora1.ci.1." + std::string(62, 'a')}) {
    INFO(text);
    const auto parsed = parse_token(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Errc::value_error);
  }
}

TEST_CASE("digests: known values, hexadecimal text in lower case only", "[auth]") {
  CHECK(to_hex(sha256("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(from_hex("00ff7f") == std::string("\x00\xff\x7f", 3));
  CHECK(from_hex("").has_value());
  for (const char* text : {"0", "0g", "FF", " 0", "0x"}) CHECK_FALSE(from_hex(text));
  CHECK(equal_secrets("abc", "abc"));
  CHECK_FALSE(equal_secrets("abc", "abd"));
  CHECK_FALSE(equal_secrets("abc", "ab"));
  CHECK(random_bytes().size() == kDigestBytes);
  CHECK(random_bytes() != random_bytes());
}

}  // namespace
}  // namespace agora
