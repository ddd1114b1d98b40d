// Errors on the wire: their `data` map, and the small pieces from which this floor builds them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/error.hpp"
#include "shared/value/packed.hpp"
#include "shared/value/text_detail.hpp"

namespace agora {

/// Appends the `data` of an error as a map in normal form: `type`, `done`, then the details in
/// their order. A detail named `type` or `done`, or given twice, is left out.
void append_error_data(const Error& error, std::string& out);

/// Sets `done` and the details of `error` from a `data` map; `type` is left out, the code says it.
/// Anything but a map changes nothing.
void read_error_data(PackedView data, Error& error);

/// One further member of `data`.
Detail number_detail(std::string name, std::uint64_t number);

/// A too_large error; `limit` is the name of the limit as in shared/base/limits.hpp.
Error too_large(std::string_view limit, std::string message);

}  // namespace agora
