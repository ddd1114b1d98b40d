// subscription: keeps a callback listening, for watches and topics.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <agora/detail/handle.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// What a watch tells.
struct object_change {
  /// change: somebody changed the object. gap: changes were missed (too many while the connection
  /// was broken), read the object anew; later ones come as ever. lost: the session is lost,
  /// nothing more comes.
  enum class Kind : std::uint8_t { change, gap, lost };
  Kind kind = Kind::change;
  std::uint64_t version = 0;    ///< the object's after the change; of a gap: up to which it reaches
  std::string method = {};      ///< that changed it, `dict.set`; at its end `object.delete`
  std::optional<any> key = {};  ///< where, if the method takes a key or index
};

/// A callback that listens for as long as this lives. Callbacks run on the manager's callback
/// thread, one at a time and in order; they must not throw. They may make calls, though nothing
/// else is told meanwhile. A broken connection loses nothing, or a gap is told; with the session
/// listening ends. A forked child begins without.
class subscription {
 public:
  /// None.
  subscription() noexcept;
  subscription(subscription&& other) noexcept;
  /// Ends what was here.
  subscription& operator=(subscription&& other) noexcept;
  ~subscription();

  explicit operator bool() const { return listening_ != nullptr; }
  /// Ends it, without waiting: a callback that is about to run still does.
  void end() noexcept;

  /// Made by proxies. `tell` hears each notice as it came.
  struct Listening;
  static subscription begin(const detail::Handle& object, std::string_view kind,
                            std::function<void(const std::map<std::string, any>&)> tell);

 private:
  explicit subscription(std::unique_ptr<Listening> listening);

  std::unique_ptr<Listening> listening_;
};

}  // namespace agora
