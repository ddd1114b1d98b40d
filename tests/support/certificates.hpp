// SPDX-License-Identifier: MIT

// Certificates that a test makes for itself, so that none is checked in and expires. They are files
// in a directory that goes with this object.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace agora::test {

struct CertificateRequest {
  std::string name = "server";     ///< of its files, and the common name of the subject
  std::vector<std::string> names;  ///< alternative names as OpenSSL writes them: "DNS:localhost"
  long from_s = -3600;             ///< valid from now plus this many seconds
  long until_s = 3600;             ///< to now plus this many
};

/// An authority and the certificates that it has signed; keys on the curve P-256.
class Authority {
 public:
  /// @throws std::runtime_error  OpenSSL or the file system refuses.
  explicit Authority(const std::string& name = "test authority");
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  /// Signs a certificate. Its files are certificate(name) and key(name).
  void issue(const CertificateRequest& request) const;
  /// Returns the path of the authority's own certificate.
  std::string path() const { return directory_ + "/ca.pem"; }
  std::string certificate(const std::string& name) const {
    return directory_ + "/" + name + ".pem";
  }
  std::string key(const std::string& name) const { return directory_ + "/" + name + ".key"; }

 private:
  struct Keys;

  std::string directory_;
  std::unique_ptr<Keys> keys_;
};

}  // namespace agora::test
