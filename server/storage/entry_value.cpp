// SPDX-License-Identifier: MIT

#include "server/storage/entry_value.hpp"

#include <cstring>

#include "shared/value/references.hpp"

namespace agora {

EntryValue::EntryValue(Values& values, PackedView value) : values_(values) {
  bool refers = false;
  if (value.size() >= values.blob_bytes_min()) {
    outside_ = values.store(value);
    if (!outside_) return;
    word_ = static_cast<std::uint32_t>(sizeof(Handle)) | Entry::kValueOutside;
    refers = values.has_references(outside_);
  } else {
    inline_ = value.bytes();
    word_ = static_cast<std::uint32_t>(inline_.size());
    refers = value.present() && has_references(value);
  }
  if (refers) word_ |= Entry::kValueRefers;
  valid_ = true;
}

EntryValue::~EntryValue() {
  if (outside_) values_.drop(outside_);
}

void EntryValue::write(Entry& entry) const {
  entry.value_word = word_;
  if (outside_) {
    std::memcpy(entry.value(), &outside_, sizeof outside_);
  } else if (!inline_.empty()) {
    std::memmove(entry.value(), inline_.data(), inline_.size());
  }
}

}  // namespace agora
