// The seam between the proxies (templates) and the calls (compiled): what one call says of itself,
// its parameters as bytes, and the handle that keeps an object's name and its anonymous hold.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/codec.hpp"

namespace agora::client {

class Client;       // what all copies of a manager share: client/src/client.hpp
class HandleState;  // what all copies of a proxy share: client/src/handle.cpp

/// Whether a call changes something: it decides what is known when its reply is lost.
enum class Effect : std::uint8_t { reads, changes };

using Seconds = std::chrono::duration<double>;
/// How long a waiting call waits on the server; empty: for ever. Encodes as the wire wants it.
using Timeout = std::optional<Seconds>;

/// Any duration as a timeout: a negative one does not wait, one beyond a century waits for ever.
template <typename Rep, typename Period>
Timeout timeout_of(std::chrono::duration<Rep, Period> span) {
  const Seconds seconds(span);
  constexpr Seconds kCentury{100.0 * 365 * 24 * 3600};
  if (!(seconds < kCentury)) return std::nullopt;
  return seconds < Seconds::zero() ? Seconds::zero() : seconds;
}

/// A call's parameters as bytes.
struct Params {
  std::uint32_t count = 0;
  std::string bytes;

  template <typename T>
  void add(const T& value) {
    Writer writer(bytes);
    Codec<T>::encode(writer, value);
    ++count;
  }
};

template <Encodable... T>
Params params_of(const T&... values) {
  Params params;
  (params.add(values), ...);
  return params;
}

/// One call, encoded but for its number. The views must live until the call has returned.
struct Call {
  std::string_view method;
  Effect effect = Effect::changes;
  bool waits = false;            ///< it ends by itself: after `timeout`, or never
  Timeout timeout = {};          ///< only of a waiting call
  std::uint32_t count = 0;       ///< how many parameters there are
  std::string_view params = {};  ///< their values, one after another
  /// If the reply comes after the caller has given up, and grants something (is neither null nor
  /// an error), this notification gives it back: `method` with `undo_params`.
  std::string_view undo_method = {};
  std::uint32_t undo_count = 0;
  std::string_view undo_params = {};

  Call& with(const Params& given) {
    count = given.count;
    params = given.bytes;
    return *this;
  }
};

/// What came back, and on which connection: holds and grants belong to a connection.
struct Reply {
  Expected<Packed> result;
  std::uint64_t connection = 0;  ///< never 0 for a result
};

/// The name of an object, shared by all copies of a proxy. The last copy of an anonymous object's
/// handle gives the hold back, best effort. Any thread.
class Handle {
 public:
  /// `held_on` is the connection that holds an anonymous object already; 0: none, the first call
  /// takes the hold.
  Handle(std::shared_ptr<Client> client, std::string name, std::uint64_t held_on);

  const std::string& name() const;
  Client& client() const;

  /// Makes one call. An anonymous object is first held on the connection in use, if it is not
  /// yet: after a fork and after a lost connection.
  Reply call(const Call& call) const;

 private:
  std::shared_ptr<HandleState> state_;
};

/// `inner`, an error of decoding, as one about the object of this call: "dict d: ...".
[[noreturn]] void throw_mismatch(std::string_view method, const std::string& name, Failure inner);

}  // namespace agora::client
