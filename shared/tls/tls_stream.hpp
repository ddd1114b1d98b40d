// SPDX-License-Identifier: MIT

// TlsStream: one TLS connection without its socket (sans I/O): encrypted bytes of the peer go in,
// encrypted bytes for the peer come out. OpenSSL does the work.
//
// It keeps no buffer between two calls, except the part of a record that has arrived: the caller
// gives the bytes that it has read, and a string for the bytes to be sent. So the server's
// connections share their read buffer over TLS too, and the client's reader and writer, which are
// two threads, wait for their socket without the lock that guards this object.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

using SSL = struct ssl_st;  // as in <openssl/ssl.h>

namespace agora {

class TlsStream {
 public:
  enum class State : std::uint8_t {
    done,    ///< the handshake is finished, or bytes were decrypted
    more,    ///< further bytes of the peer are needed
    closed,  ///< the peer has ended its output in good order (close_notify)
    failed,  ///< the connection is of no use any more; see problem()
  };
  struct Opened {
    State state = State::more;
    std::size_t bytes = 0;  ///< written to the space; 0 unless `done`
  };

  /// Takes the object over. The caller has set it up as the client or the server.
  explicit TlsStream(SSL* ssl);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Goes on with the handshake.
  /// @param from  bytes of the peer; those taken are removed from its front
  /// @param to    bytes for the peer are appended, also an alert if the handshake fails
  State handshake(std::string_view& from, std::string& to);
  /// Decrypts at most one record to `space`.
  /// @param from, to  as in handshake(); a reply to a message of TLS itself is appended
  Opened open(std::string_view& from, std::span<char> space, std::string& to);
  /// Encrypts the first bytes of the parts, at most `most`, to as few records as possible, and
  /// appends them to `to`. @return the number of bytes encrypted; less than that: failed
  std::size_t seal(std::span<const iovec> parts, std::size_t most, std::string& to);
  /// Appends the end of this side's output (close_notify).
  void close(std::string& to);

  /// Returns why the last step has failed: OpenSSL's reason, and that of the peer's certificate.
  const std::string& problem() const { return problem_; }
  /// Returns the error of the verification of the peer's certificate, X509_V_OK (0) if there is
  /// none.
  long verify_result() const;
  SSL* ssl() { return ssl_.get(); }

 private:
  struct Free {
    void operator()(SSL* ssl) const;
  };
  State state_of(int result);
  bool seal_record(std::string_view bytes);

  // Used by the BIO while a call is under way.
  friend struct TlsStreamBio;
  std::string_view* from_ = nullptr;
  std::string* to_ = nullptr;

  std::unique_ptr<SSL, Free> ssl_;
  std::string problem_;
};

/// Returns the newest errors of this thread's OpenSSL queue as one text, and clears it.
std::string tls_errors();

}  // namespace agora
