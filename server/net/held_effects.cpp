// SPDX-License-Identifier: MIT

#include "server/net/held_effects.hpp"

namespace agora {

void HeldEffects::add(const Effect& effect, const Effects& effects) {
  Held held;
  held.effect.kind = effect.kind;
  held.effect.link = effect.link;
  held.effect.tag = effect.tag;
  held.effect.blob = effect.blob;
  if (effect.error) {
    held.effect.error = std::make_unique<Error>(*effect.error);
  } else if (!effect.blob) {
    const std::string_view value = effects.result(effect).bytes();
    const auto& last = held_.empty() ? held.value : held_.back().value;
    held.value = last && *last == value ? last : std::make_shared<const std::string>(value);
  }
  // A value that an earlier effect has, too, is counted with that one until it is taken.
  bytes_ += bytes_of(held);
  held_.push_back(std::move(held));
}

std::size_t HeldEffects::bytes_of(const Held& held) {
  std::size_t bytes = sizeof(Held);
  if (held.value && held.value.use_count() == 1) bytes += held.value->size();
  if (held.effect.error) {
    bytes += sizeof(Error) + held.effect.error->message.size();
    for (const Detail& detail : held.effect.error->details) bytes += detail.packed.size();
  }
  return bytes;
}

}  // namespace agora
