// SPDX-License-Identifier: MIT

#include "tests/support/certificates.hpp"

#include <cstdio>
#include <filesystem>
#include <functional>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <stdlib.h>

namespace agora::test {
namespace {

template <auto kFree>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, FreeBy<X509_free>>;

void check(bool good, const char* step) {
  if (!good) throw std::runtime_error(std::string{"cannot make a certificate: "} + step);
}

void write_file(const std::string& path, const std::function<int(std::FILE*)>& write) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  check(file != nullptr, path.c_str());
  const bool written = write(file) == 1;
  check(std::fclose(file) == 0 && written, path.c_str());
}

void save(const std::string& certificate_path, X509* certificate, const std::string& key_path,
          EVP_PKEY* key) {
  write_file(certificate_path, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
  write_file(key_path, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

void add(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  check(made != nullptr && X509_add_ext(certificate, made, -1) == 1, value.c_str());
  X509_EXTENSION_free(made);
}

/// Returns a certificate without a signature. @param issuer  null: itself
CertificatePointer begin(const CertificateRequest& request, EVP_PKEY* key, X509* issuer) {
  CertificatePointer made{X509_new()};
  X509* const raw = made.get();
  check(raw != nullptr && X509_set_version(raw, 2) == 1, "version");
  unsigned char serial[8];
  check(RAND_bytes(serial, sizeof serial) == 1, "serial");
  serial[0] &= 0x7f;
  BIGNUM* const number = BN_bin2bn(serial, sizeof serial, nullptr);
  check(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(raw)) != nullptr, "serial");
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(raw), request.from_s);
  X509_gmtime_adj(X509_getm_notAfter(raw), request.until_s);
  const auto* const name = reinterpret_cast<const unsigned char*>(request.name.c_str());
  X509_NAME* const subject = X509_get_subject_name(raw);
  check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1, "subject");
  X509_set_issuer_name(raw, issuer != nullptr ? X509_get_subject_name(issuer) : subject);
  check(X509_set_pubkey(raw, key) == 1, "key");
  return made;
}

}  // namespace

struct Authority::Keys {
  KeyPointer key{EVP_EC_gen("P-256")};
  CertificatePointer certificate;
};

Authority::Authority(const std::string& name) : keys_(std::make_unique<Keys>()) {
  char place[] = "/tmp/agora-tls-XXXXXX";
  check(::mkdtemp(place) != nullptr, "directory");
  directory_ = place;
  keys_->certificate = begin({.name = name, .names = {}}, keys_->key.get(), nullptr);
  X509* const raw = keys_->certificate.get();
  add(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
  add(raw, raw, NID_key_usage, "critical,keyCertSign");
  add(raw, raw, NID_subject_key_identifier, "hash");
  check(X509_sign(raw, keys_->key.get(), EVP_sha256()) > 0, "signature");
  save(path(), raw, key("ca"), keys_->key.get());
}

Authority::~Authority() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Authority::issue(const CertificateRequest& request) const {
  const KeyPointer own{EVP_EC_gen("P-256")};
  X509* const issuer = keys_->certificate.get();
  const CertificatePointer made = begin(request, own.get(), issuer);
  std::string all;
  for (const std::string& name : request.names) all += (all.empty() ? "" : ",") + name;
  if (!all.empty()) add(made.get(), issuer, NID_subject_alt_name, all);
  check(X509_sign(made.get(), keys_->key.get(), EVP_sha256()) > 0, "signature");
  save(certificate(request.name), made.get(), key(request.name), own.get());
}

}  // namespace agora::test
