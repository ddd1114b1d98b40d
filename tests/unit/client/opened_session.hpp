// SPDX-License-Identifier: MIT

// A session at a FakeServer, and calls in it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/src/session/session.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

namespace agora::test {

using detail::Call;
using detail::CallEffect;
using detail::Deadline;
using detail::OwnedCall;
using detail::Session;

/// Records the events of a session, and lets a test wait for them.
struct RecordingWatcher : detail::SessionWatcher {
  void drained(detail::Session&) noexcept override {}
  void completed(Session& session, std::unique_ptr<OwnedCall> call) noexcept override {
    session.finished(call->number, true);
    note([&] { call->error ? ++failed : ++succeeded; });
  }
  void noticed(const Packed& notice) noexcept override {
    note([&] { notices.push_back(notice); });
  }
  void ended(Session&) noexcept override {
    note([&] { over = true; });
  }
  void unsent(Session&, std::vector<std::unique_ptr<OwnedCall>> calls,
              const detail::Wait&) noexcept override {
    note([&] { returned += calls.size(); });
  }
  template <typename Change>
  void note(Change change) {
    const std::lock_guard guard(mutex);
    change();
    changed.notify_all();
  }
  template <typename Until>
  void wait_until(Until until) {
    std::unique_lock lock(mutex);
    changed.wait(lock, until);
  }

  std::mutex mutex;
  std::condition_variable changed;
  int succeeded = 0;
  int failed = 0;
  std::size_t returned = 0;
  bool over = false;
  std::vector<Packed> notices;
};

/// A session that ends with the test.
struct Opened {
  explicit Opened(const FakeServer& server, std::function<bool()> gone = {}) {
    detail::SessionPlan plan{{*detail::parse_address(server.address())}, {}, std::move(gone)};
    auto opened = Session::open(plan, notes, 1, {}, detail::wait_without_cancel);
    REQUIRE(opened);
    session = *opened;
  }
  ~Opened() { session->stop(); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  Session* operator->() const { return session.get(); }
  Session& operator*() const { return *session; }

  RecordingWatcher notes;
  std::shared_ptr<Session> session;
};

struct IgnoreReply : detail::Completion {
  void complete(detail::Reply, HoldRef) override {}
};

inline Session::Outcome call(Session& session, const std::string& method,
                             CallEffect effect = CallEffect::changes, const Deadline& deadline = {},
                             const std::string& text = "x", bool waits = false) {
  const detail::Params params = detail::params_of(text);
  Call made{.method = method, .effect = effect, .waits = waits};
  return session.call(made.with(params), deadline);
}

inline std::unique_ptr<OwnedCall> asynchronous(const std::string& method,
                                               const std::string& text = "x",
                                               const Deadline& deadline = {}) {
  const detail::Params params = detail::params_of(text);
  Call made{.method = method};
  return std::make_unique<OwnedCall>(made.with(params), deadline, std::make_unique<IgnoreReply>());
}

/// Replies to every call with its first parameter.
inline FakeReply echo(const Received& request) {
  if (request.notification) return {};
  const auto params = *unpack<std::vector<std::string>>(PackedView(request.params));
  return {reply_bytes(request.id, params.at(0)), false};
}

inline std::vector<Received> calls_of(FakeServer& server, const std::string& method) {
  std::vector<Received> calls = server.received();
  std::erase_if(calls, [&](const Received& request) { return request.method != method; });
  return calls;
}

}  // namespace agora::test
