// SPDX-License-Identifier: MIT

// The limits of control groups, read from made-up trees of /proc and /sys.

#include "server/app/memory_limit.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <stdlib.h>
#include <string>

#include "tests/support/catch.hpp"

namespace agora {
namespace {

constexpr std::size_t kMib = std::size_t{1} << 20;

/// A directory that stands for the root of the file system.
class Root {
 public:
  Root() {
    if (::mkdtemp(path_) == nullptr) throw std::runtime_error("no temporary directory");
  }
  ~Root() { std::filesystem::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = path_ + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << text << '\n';
  }
  std::size_t limit() const { return cgroup_memory_limit(path_); }

 private:
  char path_[32] = "/tmp/agora-test-XXXXXX";
};

const std::string kUnified = "31 23 0:28 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw";
const std::string kMemory = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";

TEST_CASE("cgroup limit: version 2 counts the least of the group and its ancestors", "[app]") {
  const Root root;
  root.write("/proc/self/mountinfo", kUnified);
  root.write("/proc/self/cgroup", "0::/batch.slice/job.service");
  root.write("/sys/fs/cgroup/batch.slice/job.service/memory.max", "max");
  CHECK(root.limit() == SIZE_MAX);
  root.write("/sys/fs/cgroup/batch.slice/memory.max", std::to_string(256 * kMib));
  CHECK(root.limit() == 256 * kMib);
  root.write("/sys/fs/cgroup/batch.slice/job.service/memory.max", std::to_string(64 * kMib));
  CHECK(root.limit() == 64 * kMib);
}

TEST_CASE("cgroup limit: version 2 in a container shows the own group as the root", "[app]") {
  const Root root;
  root.write("/proc/self/mountinfo", kUnified);
  root.write("/proc/self/cgroup", "0::/");
  root.write("/sys/fs/cgroup/memory.max", std::to_string(128 * kMib));
  CHECK(root.limit() == 128 * kMib);
}

TEST_CASE("cgroup limit: version 1 counts the least of the group and its ancestors", "[app]") {
  const Root root;
  root.write("/proc/self/mountinfo", kMemory);
  root.write("/proc/self/cgroup", "4:cpu:/\n3:memory:/jobs/17");
  root.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  root.write("/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", std::to_string(100 * kMib));
  root.write("/sys/fs/cgroup/memory/jobs/17/memory.limit_in_bytes", std::to_string(200 * kMib));
  CHECK(root.limit() == 100 * kMib);
}

TEST_CASE("cgroup limit: version 1 tells the limit of ancestors outside the container", "[app]") {
  const Root root;
  root.write("/proc/self/mountinfo", kMemory);
  root.write("/proc/self/cgroup", "3:memory:/");
  root.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  root.write("/sys/fs/cgroup/memory/memory.stat",
             "cache 4096\nhierarchical_memory_limit " + std::to_string(96 * kMib));
  CHECK(root.limit() == 96 * kMib);
}

TEST_CASE("cgroup limit: a mount of the own group alone is read at its mount point", "[app]") {
  const Root root;
  // The host's path of the group is visible, but only the group itself is mounted.
  root.write("/proc/self/mountinfo",
             "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory");
  root.write("/proc/self/cgroup", "3:memory:/docker/abc/inner");
  root.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", std::to_string(80 * kMib));
  root.write("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", std::to_string(70 * kMib));
  CHECK(root.limit() == 70 * kMib);
  root.write("/proc/self/cgroup", "3:memory:/../elsewhere");
  CHECK(root.limit() == 80 * kMib);
}

TEST_CASE("cgroup limit: hybrid systems count the least of both versions", "[app]") {
  const Root root;
  root.write("/proc/self/mountinfo",
             kMemory + "\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw");
  root.write("/proc/self/cgroup", "3:memory:/a\n0::/b");
  root.write("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", std::to_string(300 * kMib));
  root.write("/sys/fs/cgroup/unified/b/memory.max", std::to_string(200 * kMib));
  CHECK(root.limit() == 200 * kMib);
}

TEST_CASE("cgroup limit: a mount point with a blank in its name is found", "[app]") {
  const Root root;
  root.write("/proc/self/mountinfo", R"(31 23 0:28 / /sys/fs/c\040group rw - cgroup2 none rw)");
  root.write("/proc/self/cgroup", "0::/a");
  root.write("/sys/fs/c group/a/memory.max", std::to_string(50 * kMib));
  CHECK(root.limit() == 50 * kMib);
}

TEST_CASE("cgroup limit: without /proc the usual mount points are read", "[app]") {
  const Root root;
  CHECK(root.limit() == SIZE_MAX);
  root.write("/sys/fs/cgroup/memory.max", std::to_string(40 * kMib));
  CHECK(root.limit() == 40 * kMib);
}

}  // namespace
}  // namespace agora
