#include "tests/bench/generator.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/value/msgpack_writer.hpp"

namespace agora::bench {
namespace {

void send_all(int fd, const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t sent = ::send(fd, data, bytes, MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("a peer closed the connection");
    data += sent;
    bytes -= static_cast<std::size_t>(sent);
  }
}

void receive_all(int fd, std::size_t bytes) {
  std::array<char, 65536> space;
  while (bytes > 0) {
    const ssize_t got = ::recv(fd, space.data(), std::min(bytes, space.size()), 0);
    if (got <= 0) throw std::runtime_error("a peer closed the connection");
    bytes -= static_cast<std::size_t>(got);
  }
}

/// [0, 1, method, ["d", key, value?]]: ids may repeat on a plain connection, so all are 1.
std::string agora_call(std::string_view method, const std::vector<std::string>& params) {
  std::string bytes;
  Writer out{bytes};
  out.list(4);
  out.integer(0), out.integer(1), out.text(method);
  out.list(static_cast<std::uint32_t>(params.size()));
  for (const std::string& param : params) out.text(param);
  return bytes;
}

std::string resp(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

std::uint64_t spread(std::uint64_t number) { return number * 0x9e3779b97f4a7c15U; }

}  // namespace

std::string key_text(std::uint64_t number) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx",
                static_cast<unsigned long long>(spread(number)));
  return text.data();
}

std::string value_text(std::size_t bytes) { return std::string(bytes, 'v'); }

Protocol agora_protocol(std::size_t value_bytes) {
  Protocol protocol;
  protocol.name = "agora";
  protocol.get = [](std::uint64_t key) { return agora_call("dict.get", {"d", key_text(key)}); };
  protocol.set = [value = value_text(value_bytes)](std::uint64_t key) {
    return agora_call("dict.set", {"d", key_text(key), value});
  };
  protocol.prepare = agora_call("object.create", {"dict", "d"});
  std::string value;
  Writer{value}.text(value_text(value_bytes));
  protocol.get_reply_bytes = 4 + value.size();  // [1, 1, nil, value]
  protocol.set_reply_bytes = 5;                 // [1, 1, nil, nil]
  protocol.prepare_reply_bytes = 4 + 3;         // a reference: fixext 1
  return protocol;
}

Protocol redis_protocol(std::size_t value_bytes) {
  Protocol protocol;
  protocol.name = "redis";
  protocol.get = [](std::uint64_t key) { return resp({"GET", key_text(key)}); };
  protocol.set = [value = value_text(value_bytes)](std::uint64_t key) {
    return resp({"SET", key_text(key), value});
  };
  protocol.prepare = resp({"PING"});
  const std::string value = value_text(value_bytes);
  protocol.get_reply_bytes = 1 + std::to_string(value.size()).size() + 2 + value.size() + 2;
  protocol.set_reply_bytes = 5;
  protocol.prepare_reply_bytes = 7;
  return protocol;
}

void fill(int fd, const Protocol& protocol, std::uint64_t count) {
  send_all(fd, protocol.prepare.data(), protocol.prepare.size());
  receive_all(fd, protocol.prepare_reply_bytes);
  constexpr std::uint64_t kBatch = 500;
  for (std::uint64_t key = 0; key < count;) {
    std::string requests;
    std::uint64_t batch = 0;
    for (; batch < kBatch && key < count; ++batch, ++key) requests += protocol.set(key);
    send_all(fd, requests.data(), requests.size());
    receive_all(fd, batch * protocol.set_reply_bytes);
  }
}

double drive(const std::vector<int>& fds, const std::function<std::string(std::uint64_t)>& request,
             std::size_t reply_bytes, std::size_t pipeline, std::uint64_t keys, double seconds) {
  std::vector<std::string> batches(256);
  std::uint64_t key = 1;
  for (std::string& batch : batches) {
    for (std::size_t i = 0; i < pipeline; ++i) batch += request((key = spread(key) + 1) % keys);
  }
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::size_t> awaited(fds.size());
  std::size_t next = 0;
  const auto send_batch = [&](std::size_t i) {
    const std::string& batch = batches[next++ % batches.size()];
    send_all(fds[i], batch.data(), batch.size());
    awaited[i] = pipeline * reply_bytes;
  };
  for (std::size_t i = 0; i < fds.size(); ++i) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
    send_batch(i);
  }
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration<double>(seconds);
  std::uint64_t answered = 0;
  std::size_t open = fds.size();
  bool over = false;
  std::array<epoll_event, 64> events;
  std::array<char, 65536> space;
  Clock::time_point stopped = begin;
  while (open > 0) {
    const int ready = ::epoll_wait(epoll, events.data(), events.size(), 5000);
    if (ready <= 0) throw std::runtime_error("a peer stopped answering");
    if (!over && Clock::now() >= end) {
      over = true;
      stopped = Clock::now();
    }
    for (int e = 0; e < ready; ++e) {
      const std::size_t i = events[static_cast<std::size_t>(e)].data.u64;
      const ssize_t got = ::recv(fds[i], space.data(), space.size(), 0);
      if (got <= 0 || static_cast<std::size_t>(got) > awaited[i]) {
        throw std::runtime_error("a peer sent something unexpected");
      }
      awaited[i] -= static_cast<std::size_t>(got);
      if (awaited[i] > 0) continue;
      if (!over) answered += pipeline;
      if (over) {
        --open;
      } else {
        send_batch(i);
      }
    }
  }
  ::close(epoll);
  return static_cast<double>(answered) / std::chrono::duration<double>(stopped - begin).count();
}

}  // namespace agora::bench
