// SPDX-License-Identifier: MIT

#include "server/storage/values.hpp"

#include <cstring>
#include <string_view>

#include "shared/base/assert.hpp"
#include "shared/shm/list_layout.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

using shm::ValueHeader;
constexpr std::uint32_t kReferencesBit = ValueHeader::kRefers;

std::uint32_t length_of(const ValueHeader& header) { return header.length & ~kReferencesBit; }

std::size_t block_bytes(const ValueHeader& header) {
  return sizeof(ValueHeader) + length_of(header);
}

PackedView view_of(const Arena& arena, Handle value) {
  const auto& header = arena.as<ValueHeader>(value);
  const auto* bytes = reinterpret_cast<const char*>(arena.at(value)) + sizeof(ValueHeader);
  return PackedView{std::string_view{bytes, length_of(header)}};
}

void unref(Arena& arena, Handle value) {
  auto& header = arena.as<ValueHeader>(value);
  AGORA_ASSERT(header.holds > 0);
  if (--header.holds == 0) arena.free(value, block_bytes(header));
}

}  // namespace

BlobRef::BlobRef(const BlobRef& other) : arena_(other.arena_), value_(other.value_) {
  if (arena_ != nullptr) ++arena_->as<ValueHeader>(value_).holds;
}

BlobRef& BlobRef::operator=(BlobRef other) noexcept {
  std::swap(arena_, other.arena_);
  std::swap(value_, other.value_);
  return *this;
}

BlobRef::~BlobRef() {
  if (arena_ != nullptr) unref(*arena_, value_);
}

PackedView BlobRef::view() const {
  return arena_ == nullptr ? PackedView{} : view_of(*arena_, value_);
}

Values::Values(Arena& arena, std::size_t blob_bytes_min)
    : arena_(arena), blob_bytes_min_(blob_bytes_min) {
  AGORA_ASSERT(blob_bytes_min > 0 && blob_bytes_min <= std::size_t{1} << 30);
}

Handle Values::store(PackedView value) {
  AGORA_ASSERT(value.present());
  if (value.size() >= kReferencesBit) return {};
  const Handle stored = arena_.allocate(sizeof(ValueHeader) + value.size());
  if (!stored) return {};
  const auto length = static_cast<std::uint32_t>(value.size());
  const std::uint32_t flag = agora::has_references(value) ? kReferencesBit : 0;
  arena_.as<ValueHeader>(stored) = {length | flag, 1};
  std::memcpy(arena_.at(stored) + sizeof(ValueHeader), value.bytes().data(), value.size());
  return stored;
}

PackedView Values::view(Handle value) const { return view_of(arena_, value); }

bool Values::has_references(Handle value) const {
  return (arena_.as<ValueHeader>(value).length & kReferencesBit) != 0;
}

void Values::drop(Handle value) { unref(arena_, value); }

std::optional<BlobRef> Values::pin(Handle value) {
  auto& header = arena_.as<ValueHeader>(value);
  if (length_of(header) < blob_bytes_min_) return {};
  ++header.holds;
  return BlobRef{arena_, value};
}

std::size_t Values::bytes(Handle value) const {
  return Arena::rounded(block_bytes(arena_.as<ValueHeader>(value)));
}

}  // namespace agora
