// SPDX-License-Identifier: MIT

#include "shared/shm/memfd_extents.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/shm/whole_pages.hpp"

namespace agora {
namespace {

/// Opens a memfd; not executable where the kernel (6.3 and later) supports that.
int open_memfd() {
#ifdef MFD_NOEXEC_SEAL
  constexpr unsigned kNotExecutable = MFD_NOEXEC_SEAL;
#else
  constexpr unsigned kNotExecutable = 8;
#endif
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int descriptor = memfd_create("agora", kFlags | kNotExecutable);
  if (descriptor >= 0 || errno != EINVAL) return descriptor;
  return memfd_create("agora", kFlags);
}

/// Calls fallocate, and retries on EINTR.
bool reserve(int descriptor, off_t from, off_t bytes) {
  int result = 0;
  do {
    result = fallocate(descriptor, 0, from, bytes);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

bool reserve_in_steps(int descriptor, off_t bytes, const std::function<void()>& between) {
  constexpr off_t kStep = off_t{2} << 20;
  const off_t step = between ? kStep : bytes;
  for (off_t from = 0; from < bytes; from += step) {
    if (from > 0) between();
    if (!reserve(descriptor, from, std::min(step, bytes - from))) return false;
  }
  return true;
}

/// F_SEAL_FUTURE_WRITE, absent from older headers: the server's own mapping stays writable, new
/// mappings cannot be.
constexpr int kSealFutureWrite = 0x0010;

/// Reserves, maps and seals the memory of a new memfd; its size is fixed from then on. Returns null
/// if any step failed.
void* map_sealed(int descriptor, std::size_t bytes, MemfdExtent::Access access,
                 const std::function<void()>& between) {
  const auto length = static_cast<off_t>(bytes);
  if (ftruncate(descriptor, length) != 0) return nullptr;
  if (!reserve_in_steps(descriptor, length, between)) return nullptr;
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (base == MAP_FAILED) return nullptr;
  int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (access == MemfdExtent::Access::read) seals |= kSealFutureWrite;
  if (fcntl(descriptor, F_ADD_SEALS, seals) != 0) {
    munmap(base, bytes);
    return nullptr;
  }
  return base;
}

}  // namespace

MemfdExtent MemfdExtent::make(std::size_t bytes, Access access,
                              const std::function<void()>& between) {
  MemfdExtent made;
  made.descriptor_ = open_memfd();
  if (made.descriptor_ < 0) return {};
  void* base = map_sealed(made.descriptor_, bytes, access, between);
  if (base == nullptr) return {};
  made.bytes_ = {static_cast<std::byte*>(base), bytes};
  return made;
}

std::size_t MemfdExtent::discard(std::span<std::byte> unused) {
  const std::span<std::byte> pages = whole_pages(unused);
  if (pages.empty()) return 0;
  const int result = fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               pages.data() - bytes_.data(), static_cast<off_t>(pages.size()));
  return result == 0 ? pages.size() : 0;
}

bool MemfdExtent::renew(std::span<std::byte> bytes) {
  return reserve(descriptor_, bytes.data() - bytes_.data(), static_cast<off_t>(bytes.size()));
}

MemfdExtent::~MemfdExtent() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace agora
