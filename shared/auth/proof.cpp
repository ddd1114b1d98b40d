// SPDX-License-Identifier: MIT

#include "shared/auth/proof.hpp"

#include <charconv>

#include "shared/auth/digest.hpp"

namespace agora {
namespace {

using namespace std::string_view_literals;

/// Appends F(field): its length as 4 bytes in big-endian order, and its bytes.
void append_field(std::string& message, std::string_view field) {
  const auto length = static_cast<std::uint32_t>(field.size());
  for (const int shift : {24, 16, 8, 0}) message += static_cast<char>(length >> shift & 0xff);
  message += field;
}

std::string proof(std::string_view label, std::string_view key, const LoginTranscript& login) {
  std::string message{label};
  for (const std::string_view field :
       {login.server, login.id, login.server_nonce, login.client_nonce, login.binding}) {
    append_field(message, field);
  }
  return hmac_sha256(key, message);
}

}  // namespace

std::string client_proof(std::string_view key, const LoginTranscript& login) {
  return proof("agora1 client\0"sv, key, login);
}

std::string server_proof(std::string_view key, const LoginTranscript& login) {
  return proof("agora1 server\0"sv, key, login);
}

std::string token_proof(std::string_view key, std::string_view id, std::string_view expiry_text) {
  std::string message{"agora1 token\0"sv};
  append_field(message, id);
  append_field(message, expiry_text);
  return hmac_sha256(key, message);
}

std::string make_token(std::string_view key, std::string_view id, std::int64_t expiry) {
  const std::string text = std::to_string(expiry);
  std::string token = "agora1.";
  return token.append(id).append(1, '.').append(text).append(1, '.').append(
      to_hex(token_proof(key, id, text)));
}

Expected<LoginToken> parse_token(std::string_view text) {
  constexpr std::string_view kBegin = "agora1.";
  const Failure malformed =
      fail(Errc::value_error, "a token has the form agora1.ID.EXPIRY.HEX; agora token makes one");
  LoginToken token;
  const std::size_t last = text.rfind('.');
  const std::size_t middle = last == text.npos || last == 0 ? text.npos : text.rfind('.', last - 1);
  if (!text.starts_with(kBegin) || middle == text.npos || middle <= kBegin.size()) {
    return fail(*malformed.error);
  }
  token.id = text.substr(kBegin.size(), middle - kBegin.size());
  token.expiry_text = text.substr(middle + 1, last - middle - 1);
  const char* const end = token.expiry_text.data() + token.expiry_text.size();
  const auto [stop, error] = std::from_chars(token.expiry_text.data(), end, token.expiry);
  const auto proof = from_hex(text.substr(last + 1));
  if (error != std::errc{} || stop != end || token.expiry < 0 || !proof ||
      proof->size() != kDigestBytes) {
    return fail(*malformed.error);
  }
  token.proof = *proof;
  return token;
}

}  // namespace agora
