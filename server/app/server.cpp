// SPDX-License-Identifier: MIT

#include "server/app/server.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <unistd.h>

#include <asio/io_context.hpp>

#include "server/app/host.hpp"
#include "server/app/memory_limit.hpp"
#include "server/app/shutdown_triggers.hpp"
#include "server/app/version.hpp"
#include "server/core/machine/machine.hpp"
#include "server/engine/engine.hpp"
#include "server/engine/memory_journal.hpp"
#include "server/net/acceptor.hpp"
#include "server/net/hub.hpp"
#include "server/net/listener.hpp"
#include "server/net/login_guard.hpp"
#include "server/net/tls_service.hpp"
#include "server/objects/types.hpp"
#include "server/objects/user/user_object.hpp"
#include "server/shm/private_extents.hpp"
#include "server/shm/shared_memory.hpp"

namespace agora {
namespace {

/// Returns agora's types and the program's own.
std::vector<const ObjectType*> types_with(const std::vector<RegisteredTypePointer>& own) {
  std::vector<const ObjectType*> types = all_types();
  for (const RegisteredTypePointer& type : own) {
    const ObjectType& added = object_type(*type);
    for (const ObjectType* each : types) {
      if (each->name != added.name) continue;
      throw std::invalid_argument("user type \"" + std::string{added.name} +
                                  "\": there is a type of that name");
    }
    types.push_back(&added);
  }
  return types;
}

std::vector<RegisteredTypePointer> register_all(user_types_list types) {
  std::vector<RegisteredTypePointer> registered;
  for (user_type& type : types) registered.push_back(register_type(std::move(type)));
  return registered;
}

/// Sets the cap and returns the bound on the memory that the storage takes from the system: a
/// sixteenth more than the cap, since free memory lies between the blocks in use.
std::size_t storage_bytes_max(Limits& limits) {
  constexpr std::size_t kRoom = std::size_t{4} << 20;
  if (limits.memory_bytes_max == 0) limits.memory_bytes_max = half_of_memory();
  return limits.memory_bytes_max + limits.memory_bytes_max / 16 + kRoom;
}

/// Lowers the number of connections to what the descriptor limit allows. Returns the bound on the
/// descriptors of connections, watched processes, rings and shared extents.
std::size_t bound_connections(Limits& limits) {
  // All others: listeners, clients that are held, files, the standard streams.
  constexpr std::size_t kOthers = 64;
  constexpr auto kKept = static_cast<std::size_t>(Acceptor::kKept);
  const std::size_t all = raise_descriptor_limit();
  const std::size_t most = all - std::min(all / 2, kOthers);
  limits.connections_max = std::min(limits.connections_max, most - std::min(most / 2, kKept));
  return most;
}

MachineInput make_input(ServerOptions& options, Clock& clock, ExtentSource& words,
                        const Sharing* sharing) {
  const Limits& limits = options.limits;
  MachineInput input;
  input.hash_key = random_hash_key();
  input.started = clock.now();
  input.token_floor = token_floor_at(input.started);
  input.limits = limits;
  input.version = kVersion;
  input.incarnation = random_incarnation();
  input.session_suffix = "-" + input.incarnation.substr(0, 8);
  input.pid = ::getpid();
  input.words = &words;
  input.sharing = sharing;
  return input;
}

TlsContext made_context(const TlsFiles& files) {
  try {
    return TlsContext{files};
  } catch (const std::runtime_error& error) {
    throw OptionError(error.what());
  }
}

/// Returns true if clients on TCP have to log in.
bool needs_login(const ServerOptions& options) {
  return !options.key_file.empty() || (options.tls && !options.tls->client_ca.empty());
}

TcpPolicy tcp_policy(const ServerOptions& options) {
  const bool login = needs_login(options);
  const bool has_keys = !options.key_file.empty();
  return {.beyond_loopback = login && (options.tls || options.allow_plaintext),
          .plain_on_loopback = !login || has_keys || options.allow_plaintext,
          .plain_on_others = options.allow_plaintext,
          .login = login};
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

constexpr RepeatedEvent kShortage{"the system refused memory", "times"};

}  // namespace

std::string default_unix_path() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string base = runtime != nullptr && *runtime == '/' ? runtime : "/run";
  return base + "/agora/agora.sock";
}

struct Server::Parts {
  explicit Parts(ServerOptions given)
      : options(std::move(given)),
        clock(options.clock != nullptr ? *options.clock : system_clock),
        journal(options.journal != nullptr ? *options.journal : memory_journal),
        storage_max(storage_bytes_max(options.limits)),
        descriptors_max(bound_connections(options.limits)),
        own_memory(storage_max),
        memory(options.shared_memory && options.unix_path
                   ? std::make_unique<SharedMemory>(storage_max)
                   : nullptr),
        user_types(register_all(std::move(options.types))),
        machine(types_with(user_types), memory ? memory->arena() : own_memory,
                make_input(options, clock, memory ? memory->words() : own_memory, memory.get())),
        hub(io, clock, [this] { stop.notify(); }),
        engine(machine, clock, journal, hub) {
    hub.join(engine);
    if (memory) hub.share(*memory);
    hub.events().to(options.log);
    hub.set_descriptors_max(descriptors_max);
    const LogFn log = [this](const std::string& line) { hub.events().line(line); };
    if (needs_login(options)) {
      logins.emplace(hub, clock, options.key_file, host_name(), log);
      if (options.tls && logins->has_keys()) options.tls->client_required = false;
      engine.use_logins(logins->authenticator());
      hub.guard_logins(*logins);
    }
    if (options.tls) hub.serve_tls(tls.emplace(hub, made_context(*options.tls)));
    if (options.tcp) listen(*options.tcp);
    for (const std::string& address : options.more_tcp) listen(address);
    if (options.unix_path) unix_socket = listen_unix(hub, *options.unix_path, options.unix_group);
    if (options.clock == nullptr) wait_for_next_millisecond(clock, machine.input().started);
    for (const auto& listener : tcp) listener->start();
    if (unix_socket) unix_socket->start();
    if (options.owner_fd >= 0) {
      owner.emplace(io, Descriptor{options.owner_fd}, [this] { finish(); });
    }
  }

