#include "client/src/memory/mapping.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <agora/detail/handle.hpp>
#include <agora/detail/methods.hpp>

#include "client/src/transport/descriptors.hpp"
#include "client/src/transport/link.hpp"
#include "shared/value/any.hpp"

namespace agora::detail {
namespace {

constexpr std::size_t kGateBytes = 4096;
constexpr std::uint64_t kLayout = 1;
/// A look that needs more memory mapped waits so long for it; a call would do as well.
constexpr std::chrono::seconds kPatience{1};
/// Where there was no room for it, looks make calls for so long before it is tried again.
constexpr std::chrono::seconds kPause{1};

/// One call on a new connection, its reply, and what comes along with it. Empty: it failed.
Packed call_with_descriptors(const Address& address, const Params& params,
                             std::vector<int>& descriptors, const Deadline& deadline) {
  auto socket = Socket::dial(address, deadline, wait_patiently);
  if (!socket) return {};
  Link link(std::move(*socket));
  std::string request;
  begin_msgpack_request(1, methods::session_map.name, params.count, request);
  request += params.bytes;
  const iovec one[] = {part(request)};
  if (link.channel.send(one).bytes != request.size()) return {};
  while (!is_past(deadline)) {
    auto next = link.inbox.next();
    if (!next) return {};
    if (*next) return (*next)->ok() ? Packed{(*next)->result} : Packed{};
    pollfd wanted{link.channel.fd(), POLLIN, 0};
    ::poll(&wanted, 1, milliseconds_left(deadline, 60'000));
    const Socket::Result got = link.channel.socket().receive_with(link.inbox.space(), descriptors);
    if (got.io == Socket::Io::ended) return {};
    link.inbox.filled(got.bytes);
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
  for (const auto& [base, bytes] : maps_) ::munmap(base, bytes);
  if (gate_ != nullptr) ::munmap(gate_, kGateBytes);
}

/// A kernel that cannot wipe the page for a child gets no shared memory: the child of a bare
/// clone() would take itself for its parent.
bool Mapping::make_gate() {
  void* page =
      ::mmap(nullptr, kGateBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  gate_ = new (page) std::atomic<std::uint64_t>(0);
  return ::madvise(page, kGateBytes, MADV_WIPEONFORK) == 0;
}

bool Mapping::grow(const Deadline& deadline) {
  const std::lock_guard one_at_a_time(growing_);
  return grow_alone(deadline);
}

void Mapping::grow_if_behind() {
  const shm::Cell* const memory = memory_.load();
  if (memory == nullptr || memory->size.load() <= extents_.load()) return;
  const std::unique_lock alone(growing_, std::try_to_lock);
  if (!alone || !is_past(not_before_)) return;
  if (!grow_alone(deadline_in(kPatience))) not_before_ = deadline_in(kPause);
}

bool Mapping::grow_alone(const Deadline& deadline) {
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
    if (!layout || *layout != kLayout || !key || key->size() != 2 || !extents || !total)
      return false;
    hash_key_ = {key->front(), key->back()};
    if (!take(got.list, *extents)) return false;
    if (auto cell = (*reply)["memory"].get<std::uint32_t>()) {
      memory_.store(reinterpret_cast<const shm::Cell*>(pages_.at(*cell, sizeof(shm::Cell))));
    }
    if (extents_ >= *total) return true;
  }
}

/// Maps what one reply has brought.
bool Mapping::take(std::span<const int> descriptors, const std::vector<std::vector<any>>& extents) {
  if (extents.size() != descriptors.size()) return false;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i].size() != 3) return false;
    auto writable = extents[i][0].get<bool>();
    auto first = extents[i][1].get<std::uint64_t>();
    auto pages = extents[i][2].get<std::uint64_t>();
    if (!writable || !first || !pages) return false;
    const std::size_t bytes = *pages * shm::Pages::kPageBytes;
    const int access = *writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void* base = ::mmap(nullptr, bytes, access, MAP_SHARED, descriptors[i], 0);
    if (base == MAP_FAILED) return false;
    maps_.emplace_back(base, bytes);
    // The server's data is not to be in this program's core dumps.
    static_cast<void>(::madvise(base, bytes, MADV_DONTDUMP));
    (*writable ? words_ : pages_).add(*first, *pages, static_cast<const std::byte*>(base));
    ++extents_;
  }
  return true;
}

std::byte* Mapping::words(std::uint32_t place, std::size_t bytes) const {
  constexpr std::uint32_t kUnitWords = shm::Pages::kUnitBytes / sizeof(std::uint64_t);
  const std::size_t within = place % kUnitWords * sizeof(std::uint64_t);
  const std::byte* const unit = words_.at(place / kUnitWords, within + bytes);
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

// One that is held stays: its loss would have to be told.
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
