// SPDX-License-Identifier: MIT

#include "shared/value/normalize.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "shared/value/describe.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/value/shortest_form.hpp"
#include "shared/value/utf8.hpp"

namespace agora {
namespace {

// One pass over the tokens. Input that is in normal form already is copied in runs rather than
// token by token: from `run_begin_` on, input and output are the same bytes, which flush() appends.
// A token that is not in normal form ends the run and is encoded again.
class Normalizer {
 public:
  Normalizer(std::string_view bytes, std::string& out, Budget& budget)
      : bytes_(bytes), out_(out), budget_(budget), reader_(bytes) {}

  Expected<std::size_t> run();

 private:
  struct Frame {
    std::uint64_t remaining;  // values still to come; a map counts its keys and values
    std::size_t begin;        // where the list or map begins in the output
    std::size_t keys_begin;   // where its keys begin in keys_
    bool is_map;
    bool in_key;
    bool checks_keys;  // false for a map of one pair, which has no duplicates
  };
  // The comparison key of one key of an open map, as a slice of out_ or derived_.
  struct Key {
    std::size_t begin;
    std::size_t size;
    bool derived;
    std::size_t hash = 0;  // set in large maps only
  };

  Expected<void> spend(std::uint64_t values);
  Expected<void> read();
  Expected<void> take(std::size_t begin);
  Expected<void> take_opaque(std::size_t begin);
  Expected<void> open(std::size_t out_begin);
  Expected<void> complete(std::size_t out_begin, Kind kind);
  using KeyIterator = std::vector<Key>::iterator;
  Expected<void> check_keys(const Frame& frame);
  void sort_keys(KeyIterator begin);
  void add_key(std::size_t out_begin, Kind kind);
  void flush(std::size_t end);
  void rewrite(std::size_t begin);
  bool in_key() const { return !frames_.empty() && (frames_.back().in_key || at_key()); }
  bool at_key() const { return frames_.back().is_map && frames_.back().remaining % 2 == 0; }
  // Returns the offset in the output of the byte at `position` of the input, once the run is
  // flushed.
  std::size_t out_position(std::size_t position) const {
    return out_.size() + (position - run_begin_);
  }
  std::string_view view(const Key& key) const {
    return std::string_view(key.derived ? derived_ : out_).substr(key.begin, key.size);
  }

  std::string_view bytes_;
  std::string& out_;
  Budget& budget_;
  Reader reader_;
  Token token_;
  std::size_t run_begin_ = 0;
  std::vector<Frame> frames_;
  std::vector<Key> keys_;
  std::string derived_;  // comparison keys that differ from the key's own bytes
  std::string scratch_;
};

Failure too_large(std::string_view limit, const char* message) {
  Error error{Errc::too_large, message, Done::no, {}};
  std::string packed;
  Writer(packed).text(limit);
  error.details.push_back({"limit", std::move(packed)});
  return fail(std::move(error));
}

Failure truncated() { return fail(Errc::parse_error, "the MessagePack value is truncated"); }

Failure bad_utf8(Kind kind) {
  return fail(Errc::value_error, "a " + std::string(to_string(kind)) + " is not valid UTF-8");
}

Failure bad_opaque() {
  return fail(Errc::value_error, "an opaque value must hold [bytes, [references]]");
}

bool is_container(Kind kind) { return kind == Kind::list || kind == Kind::map; }

Expected<std::size_t> Normalizer::run() {
  if (auto spent = spend(1); !spent) return spent.failure();
  do {
    const std::size_t begin = reader_.position();
    if (auto done = read(); !done) return done.failure();
    const std::size_t out_begin = out_position(begin);
    const Kind kind = token_.kind;
    if (auto done = take(begin); !done) return done.failure();
    if (is_container(kind) && token_.count > 0) {
      if (auto done = open(out_begin); !done) return done.failure();
    } else {
      if (auto done = complete(out_begin, kind); !done) return done.failure();
    }
  } while (!frames_.empty());
  flush(reader_.position());
  return reader_.position();
}

Expected<void> Normalizer::spend(std::uint64_t values) {
  if (values > budget_.elements) {
    budget_.elements = 0;
    return too_large("elements_max", "the message has more elements than the limit allows");
  }
  budget_.elements -= static_cast<std::uint32_t>(values);
  return {};
}

Expected<void> Normalizer::read() {
  switch (reader_.next(token_)) {
    case Reader::Status::truncated:
      return truncated();
    case Reader::Status::invalid:
      return fail(Errc::parse_error, "the byte 0xc1 is not MessagePack");
    case Reader::Status::ok:
      break;
  }
  if (token_.unknown_extension) {
    return fail(Errc::value_error,
                "extension type " + std::to_string(token_.extension) + " is not known here");
  }
  return {};
}

// Adds the token just read to the output: as part of the run, or encoded again.
Expected<void> Normalizer::take(std::size_t begin) {
  const Kind kind = token_.kind;
  if ((kind == Kind::text || kind == Kind::reference) && !is_utf8(token_.body)) {
    return bad_utf8(kind);
  }
  if ((kind == Kind::map || kind == Kind::opaque) && in_key()) {
    return fail(Errc::type_error, kind == Kind::map ? "a map cannot be the key of a map"
                                                    : "an opaque cannot be the key of a map");
  }
  if (kind == Kind::opaque) return take_opaque(begin);
  if (is_container(kind) && frames_.size() >= budget_.depth_max) {
    return too_large("depth_max", "the value is nested deeper than the limit allows");
  }
  if (!is_shortest(token_, bytes_.substr(begin, reader_.position() - begin))) rewrite(begin);
  return {};
}

Expected<void> Normalizer::take_opaque(std::size_t begin) {
  const std::string_view encoded = bytes_.substr(begin, reader_.position() - begin);
  const OpaqueParts parts = read_opaque(token_.body);
  if (!parts.valid) return bad_opaque();
  if (auto spent = spend(parts.values); !spent) return spent.failure();
  if (parts.shortest && is_shortest(token_, encoded)) return {};
  flush(begin);
  append_opaque(parts, out_);
  run_begin_ = reader_.position();
  return {};
}

void Normalizer::rewrite(std::size_t begin) {
  flush(begin);
  append_shortest(token_, out_);
  run_begin_ = reader_.position();
}

void Normalizer::flush(std::size_t end) {
  out_.append(bytes_.substr(run_begin_, end - run_begin_));
  run_begin_ = end;
}

Expected<void> Normalizer::open(std::size_t out_begin) {
  const bool is_map = token_.kind == Kind::map;
  const std::uint64_t remaining = is_map ? std::uint64_t{2} * token_.count : token_.count;
  if (auto spent = spend(remaining); !spent) return spent.failure();
  frames_.push_back(
      {remaining, out_begin, keys_.size(), is_map, in_key(), is_map && token_.count > 1});
  return {};
}

// Ends a value, and with it all lists and maps whose last value it is.
Expected<void> Normalizer::complete(std::size_t out_begin, Kind kind) {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.checks_keys && at_key()) add_key(out_begin, kind);
    if (--frame.remaining > 0) return {};
    if (frame.checks_keys) {
      if (auto checked = check_keys(frame); !checked) return checked;
    }
    out_begin = frame.begin;
    kind = frame.is_map ? Kind::map : Kind::list;
    frames_.pop_back();
  }
  return {};
}

