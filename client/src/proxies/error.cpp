// SPDX-License-Identifier: MIT

#include <utility>

#include <agora/error.hpp>

namespace agora {

std::optional<any> error::detail(std::string_view name) const {
  for (const Detail& each : error_->details) {
    if (each.name == name) return any(Packed(each.packed));
  }
  return std::nullopt;
}

namespace {

template <typename E>
[[noreturn]] void raise(Error&& from) {
  throw E(std::move(from));
}

struct Raiser {
  Errc code;
  void (*raise)(Error&&);
};

constexpr Raiser kRaisers[] = {
    {Errc::key_error, raise<key_error>},
    {Errc::index_error, raise<index_error>},
    {Errc::value_error, raise<value_error>},
    {Errc::type_error, raise<type_error>},
    {Errc::empty, raise<empty_error>},
    {Errc::full, raise<full_error>},
    {Errc::timeout, raise<timeout_error>},
    {Errc::not_found, raise<not_found>},
    {Errc::exists, raise<exists_error>},
    {Errc::wrong_type, raise<wrong_type>},
    {Errc::not_owner, raise<not_owner>},
    {Errc::not_locked, raise<not_locked>},
    {Errc::broken_barrier, raise<broken_barrier>},
    {Errc::deadlock, raise<deadlock>},
    {Errc::owner_died, raise<owner_died>},
    {Errc::stale_token, raise<stale_token>},
    {Errc::conflict, raise<conflict>},
    {Errc::cancelled, raise<cancelled>},
    {Errc::shut_down, raise<shut_down>},
    {Errc::end_of_stream, raise<end_of_stream>},
    {Errc::session_lost, raise<session_lost>},
    {Errc::session_backlog, raise<session_backlog>},
    {Errc::unauthenticated, raise<unauthenticated>},
    {Errc::forbidden, raise<forbidden>},
    {Errc::too_large, raise<too_large>},
    {Errc::out_of_memory, raise<out_of_memory>},
    {Errc::overloaded, raise<overloaded>},
    {Errc::unavailable, raise<unavailable>},
    {Errc::storage_failed, raise<storage_failed>},
    {Errc::user_error, raise<user_error>},
    {Errc::attribute_error, raise<attribute_error>},
    {Errc::stop_iteration, raise<stop_iteration>},
    {Errc::runtime_error, raise<runtime_error>},
    {Errc::parse_error, raise<parse_error>},
    {Errc::invalid_request, raise<invalid_request>},
    {Errc::method_not_found, raise<method_not_found>},
    {Errc::invalid_params, raise<invalid_params>},
};

}  // namespace

void throw_error(Error from) {
  for (const Raiser& raiser : kRaisers) {
    // NOLINTNEXTLINE(bugprone-use-after-move): raise() always throws
    if (raiser.code == from.code) raiser.raise(std::move(from));
  }
  throw internal_error(std::move(from));
}

}  // namespace agora
