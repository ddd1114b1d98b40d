// SPDX-License-Identifier: MIT

// agorad: reads its options, builds the server, prints the ready line, serves.

#include <exception>
#include <fcntl.h>
#include <iostream>
#include <memory>
#include <string>
#include <sysexits.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "server/app/host.hpp"
#include "server/app/log_writer.hpp"
#include "server/app/plugin.hpp"
#include "server/app/server.hpp"
#include "server/app/signals.hpp"
#include "server/app/version.hpp"
#include "server/net/listener.hpp"
#include "server/net/memory_reserve.hpp"

namespace {

struct CommandLine {
  std::vector<std::string> tcp{"127.0.0.1:7117"};
  bool no_tcp = false;
  std::string unix_path = agora::default_unix_path();
  bool no_unix = false;
  std::string log_level = "info";
  std::vector<std::string> plugins;
  agora::TlsFiles tls;
  agora::ServerOptions server;
};

/// Formats lines and hands them to the writer, which never blocks.
class LogSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit LogSink(agora::LogWriter& writer) : writer_(writer) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.write({line.data(), line.size()});
  }
  void flush_() override {}

  agora::LogWriter& writer_;
};

/// Refuses a sign: "-5" must not become 2^64 - 5.
CLI::Validator unsigned_size() {
  return {[](std::string& text) {
            const bool digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
            return digit ? std::string{} : "\"" + text + "\" is no size in bytes";
          },
          ""};
}

CLI::Validator descriptor_number() {
  return {[](const std::string& text) {
            const bool digits = !text.empty() && text.size() <= 9 &&
                                text.find_first_not_of("0123456789") == std::string::npos;
            return digits ? std::string{} : "\"" + text + "\" is no descriptor number";
          },
          ""};
}

void describe(CLI::App& app, CommandLine& line) {
  agora::Limits& limits = line.server.limits;
  app.footer(
      "All durations are seconds. When it accepts connections it prints one line, for "
      "example\n  ready tcp=127.0.0.1:7117 unix=/run/agora/agora.sock\n"
      "Logs go to standard error. SIGTERM or SIGINT ends it in good order; SIGHUP does not.\n"
      "Look inside with: telnet 127.0.0.1 7117, then help.");
  auto* tcp =
      app.add_option("--listen", line.tcp,
                     "Address to serve, may be given several times; port 0 takes a free one, * "
                     "stands for all")
          ->allow_extra_args(false)
          ->take_all()
          ->type_name("HOST:PORT")
          ->capture_default_str();
  app.add_flag("--no-tcp", line.no_tcp, "Do not listen on TCP")->excludes(tcp);
  auto* path =
      app.add_option("--unix", line.unix_path, "Unix socket to serve (0600, for this user)")
          ->type_name("PATH")
          ->capture_default_str();
  app.add_flag("--no-unix", line.no_unix, "Do not listen on a Unix socket")->excludes(path);
  app.add_option("--unix-group", line.server.unix_group,
                 "Members of this group may use the Unix socket, with the role write")
      ->type_name("GROUP")
      ->excludes("--no-unix");
  app.add_option("--key-file", line.server.key_file,
                 "Keys by which clients on TCP log in (agora keygen writes them; mode 600)")
      ->type_name("FILE");
  app.add_option("--tls-cert", line.tls.certificate,
                 "Serve TLS as well, with this certificate (PEM, with intermediate ones behind it)")
      ->type_name("FILE");
  app.add_option("--tls-key", line.tls.key, "The key of that certificate (PEM)")->type_name("FILE");
  app.add_option("--tls-client-ca", line.tls.client_ca,
                 "Require client certificates of these authorities (PEM)")
      ->type_name("FILE");
  app.add_flag("--allow-plaintext", line.server.allow_plaintext,
               "Serve plain text where TLS would be required");
  app.add_option("--memory-max", limits.memory_bytes_max,
                 "Bytes of stored data at most; 0: half of the machine's or cgroup's memory")
      ->transform(CLI::AsSizeValue(false))
      ->transform(unsigned_size())
      ->capture_default_str();
  app.add_option("--connections-max", limits.connections_max, "Connections at most")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--frame-max", limits.frame_bytes_max, "Bytes of one message at most")
      ->transform(CLI::AsSizeValue(false))
      ->transform(unsigned_size())
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 30))
      ->capture_default_str();
  app.add_option("--plugin", line.plugins,
                 "A shared library with types of your own; may be given several times")
      ->type_name("FILE");
  app.add_option("--log-level", line.log_level, "How much to log")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  app.add_option("--owner-fd", line.server.owner_fd,
                 "A pidfd that was inherited: end when that process has ended")
      ->check(descriptor_number());
  app.add_flag("--remove-directory", line.server.remove_directory,
               "Remove the Unix socket's directory at the end, if it is empty");
  app.add_flag("!--no-shared-memory", line.server.shared_memory,
               "Keep the data where programs on this host cannot map it");
  app.set_version_flag("--version", "agorad " + std::string{agora::kVersion});
}

