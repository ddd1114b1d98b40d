// SPDX-License-Identifier: MIT

#include "shared/tls/tls_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace agora {

/// The BIO of a TlsStream: reads from and writes to the strings of the call under way.
struct TlsStreamBio {
  static int read(BIO* bio, char* space, int size) {
    auto* const stream = static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    std::string_view none;
    std::string_view& from = stream->from_ != nullptr ? *stream->from_ : none;
    if (from.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t count = std::min(from.size(), static_cast<std::size_t>(size));
    std::memcpy(space, from.data(), count);
    from.remove_prefix(count);
    return static_cast<int>(count);
  }
  static int write(BIO* bio, const char* bytes, int size) {
    auto* const stream = static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    try {  // no exception may pass through OpenSSL
      if (stream->to_ != nullptr) stream->to_->append(bytes, static_cast<std::size_t>(size));
    } catch (const std::bad_alloc&) {
      return -1;
    }
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "agora");
      if (method == nullptr) throw std::bad_alloc();
      BIO_meth_set_read(method, read);
      BIO_meth_set_write(method, write);
      BIO_meth_set_ctrl(method, control);
      return method;
    }();
    return made;
  }
};

void TlsStream::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsStream::TlsStream(SSL* ssl) : ssl_(ssl) {
  if (ssl == nullptr) throw std::bad_alloc();
  BIO* const bio = BIO_new(TlsStreamBio::method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_set_read_ahead(ssl, 1);
}

TlsStream::~TlsStream() = default;

TlsStream::State TlsStream::handshake(std::string_view& from, std::string& to) {
  from_ = &from, to_ = &to;
  ERR_clear_error();
  const State state = state_of(SSL_do_handshake(ssl_.get()));
  from_ = nullptr, to_ = nullptr;
  return state;
}

TlsStream::Opened TlsStream::open(std::string_view& from, std::span<char> space, std::string& to) {
  from_ = &from, to_ = &to;
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &bytes);
  Opened opened{State::done, bytes};
  if (result != 1) opened = {state_of(result), 0};
  from_ = nullptr, to_ = nullptr;
  return opened;
}

bool TlsStream::seal_record(std::string_view bytes) {
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  if (result == 1 && written == bytes.size()) return true;
  static_cast<void>(state_of(result));
  return false;
}

std::size_t TlsStream::seal(std::span<const iovec> parts, std::size_t most, std::string& to) {
  constexpr std::size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;
  to_ = &to;
  ERR_clear_error();
  std::array<char, kRecord> joined;  // small parts share a record
  std::size_t held = 0;
  std::size_t taken = 0;
  bool good = true;
  for (const iovec& part : parts) {
    std::string_view rest{static_cast<const char*>(part.iov_base), part.iov_len};
    rest = rest.substr(0, most - taken);
    taken += rest.size();
    while (good && !rest.empty()) {
      const bool whole = held == 0 && (rest.size() >= kRecord || &part == &parts.back());
      const std::size_t count = std::min(rest.size(), kRecord - held);
      if (whole) {
        good = seal_record(rest.substr(0, count));
      } else {
        std::memcpy(joined.data() + held, rest.data(), count);
        held += count;
        if (held == kRecord) good = seal_record({joined.data(), held}), held = 0;
      }
      rest.remove_prefix(count);
    }
  }
  if (good && held > 0) good = seal_record({joined.data(), held});
  to_ = nullptr;
  return good ? taken : 0;
}

void TlsStream::close(std::string& to) {
  to_ = &to;
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()) != 0) SSL_shutdown(ssl_.get());
  ERR_clear_error();
  to_ = nullptr;
}

long TlsStream::verify_result() const { return SSL_get_verify_result(ssl_.get()); }

TlsStream::State TlsStream::state_of(int result) {
  if (result == 1) return State::done;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return State::more;
    case SSL_ERROR_ZERO_RETURN:
      return State::closed;
    default:
      break;
  }
  problem_ = tls_errors();
  if (const long verified = verify_result(); verified != X509_V_OK) {
    problem_ += std::string(problem_.empty() ? "" : ": ") + X509_verify_cert_error_string(verified);
  }
  return State::failed;
}

std::string tls_errors() {
  std::string text;
  while (const unsigned long error = ERR_get_error()) {
    const char* const reason = ERR_reason_error_string(error);
    if (reason == nullptr || text == reason) continue;
    if (std::string_view{reason}.ends_with(" lib")) continue;  // where, not why
    text += (text.empty() ? "" : "; ");
    text += reason;
  }
  return text;
}

}  // namespace agora
