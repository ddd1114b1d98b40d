// SPDX-License-Identifier: MIT

#include "client/src/transport/tls_client.hpp"

#include <arpa/inet.h>
#include <array>
#include <new>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <optional>
#include <utility>

#include "client/src/transport/fork_guard.hpp"

namespace agora::detail {
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

Failure bad_file(const char* option, const std::string& file, const char* otherwise) {
  std::string reason = tls_errors();
  if (reason.empty()) reason = otherwise;
  return fail(Errc::value_error, std::string(option) + " " + file + ": " + reason);
}

Expected<void> load_files(SSL_CTX* context, const manager_options& options) {
  if (options.cert_file.empty() != options.cert_key_file.empty()) {
    return fail(Errc::value_error, "cert_file and cert_key_file belong together");
  }
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
    return bad_file("ca_file", options.ca_file, "holds no certificate in PEM");
  }
  if (options.cert_file.empty()) return {};
  // Without a password callback a key that needs one would be asked for on the terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1) {
    return bad_file("cert_file", options.cert_file, "holds no certificate in PEM");
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.cert_key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return bad_file("cert_key_file", options.cert_key_file, "holds no private key in PEM");
  }
  return {};
}

bool is_ip(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string one_line(const X509_NAME* name) {
  const BioPointer text{BIO_new(BIO_s_mem())};
  if (!text) return {};
  X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::string time_text(const ASN1_TIME* time) {
  const BioPointer text{BIO_new(BIO_s_mem())};
  if (!text || ASN1_TIME_print(text.get(), time) != 1) return "an unknown time";
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

/// Returns the names that a certificate is for, with commas between them.
std::string names_of(const X509* certificate) {
  std::string all;
  const NamesPointer names{static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    std::array<char, INET6_ADDRSTRLEN> address{};
    std::string text;
    if (name->type == GEN_DNS) {
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                  static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      const bool v4 = ASN1_STRING_length(name->d.iPAddress) == 4;
      ::inet_ntop(v4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address.data(),
                  address.size());
      text = address.data();
    }
    if (!text.empty()) all += (all.empty() ? "" : ", ") + text;
  }
  return all.empty() ? "no name" : all;
}

/// The terms on which a server's certificate is accepted.
struct Terms {
  const manager_options& options;
  const std::string& name;
  std::string problem;  // why it was not
};

/// Explains why a certificate of the server's chain is not accepted.
std::string certificate_problem(const X509* certificate, int error, const Terms& terms) {
  const manager_options& options = terms.options;
  const std::string& name = terms.name;
  const std::string whose =
      "the server's certificate (" +
      (certificate != nullptr ? one_line(X509_get_subject_name(certificate)) : "none") + ") ";
  const std::string trusted =
      options.ca_file.empty() ? "the system's authorities" : "ca_file " + options.ca_file;
  switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return whose + "is for " + (certificate != nullptr ? names_of(certificate) : "no name") +
             ", not for " + name + "; connect to one of its names, or set server_name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + "has expired (" +
             (certificate != nullptr ? time_text(X509_get0_notAfter(certificate)) : "") +
             "); renew it on the server, which reads it again on SIGHUP";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return whose + "is not valid yet (from " +
             (certificate != nullptr ? time_text(X509_get0_notBefore(certificate)) : "") +
             "); check the clocks of both hosts";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // an authority of the same name has another key
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return whose + "is signed by none of " + trusted +
             "; give the certificate of its authority as ca_file";
    default:
      return whose + "is not accepted: " + X509_verify_cert_error_string(error);
  }
}

/// Called by OpenSSL for each certificate of the chain. @param good  1: it was found valid
int note_problem(int good, X509_STORE_CTX* store) {
  if (good == 1) return good;
  const auto* const ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const terms = static_cast<Terms*>(SSL_get_app_data(ssl));
  try {
    terms->problem = certificate_problem(X509_STORE_CTX_get_current_cert(store),
                                         X509_STORE_CTX_get_error(store), *terms);
  } catch (const std::bad_alloc&) {  // no exception may pass through OpenSSL
  }
  return good;
}

/// Makes the client's end of a connection that will accept a certificate of this name only.
Expected<std::unique_ptr<TlsStream>> make_stream(const manager_options& options,
                                                 const std::string& name) {
  ERR_clear_error();
  const ContextPointer context{SSL_CTX_new(TLS_client_method())};
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(),
                     options.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     options.insecure_skip_verify ? nullptr : note_problem);
  if (auto loaded = load_files(context.get(), options); !loaded) return loaded.failure();
  auto stream = std::make_unique<TlsStream>(SSL_new(context.get()));
  SSL* const ssl = stream->ssl();
  SSL_set_connect_state(ssl);
  if (is_ip(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  } else {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, name.c_str());
    SSL_set_tlsext_host_name(ssl, name.c_str());
  }
  return stream;
}

Failure failed(const Address& address, const std::string& reason) {
  return fail(Errc::unavailable, "no TLS connection to " + address.text() + ": " + reason);
}

/// Sends records of the handshake, waiting for space. @return a reason if that fails, else null
const char* send_all(Socket& socket, std::string& records, const Deadline& deadline,
                     const Wait& wait) {
  while (!records.empty()) {
    const iovec one[] = {{records.data(), records.size()}};
    const Socket::Result sent = socket.send(one);
    if (sent.io == Socket::Io::ended) return "the server has closed the connection";
    records.erase(0, sent.bytes);
    if (sent.io != Socket::Io::later) continue;
    if (is_past(deadline)) return "the handshake was not finished in time";
    if (!wait(socket.fd(), POLLOUT, deadline)) return "the manager has ended";
  }
  return nullptr;
}

}  // namespace

// OpenSSL takes locks of its own in handshakes and where objects are made and freed, which a child
// that is forked meanwhile would inherit locked. A ForkPause delays the fork. Records of a finished
// handshake take no such locks.
Expected<std::unique_ptr<TlsStream>> connect_tls(Socket& socket, const Address& address,
                                                 const manager_options& options,
                                                 const Deadline& deadline, const Wait& wait) {
  const std::string& name = options.server_name.empty() ? address.host : options.server_name;
  std::optional<ForkPause> pause{std::in_place};
  auto stream = make_stream(options, name);
  if (!stream) return stream;
  Terms terms{options, name, {}};
  SSL_set_app_data((*stream)->ssl(), &terms);  // used in handshakes only
  std::string to;
  std::array<char, 16 * 1024> space;
  std::string_view from;
  const auto give_up = [&](const std::string& reason) {
    if (!pause) pause.emplace();
    stream->reset();
    return failed(address, reason);
  };
  for (;;) {
    const TlsStream::State state = (*stream)->handshake(from, to);
    const bool over = state != TlsStream::State::done && state != TlsStream::State::more;
    std::string reason;
    if (over) {
      reason = terms.problem.empty() ? tls_problem((*stream)->problem()) : terms.problem;
    }
    pause.reset();
    const char* const unsent = send_all(socket, to, deadline, wait);
    if (over) return give_up(reason);
    if (unsent != nullptr) return give_up(unsent);
    if (state == TlsStream::State::done) return stream;
    Socket::Result got = socket.receive_nonblocking(space);
    while (got.io == Socket::Io::later) {
      if (is_past(deadline)) return give_up("the handshake was not finished in time");
      if (!wait(socket.fd(), POLLIN, deadline)) return give_up("the manager has ended");
      got = socket.receive_nonblocking(space);
    }
    if (got.io == Socket::Io::ended) {
      return give_up(
          "the server has closed the connection in the handshake; it may serve plain text only: "
          "start it with --tls-cert and --tls-key, or connect to tcp://");
    }
    from = {space.data(), got.bytes};
    pause.emplace();
  }
}

std::string tls_problem(std::string_view reason) {
  struct Row {
    std::string_view part;
    std::string_view text;
  };
  constexpr Row kRows[] = {
      {"certificate required",
       "the server requires a client certificate: set cert_file and cert_key_file"},
      {"handshake failure",
       "the server refused the handshake: it may require a client certificate (cert_file and "
       "cert_key_file), or share no cipher"},
      {"alert unknown ca",
       "the server does not trust the authority of this client's certificate (cert_file): see its "
       "--tls-client-ca"},
      {"alert certificate expired", "this client's certificate (cert_file) has expired: renew it"},
      {"alert bad certificate", "the server refused this client's certificate (cert_file)"},
      {"unsupported certificate",
       "the server refused this client's certificate (cert_file): it is not for clients"},
      {"wrong version number",
       "the server speaks no TLS there: connect to tcp://, or start it with --tls-cert and "
       "--tls-key"},
      {"unsupported protocol", "the server speaks neither TLS 1.2 nor 1.3"},
      {"alert protocol version", "the server speaks neither TLS 1.2 nor 1.3"},
  };
  for (const Row& row : kRows) {
    if (reason.find(row.part) != std::string_view::npos) return std::string(row.text);
  }
  return reason.empty() ? "the handshake failed" : std::string(reason);
}

std::string server_certificate_digest(TlsStream& stream) {
  const X509* const certificate = SSL_get0_peer_certificate(stream.ssl());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) {
    return {};
  }
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace agora::detail
