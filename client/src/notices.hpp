// Notices: who wants to hear of which object, and what each has heard already. No lock of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shared/value/any.hpp"

namespace agora::client {

/// A notice as it came: `kind`, `object`, and what the kind brings.
using Notice = std::map<std::string, any>;
using NoticeCallback = std::function<void(const Notice&)>;

class Notices {
 public:
  /// @return a number for remove().
  std::uint64_t add(const std::string& object, NoticeCallback callback);
  void remove(std::uint64_t number);
  bool empty() const { return listeners_.empty(); }

  /// Who is to hear this notice, to be called without a lock. After a resumed session the server
  /// sends again what may have been missed: a version that a listener has heard is left out.
  std::vector<std::shared_ptr<const NoticeCallback>> due(const Notice& notice);

 private:
  struct Listener {
    std::uint64_t number = 0;
    std::shared_ptr<const NoticeCallback> callback;
    std::uint64_t version = 0;  // the last one heard
  };
  std::multimap<std::string, Listener> listeners_;  // by object
  std::uint64_t last_ = 0;
};

}  // namespace agora::client
