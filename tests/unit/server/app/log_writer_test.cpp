// SPDX-License-Identifier: MIT

#include "server/app/log_writer.hpp"

#include <array>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include "server/net/descriptor.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    read = Descriptor{ends[0]};
    write = Descriptor{ends[1]};
  }
  /// Reads until the end, which comes once the writer and this pipe have closed the other side.
  std::string rest() {
    write.close();
    std::string text;
    std::array<char, 4096> part;
    for (;;) {
      const ssize_t got = ::read(read.get(), part.data(), part.size());
      if (got <= 0) return text;
      text.append(part.data(), static_cast<std::size_t>(got));
    }
  }
  Descriptor read;
  Descriptor write;
};

TEST_CASE("log writer: the lines arrive whole and in order", "[app]") {
  Pipe pipe;
  std::string expected;
  {
    LogWriter writer{pipe.write.get()};
    for (int i = 0; i < 500; ++i) {
      const std::string line = "line " + std::to_string(i) + "\n";
      expected += line;
      writer.write(line);
    }
  }
  CHECK(pipe.rest() == expected);
}

TEST_CASE("log writer: a writer whose pipe is full ends without its reader", "[app]") {
  Pipe pipe;
  ::fcntl(pipe.write.get(), F_SETPIPE_SZ, 4096);
  const std::string line = std::string(99, 'x') + "\n";
  {
    LogWriter writer{pipe.write.get()};
    for (int i = 0; i < 2'000; ++i) writer.write(line);
  }
  // The thread still waits to write; as the pipe is read, it goes on and tells of the loss.
  std::string text;
  std::array<char, 4096> part;
  while (text.find("lines of the log were lost") == std::string::npos) {
    const ssize_t got = ::read(pipe.read.get(), part.data(), part.size());
    REQUIRE(got > 0);
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  CHECK(text.starts_with(line));
}

TEST_CASE("log writer: a descriptor that refuses the lines loses them only", "[app]") {
  LogWriter writer{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  for (int i = 0; i < 3'000; ++i) writer.write("a line\n");
}

}  // namespace
}  // namespace agora