void Normalizer::add_key(std::size_t out_begin, Kind kind) {
  const std::size_t size = out_position(reader_.position()) - out_begin;
  if (kind != Kind::real && kind != Kind::list) {
    keys_.push_back({.begin = out_begin, .size = size, .derived = false});
    return;
  }
  flush(reader_.position());
  const PackedView key(std::string_view(out_).substr(out_begin, size));
  const std::string_view derived = key_bytes(key, scratch_);
  if (derived.data() == key.bytes().data()) {
    keys_.push_back({.begin = out_begin, .size = size, .derived = false});
  } else {
    keys_.push_back({.begin = derived_.size(), .size = derived.size(), .derived = true});
    derived_.append(derived);
  }
}

// Sorts the keys so that equal ones are adjacent. The order by hash is cheap: it does not touch the
// bytes of the keys. If a hostile client makes all hashes equal, the order by size and bytes still
// gives O(n log n) comparisons.
void Normalizer::sort_keys(KeyIterator begin) {
  for (auto key = begin; key != keys_.end(); ++key) {
    key->hash = std::hash<std::string_view>{}(view(*key));
  }
  std::sort(begin, keys_.end(), [this](const Key& a, const Key& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return a.size != b.size ? a.size < b.size : view(a) < view(b);
  });
}

Expected<void> Normalizer::check_keys(const Frame& frame) {
  flush(reader_.position());
  const KeyIterator begin = keys_.begin() + static_cast<std::ptrdiff_t>(frame.keys_begin);
  const auto same = [this](const Key& a, const Key& b) { return view(a) == view(b); };
  constexpr std::ptrdiff_t kPairwiseMax = 8;
  auto duplicate = keys_.end();
  if (keys_.end() - begin <= kPairwiseMax) {
    for (auto key = begin; key != keys_.end() && duplicate == keys_.end(); ++key) {
      const auto is_same = [&](const Key& other) { return same(*key, other); };
      duplicate = std::find_if(key + 1, keys_.end(), is_same);
    }
  } else {
    sort_keys(begin);
    duplicate = std::adjacent_find(begin, keys_.end(), same);
  }
  if (duplicate != keys_.end()) {
    return fail(Errc::value_error,
                "a map has the key " + describe(PackedView(view(*duplicate))) + " twice");
  }
  keys_.resize(frame.keys_begin);
  return {};
}

// Fast path: returns the size of the scalar at the start of `bytes` if it is valid and in normal
// form already, otherwise 0. Most values are such scalars and do not need the Normalizer's state.
std::size_t normal_scalar_size(std::string_view bytes) {
  Reader reader(bytes);
  Token token;
  if (reader.next(token) != Reader::Status::ok) return 0;
  const Kind kind = token.kind;
  if (is_container(kind) || kind == Kind::reference || kind == Kind::opaque) return 0;
  if (!is_shortest(token, bytes.substr(0, reader.position()))) return 0;
  return kind != Kind::text || is_utf8(token.body) ? reader.position() : 0;
}

}  // namespace

Expected<std::size_t> normalize(std::string_view bytes, std::string& out, Budget& budget) {
  if (const std::size_t size = normal_scalar_size(bytes); size > 0 && budget.elements > 0) {
    --budget.elements;
    out.append(bytes.substr(0, size));
    return size;
  }
  const std::size_t size_before = out.size();
  Expected<std::size_t> taken = Normalizer(bytes, out, budget).run();
  if (!taken) out.resize(size_before);
  return taken;
}

}  // namespace agora
