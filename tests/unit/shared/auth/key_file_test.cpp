// SPDX-License-Identifier: MIT

#include "shared/auth/key_file.hpp"

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/auth/digest.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

const std::string kKey(64, 'a');

/// A file in a directory of its own; both are removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content, mode_t mode = 0600) {
    if (::mkdtemp(directory_) == nullptr) throw std::runtime_error("no temporary directory");
    std::ofstream{path()} << content;
    ::chmod(path().c_str(), mode);
  }
  ~TemporaryFile() {
    ::unlink(path().c_str());
    ::rmdir(directory_);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return std::string{directory_} + "/keys"; }

 private:
  char directory_[32] = "/tmp/agora-keys-XXXXXX";
};

TEST_CASE("key file: keys, certificates, comments and blanks are read", "[auth]") {
  const auto file = parse_key_file(
      "# the keys of the lab\n\n"
      "ci write " +
      kKey +
      " names=ci.   # the builder\r\n"
      "\tA.b_c-9  admin " +
      std::string(64, 'F') +
      "\n"
      "cert:CN=web\\201,O=Lab read names=web/\n"
      "cert:CN=root admin");
  REQUIRE(file);
  REQUIRE(file->lines.size() == 4);
  CHECK(file->has_keys());
  CHECK(file->key("ci")->role == Role::write);
  CHECK(file->key("ci")->names == "ci.");
  CHECK(file->key("ci")->line == 3);
  CHECK(file->key("A.b_c-9")->key == std::string(32, '\xff'));
  CHECK(file->key("web") == nullptr);
  CHECK(file->certificate("CN=web\\201,O=Lab")->names == "web/");
  CHECK(file->certificate("CN=root")->role == Role::admin);
  CHECK(file->choose("")->id == "ci");
  CHECK(file->choose("A.b_c-9")->role == Role::admin);
  CHECK_FALSE(file->choose("nobody"));
  CHECK_FALSE(parse_key_file("")->choose(""));
}

TEST_CASE("key file: a line that does not parse is named by its number", "[auth]") {
  struct Row {
    std::string line;
    std::string mentions;
  };
  for (const Row& row : {Row{"ci", "expected a role"}, Row{"ci owner " + kKey, "is no role"},
                         Row{"ci write", "64 hexadecimal digits"},
                         Row{"ci write " + kKey.substr(1), "64 hexadecimal digits"},
                         Row{"ci write " + kKey.substr(1) + "g", "64 hexadecimal digits"},
                         Row{"c:i write " + kKey, "is no id"},
                         Row{std::string(65, 'i') + " write " + kKey, "is no id"},
                         Row{"ci write " + kKey + " more", "expected names=PREFIX"},
                         Row{"ci write " + kKey + " names=", "needs a prefix"},
                         Row{"ci write " + kKey + " names=a names=b", "expected names=PREFIX"},
                         Row{"ci write " + kKey + " names=\xff", "UTF-8"},
                         Row{"ci admin " + kKey + " names=a", "takes no names="},
                         Row{"cert: read", "needs the subject"},
                         Row{"cert:CN=a read " + kKey, "expected names=PREFIX"},
                         Row{"ok read " + kKey, "same id"}}) {
    INFO(row.line);
    const auto file = parse_key_file("# 1\nok read " + kKey + "\n" + row.line + "\n");
    REQUIRE_FALSE(file);
    CHECK_THAT(file.error().message, Catch::StartsWith("line 3: "));
    CHECK_THAT(file.error().message, Catch::Contains(row.mentions));
    CHECK_THAT(file.error().message, !Catch::Contains(kKey.substr(0, 20)));
  }
}

TEST_CASE("key file: no bytes make the parser fail in another way than with a line number",
          "[auth]") {
  std::mt19937 random{17};
  const std::string alphabet = "ci write" + kKey.substr(0, 3) + "\n\t#=\xff\r names=cert:";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = round % 2 == 0 ? "ci write " + kKey + " names=x\n" : "";
    for (std::size_t i = random() % 60; i > 0; --i) text += alphabet[random() % alphabet.size()];
    const auto file = parse_key_file(text);
    if (!file) CHECK_THAT(file.error().message, Catch::StartsWith("line "));
  }
}

TEST_CASE("key file: one that other users can read is refused with its mode", "[auth]") {
  const TemporaryFile closed{"ci write " + kKey + "\n"};
  CHECK(read_key_file(closed.path()));
  for (const mode_t mode : {0640, 0604, 0620, 0666}) {
    const TemporaryFile open{"ci write " + kKey + "\n", mode};
    const auto file = read_key_file(open.path());
    REQUIRE_FALSE(file);
    CHECK_THAT(file.error().message, Catch::StartsWith(open.path() + ": its mode 0"));
    CHECK_THAT(file.error().message, Catch::Contains("chmod 600"));
  }
}

TEST_CASE("key file: a file that is absent, no file, or malformed is named", "[auth]") {
  CHECK_THAT(read_key_file("/nowhere/keys").error().message,
             Catch::Contains("/nowhere/keys: No such file"));
  CHECK_THAT(read_key_file("/tmp").error().message, Catch::Contains("no regular file"));
  const TemporaryFile malformed{"\nci\n"};
  CHECK_THAT(read_key_file(malformed.path()).error().message, Catch::Contains("line 2: "));
}

}  // namespace
}  // namespace agora
