// SPDX-License-Identifier: MIT

// subscription: keeps a callback of a watch, of names or of a topic registered.
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
#include "shared/value/packed.hpp"

namespace agora {

/// One notice of a watch.
struct object_change {
  /// change: a session changed the object.
  /// gap: notices are missing, as there were too many while the connection was broken. The program
  /// must read the object again; later changes are reported as usual.
  /// lost: the session is lost; this is the last notice.
  enum class Kind : std::uint8_t { change, gap, lost };
  Kind kind = Kind::change;
  /// The version of the object after the change; for a gap, after the last missed change.
  std::uint64_t version = 0;
  /// The method that changed the object, such as `dict.set`; the last one is `object.delete`.
  std::string method = {};
  std::optional<any> key = {};  ///< the key or index, if the method takes one
};

/// One notice about the named objects of a server; see manager::watch_names.
struct name_change {
  /// created, deleted: an object of that name is there, or is there no longer.
  /// gap: notices are missing, as there were too many while the connection was broken. The program
  /// must list the objects again; later changes are reported as usual.
  /// lost: the session is lost; this is the last notice.
  enum class Kind : std::uint8_t { created, deleted, gap, lost };
  Kind kind = Kind::created;
  std::string name = {};
  std::string type = {};  ///< such as `dict`; for a gap the type that is watched, or nothing
};

/// A callback that stays registered as long as this object lives. Callbacks run on the manager's
/// callback thread, one at a time and in order. They must not throw. They may make calls, though no
/// other callback runs meanwhile. After a broken connection the callback gets the notices that it
/// missed, or a gap. The subscription ends with the session. A forked child starts without it.
class subscription {
 public:
  /// Makes an empty subscription.
  subscription() noexcept;
  subscription(subscription&& other) noexcept;
  /// Ends the subscription that was here.
  subscription& operator=(subscription&& other) noexcept;
  ~subscription();

  explicit operator bool() const { return listening_ != nullptr; }
  /// Ends the subscription. Does not wait: a callback that is about to run still runs.
  void end() noexcept;

  /// Called by proxies. `callback` gets each notice as it was received.
  struct Listening;
  static subscription begin(const detail::ObjectHandle& object, std::string_view kind,
                            std::function<void(const std::map<std::string, any>&)> callback);
  /// Called by proxies, for the changes of one entry. @param key  encoded
  static subscription begin_key(const detail::ObjectHandle& object, Packed key,
                                std::function<void(const object_change&)> callback);
  /// Called by a manager. @param server  the handle without a name. @param type  empty: any
  static subscription begin_names(const detail::ObjectHandle& server, const std::string& pattern,
                                  const std::string& type,
                                  std::function<void(const name_change&)> callback);

 private:
  explicit subscription(std::unique_ptr<Listening> listening);

  std::unique_ptr<Listening> listening_;
};

}  // namespace agora
