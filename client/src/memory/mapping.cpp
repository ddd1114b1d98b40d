// SPDX-License-Identifier: MIT

#include "client/src/memory/mapping.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <agora/detail/handle.hpp>
#include <agora/detail/methods.hpp>

#include "client/src/transport/connection.hpp"
#include "client/src/transport/descriptors.hpp"
#include "shared/value/any.hpp"

namespace agora::detail {
namespace {

constexpr std::size_t kGateBytes = 4096;
constexpr std::uint64_t kLayout = 2;
/// How long a lookup waits for the server's new memory. Afterwards it makes a call instead.
constexpr std::chrono::seconds kGrowTimeout{1};
/// The back-off after a failed attempt to map memory. Meanwhile reads make calls.
constexpr std::chrono::seconds kGrowBackoff{1};

/// Calls session.map on a new connection. Returns the result, and appends the descriptors that come
/// with it. Returns an empty value on failure.
Packed call_with_descriptors(const Address& address, const Params& params,
                             std::vector<int>& descriptors, const Deadline& deadline) {
  auto socket = Socket::dial(address, deadline, wait_without_cancel);
  if (!socket) return {};
  Connection connection(std::move(*socket));
  std::string request;
  begin_msgpack_request(1, methods::session_map.name, params.count, request);
  request += params.bytes;
  const iovec one[] = {part(request)};
  if (connection.channel.send(one).bytes != request.size()) return {};
  while (!is_past(deadline)) {
    auto next = connection.inbox.next();
    if (!next) return {};
    if (*next) return (*next)->ok() ? Packed{(*next)->result} : Packed{};
    pollfd wanted{connection.channel.fd(), POLLIN, 0};
    ::poll(&wanted, 1, milliseconds_left(deadline, 60'000));
    const Socket::Result got =
        connection.channel.socket().receive_with(connection.inbox.space(), descriptors);
    if (got.io == Socket::Io::ended) return {};
    connection.inbox.filled(got.bytes);
  }
  return {};
}

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

Mapping::Mapping(const Address& address, const SessionName& session)
    : address_(address), session_(session), number_(next_number()) {}

std::shared_ptr<Mapping> Mapping::open(const Address& address, const SessionName& session,
                                       const Deadline& deadline) {
  std::shared_ptr<Mapping> made(new Mapping(address, session));
  if (!made->make_gate() || !made->grow(deadline)) return nullptr;
  made->gate_->store(gate::kLives | gate::kOpen);
  return made;
}

Mapping::~Mapping() {
  for (const Map& map : maps_) ::munmap(map.bytes.data(), map.bytes.size());
  if (gate_ != nullptr) ::munmap(gate_, kGateBytes);
}

/// Returns false if the kernel cannot wipe the page in a child (MADV_WIPEONFORK). The session then
/// uses no shared memory: a child of a bare clone() would access the memory in the name of its
/// parent's session.
bool Mapping::make_gate() {
  void* page =
      ::mmap(nullptr, kGateBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  gate_ = new (page) std::atomic<std::uint64_t>(0);
  return ::madvise(page, kGateBytes, MADV_WIPEONFORK) == 0;
}

bool Mapping::grow(const Deadline& deadline) {
  const std::lock_guard guard(grow_mutex_);
  return grow_locked(deadline);
}

void Mapping::grow_if_behind() {
  const shm::Cell* const memory = memory_.load();
  if (memory == nullptr) return;
  if (memory->size.load() <= extents_.load() && !holds_released()) return;
  const std::unique_lock lock(grow_mutex_, std::try_to_lock);
  if (!lock || !is_past(not_before_)) return;
  if (!grow_locked(deadline_in(kGrowTimeout))) not_before_ = deadline_in(kGrowBackoff);
}

bool Mapping::grow_locked(const Deadline& deadline) {
  for (;;) {
    Descriptors got;
    const Params params = params_of(session_.session, session_.token, extents_.load());
    const Packed packed = call_with_descriptors(address_, params, got.list, deadline);
    if (!packed.view().present()) return false;
    auto reply = unpack<std::map<std::string, any>>(packed);
    if (!reply) return false;
    auto layout = (*reply)["layout"].get<std::uint64_t>();
    auto key = (*reply)["hash_key"].get<std::vector<std::uint64_t>>();
    auto extents = (*reply)["extents"].get<std::vector<std::vector<any>>>();
    auto total = (*reply)["total"].get<std::uint64_t>();
    auto next = (*reply)["next"].get<std::uint64_t>();
    auto live = (*reply)["live"].get<std::vector<std::uint64_t>>();
    auto releases = (*reply)["releases"].get<std::uint64_t>();
    if (!layout || *layout != kLayout || !key || key->size() != 2 || !extents || !total)
      return false;
    if (!next || *next < extents_.load() || !live || !releases) return false;
    // Only once: other threads read it without the mutex.
    if (!std::exchange(has_hash_key_, true)) hash_key_ = {key->front(), key->back()};
    unmap_released(extents_.load(), *live);
    if (!map_extents(got.list, *extents)) return false;
    extents_.store(*next);
    releases_.store(*releases);
    if (auto cell = (*reply)["memory"].get<std::uint32_t>()) {
      memory_.store(reinterpret_cast<const shm::Cell*>(pages_.at(*cell, sizeof(shm::Cell))));
    }
    if (extents_ >= *total) return true;
  }
}

/// Maps the extents of one reply.
bool Mapping::map_extents(std::span<const int> descriptors,
                          const std::vector<std::vector<any>>& extents) {
  if (extents.size() != descriptors.size()) return false;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i].size() != 4) return false;
    auto writable = extents[i][0].get<bool>();
    auto first = extents[i][1].get<std::uint64_t>();
    auto pages = extents[i][2].get<std::uint64_t>();
    auto number = extents[i][3].get<std::uint64_t>();
    if (!writable || !first || !pages || !number) return false;
    const std::size_t bytes = *pages * shm::Pages::kPageBytes;
    const int access = *writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void* base = map_extent(bytes, access, descriptors[i]);
    if (base == nullptr) return false;
    // Words are never released: their number is not needed.
    maps_.push_back(
        {*writable ? kNoExtent - 1 : *number, *first, {static_cast<std::byte*>(base), bytes}});
    // Keep the server's data out of this program's core dumps.
    static_cast<void>(::madvise(base, bytes, MADV_DONTDUMP));
    (*writable ? words_ : pages_).add(*first, *pages, static_cast<const std::byte*>(base));
  }
  return true;
}

/// Maps one extent, in the place of one that was given up if there is one of that size.
void* Mapping::map_extent(std::size_t bytes, int access, int descriptor) {
  const auto place = std::ranges::find_if(
      maps_, [&](const Map& map) { return map.number == kNoExtent && map.bytes.size() == bytes; });
  void* at = nullptr;
  int flags = MAP_SHARED;
  if (place != maps_.end()) {
    at = place->bytes.data();
    flags |= MAP_FIXED;
  }
  void* const base = ::mmap(at, bytes, access, flags, descriptor, 0);
  if (base == MAP_FAILED) return nullptr;
  if (place != maps_.end()) maps_.erase(place);
  return base;
}

/// Gives up the extents below that number that are not in `live`, so that the kernel can free their
/// memory. Their place is filled with pages of zeros and not unmapped, since another thread may be
/// reading there. It finds the content changed, as it does when the server writes meanwhile.
void Mapping::unmap_released(std::uint64_t below, std::span<const std::uint64_t> live) {
  for (Map& map : maps_) {
    if (map.number >= below || std::ranges::binary_search(live, map.number)) continue;
    pages_.remove(map.first_page, map.bytes.size() / shm::Pages::kPageBytes);
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    void* const zeros = ::mmap(map.bytes.data(), map.bytes.size(), PROT_READ, kFlags, -1, 0);
    if (zeros != MAP_FAILED) map.number = kNoExtent;
  }
}

std::byte* Mapping::words(std::uint32_t index, std::size_t bytes) const {
  constexpr std::uint32_t kUnitWords = shm::Pages::kUnitBytes / sizeof(std::uint64_t);
  const std::size_t within = index % kUnitWords * sizeof(std::uint64_t);
  const std::byte* const unit = words_.at(index / kUnitWords, within + bytes);
  return unit == nullptr ? nullptr : const_cast<std::byte*>(unit) + within;
}

WordHold* Mapping::word_hold(const ObjectView& view, const std::string& name) {
  const std::lock_guard guard(mutex_);
  auto& lock = locks_[view.object];
  if (!lock) {
    lock = std::make_unique<Lock>();
    lock->name = name;
    lock->kind = view.kind;
    lock->token_base = view.token_base;
  }
  ++lock->views;
  return &lock->hold;
}

// Keeps the entry of a held lock: its loss must be reported.
void Mapping::unlocate(const ObjectView& view) {
  if (view.hold == nullptr) return;
  const std::lock_guard guard(mutex_);
  const auto found = locks_.find(view.object);
  if (found == locks_.end()) return;
  const Lock& lock = *found->second;
  if (--found->second->views == 0 && lock.hold.holder.load() == 0) locks_.erase(found);
}

void Mapping::add_slot(std::uint32_t slot, std::string owner) {
  const std::lock_guard guard(mutex_);
  slots_[slot] = std::move(owner);
}

std::vector<Mapping::HeldLock> Mapping::lose_locks() {
  const std::lock_guard guard(mutex_);
  std::vector<HeldLock> held;
  for (const auto& [object, lock] : locks_) {
    const std::uint64_t holder = lock->hold.holder.exchange(0);
    const auto owner = slots_.find(WordHold::slot(holder));
    if (holder == 0 || owner == slots_.end()) continue;
    held.push_back({lock->name, lock->kind, owner->second,
                    lock->token_base + lock->hold.count.load(), WordHold::levels(holder)});
  }
  return held;
}

}  // namespace agora::detail
