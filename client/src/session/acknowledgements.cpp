// SPDX-License-Identifier: MIT

#include "client/src/session/acknowledgements.hpp"

#include <utility>

#include <agora/detail/methods.hpp>

#include "shared/value/codec.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::detail {

void Acknowledgements::finished(std::uint64_t number, bool kept) {
  if (open_.erase(number) == 0 || !kept) return;
  due_ = kept_ = true;
  if (number > through()) individual_.push_back(number);
}

void Acknowledgements::answered(std::uint64_t number) {
  while (!in_flight_.empty() && in_flight_.front().next <= number) in_flight_.pop_front();
}

void Acknowledgements::lost() {
  for (InFlight& each : in_flight_) {
    individual_.insert(individual_.end(), each.numbers.begin(), each.numbers.end());
  }
  in_flight_.clear();
  due_ = kept_;
}

void Acknowledgements::write(std::uint64_t next, std::string& out) {
  const std::uint64_t below = through();
  std::erase_if(individual_, [below](std::uint64_t number) { return number <= below; });
  begin_msgpack_notification(methods::session_acknowledge.name, 2, out);
  Writer writer(out);
  writer.unsigned_integer(below);
  Codec<std::vector<std::uint64_t>>::encode(writer, individual_);
  if (!individual_.empty()) in_flight_.push_back({next, std::exchange(individual_, {})});
  due_ = false;
}

}  // namespace agora::detail
