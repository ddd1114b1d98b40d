// SPDX-License-Identifier: MIT

// Errors on the wire: their `data` map, and the functions with which this layer builds them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/error.hpp"
#include "shared/value/packed.hpp"
#include "shared/value/text_detail.hpp"

namespace agora {

/// Appends the `data` of an error as a map in normal form: `type`, `done`, then the details in
/// their order. Skips a detail named `type` or `done`, and the second of two with one name.
void append_error_data(const Error& error, std::string& out);

/// Sets `done` and the details of `error` from a `data` map. Ignores `type`, which the code
/// implies, and any value that is not a map.
void read_error_data(PackedView data, Error& error);

/// Makes one further member of `data`.
Detail number_detail(std::string name, std::uint64_t number);

/// Makes a too_large error; `limit` is the name of the limit as in shared/base/limits.hpp.
Error too_large(std::string_view limit, std::string message);

}  // namespace agora
