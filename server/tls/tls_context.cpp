// SPDX-License-Identifier: MIT

#include "server/tls/tls_context.hpp"

#include <array>
#include <new>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace agora {
namespace {

template <auto kFree>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using ContextPointer = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using NamesPointer = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;
using BioPointer = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;

[[noreturn]] void refuse(const std::string& option, const std::string& file,
                         const std::string& otherwise) {
  const std::string reason = tls_errors();
  throw std::runtime_error(option + " " + file + ": " + (reason.empty() ? otherwise : reason));
}

void load_files(SSL_CTX* context, const TlsFiles& files) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    refuse("--tls-cert", files.certificate, "holds no certificate in PEM");
  }
  // Without a password callback a key that needs one would be asked for on the terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    refuse("--tls-key", files.key, "holds no private key in PEM without a password");
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    refuse("--tls-key", files.key, "is not the key of " + files.certificate);
  }
  if (files.client_ca.empty()) return;
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(files.client_ca.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_locations(context, files.client_ca.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    refuse("--tls-client-ca", files.client_ca, "holds no certificate in PEM");
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(
      context, SSL_VERIFY_PEER | (files.client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
      nullptr);
}

ContextPointer make(const TlsFiles& files) {
  ContextPointer made{SSL_CTX_new(TLS_server_method())};
  if (!made) throw std::bad_alloc();
  SSL_CTX* const context = made.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // TLS 1.2: only the suites with forward secrecy and authenticated encryption.
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  load_files(context, files);
  return made;
}

std::string digest_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) throw std::bad_alloc();
  return {reinterpret_cast<const char*>(digest.data()), size};
}

/// Returns the subject in RFC 4514 form, each blank as \20, as a line of the key file has it.
std::string subject_of(const X509* certificate) {
  const BioPointer text{BIO_new(BIO_s_mem())};
  if (!text) throw std::bad_alloc();
  constexpr unsigned long kForm =
      XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, kForm);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  std::string subject;
  for (const char c : std::string_view{bytes, static_cast<std::size_t>(size)}) {
    if (c != ' ') {
      subject += c;
      continue;
    }
    std::size_t slashes = 0;  // a blank at an end of a value is escaped already
    while (slashes < subject.size() && subject[subject.size() - 1 - slashes] == '\\') ++slashes;
    subject += slashes % 2 == 1 ? "20" : "\\20";
  }
  return subject;
}

std::optional<Role> role_named(std::string_view name) {
  if (name == "read") return Role::read;
  if (name == "write") return Role::write;
  if (name == "admin") return Role::admin;
  return std::nullopt;
}

/// Returns the role that the first URI of the form agora:ROLE among the subject's alternative names
/// gives.
std::optional<Role> role_of(const X509* certificate) {
  constexpr std::string_view kScheme = "agora:";
  const NamesPointer names{static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* const uri = name->d.uniformResourceIdentifier;
    const std::string_view text{reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                static_cast<std::size_t>(ASN1_STRING_length(uri))};
    if (text.starts_with(kScheme)) return role_named(text.substr(kScheme.size()));
  }
  return std::nullopt;
}

}  // namespace

struct TlsContext::Loaded {
  ContextPointer context;
};

TlsContext::TlsContext(TlsFiles files) : files_(std::move(files)) { reload(); }

TlsContext::~TlsContext() = default;

TlsContext::TlsContext(TlsContext&&) noexcept = default;

void TlsContext::reload() { loaded_ = std::make_unique<Loaded>(Loaded{make(files_)}); }

std::unique_ptr<TlsStream> TlsContext::accept() const {
  auto stream = std::make_unique<TlsStream>(SSL_new(loaded_->context.get()));
  SSL_set_accept_state(stream->ssl());
  return stream;
}

std::shared_ptr<const TlsPeer> TlsContext::peer_of(TlsStream& stream) {
  auto peer = std::make_shared<TlsPeer>();
  // The stream refers to the certificate that it has sent, also after a reload.
  peer->binding = digest_of(SSL_get_certificate(stream.ssl()));
  const X509* const client = SSL_get0_peer_certificate(stream.ssl());
  if (client == nullptr || stream.verify_result() != X509_V_OK) return peer;
  peer->subject = subject_of(client);
  peer->role = role_of(client);
  return peer;
}

}  // namespace agora
