// SPDX-License-Identifier: MIT

#include "shared/wire/error_data.hpp"

#include <algorithm>
#include <utility>

#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {
namespace {

// Quadratic in the number of details, of which an error has a handful.
bool is_written(const Error& error, std::size_t index) {
  const std::string& name = error.details[index].name;
  if (name == "type" || name == "done" || error.details[index].packed.empty()) return false;
  const auto end = error.details.begin() + static_cast<std::ptrdiff_t>(index);
  return std::find_if(error.details.begin(), end,
                      [&](const Detail& earlier) { return earlier.name == name; }) == end;
}

}  // namespace

void append_error_data(const Error& error, std::string& out) {
  std::uint32_t members = 2;
  for (std::size_t i = 0; i < error.details.size(); ++i) members += is_written(error, i) ? 1U : 0U;
  Writer writer(out);
  writer.map(members);
  writer.text("type");
  writer.text(type_name(error.code));
  writer.text("done");
  writer.text(to_string(error.done));
  for (std::size_t i = 0; i < error.details.size(); ++i) {
    if (!is_written(error, i)) continue;
    writer.text(error.details[i].name);
    writer.packed(PackedView{error.details[i].packed});
  }
}

void read_error_data(PackedView data, Error& error) {
  Reader reader(data);
  Token header;
  if (reader.next(header) != Reader::Status::ok || header.kind != Kind::map) return;
  for (std::uint32_t i = 0; i < header.count; ++i) {
    Token key;
    if (reader.next(key) != Reader::Status::ok || key.kind != Kind::text) return;
    const PackedView value = reader.value();
    if (!value.present()) return;
    if (key.body == "type") continue;
    if (key.body != "done") {
      error.details.push_back({std::string(key.body), std::string(value.bytes())});
      continue;
    }
    Token done;
    Reader(value).next(done);
    error.done = done_of(done.body);
  }
}

Detail number_detail(std::string name, std::uint64_t number) {
  Detail detail{std::move(name), {}};
  Writer(detail.packed).unsigned_integer(number);
  return detail;
}

Error too_large(std::string_view limit, std::string message) {
  return Error{Errc::too_large, std::move(message), Done::no, {text_detail("limit", limit)}};
}

}  // namespace agora
