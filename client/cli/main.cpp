// SPDX-License-Identifier: MIT

// agora: the command line. `agora call METHOD ARGS...` makes one call, `agora serve` runs a server,
// `agora bench` puts a load on a server, `agora lock` runs a command under a lock.

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <string>
#include <sysexits.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <agora/error.hpp>
#include <agora/options.hpp>

#include "client/cli/bench.hpp"
#include "client/cli/key_commands.hpp"
#include "client/cli/locked_command.hpp"
#include "client/cli/typed_call.hpp"
#include "client/src/server/server_binary.hpp"

namespace {

/// Returns the address of the server: AGORA_ADDRESS, or else where agorad listens by default.
std::string default_address() {
  if (const char* set = std::getenv("AGORA_ADDRESS")) return set;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string base = runtime != nullptr && *runtime == '/' ? runtime : "/run";
  const std::string path = base + "/agora/agora.sock";
  return ::access(path.c_str(), F_OK) == 0 ? "unix:" + path : "tcp://127.0.0.1:7117";
}

/// Returns the value of an environment variable; empty if it is not set.
std::string from_environment(const char* name) {
  const char* const set = std::getenv(name);
  return set != nullptr ? set : "";
}

void add_tls(CLI::App& app, agora::manager_options& options) {
  options.ca_file = from_environment("AGORA_CA_FILE");
  options.cert_file = from_environment("AGORA_CERT_FILE");
  options.cert_key_file = from_environment("AGORA_CERT_KEY_FILE");
  app.add_option("--ca-file", options.ca_file,
                 "Authorities (PEM) of the server's certificate, for tls://; AGORA_CA_FILE")
      ->type_name("FILE");
  app.add_option("--cert", options.cert_file, "Certificate of this client (PEM); AGORA_CERT_FILE")
      ->type_name("FILE");
  app.add_option("--key", options.cert_key_file, "Its key (PEM); AGORA_CERT_KEY_FILE")
      ->type_name("FILE");
}

void add_key(CLI::App& app, agora::manager_options& options) {
  options.key_file = from_environment("AGORA_KEY_FILE");
  options.key_id = from_environment("AGORA_KEY_ID");
  app.add_option("--key-file", options.key_file, "The key to log in with; AGORA_KEY_FILE")
      ->type_name("FILE");
  app.add_option("--key-id", options.key_id,
                 "Which key of that file, by default the first; AGORA_KEY_ID")
      ->type_name("ID");
}

CLI::App* add_keygen(CLI::App& app, agora::detail::NewKey& key) {
  auto* verb = app.add_subcommand("keygen", "Print a line for a key file, with a random key");
  verb->add_option("--id", key.id, "The name of the key: letters, digits, . _ -")->required();
  verb->add_option("--role", key.role, "read, write or admin")->capture_default_str();
  verb->add_option("--names", key.names, "Only objects whose names begin with this")
      ->type_name("PREFIX");
  verb->footer("Append it to the file of agorad --key-file and to the client's own, mode 600.");
  return verb;
}

CLI::App* add_token(CLI::App& app, agora::manager_options& options, std::string& ttl) {
  auto* verb = app.add_subcommand("token", "Print a token for session.login_token");
  verb->add_option("--key-file", options.key_file, "The file with the key; AGORA_KEY_FILE")
      ->type_name("FILE");
  verb->add_option("--id,--key-id", options.key_id, "Which key, by default the first");
  verb->add_option("--ttl", ttl, "How long it can be used: seconds, or 10m, 24h at most")
      ->capture_default_str();
  return verb;
}

int call(const std::string& address, const agora::manager_options& options,
         const std::vector<std::string>& words) {
  try {
    if (const auto refusal = agora::detail::void_at_once(words); !refusal.empty()) {
      std::cerr << "agora: " << refusal << '\n';
      return EX_USAGE;
    }
    return agora::detail::typed_call(address, options, words);
  } catch (const agora::error& error) {
    std::cerr << "agora: " << error.what() << '\n';
    return EX_UNAVAILABLE;
  }
}

int put_load(const std::string& address, const agora::manager_options& connecting,
             const agora::detail::BenchOptions& options) {
  try {
    return agora::detail::bench(address, connecting, options);
  } catch (const agora::value_error& error) {
    std::cerr << "agora: " << error.what() << '\n';
    return EX_USAGE;
  } catch (const agora::unavailable& error) {
    std::cerr << "agora: " << error.what() << '\n';
    return EX_UNAVAILABLE;
  } catch (const std::exception& error) {
    std::cerr << "agora: " << error.what() << '\n';
    return 1;
  }
}

/// Returns true for an option of this program that the next word belongs to.
bool takes_value(const std::string& word) {
  return word == "--server" || word == "--ca-file" || word == "--cert" || word == "--key" ||
         word == "--peer-uid" || word == "--key-file" || word == "--key-id";
}

/// Returns the verb of the command line; empty if there is none.
std::string verb_of(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (takes_value(words[i])) {
      ++i;
    } else if (!words[i].starts_with('-')) {
      return words[i];
    }
  }
  return {};
}

