#include <utility>

#include <agora/error.hpp>

namespace agora {

std::optional<any> error::detail(std::string_view name) const {
  for (const Detail& each : error_->details) {
    if (each.name == name) return any(Packed(each.packed));
  }
  return std::nullopt;
}

// One line for each error: a table, however long.
void throw_error(Error from) {
  switch (from.code) {
    case Errc::key_error:
      throw key_error(std::move(from));
    case Errc::index_error:
      throw index_error(std::move(from));
    case Errc::value_error:
      throw value_error(std::move(from));
    case Errc::type_error:
      throw type_error(std::move(from));
    case Errc::empty:
      throw empty_error(std::move(from));
    case Errc::full:
      throw full_error(std::move(from));
    case Errc::timeout:
      throw timeout_error(std::move(from));
    case Errc::not_found:
      throw not_found(std::move(from));
    case Errc::exists:
      throw exists_error(std::move(from));
    case Errc::wrong_type:
      throw wrong_type(std::move(from));
    case Errc::not_owner:
      throw not_owner(std::move(from));
    case Errc::not_locked:
      throw not_locked(std::move(from));
    case Errc::broken_barrier:
      throw broken_barrier(std::move(from));
    case Errc::deadlock:
      throw deadlock(std::move(from));
    case Errc::owner_died:
      throw owner_died(std::move(from));
    case Errc::stale_token:
      throw stale_token(std::move(from));
    case Errc::conflict:
      throw conflict(std::move(from));
    case Errc::cancelled:
      throw cancelled(std::move(from));
    case Errc::shut_down:
      throw shut_down(std::move(from));
    case Errc::end_of_stream:
      throw end_of_stream(std::move(from));
    case Errc::session_lost:
      throw session_lost(std::move(from));
    case Errc::session_backlog:
      throw session_backlog(std::move(from));
    case Errc::unauthenticated:
      throw unauthenticated(std::move(from));
    case Errc::forbidden:
      throw forbidden(std::move(from));
    case Errc::too_large:
      throw too_large(std::move(from));
    case Errc::out_of_memory:
      throw out_of_memory(std::move(from));
    case Errc::overloaded:
      throw overloaded(std::move(from));
    case Errc::unavailable:
      throw unavailable(std::move(from));
    case Errc::storage_failed:
      throw storage_failed(std::move(from));
    case Errc::user_error:
      throw user_error(std::move(from));
    case Errc::attribute_error:
      throw attribute_error(std::move(from));
    case Errc::stop_iteration:
      throw stop_iteration(std::move(from));
    case Errc::runtime_error:
      throw runtime_error(std::move(from));
    case Errc::parse_error:
      throw parse_error(std::move(from));
    case Errc::invalid_request:
      throw invalid_request(std::move(from));
    case Errc::method_not_found:
      throw method_not_found(std::move(from));
    case Errc::invalid_params:
      throw invalid_params(std::move(from));
    case Errc::internal_error:
      break;
  }
  throw internal_error(std::move(from));
}

}  // namespace agora
