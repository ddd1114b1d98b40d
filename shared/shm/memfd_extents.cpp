#include "shared/shm/memfd_extents.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace agora {
namespace {

/// A memfd, not executable where the kernel (6.3 and later) can promise that.
int open_memfd() {
#ifdef MFD_NOEXEC_SEAL
  constexpr unsigned not_executable = MFD_NOEXEC_SEAL;
#else
  constexpr unsigned not_executable = 8;
#endif
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int descriptor = memfd_create("agora", flags | not_executable);
  if (descriptor >= 0 || errno != EINVAL) return descriptor;
  return memfd_create("agora", flags);
}

/// fallocate, again if a signal came in between.
bool reserve(int descriptor, off_t bytes) {
  int result = 0;
  do {
    result = fallocate(descriptor, 0, 0, bytes);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

/// The new memfd's memory with its size fixed for ever; null if anything of that failed.
void* map_sealed(int descriptor, std::size_t bytes) {
  const auto length = static_cast<off_t>(bytes);
  if (ftruncate(descriptor, length) != 0 || !reserve(descriptor, length)) return nullptr;
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (base == MAP_FAILED) return nullptr;
  if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    munmap(base, bytes);
    return nullptr;
  }
  return base;
}

}  // namespace

MemfdExtents::~MemfdExtents() {
  for (const Extent& extent : extents_) {
    munmap(extent.bytes.data(), extent.bytes.size());
    close(extent.descriptor);
  }
}

std::span<std::byte> MemfdExtents::allocate(std::size_t bytes) {
  const int descriptor = open_memfd();
  if (descriptor < 0) return {};
  void* base = map_sealed(descriptor, bytes);
  if (base == nullptr) {
    close(descriptor);
    return {};
  }
  extents_.push_back({descriptor, {static_cast<std::byte*>(base), bytes}});
  return extents_.back().bytes;
}

}  // namespace agora
