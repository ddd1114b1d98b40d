// agora: the command line. `agora call METHOD ARGS...` for one call, `agora serve` for a server.

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <sysexits.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include <agora/error.hpp>

#include "client/cli/typed_call.hpp"
#include "client/src/server_binary.hpp"

namespace {

/// Where the server of this host is by default, as agorad has it.
std::string default_address() {
  if (const char* set = std::getenv("AGORA_ADDRESS")) return set;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string base = runtime != nullptr && *runtime == '/' ? runtime : "/run";
  const std::string path = base + "/agora/agora.sock";
  return ::access(path.c_str(), F_OK) == 0 ? "unix:" + path : "tcp://127.0.0.1:7117";
}

int call(const std::string& address, const std::vector<std::string>& words) {
  try {
    return agora::client::typed_call(address, words);
  } catch (const agora::error& error) {
    std::cerr << "agora: " << error.what() << '\n';
    return EX_UNAVAILABLE;
  }
}

/// Becomes agorad, with the same words.
int serve(const std::vector<std::string>& words) {
  const auto binary = agora::client::find_server_binary();
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
      ->type_name("unix:PATH|tcp://HOST:PORT")
      ->capture_default_str();
  auto* one_call = app.add_subcommand("call", "Make one call and print its answer");
  one_call->prefix_command();
  one_call->footer(
      "Words are JSON or plain text, x=y names a parameter:\n"
      "  agora call object.create queue tasks maxsize=10\n"
      "  agora call queue.put tasks '{\"file\": \"a.txt\"}'\n"
      "Exits with 1 if the answer is an error, with 69 if no server answers.");
  auto* server = app.add_subcommand("serve", "Run a server; the options are agorad's");
  server->prefix_command();
  server->set_help_flag();  // --help is agorad's own
  CLI11_PARSE(app, argc, argv);
  if (*server) return serve(server->remaining());
  const std::vector<std::string> words = one_call->remaining();
  if (words.empty()) {
    std::cerr << "agora: call needs a method, for example: agora call ping\n";
    return EX_USAGE;
  }
  return call(address, words);
}
