#include "client/src/session/acknowledgements.hpp"

#include <utility>

#include <agora/detail/methods.hpp>

#include "shared/value/codec.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::detail {

void Acknowledgements::finished(std::uint64_t number, bool kept) {
  if (open_.erase(number) == 0 || !kept) return;
  due_ = kept_ = true;
  if (number > through()) single_.push_back(number);
}

void Acknowledgements::answered(std::uint64_t number) {
  while (!said_.empty() && said_.front().next <= number) said_.pop_front();
}

void Acknowledgements::lost() {
  for (Said& each : said_) {
    single_.insert(single_.end(), each.numbers.begin(), each.numbers.end());
  }
  said_.clear();
  due_ = kept_;
}

void Acknowledgements::write(std::uint64_t next, std::string& out) {
  const std::uint64_t below = through();
  std::erase_if(single_, [below](std::uint64_t number) { return number <= below; });
  begin_msgpack_notification(methods::session_acknowledge.name, 2, out);
  Writer writer(out);
  writer.unsigned_integer(below);
  Codec<std::vector<std::uint64_t>>::encode(writer, single_);
  if (!single_.empty()) said_.push_back({next, std::exchange(single_, {})});
  due_ = false;
}

}  // namespace agora::detail
