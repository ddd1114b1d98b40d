// SPDX-License-Identifier: MIT

// Tests the demo's own parts: the splitting into words, the comparison of two counts, the report.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <rapidcheck.h>

#include "docs/examples/word_count/check.hpp"
#include "docs/examples/word_count/report.hpp"
#include "docs/examples/word_count/text_files.hpp"
#include "docs/examples/word_count/words.hpp"
#include "tests/support/catch.hpp"

namespace {

using namespace word_count;
namespace fs = std::filesystem;

Counts counts_of(std::string_view text) {
  WordCounter counter;
  counter.add(text);
  return counter.finish();
}

/// A temporary folder, removed with the test.
struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "agora-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }

  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path / name, std::ios::binary) << content;
    return (path / name).string();
  }
  fs::path path;
};

}  // namespace

TEST_CASE("a word is a run of ASCII letters in lower case", "[examples]") {
  CHECK(counts_of("") == Counts{});
  CHECK(counts_of("  42 -- ") == Counts{});
  CHECK(counts_of("The the THE end") == Counts{{"the", 3}, {"end", 1}});
  CHECK(counts_of("don't x2y [Az]@`{") ==
        Counts{{"don", 1}, {"t", 1}, {"x", 1}, {"y", 1}, {"az", 1}});
  CHECK(counts_of("d\xC3\xA9j\xC3\xA0") == Counts{{"d", 1}, {"j", 1}});
}

TEST_CASE("a word count does not depend on where a text is cut into pieces", "[examples]") {
  CHECK(rc::check("pieces", [](const std::string& text) {
    WordCounter counter;
    for (std::string_view rest = text; !rest.empty();) {
      const auto size = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
      counter.add(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    RC_ASSERT(counter.finish() == counts_of(text));
  }));
}

TEST_CASE("a word counter is empty after the end of its text", "[examples]") {
  WordCounter counter;
  counter.add("one");
  CHECK(counter.finish() == Counts{{"one", 1}});
  counter.add("two");
  CHECK(counter.finish() == Counts{{"two", 1}});
}

TEST_CASE("the top words are ordered by count and then by the alphabet", "[examples]") {
  const auto best = top({{"b", 2}, {"a", 2}, {"c", 9}, {"d", 1}}, 3);
  REQUIRE(best.size() == 3);
  CHECK(best[0].first == "c");
  CHECK(best[1].first == "a");
  CHECK(best[2].first == "b");
  CHECK(top({}, 3).empty());
}

TEST_CASE("two counts differ where a word is missing, too much, or counted otherwise",
          "[examples]") {
  const Counts ours{{"same", 1}, {"more", 3}, {"extra", 1}};
  const Counts expected{{"same", 1}, {"more", 2}, {"missing", 4}};
  const auto lines = differences(ours, expected, 5);
  CHECK(lines == std::vector<std::string>{"extra: 1, expected 0", "missing: 0, expected 4",
                                          "more: 3, expected 2"});
  CHECK(differences(ours, expected, 2).size() == 2);
  CHECK(differences(ours, ours, 5).empty());
}

TEST_CASE("the tools and the workers count the same, whatever the files contain", "[examples]") {
  const Folder folder;
  std::vector<std::string> paths;
  Counts ours;
  const char* const texts[] = {"last word", "First\nword's", "", "\xFF\xFE caf\xC3\xA9\r\n", "9 z"};
  for (const char* text : texts) {
    paths.push_back(folder.write("a ' file " + std::to_string(paths.size()), text));
    add(ours, count_words(paths.back()));
  }
  CHECK(total(ours) == 7);
  CHECK(count_by_tools(paths, folder.path.string()) == ours);
}

TEST_CASE("a file that the tools cannot read is an error, not a smaller count", "[examples]") {
  const Folder folder;
  CHECK_THROWS_AS(count_by_tools({"/nowhere/at/all"}, folder.path.string()), std::runtime_error);
}

TEST_CASE("text files are found below a directory, each path once", "[examples]") {
  const Folder folder;
  fs::create_directories(folder.path / "deep");
  const auto text = folder.write("deep/text", "hello");
  const auto empty = folder.write("empty", "");
  folder.write("binary", std::string("a\0b", 3));
  const auto late = folder.write("late", std::string(8192, 'x') + std::string(1, '\0'));
  fs::create_symlink("deep", folder.path / "folder-link");
  fs::create_symlink("nowhere", folder.path / "broken");
  fs::create_symlink("empty", folder.path / "link");
  const auto found = find_text_files(folder.path.string());
  CHECK(found.paths ==
        std::vector<std::string>{text, empty, late, (folder.path / "link").string()});
  CHECK(found.binary == 1);
  CHECK(found.unreadable == 0);
  CHECK_THROWS_AS(find_text_files(text), NotADirectory);
  CHECK_THROWS_AS(find_text_files("/nowhere/at/all"), NotADirectory);
}

TEST_CASE("repairing a report removes the half line and nothing else", "[examples]") {
  const Folder folder;
  const auto path = (folder.path / "report").string();
  append_to_report(path, "one\ntwo\nthr");
  CHECK(check_report(path).lines == 2);
  CHECK_FALSE(check_report(path).whole);
  repair_report(path, "repaired");
  append_to_report(path, "four\n");
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  CHECK(text == "one\ntwo\nrepaired\nfour\n");
  CHECK(check_report(path).whole);
}

TEST_CASE("a report of half a line only is repaired too", "[examples]") {
  const Folder folder;
  const auto path = (folder.path / "report").string();
  append_to_report(path, "half");
  repair_report(path, "repaired");
  CHECK(check_report(path).lines == 1);
}
