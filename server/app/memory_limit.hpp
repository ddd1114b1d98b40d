// SPDX-License-Identifier: MIT

// The memory that the process may use, by the machine, the control groups and `ulimit`.
#pragma once

#include <cstddef>
#include <string>

namespace agora {

/// Returns the least limit of the control groups of this process and all their ancestors, in bytes;
/// SIZE_MAX if there is none. It reads /proc/self/cgroup, /proc/self/mountinfo and the mounted
/// hierarchies of version 1 and 2. A container that shows only its own group has that one read.
/// @param root  the directory that stands for "/", for tests
std::size_t cgroup_memory_limit(const std::string& root = "");

/// Returns half of the memory that this process may use, in bytes: of the machine's memory, the
/// limit of the control groups or `ulimit -v`, whichever is least.
std::size_t half_of_memory();

}  // namespace agora
