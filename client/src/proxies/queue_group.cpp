// SPDX-License-Identifier: MIT

#include <string>

#include <agora/error.hpp>
#include <agora/queue_group.hpp>

namespace agora::detail {

void check_grouped(const ObjectHandle& first, const ObjectHandle& further) {
  std::string why;
  if (further.is_guarded()) why = " is guarded; guard the first queue of the group instead";
  if (&further.client() != &first.client()) why = " belongs to another manager";
  if (why.empty()) return;
  throw_error({Errc::value_error, "the proxy of " + further.name() + why, Done::no, {}});
}

void refuse_empty_group() {
  throw_error({Errc::value_error, "a queue_group needs at least one queue", Done::no, {}});
}

}  // namespace agora::detail
