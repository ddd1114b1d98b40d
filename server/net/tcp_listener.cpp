#include <charconv>
#include <stdexcept>

#include <asio/ip/tcp.hpp>

#include "server/net/acceptor.hpp"
#include "server/net/listener.hpp"

namespace agora {
namespace {

using asio::ip::tcp;

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

HostPort split(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  HostPort result;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, result.port);
    result.host = text.substr(0, colon);
    if (result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']') {
      result.host = result.host.substr(1, result.host.size() - 2);
    }
    if (error == std::errc{} && stop == end && !result.host.empty()) return result;
  }
  throw std::runtime_error("--listen " + text + ": expected HOST:PORT, such as 127.0.0.1:7117");
}

tcp::endpoint endpoint_of(const std::string& text) {
  const HostPort parts = split(text);
  const std::string host = parts.host == "localhost" ? "127.0.0.1" : parts.host;
  asio::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) {
    throw std::runtime_error("--listen " + text + ": \"" + parts.host + "\" is no IP address");
  }
  if (!address.is_loopback()) {
    throw std::runtime_error("--listen " + text +
                             ": only loopback addresses are served without a key or TLS, which "
                             "this version does not offer yet; use 127.0.0.1 or ::1");
  }
  return {address, parts.port};
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

std::optional<Peer> introduce(tcp::socket& socket) {
  asio::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return std::nullopt;
  socket.set_option(tcp::no_delay{true}, error);
  socket.set_option(asio::socket_base::keep_alive{true}, error);
  Peer peer;
  peer.host = text_of(remote);
  peer.transport = "tcp";
  peer.role = Role::write;
  return peer;
}

class TcpListener : public Listener {
 public:
  TcpListener(Hub& hub, tcp::acceptor acceptor, std::string address, Complain complain)
      : address_(std::move(address)),
        loop_(hub, std::move(acceptor), introduce, std::move(complain)) {}
  void start() override { loop_.accept(); }
  void stop() override { loop_.stop(); }
  std::string address() const override { return address_; }

 private:
  std::string address_;
  Acceptor<tcp> loop_;
};

}  // namespace

std::unique_ptr<Listener> listen_tcp(Hub& hub, const std::string& host_and_port,
                                     Complain complain) {
  const tcp::endpoint wanted = endpoint_of(host_and_port);
  tcp::acceptor acceptor{hub.io()};
  asio::error_code error;
  acceptor.open(wanted.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address{true});
  acceptor.bind(wanted, error);
  if (!error) acceptor.listen(511, error);
  if (error) {
    throw std::runtime_error("cannot listen on " + host_and_port + ": " + error.message() +
                             "; --listen HOST:PORT takes another, port 0 any free one");
  }
  const std::string address = text_of(acceptor.local_endpoint());
  return std::make_unique<TcpListener>(hub, std::move(acceptor), address, std::move(complain));
}

}  // namespace agora
