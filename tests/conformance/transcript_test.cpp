// Every transcript in tests/transcripts, through every transport, over every backend: one text, one
// outcome.
//
// A transcript is a list of commands, each with all that happens because of it:
//
//   A dict.get jobs k          session A types this (sessions are opened at their first line)
//     1                        its answer, or (waits)
//     B Empty: ...             what other calls were answered because of it, sorted
//     B {"kind":"watch",...}    and what it was told of it, in order
//   @ advance 2.5              time passes
//   @ close A                  the peer of A closes its connection
//
// After a wanted change: AGORA_REWRITE=1 rewrites the transcripts from the core's own outcome.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

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

/// What differs from transport to transport: hosts, pids, and the base of fencing tokens.
std::string leveled(std::string text) {
  text = std::regex_replace(text, std::regex{R"("host":"[^"]*","pid":(null|\d+))"},
                            R"("host":"-","pid":null)");
  text = std::regex_replace(text, std::regex{R"(\(host [^,]*, pid (-|\d+))"}, "(host -, pid -");
  static const std::regex token{R"("token":(\d+))"};
  std::string out;
  std::smatch match;
  while (std::regex_search(text, match, token)) {
    const auto number = std::stoull(match[1]);
    const auto base = number > 100'000'000 ? (number >> 24) << 24 : number > 1000 ? 1000 : 0;
    out += match.prefix().str() + "\"token\":" + std::to_string(number - base);
    text = match.suffix();
  }
  return out + text;
}

std::vector<Answer> perform(Transport& transport, const std::string& command) {
  std::istringstream words{command};
  std::string first;
  std::string second;
  words >> first >> second;
  if (first != "@") return transport.call(first, command.substr(first.size() + 1));
  std::string argument;
  words >> argument;
  return second == "advance" ? transport.advance(std::stod(argument)) : transport.close(argument);
}

/// Notices stand in the order in which they came, answers, which may overtake each other, in that
/// of their texts.
bool stands_before(const Answer& a, const Answer& b) {
  if (a.session != b.session) return a.session < b.session;
  if (a.notice || b.notice) return a.notice < b.notice;
  return a.text < b.text;
}

/// The transcript as this transport tells it.
std::string told(Transport& transport, const std::string& transcript) {
  std::istringstream in{transcript};
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("  ")) continue;  // outcomes are told anew
    out += line + "\n";
    if (line.empty() || line.starts_with('#')) continue;
    std::vector<Answer> answers = perform(transport, line);
    std::string own = line.starts_with('@') ? "" : "  (waits)\n";
    std::stable_sort(answers.begin(), answers.end(), stands_before);
    std::string others;
    for (const Answer& answer : answers) {
      if (answer.own) {
        own = "  " + answer.text + "\n";
      } else {
        others += "  " + answer.session + " " + answer.text + "\n";
      }
    }
    out += own + others;
  }
  return leveled(out);
}

/// A person's lines wait behind one that waits, a program's calls do not: a transcript in which a
/// session goes on while it waits says so in its first line.
constexpr std::string_view kNotTyped = "# not typed:";

void check(const std::function<std::unique_ptr<Transport>()>& open, bool typed = false) {
  for (const fs::path& path : transcripts()) {
    INFO(path.filename().string());
    const std::string transcript = read(path);
    if (typed && transcript.starts_with(kNotTyped)) continue;
    const auto transport = open();
    CHECK(told(*transport, transcript) == leveled(transcript));
  }
}

const Backend kHeap{"heap", false, false};
const Backend kMemfd{"memfd", true, false};
const Backend kLate{"late journal", false, true};

TEST_CASE("Transcripts told by the core", "[conformance]") {
  if (std::getenv("AGORA_REWRITE") != nullptr) {
    for (const fs::path& path : transcripts()) {
      const std::string transcript = told(*core_transport(kHeap), read(path));
      std::ofstream{path} << transcript;
    }
  }
  REQUIRE(transcripts().size() > 5);
  for (const Backend& backend : {kHeap, kMemfd, kLate}) {
    SECTION(backend.name) {
      check([&] { return core_transport(backend); });
    }
  }
}

void check_wires(const Backend& backend, Wiring wiring) {
  SECTION("typed") {
    check([&] { return wire_transport(backend, Speech::typed, wiring); }, true);
  }
  SECTION("JSON") {
    check([&] { return wire_transport(backend, Speech::json, wiring); });
  }
  SECTION("MessagePack") {
    check([&] { return wire_transport(backend, Speech::msgpack, wiring); });
  }
}

TEST_CASE("Transcripts told through dialogues", "[conformance]") {
  check_wires(kHeap, Wiring::whole);
}

TEST_CASE("Transcripts told through dialogues over memfds", "[conformance]") {
  check_wires(kMemfd, Wiring::whole);
}

TEST_CASE("Transcripts told through dialogues with a late journal", "[conformance]") {
  check_wires(kLate, Wiring::whole);
}

TEST_CASE("Transcripts told byte by byte", "[conformance]") {
  check_wires(kHeap, Wiring::bytewise);
}

TEST_CASE("Transcripts told over a Unix socket", "[conformance]") {
  check_wires(kHeap, Wiring::unix_socket);
}

TEST_CASE("Transcripts told through rings", "[conformance]") { check_wires(kMemfd, Wiring::ring); }

TEST_CASE("Transcripts told over TCP", "[conformance]") { check_wires(kHeap, Wiring::tcp); }

}  // namespace
}  // namespace agora::test
