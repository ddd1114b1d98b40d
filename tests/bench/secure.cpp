// SPDX-License-Identifier: MIT

// TLS 1.3, compared with Redis with TLS: the same certificate (P-256), the same generator.

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "client/load/agora_protocol.hpp"
#include "client/src/transport/channel.hpp"
#include "client/src/transport/dial.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "tests/bench/comparison.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/protocols.hpp"
#include "tests/bench/rows.hpp"
#include "tests/support/certificates.hpp"

namespace agora::bench {
namespace {

using detail::Channel;
using detail::Dialed;
using load::AgoraProtocol;
using load::Shape;
using load::Work;

constexpr double kSeconds = 0.35;

/// The certificate of both servers.
struct Certificate : test::Authority {
  Certificate() { issue({.names = {"IP:127.0.0.1"}}); }

  Dialed dial(int port) const {
    manager_options options;
    options.ca_file = path();
    const detail::Address address{
        detail::Address::Kind::tls, {}, "127.0.0.1", std::to_string(port)};
    auto dialed = detail::dial(address, options, detail::deadline_in(std::chrono::seconds{10}));
    if (!dialed) throw std::runtime_error(dialed.error().message);
    return std::move(*dialed);
  }
  std::vector<std::string> agorad() const {
    return {"--tls-cert", certificate("server"), "--tls-key", key("server")};
  }
  std::vector<std::string> redis(int tls_port) const {
    return {"--tls-port",         std::to_string(tls_port),
            "--tls-cert-file",    certificate("server"),
            "--tls-key-file",     key("server"),
            "--tls-ca-cert-file", path(),
            "--tls-auth-clients", "no"};
  }
};

/// The connections of one load over TLS.
class SecureSide {
 public:
  /// @param plain_port  for the calls that create the objects
  SecureSide(load::Protocol& protocol, const Shape& shape, int plain_port,
             const std::function<Dialed()>& dial) {
    const int first = connect_tcp(plain_port);
    protocol.prepare(first, shape);
    ::close(first);
    traffic_ = load::traffic_of(protocol, shape, 0);
    for (std::size_t i = 0; i < shape.connections; ++i) {
      connections_.push_back(dial());
      const Dialed& its = connections_.back();
      lines_.push_back(
          {its.socket->fd(), &traffic_, i * 37 % traffic_.batches.size(), 1, its.tls.get()});
    }
  }
  double run() { return load::drive(lines_, {.seconds = kSeconds}).rate(); }