  void listen(const std::string& address) {
    for (auto& made : listen_tcp(hub, address, tcp_policy(options))) {
      tcp.push_back(std::move(made));
    }
  }

  /// Runs the handlers that are left, of reads that finish() has cancelled and of tasks: they own
  /// connections, which refer to the hub and to stored values.
  ~Parts() {
    finish();
    io.restart();
    for (bool left = true; left;) {
      try {
        io.poll();
        left = false;
      } catch (const std::exception&) {  // of one handler: the next ones follow
      }
    }
  }

  /// Lets run() return, stops listening, and ends all sessions. If there is no memory to end them
  /// in order, their connections are closed without a reply.
  void finish() {
    if (std::exchange(finished, true)) return;
    hub.end();
    for (const auto& listener : tcp) listener->stop();
    if (unix_socket) unix_socket->stop();
    try {
      hub.close_all();
      if (options.remove_directory && options.unix_path) {
        ::rmdir(std::filesystem::path{*options.unix_path}.parent_path().c_str());
      }
      hub.events().sum_up();
    } catch (const std::exception&) {
      hub.drop_all();
    }
  }

  ServerOptions options;
  SystemClock system_clock;
  MemoryJournal memory_journal;
  Clock& clock;
  Journal& journal;
  std::size_t storage_max;
  std::size_t descriptors_max;
  PrivateExtents own_memory;
  std::unique_ptr<SharedMemory> memory;
  asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};  // one thread: nothing is locked
  std::vector<RegisteredTypePointer> user_types;
  Machine machine;
  Hub hub;
  Engine engine;
  std::optional<LoginGuard> logins;
  std::optional<TlsService> tls;
  StopEvent stop{io, [this] { finish(); }};
  std::optional<SignalWatcher> signals;
  std::optional<ParentWatcher> owner;
  std::vector<std::unique_ptr<Listener>> tcp;
  std::unique_ptr<Listener> unix_socket;
  bool finished = false;
};

Server::Server(ServerOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}

Server::~Server() = default;

std::string Server::tcp_address() const {
  return parts_->tcp.empty() ? "" : parts_->tcp.front()->address();
}

std::string Server::unix_address() const {
  return parts_->unix_socket ? parts_->unix_socket->address() : "";
}

std::string Server::ready_line() const {
  std::string line = "ready";
  for (const auto& listener : parts_->tcp) line += " tcp=" + listener->address();
  if (parts_->unix_socket) line += " unix=" + unix_address();
  return line;
}

void Server::take_signals() {
  Parts* const parts = parts_.get();
  parts->signals.emplace(
      parts->io, [parts] { parts->finish(); },
      [parts] {
        if (parts->logins) parts->logins->reload();
        if (parts->tls) parts->tls->reload();
        if (!parts->logins && !parts->tls) {
          parts->hub.events().line("SIGHUP: there is nothing to read again");
        }
      });
}

void Server::run() {
  for (;;) {
    try {
      return parts_->hub.run();
    } catch (const std::bad_alloc&) {
      // The reserve serves small allocations and connections handle the others, so this is rare:
      // better one event less than the loss of everything.
      parts_->hub.events().repeated(kShortage, "the system refused memory");
    }
  }
}

std::size_t Server::poll() { return parts_->hub.poll(); }

void Server::stop() { parts_->stop.notify(); }

}  // namespace agora