/// Opens /dev/null for each standard stream that is closed, so that no socket of ours gets its
/// number.
void open_standard_streams() {
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::open("/dev/null", O_RDWR)) {
    if (fd > STDERR_FILENO) {
      ::close(fd);
      break;
    }
  }
}

/// Moves the TLS options to the server's. @return the reason if they do not fit together
std::string take_tls(CommandLine& line) {
  const agora::TlsFiles& tls = line.tls;
  if (tls.certificate.empty() != tls.key.empty()) {
    return "--tls-cert and --tls-key belong together";
  }
  if (tls.certificate.empty()) {
    return tls.client_ca.empty() ? "" : "--tls-client-ca needs --tls-cert and --tls-key";
  }
  line.server.tls = tls;
  return {};
}

int serve(CommandLine& line) {
  if (const std::string reason = take_tls(line); !reason.empty()) {
    std::cerr << "agorad: " << reason << '\n';
    return EX_USAGE;
  }
  if (line.no_tcp && line.no_unix) {
    std::cerr << "agorad: --no-tcp and --no-unix together leave no way in\n";
    return EX_USAGE;
  }
  // Checked before the server opens descriptors: later the number may belong to one of its own.
  if (line.server.owner_fd >= 0 && !agora::is_pidfd(line.server.owner_fd)) {
    std::cerr << "agorad: --owner-fd " << line.server.owner_fd << " is no inherited pidfd\n";
    return EX_USAGE;
  }
  if (line.no_tcp) {
    line.server.tcp.reset();
  } else {
    line.server.tcp = line.tcp.front();
    line.server.more_tcp.assign(line.tcp.begin() + 1, line.tcp.end());
  }
  if (!line.no_unix) line.server.unix_path = line.unix_path;
  agora::LogWriter writer{STDERR_FILENO};
  const auto refuse = [&writer](const std::exception& error) {
    writer.write("agorad: " + std::string{error.what()} + "\n");
  };
  const auto log = std::make_shared<spdlog::logger>("agorad", std::make_shared<LogSink>(writer));
  log->set_level(spdlog::level::from_str(line.log_level));
  line.server.log = [log](const std::string& text) { log->warn(text); };
  try {
    for (const std::string& plugin : line.plugins) {
      agora::load_plugin(plugin, line.server.types);
    }
    agora::Server server{std::move(line.server)};
    server.take_signals();
    std::cout << server.ready_line() << std::endl;
    log->info("agorad {} is {}", agora::kVersion, server.ready_line());
    server.run();
    log->info("ended");
  } catch (const agora::OptionError& error) {
    refuse(error);
    return EX_USAGE;
  } catch (const std::exception& error) {
    refuse(error);
    return EX_UNAVAILABLE;
  }
  return EX_OK;
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  agora::set_signal_dispositions();
  agora::MemoryReserve::install();
  CommandLine line;
  CLI::App app{"agorad: a server of shared objects, where processes meet", "agorad"};
  describe(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? EX_OK : EX_USAGE;
  }
  return serve(line);
}
