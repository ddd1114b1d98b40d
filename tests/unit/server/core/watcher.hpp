// SPDX-License-Identifier: MIT

// Watcher: an opened session that gets notices, is disconnected and resumes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/methods/scalar.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {

/// Returns a field of a map with text keys; absent if there is none.
inline PackedView field(PackedView map, std::string_view name) {
  Reader reader{map};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t left = head.count; left > 0; --left) {
    const PackedView key = reader.value();
    const PackedView value = reader.value();
    if (read(key).body == name) return value;
  }
  return {};
}

inline std::string text(PackedView value) {
  return value.present() ? std::string{read(value).body} : std::string{};
}

/// An opened session that resumes over new links.
class Watcher {
 public:
  explicit Watcher(MachineCalls& calls) : calls_(calls), link_(next_link(calls)) {
    const auto opened = this->calls("session.open");
    id_ = text(field(opened.result, "session"));
    number_ = 1;
  }

  template <typename... Args>
  Given operator()(std::string_view method, const Args&... arguments) {
    return calls_.over(link_, number_++, method, arguments...);
  }
  /// Acknowledges all replies so far.
  void confirm() { calls_.over(link_, 0, "session.acknowledge", number_ - 1); }
  void disconnect() { calls_.end(link_); }
  /// Resumes over a new link and returns the notices: versions, with "gap" or "delete" before them.
  std::vector<std::string> resume() {
    link_ = next_link(calls_);
    CHECK(calls("session.resume", id_, std::string{}).error.empty());
    return received();
  }
  std::vector<std::string> received() const {
    std::vector<std::string> all;
    for (const Packed& notice : notices()) {
      std::string one = text(field(notice, "kind")) == "gap" ? "gap " : "";
      if (text(field(notice, "method")) == "object.delete") one = "delete ";
      all.push_back(one + std::to_string(read(field(notice, "version")).natural));
    }
    return all;
  }
  /// Returns the notices that the last command sent.
  std::vector<Packed> notices() const { return calls_.notices(link_); }

 private:
  static std::uint64_t next_link(MachineCalls& calls) {
    const std::uint64_t link = 100 + calls.machine().next_number();
    calls.open(link);
    return link;
  }
  template <typename... Args>
  Given calls(std::string_view method, const Args&... arguments) {
    return calls_.over(link_, 0, method, arguments...);
  }

  MachineCalls& calls_;
  std::uint64_t link_;
  std::uint64_t number_ = 1;
  std::string id_;
};

}  // namespace agora::test
