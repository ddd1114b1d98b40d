#include "client/src/client.hpp"

#include <utility>

#include "client/src/fork_guard.hpp"

namespace agora::client {

/// The state of one process. Left as it is by a forked child.
struct Client::Live {
  const std::uint64_t epoch = process_epoch();
  std::mutex dialling;  // one thread connects at a time; taken before `mutex`
  std::mutex mutex;     // guards the rest
  std::shared_ptr<Connection> connection;
  std::uint64_t connections = 0;  // made so far
  Grants grants;
  Live* abandoned = nullptr;  // the parent's: kept reachable, never touched
};

namespace {

// They may take part in the loss of a lock, but must not hide it: an exception ends the program.
void run(const std::vector<Grants::Callback>& due) noexcept {
  for (const Grants::Callback& callback : due) callback();
}

Failure lost_with_connection(const Call& call) {
  return fail(Errc::session_lost,
              std::string(call.method) + ": what was held is lost with the connection");
}

}  // namespace

const std::string& thread_owner() {
  static std::atomic<std::uint64_t> last{0};
  thread_local const std::string owner = "t" + std::to_string(++last);
  return owner;
}

Client::Client(std::string address_text, Address address, manager_options options)
    : address_text_(std::move(address_text)),
      address_(std::move(address)),
      options_(std::move(options)) {
  register_client(*this);
}

Client::~Client() {
  unregister_client(*this);
  delete live_here();
}

Client::Live* Client::live_here() const {
  Live* here = live_.load(std::memory_order_acquire);
  return here != nullptr && here->epoch == process_epoch() ? here : nullptr;
}

Client::Live& Client::live() {
  for (;;) {
    if (Live* here = live_here()) return *here;
    Live* before = live_.load(std::memory_order_acquire);
    auto fresh = std::make_unique<Live>();
    fresh->abandoned = before;
    if (live_.compare_exchange_strong(before, fresh.get(), std::memory_order_acq_rel)) {
      return *fresh.release();
    }
  }
}

std::shared_ptr<Connection> Client::present_connection() {
  Live* here = live_here();
  if (here == nullptr) return nullptr;
  const std::lock_guard guard(here->mutex);
  return here->connection;
}

std::uint64_t Client::present() {
  const auto connection = present_connection();
  return connection && !connection->lost() ? connection->number() : 0;
}

Expected<std::shared_ptr<Connection>> Client::connect() {
  Live& here = live();
  {
    const std::lock_guard guard(here.mutex);
    if (here.connection && !here.connection->lost()) return here.connection;
  }
  return dial(here);
}

Expected<std::shared_ptr<Connection>> Client::dial(Live& here) {
  const std::lock_guard one_at_a_time(here.dialling);
  std::uint64_t number = 0;
  {
    const std::lock_guard guard(here.mutex);
    if (here.connection && !here.connection->lost()) return here.connection;
    number = (here.epoch << 32) + ++here.connections;
  }
  auto socket = Socket::dial(address_, deadline_in(options_.connect_timeout));
  if (!socket) return socket.failure();
  auto fresh = std::make_shared<Connection>(std::move(*socket), number);
  const std::lock_guard guard(here.mutex);
  here.connection = fresh;
  return fresh;
}

void Client::open_quietly() noexcept {
  try {
    static_cast<void>(connect());
  } catch (...) {  // NOLINT(bugprone-empty-catch): the first use will say it
  }
}

Deadline Client::deadline_of(const Call& call) const {
  if (!call.waits) return deadline_in(options_.call_timeout);
  if (!call.timeout) return std::nullopt;
  return deadline_in(*call.timeout + options_.call_timeout);
}

Connection::Outcome Client::call_through(Connection& connection, const Call& call,
                                         const Deadline& deadline) {
  Connection::Outcome outcome = connection.call(call, deadline);
  if (connection.lost()) note_loss(connection.number());
  return outcome;
}

Reply Client::call(const Call& call) {
  const Deadline deadline = deadline_of(call);
  for (bool again = true;; again = false) {
    auto connection = connect();
    if (!connection) {
      Failure failure = connection.failure();
      failure.error->message.insert(0, std::string(call.method) + ": ");
      return {std::move(failure), 0};
    }
    auto outcome = call_through(**connection, call, deadline);
    const bool unsent = !outcome.sent && (*connection)->lost();
    if (!unsent || !again) return {std::move(outcome.result), (*connection)->number()};
  }
}

Reply Client::call_on(std::uint64_t number, const Call& call) {
  const auto connection = present_connection();
  if (!connection || connection->number() != number || connection->lost()) {
    return {lost_with_connection(call), number};
  }
  return {call_through(*connection, call, deadline_of(call)).result, number};
}

void Client::notify_on(std::uint64_t number, const std::string& message) noexcept {
  const auto connection = present_connection();
  if (connection && connection->number() == number) connection->notify(message);
}

bool Client::alive_on(std::uint64_t number) {
  const auto connection = present_connection();
  if (!connection || connection->number() != number) return false;
  if (connection->alive()) return true;
  if (connection->lost()) note_loss(number);
  return false;
}

void Client::note_loss(std::uint64_t connection) {
  std::vector<Grants::Callback> due;
  {
    Live& here = live();
    const std::lock_guard guard(here.mutex);
    due = here.grants.lose(connection);
  }
  run(due);
}

void Client::granted(const std::string& name, const std::string& owner, const Grant& grant) {
  std::vector<Grants::Callback> due;
  {
    Live& here = live();
    const std::lock_guard guard(here.mutex);
    due = here.grants.add(name, owner, grant);
  }
  run(due);
}

std::optional<Grant> Client::grant(const std::string& name, const std::string& owner) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  return here.grants.find(name, owner);
}

void Client::ungranted(const std::string& name, const std::string& owner) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  here.grants.remove(name, owner);
}

void Client::on_lost(const std::string& name, Grants::Callback callback) {
  Live& here = live();
  const std::lock_guard guard(here.mutex);
  here.grants.on_lost(name, std::move(callback));
}

}  // namespace agora::client
