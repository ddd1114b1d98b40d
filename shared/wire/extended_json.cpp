// SPDX-License-Identifier: MIT

#include "shared/wire/extended_json.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "shared/base/assert.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/base64.hpp"
#include "shared/wire/error_data.hpp"

namespace agora {
namespace {

Failure malformed(std::string_view tag, std::string_view expected) {
  return fail(Errc::value_error,
              "badly formed " + std::string(tag) + ": expected " + std::string(expected));
}

class TagDecoder {
 public:
  TagDecoder(std::string_view loose, std::string& out)
      : loose_(loose), reader_(loose), writer_(out) {}

  Expected<void> run(bool plain_top) {
    do {
      if (auto step = next_item(plain_top); !step) return step;
      plain_top = false;
      while (!open_.empty() && open_.back().left == 0) open_.pop_back();
    } while (!open_.empty());
    return {};
  }

 private:
  struct Frame {
    std::uint64_t left;  // values (or pairs) still to come
    bool pairs;          // the items are the [key, value] lists of a $map
  };

  // The JSON reader wrote the input, so it is well-formed MessagePack.
  Token read() {
    Token token;
    const Reader::Status status = reader_.next(token);
    AGORA_ASSERT(status == Reader::Status::ok);
    return token;
  }

  Expected<void> next_item(bool plain) {
    if (!open_.empty()) {
      --open_.back().left;
      if (open_.back().pairs) return pair();
    }
    return value(plain);
  }

  Expected<void> value(bool plain) {
    const std::size_t start = reader_.position();
    const Token token = read();
    if (token.unknown_extension) return marked(token.extension);
    if (token.kind == Kind::map && token.count == 1 && !plain) {
      const Reader before_key = reader_;
      const JsonTag tag = json_tag_of(read().body);
      if (tag != JsonTag::none) return tagged_value(tag);
      reader_ = before_key;
    }
    if (token.kind == Kind::map) {
      writer_.map(token.count);
      open_.push_back({std::uint64_t{token.count} * 2, false});
    } else if (token.kind == Kind::list) {
      writer_.list(token.count);
      open_.push_back({token.count, false});
    } else {
      writer_.out().append(loose_.substr(start, reader_.position() - start));
    }
    return {};
  }

  static Expected<void> marked(std::int8_t mark) {
    if (mark == kMarkTooDeep) {
      return fail(too_large("depth_max", "the value is nested deeper than the limit allows"));
    }
    return fail(Errc::value_error, "a number is outside the range of int64, uint64 and float64");
  }

  Expected<void> pair() {
    const Token token = read();
    if (token.kind != Kind::list || token.count != 2) {
      return malformed("$map", "a list of [key, value] pairs");
    }
    open_.push_back({2, false});
    return {};
  }

  Expected<void> tagged_value(JsonTag tag) {
    switch (tag) {
      case JsonTag::bytes:
        return bytes();
      case JsonTag::reference:
        return reference();
      case JsonTag::map:
        return map();
      case JsonTag::real:
        return real();
      case JsonTag::opaque:
        return opaque();
      case JsonTag::none:
        break;
    }
    return {};
  }

  Expected<void> bytes() {
    const Token token = read();
    scratch_.clear();
    if (token.kind != Kind::text || !base64_decode(token.body, scratch_)) {
      return malformed("$bytes", "base64 with padding, as text");
    }
    writer_.bytes(scratch_);
    return {};
  }

  Expected<void> reference() {
    const Token token = read();
    if (token.kind != Kind::text) return malformed("$ref", "an object's name, as text");
    writer_.reference(token.body);
    return {};
  }

  Expected<void> map() {
    const Token token = read();
    if (token.kind != Kind::list) return malformed("$map", "a list of [key, value] pairs");
    writer_.map(token.count);
    open_.push_back({token.count, true});
    return {};
  }

  Expected<void> real() {
    using Real = std::numeric_limits<double>;
    const Token token = read();
    const bool is_text = token.kind == Kind::text;
    if (is_text && token.body == "nan") {
      writer_.real(Real::quiet_NaN());
    } else if (is_text && token.body == "inf") {
      writer_.real(Real::infinity());
    } else if (is_text && token.body == "-inf") {
      writer_.real(-Real::infinity());
    } else {
      return malformed("$float", R"("nan", "inf" or "-inf")");
    }
    return {};
  }

  Expected<void> opaque() {
    const Token both = read();
    if (both.kind != Kind::list || both.count != 2) return malformed_opaque();
    const Token encoded = read();
    scratch_.clear();
    if (encoded.kind != Kind::text || !base64_decode(encoded.body, scratch_)) {
      return malformed_opaque();
    }
    const Token names = read();
    if (names.kind != Kind::list) return malformed_opaque();
    std::string payload;
    Writer inner(payload);
    inner.list(2);
    inner.bytes(scratch_);
    inner.list(names.count);
    for (std::uint32_t i = 0; i < names.count; ++i) {
      const Token name = opaque_reference();
      if (name.kind != Kind::text) return malformed_opaque();
      inner.reference(name.body);
    }
    writer_.opaque(payload);
    return {};
  }

  // A reference in a side table may be a `$ref` object or, since no other kind is allowed there,
  // the bare name. Returns the token of the name; a token of another kind than text if it is
  // neither.
  Token opaque_reference() {
    const Token token = read();
    if (token.kind != Kind::map || token.count != 1) return token;
    const JsonTag tag = json_tag_of(read().body);
    const Token name = read();
    return tag == JsonTag::reference ? name : token;
  }

  static Failure malformed_opaque() { return malformed("$opaque", "[base64 text, [references]]"); }

  std::string_view loose_;
  Reader reader_;
  Writer writer_;
  std::vector<Frame> open_;
  std::string scratch_;
};

}  // namespace

JsonTag json_tag_of(std::string_view key) {
  if (!key.starts_with('$')) return JsonTag::none;
  if (key == "$bytes") return JsonTag::bytes;
  if (key == "$ref") return JsonTag::reference;
  if (key == "$map") return JsonTag::map;
  if (key == "$float") return JsonTag::real;
  if (key == "$opaque") return JsonTag::opaque;
  return JsonTag::none;
}

Expected<void> decode_extended_json(std::string_view loose, bool plain_top, std::string& out) {
  return TagDecoder(loose, out).run(plain_top);
}

}  // namespace agora
