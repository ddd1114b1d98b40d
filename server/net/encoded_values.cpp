// SPDX-License-Identifier: MIT

#include "server/net/encoded_values.hpp"

#include <utility>

#include "shared/wire/json_rpc.hpp"
#include "shared/wire/json_write.hpp"
#include "shared/wire/msgpack_rpc.hpp"

namespace agora {

SharedTextRef EncodedValues::json(const BlobRef& blob) {
  constexpr std::size_t kForgottenMax = 64;
  std::weak_ptr<const SharedText>& known = json_[blob.view().bytes().data()];
  if (SharedTextRef shared = known.lock()) return shared;
  std::string text;
  packed_to_json(blob.view(), text);
  SharedTextRef made = std::make_shared<SharedText>(std::move(text), blob, bytes_);
  known = made;
  if (json_.size() > kForgottenMax) {
    std::erase_if(json_, [](const auto& each) { return each.second.expired(); });
  }
  return made;
}

SharedTextRef EncodedValues::notice(const Effect& effect, const Effects& effects, bool in_json) {
  Notice& last = notices_[in_json ? 1 : 0];
  if (last.serial == effects.serial && last.offset == effect.offset) {
    if (SharedTextRef shared = last.text.lock()) return shared;
  }
  std::string text;
  if (in_json) {
    encode_json_notice(effects.result(effect), text);
    text += '\n';
  } else {
    encode_msgpack_notice(effects.result(effect), text);
  }
  SharedTextRef made = std::make_shared<SharedText>(std::move(text), BlobRef{}, bytes_);
  last = {effects.serial, effect.offset, made};
  return made;
}

}  // namespace agora
