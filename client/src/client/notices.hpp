// Notices: who wants to hear of which object, and what each has heard already. No lock of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/value/any.hpp"

namespace agora::detail {

/// A notice as it came: `kind`, `object`, and what the kind brings. One of the kind `lost` is made
/// here: the session is gone, nothing more comes.
using Notice = std::map<std::string, any>;
using NoticeCallback = std::function<void(const Notice&)>;

class Notices {
 public:
  struct Listener {
    std::string kind;  ///< what it hears beside gaps: `watch`, `topic`
    std::shared_ptr<const NoticeCallback> callback;
    std::string object = {};
    std::uint64_t session = 0;  ///< from which it hears; 0: not known yet
    std::uint64_t version = 0;  ///< the last one heard
  };
  /// Who is to hear what, to be called without a lock.
  struct Due {
    std::shared_ptr<const NoticeCallback> callback;
    Notice notice = {};
  };

  /// @return a number for the others.
  std::uint64_t add(const std::string& object, Listener listener);
  /// Its session is known now. Gives what there is to tell if that session is lost already.
  std::vector<Due> bind(std::uint64_t number, std::uint64_t session);
  /// Gives the listener if it was the last one of its kind for its object in its session.
  std::optional<Listener> remove(std::uint64_t number);
  bool empty() const { return listeners_.empty(); }

  /// Who is to hear this notice (whose `notice` is left empty). After a resumed session the server
  /// sends again what may have been missed: a version that a listener has heard is left out.
  std::vector<Due> due(const Notice& notice);
  /// All listeners of that session and of earlier ones hear that it is lost, and are removed.
  std::vector<Due> lose(std::uint64_t session);

 private:
  using Listeners = std::map<std::pair<std::string, std::uint64_t>, Listener>;

  Listeners::iterator find(std::uint64_t number);  // O(listeners)

  Listeners listeners_;  // by object and number
  std::uint64_t last_ = 0;
  std::uint64_t lost_up_to_ = 0;  // the last lost session
};

}  // namespace agora::detail
