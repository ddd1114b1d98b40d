// SPDX-License-Identifier: MIT

// Visibility: the sessions, holders and waits that a caller of server.* may see.
//
// Where login is required, a client that is no admin sees its own sessions, the holders of the
// locks for which it waits, and the waiters for the locks that it holds. A client with
// `names=PREFIX` sees only the objects of its scope besides.
#pragma once

#include <set>
#include <string_view>
#include <vector>

#include "server/core/machine/call.hpp"

namespace agora {

class Visibility {
 public:
  explicit Visibility(Call& call);

  /// Returns true if the caller may see this session.
  bool sees(const Session& session) const {
    return all_ || same_client(identity_, session.peer.identity);
  }
  /// Returns true if the scope of the caller allows the name.
  bool sees_name(std::string_view name) const { return scope_ == nullptr || scope_->allows(name); }
  bool sees_all_names() const { return scope_ == nullptr; }
  /// Returns true if the caller may see this waiter at this object.
  bool sees_wait(const Waiter& waiter, const Object& object) const;
  /// Returns true if the caller may see this lock.
  bool sees_lock(const Object& object) const;
  /// Returns the object's holders that the caller may see.
  std::vector<Holder> holders(const Object& object) const;

 private:
  bool is_own(SessionId session) const;
  bool holds(const Object& object) const;
  bool waits_at(const Object& object) const { return waited_.contains(&object); }

  Machine& machine_;
  IdentityPointer identity_;
  const NameScope* scope_ = nullptr;
  bool all_ = true;
  std::set<const Object*> waited_;  // unless all_: objects at which a session of the caller waits
};

}  // namespace agora