/// Removes the words from `--` on from the command line of `agora lock` and returns those behind
/// it: the command, whose options are its own.
std::vector<std::string> take_command(std::vector<std::string>& words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  if (dashes == words.end() || verb_of(words) != "lock") return {};
  std::vector<std::string> command(dashes + 1, words.end());
  words.erase(dashes, words.end());
  return command;
}

int lock(const std::string& address, const agora::manager_options& options,
         const agora::detail::LockedCommand& command) {
  if (command.words.empty()) {
    std::cerr << "agora: lock needs a command, for example: agora lock nightly -- backup.sh\n";
    return EX_USAGE;
  }
  if (command.lock.empty()) {
    std::cerr << "agora: lock needs the name of a lock: one without a name excludes no other\n";
    return EX_USAGE;
  }
  try {
    return agora::detail::run_locked(address, options, command);
  } catch (const agora::unavailable& error) {
    std::cerr << "agora: " << error.what() << '\n';
    return EX_UNAVAILABLE;
  } catch (const std::exception& error) {
    std::cerr << "agora: " << error.what() << '\n';
    return 1;
  }
}

CLI::Validator seconds() {
  return {[](const std::string& text) {
            double value = -1;
            const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool whole = code == std::errc{} && end == text.data() + text.size();
            return whole && value >= 0 && std::isfinite(value)
                       ? std::string{}
                       : "\"" + text + "\" is no number of seconds, 0 or more";
          },
          ""};
}

CLI::App* add_lock(CLI::App& app, agora::detail::LockedCommand& command) {
  auto* verb = app.add_subcommand("lock", "Run a command while holding a lock");
  verb->add_option("name", command.lock, "The lock; it is created if there is none")->required();
  verb->add_option("--timeout", command.timeout,
                   "Seconds to wait for the lock; 0: do not wait; default: no limit")
      ->type_name("SECONDS")
      ->check(seconds());
  verb->footer(
      "agora lock [--timeout SECONDS] NAME -- CMD [ARGS...]\n"
      "CMD has the lock's fencing token in AGORA_TOKEN, and gets SIGTERM if the lock is lost.\n"
      "Exits with the status of CMD, 128 + n if signal n ended it, 127 if it is not found, 126 if\n"
      "it cannot be run, 75 if the lock was not free in time or was lost, 69 if no server "
      "replies.");
  return verb;
}