 private:
  load::Traffic traffic_;
  std::vector<Dialed> connections_;
  std::vector<load::Line> lines_;
};

void get_set(Report& report, const std::string& row, Work work, std::size_t pipeline) {
  const Certificate certificate;
  const Shape shape{.work = work, .pipeline = pipeline};
  const int redis_port = free_port();
  Agorad agorad{server_cpu(), certificate.agorad()};
  Redis redis{server_cpu(), certificate.redis(redis_port)};
  AgoraProtocol ours;
  RespProtocol theirs;
  SecureSide our_side{ours, shape, agorad.port, [&] { return certificate.dial(agorad.port); }};
  SecureSide their_side{theirs, shape, redis.port, [&] { return certificate.dial(redis_port); }};
  const Comparison measured = run_interleaved({{"agora", [&] { return our_side.run(); }},
                                               {"Redis", [&] { return their_side.run(); }}})
                                  .front();
  report.add({.row = row,
              .what = std::string(work == Work::get ? "get" : "set") +
                      ", 50 TLS connections, pipeline " + std::to_string(pipeline),
              .peer = "Redis with TLS",
              .unit = "k/s",
              .ours = measured.first / 1e3,
              .theirs = measured.theirs / 1e3,
              .measured = measured.ratio,
              .bound = at_least(1.1)});
}

/// Sends a request and reads until `enough` bytes of the reply have arrived.
void ask(Channel& channel, const std::string& request, std::size_t enough) {
  const iovec part{const_cast<char*>(request.data()), request.size()};
  if (channel.send({&part, 1}).bytes != request.size()) throw std::runtime_error("not sent whole");
  std::vector<char> space(4096);
  for (std::size_t got = 0; got < enough;) {
    const auto result = channel.receive(space, detail::deadline_in(std::chrono::seconds{10}));
    if (result.io == detail::Socket::Io::ended) throw std::runtime_error(channel.end_reason());
    got += result.bytes;
  }
}

/// Returns [0, 1, "session.open", [10, "bench", "host", 1]].
std::string session_open() {
  std::string bytes;
  Writer out{bytes};
  out.list(4);
  out.integer(0), out.integer(1), out.text("session.open");
  out.list(4);
  out.integer(10), out.text("bench"), out.text("host"), out.integer(1);
  return bytes;
}

/// Returns how many connections a second a client can open, one after another, with a first call.
double connects(const Certificate& certificate, int port, const std::string& first_call,
                std::size_t enough) {
  constexpr int kAtOnce = 20;
  const auto began = std::chrono::steady_clock::now();
  double seconds = 0;
  int count = 0;
  for (; seconds < kSeconds; count += kAtOnce) {
    for (int i = 0; i < kAtOnce; ++i) {
      Channel channel(certificate.dial(port));
      ask(channel, first_call, enough);
    }
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }
  return count / seconds;
}

void logins(Report& report, const std::string& row) {
  const Certificate certificate;
  const int redis_port = free_port();
  Agorad agorad{server_cpu(), certificate.agorad()};
  std::vector<std::string> options = certificate.redis(redis_port);
  options.insert(options.end(), {"--requirepass", "a-password-of-some-length"});
  Redis redis{server_cpu(), options};
  const std::string login = resp({"AUTH", "a-password-of-some-length"});
  const Comparison measured =
      run_interleaved(
          {{"agora", [&] { return connects(certificate, agorad.port, session_open(), 20); }},
           {"Redis", [&] { return connects(certificate, redis_port, login, 5); }}})
          .front();
  report.add({.row = row,
              .what = "TLS connect and session.open, one after another",
              .peer = "Redis: connect and AUTH",
              .unit = "1/s",
              .ours = measured.first,
              .theirs = measured.theirs,
              .measured = measured.ratio,
              .bound = at_least(1)});
}

/// Returns the resident bytes for each of many connections that have made one call.
double bytes_idle(const Certificate& certificate, const Child& server, int port,
                  const std::string& ping, std::size_t reply_bytes) {
  constexpr std::size_t kCount = 500;
  std::vector<std::unique_ptr<Channel>> open;
  std::size_t before = 0;
  for (std::size_t i = 0; i <= kCount; ++i) {
    open.push_back(std::make_unique<Channel>(certificate.dial(port)));
    ask(*open.back(), ping, reply_bytes);
    if (i == 0) before = server.resident();
  }
  return static_cast<double>(server.resident() - before) / kCount;
}

void idle(Report& report, const std::string& row) {
  raise_descriptors();
  const Certificate certificate;
  const int redis_port = free_port();
  Agorad agorad{server_cpu(), certificate.agorad()};
  Redis redis{server_cpu(), certificate.redis(redis_port)};
  const double ours =
      bytes_idle(certificate, agorad.child, agorad.port, load::agora_call("ping", {}), 9);
  const double theirs = bytes_idle(certificate, redis.child, redis_port, resp({"PING"}), 7);
  report.add({.row = row,
              .what = "memory of an idle TLS connection, 500 of them",
              .unit = "B",
              .ours = ours,
              .measured = ours,
              .bound = at_most(128 << 10),
              .note = "Redis " + std::to_string(static_cast<long>(theirs)) + " B"});
}

}  // namespace

void secure(Report& report, const Filter& filter) {
  for (const std::size_t pipeline : {std::size_t{1}, std::size_t{32}}) {
    for (const Work work : {Work::get, Work::set}) {
      const std::string row =
          "tls-" + std::to_string(pipeline) + (work == Work::get ? "-get" : "-set");
      if (fits(row, filter)) get_set(report, row, work, pipeline);
    }
  }
  if (fits("tls-connect", filter)) logins(report, "tls-connect");
  if (fits("tls-idle", filter)) idle(report, "tls-idle");
}

}  // namespace agora::bench
