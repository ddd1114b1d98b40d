// SPDX-License-Identifier: MIT

// Notices: the listeners of this process, each with the last version delivered to it. It has no
// lock of its own: the mutex of ProcessState guards it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <agora/detail/handle.hpp>

#include "shared/value/any.hpp"
#include "shared/value/packed.hpp"

namespace agora::detail {

/// A notice as received: `kind`, `object`, and the members of that kind. The kind `lost` is made by
/// the client: the session is over, and no more notices come.
using Notice = std::map<std::string, any>;
using NoticeCallback = std::function<void(const Notice&)>;

class Notices {
 public:
  struct Listener {
    std::string kind;  ///< the notices that it gets besides gaps: `watch`, `topic` or `names`
    std::shared_ptr<const NoticeCallback> callback;
    Params stop = {};                ///< the parameters of the call that ends the notices
    std::optional<Packed> key = {};  ///< of the entry that it watches; nullopt: of no single one
    std::string pattern = {};        ///< of the names that it watches
    std::string type = {};           ///< of the objects whose names it watches; empty: any
    std::string object = {};         ///< empty for names
    std::uint64_t session = 0;       ///< the session that delivers its notices; 0 until known
    std::uint64_t version = 0;       ///< the version of the last notice delivered
  };
  /// A callback to run with a notice, without any lock held.
  struct Due {
    std::shared_ptr<const NoticeCallback> callback;
    Notice notice = {};
  };

  /// Adds a listener. @return its number.
  std::uint64_t add(const std::string& object, Listener listener);
  /// Sets the session of a listener, and the version that its object had then; earlier notices
  /// come from a deleted object of that name. If that session is lost already, removes the listener
  /// and returns its `lost` notice.
  std::vector<Due> bind(std::uint64_t number, std::uint64_t session, std::uint64_t version = 0);
  /// Removes a listener. Returns it if it was the last that its call `stop` would end.
  std::optional<Listener> remove(std::uint64_t number);
  bool empty() const { return listeners_.empty(); }

  /// Returns the callbacks for this notice; their Due::notice is empty, since the caller has it.
  /// After a session is resumed, the server sends again all notices that may have been lost; a
  /// listener gets each version once. The deletion of the object is the last notice: then the
  /// listener is removed, so that it hears nothing of a later object of that name.
  std::vector<Due> due(const Notice& notice);
  /// Removes all listeners of that session and of earlier ones. Returns a `lost` notice for each.
  std::vector<Due> lose(std::uint64_t session);

 private:
  using Listeners = std::map<std::pair<std::string, std::uint64_t>, Listener>;

  Listeners::iterator find(std::uint64_t number);  // O(listeners)

  Listeners listeners_;  // by object and number
  std::uint64_t last_ = 0;
  std::uint64_t lost_up_to_ = 0;  // the last lost session
};

}  // namespace agora::detail