CLI::App* add_bench(CLI::App& app, agora::detail::BenchOptions& options) {
  auto* verb = app.add_subcommand("bench", "Put a load on the server and print what it took");
  verb->add_option("-c,--connections", options.connections, "Connections")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  verb->add_option("-n,--requests", options.requests, "Requests of each test")
      ->check(CLI::Range(1, 2'000'000'000))
      ->capture_default_str();
  verb->add_option("-P,--pipeline", options.pipeline, "Requests under way on each connection")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  verb->add_option("-d,--value-bytes", options.value_bytes, "Size of a value, bytes")
      ->check(CLI::Range(0, 32 << 20))
      ->capture_default_str();
  verb->add_option("-t,--tests", options.tests, "Which tests, with commas between them")
      ->delimiter(',')
      ->check(CLI::IsMember({"get", "set", "incr", "queue", "lock"}))
      ->capture_default_str();
  verb->add_option("--keys", options.keys, "Keys of the dict for get, set and incr")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  verb->add_flag("--json", options.json, "One JSON object a line for each test");
  verb->footer(
      "queue is put and get, lock is acquire and release: two requests. The objects have names of\n"
      "their own and are removed at the end. Latency is that of a whole pipeline.\n"
      "Exits with 69 if no server replies.");
  return verb;
}

/// Becomes agorad, with the same arguments.
int serve(const std::vector<std::string>& words) {
  const auto binary = agora::detail::find_server_binary();
  if (!binary) {
    std::cerr << "agora: " << binary.error().message << '\n';
    return EX_UNAVAILABLE;
  }
  std::vector<char*> arguments{const_cast<char*>("agorad")};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(binary->c_str(), arguments.data());
  std::cerr << "agora: cannot run " << *binary << ": " << std::strerror(errno) << '\n';
  return EX_UNAVAILABLE;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"agora: shared objects, where processes meet", "agora"};
  app.require_subcommand(1);
  std::string address = default_address();
  app.add_option("--server", address, "Where the server is; AGORA_ADDRESS sets it as well")
      ->type_name("unix:PATH|tcp://HOST:PORT|tls://HOST:PORT")
      ->capture_default_str();
  agora::manager_options options;
  add_tls(app, options);
  app.add_option("--peer-uid", options.peer_uid,
                 "A user whose server is accepted at a Unix socket, beside this user and root")
      ->type_name("UID");
  add_key(app, options);
  auto* one_call = app.add_subcommand("call", "Make one call and print its reply");
  one_call->prefix_command();
  one_call->footer(
      "Words are JSON or plain text, x=y names a parameter:\n"
      "  agora call object.create queue tasks maxsize=10\n"
      "  agora call queue.put tasks '{\"file\": \"a.txt\"}'\n"
      "The session of the call ends with it. A call whose result would end too, such as "
      "lock.acquire,\n"
      "is refused: see agora lock.\n"
      "Exits with 1 if the reply is an error, 64 if the call is refused here, 69 if no server\n"
      "replies.");
  auto* server = app.add_subcommand("serve", "Run a server; the options are agorad's");
  server->prefix_command();
  server->set_help_flag();  // --help is agorad's own
  agora::detail::BenchOptions load;
  const CLI::App* load_verb = add_bench(app, load);
  agora::detail::LockedCommand locked;
  const CLI::App* lock_verb = add_lock(app, locked);
  agora::detail::NewKey new_key;
  const CLI::App* keygen_verb = add_keygen(app, new_key);
  std::string token_ttl = "10m";
  const CLI::App* token_verb = add_token(app, options, token_ttl);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  locked.words = take_command(arguments);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes the last one first
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? EX_OK : EX_USAGE;
  }
  if (*lock_verb) return lock(address, options, locked);
  if (*keygen_verb) return agora::detail::generate_key(new_key);
  if (*token_verb) {
    return agora::detail::make_token(options.key_file, options.key_id,
                                     agora::detail::seconds_of(token_ttl));
  }
  if (*load_verb) return put_load(address, options, load);
  if (*server) return serve(server->remaining());
  const std::vector<std::string> words = one_call->remaining();
  if (words.empty()) {
    std::cerr << "agora: call needs a method, for example: agora call ping\n";
    return EX_USAGE;
  }
  return call(address, options, words);
}
