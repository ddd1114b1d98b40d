// SPDX-License-Identifier: MIT

#include "tests/conformance/client_codec.hpp"
#include "tests/conformance/test_server.hpp"

namespace agora::test {
namespace {

class WireTransport : public Transport {
 public:
  WireTransport(std::unique_ptr<TestServer> server, WireFormat format)
      : server_(std::move(server)), format_(format) {
    // The first session, as in every transport. Its pings wake the server after the clock moved.
    control_ = server_->connect(WireFormat::json);
    control_codec_ = make_codec(WireFormat::json, server_->catalogue());
  }

  std::vector<SessionMessage> call(const std::string& session, const std::string& line) override {
    if (format_ != WireFormat::typed) {
      const ParsedLine parsed = parse_line(server_->catalogue(), line);
      if (!parsed.error.empty()) return {{session, parsed.error, true}};
    }
    Client& client = client_of(session);
    own_ = ++last_number_;
    client.connection->send(client.codec->encode(own_, line));
    return collect();
  }
  std::vector<SessionMessage> close(const std::string& session) override {
    own_ = 0;
    client_of(session).connection->shut_down();
    std::vector<SessionMessage> messages = collect();
    clients_.erase(session);
    return messages;
  }
  std::vector<SessionMessage> advance(double seconds) override {
    server_->clock().advance(
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
    own_ = 0;
    control_->send(control_codec_->encode(1, "ping"));
    return collect();
  }

 private:
  struct Client {
    std::unique_ptr<ClientConnection> connection;
    std::unique_ptr<ClientCodec> codec;
  };
  Client& client_of(const std::string& session) {
    const auto it = clients_.find(session);
    if (it != clients_.end()) return it->second;
    return clients_[session] = {server_->connect(format_),
                                make_codec(format_, server_->catalogue())};
  }
  std::vector<SessionMessage> collect() {
    std::vector<SessionMessage> messages;
    // The loopback device delivers bytes within the system call that sends them. After a few idle
    // rounds therefore no bytes are in flight.
    for (int idle = 0; idle < 4; ++idle) {
      if (server_->poll()) idle = 0;
      control_->receive();
      for (auto& [name, client] : clients_) {
        const std::string bytes = client.connection->receive();
        if (!bytes.empty()) idle = 0;
        for (ClientCodec::Decoded& decoded : client.codec->decode(bytes)) {
          messages.push_back({name, std::move(decoded.text), decoded.number == own_ && own_ != 0,
                              decoded.number == 0});
        }
      }
    }
    return messages;
  }

  std::unique_ptr<TestServer> server_;
  WireFormat format_;
  std::unique_ptr<ClientConnection> control_;
  std::unique_ptr<ClientCodec> control_codec_;
  std::map<std::string, Client> clients_;
  std::uint64_t last_number_ = 0;
  std::uint64_t own_ = 0;
};

}  // namespace

std::unique_ptr<Transport> wire_transport(const Backend& backend, WireFormat format,
                                          ConnectionKind kind) {
  const bool dialogue = kind == ConnectionKind::in_process || kind == ConnectionKind::bytewise;
  auto server = dialogue ? dialogue_server(backend, kind == ConnectionKind::bytewise)
                         : socket_server(backend, kind);
  return std::make_unique<WireTransport>(std::move(server), format);
}

}  // namespace agora::test
