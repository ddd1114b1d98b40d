// SPDX-License-Identifier: MIT

// Plays every transcript in tests/transcripts through every transport, over every backend. All must
// give the outcome that stands in the text.
//
// A transcript is a golden test: a list of commands, each with all that happens because of it.
//
//   A dict.get jobs k          session A calls this (a session is opened by its first line)
//     1                        the reply to this call, or (waits)
//     B Empty: ...             replies to waiting calls of session B, sorted
//     B {"kind":"watch",...}    notices to session B, in order of arrival
//   @ advance 2.5              the clock advances by 2.5 seconds
//   @ close A                  the client closes the connection of session A
//   @ login A writer           session A logs in by that key (see login_keys.hpp)
//
// A transcript whose first line begins with "# with keys:" plays against a server that has keys,
// through the transports on which clients then have to log in.
//
// After a wanted change of texts, AGORA_REWRITE=1 rewrites the transcripts with the replies of the
// core.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/conformance/login_keys.hpp"
#include "tests/conformance/transport.hpp"
#include "tests/support/catch.hpp"

namespace agora::test {
namespace {

namespace fs = std::filesystem;

const fs::path kTranscripts = fs::path{AGORA_SOURCE_DIR} / "tests/transcripts";

std::vector<fs::path> transcripts() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator{kTranscripts}) {
    if (entry.path().extension() == ".txt") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string read(const fs::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// Masks the parts that differ between transports: their names, hosts, pids, the ends of session
/// ids, and the base of fencing tokens.
std::string normalized(std::string text) {
  text = std::regex_replace(text, std::regex{R"("host":"[^"]*","pid":(null|\d+))"},
                            R"("host":"-","pid":null)");
  text = std::regex_replace(text, std::regex{R"(\(host [^,]*, pid (-|\d+))"}, "(host -, pid -");
  text = std::regex_replace(text, std::regex{R"("transport":"\w+")"}, R"("transport":"-")");
  text = std::regex_replace(text, std::regex{R"(\b(s\d+)-[0-9a-f]{8}\b)"}, "$1");
  static const std::regex token{R"("token":(\d+))"};
  std::string out;
  std::smatch match;
  while (std::regex_search(text, match, token)) {
    const auto number = std::stoull(match[1]);
    const auto base = number > 100'000'000 ? (number >> 14) << 14 : number > 1000 ? 1000 : 0;
    out += match.prefix().str() + "\"token\":" + std::to_string(number - base);
    text = match.suffix();
  }
  return out + text;
}

/// Returns the text of the reply to the call that was just sent.
std::string own_reply(const std::vector<SessionMessage>& messages) {
  for (const SessionMessage& message : messages) {
    if (message.own) return message.text;
  }
  return "(waits)";
}

std::vector<SessionMessage> log_in(Transport& transport, const std::string& session,
                                   const std::string& id) {
  const std::string challenge = own_reply(transport.call(session, "session.challenge"));
  std::vector<SessionMessage> messages = transport.call(session, login_line(id, challenge));
  for (SessionMessage& message : messages) {
    if (message.own) message.text = checked_reply(id, challenge, message.text);
    message.own = false;
  }
  return messages;
}

std::vector<SessionMessage> run_command(Transport& transport, const std::string& command) {
  std::istringstream words{command};
  std::string first;
  std::string second;
  words >> first >> second;
  if (first != "@") return transport.call(first, command.substr(first.size() + 1));
  std::string argument;
  words >> argument;
  if (second == "login") {
    std::string id;
    words >> id;
    return log_in(transport, argument, id);
  }
  return second == "advance" ? transport.advance(std::stod(argument)) : transport.close(argument);
}

/// Orders messages by session, replies before notices. Replies may overtake each other, so they are
/// sorted by text; notices keep the order of arrival (the sort is stable).
bool ordered_before(const SessionMessage& a, const SessionMessage& b) {
  if (a.session != b.session) return a.session < b.session;
  if (a.notice || b.notice) return a.notice < b.notice;
  return a.text < b.text;
}

/// Returns the transcript with the outcomes that this transport gives.
std::string play(Transport& transport, const std::string& transcript) {
  std::istringstream in{transcript};
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("  ")) continue;  // an outcome of the expected text
    out += line + "\n";
    if (line.empty() || line.starts_with('#')) continue;
    std::vector<SessionMessage> messages = run_command(transport, line);
    std::string own = line.starts_with('@') ? "" : "  (waits)\n";
    std::stable_sort(messages.begin(), messages.end(), ordered_before);
    std::string others;
    for (const SessionMessage& message : messages) {
      if (message.own) {
        own = "  " + message.text + "\n";
      } else {
        others += "  " + message.session + " " + message.text + "\n";
      }
    }
    out += own + others;
  }
  return normalized(out);
}

/// A typed session sends no further line while a call of it waits; the other protocols do. A
/// transcript in which a session calls on while an earlier call waits therefore says so in its
/// first line.
constexpr std::string_view kNotTyped = "# not typed:";
constexpr std::string_view kWithKeys = "# with keys:";

using OpenTransport = std::function<std::unique_ptr<Transport>(const Backend&)>;

void check_transcripts(const Backend& backend, const OpenTransport& open, bool typed = false,
                       bool has_login = true) {
  for (const fs::path& path : transcripts()) {
    INFO(path.filename().string());
    const std::string transcript = read(path);
    if (typed && transcript.starts_with(kNotTyped)) continue;
    Backend its = backend;
    its.keys = transcript.starts_with(kWithKeys);
    if (its.keys && !has_login) continue;
    const auto transport = open(its);
    CHECK(play(*transport, transcript) == normalized(transcript));
  }
}

const Backend kHeap{"heap", false, false};
const Backend kMemfd{"memfd", true, false};
const Backend kDelayed{"delayed journal", false, true};

TEST_CASE("transcripts in process", "[transcripts]") {
  if (std::getenv("AGORA_REWRITE") != nullptr) {
    for (const fs::path& path : transcripts()) {
      Backend backend = kHeap;
      backend.keys = read(path).starts_with(kWithKeys);
      const std::string transcript = play(*core_transport(backend), read(path));
      std::ofstream{path} << transcript;
    }
  }
  REQUIRE(transcripts().size() > 5);
  for (const Backend& backend : {kHeap, kMemfd, kDelayed}) {
    SECTION(backend.name) { check_transcripts(backend, core_transport); }
  }
}

void check_wire_formats(const Backend& backend, ConnectionKind kind) {
  const auto through = [kind](WireFormat format) {
    return [=](const Backend& its) { return wire_transport(its, format, kind); };
  };
  // The server knows its own user on a Unix socket. The login of a transcript is not bound to TLS.
  const bool has_login = kind == ConnectionKind::in_process || kind == ConnectionKind::bytewise ||
                         kind == ConnectionKind::tcp;
  SECTION("typed") { check_transcripts(backend, through(WireFormat::typed), true, has_login); }
  SECTION("JSON") { check_transcripts(backend, through(WireFormat::json), false, has_login); }
  SECTION("MessagePack") {
    check_transcripts(backend, through(WireFormat::msgpack), false, has_login);
  }
}

TEST_CASE("transcripts through a dialogue", "[transcripts]") {
  check_wire_formats(kHeap, ConnectionKind::in_process);
}

TEST_CASE("transcripts through a dialogue over memfds", "[transcripts]") {
  check_wire_formats(kMemfd, ConnectionKind::in_process);
}

TEST_CASE("transcripts through a dialogue with a delayed journal", "[transcripts]") {
  check_wire_formats(kDelayed, ConnectionKind::in_process);
}

TEST_CASE("transcripts through a dialogue, byte by byte", "[transcripts]") {
  check_wire_formats(kHeap, ConnectionKind::bytewise);
}

TEST_CASE("transcripts over a Unix socket", "[transcripts]") {
  check_wire_formats(kHeap, ConnectionKind::unix_socket);
}

TEST_CASE("transcripts over rings", "[transcripts]") {
  check_wire_formats(kMemfd, ConnectionKind::rings);
}

TEST_CASE("transcripts over TCP", "[transcripts]") {
  check_wire_formats(kHeap, ConnectionKind::tcp);
}

TEST_CASE("transcripts over TLS", "[transcripts]") {
  check_wire_formats(kHeap, ConnectionKind::tls);
}

}  // namespace
}  // namespace agora::test
