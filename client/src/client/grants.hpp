// Grants: the locks that threads of this process hold, and whom to tell when they are lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace agora::detail {

struct LockMethods;

/// A lock held by one thread.
struct Grant {
  std::uint64_t token = 0;
  bool owner_died = false;
  std::uint64_t session = 0;  ///< the grant ends with it
  bool lost = false;
  const LockMethods* way = nullptr;  ///< in which it was taken
  std::uint32_t levels = 1;          ///< how often its owner has taken it
};

/// No lock of its own: the client's mutex guards it.
class Grants {
 public:
  using Callback = std::function<void()>;

  /// Notes a grant. Gives the callbacks to run if its session is lost already.
  std::vector<Callback> add(const std::string& name, const std::string& owner, Grant grant);
  /// Notes a grant whose session is about to be lost.
  void remember(const std::string& name, const std::string& owner, const Grant& grant);
  std::optional<Grant> find(const std::string& name, const std::string& owner) const;
  void remove(const std::string& name, const std::string& owner);
  /// One level more of a grant that is not lost; false if there is none.
  bool deepen(const std::string& name, const std::string& owner);
  /// One level less; the last one removes the grant. @return how many are left.
  std::uint32_t leave(const std::string& name, const std::string& owner);
  /// What was taken again meanwhile has another token; 0: the server knows it.
  void set_token(const std::string& name, const std::string& owner, std::uint64_t token);

  void on_lost(const std::string& name, Callback callback) {
    callbacks_.emplace(name, std::move(callback));
  }

  /// How many grants are lost and have not been given back. Any thread, without the mutex.
  const std::atomic<std::uint32_t>& lost() const { return lost_; }

  /// Marks all grants of that session and of earlier ones as lost. Gives the callbacks to run,
  /// one for each lost grant and registration.
  std::vector<Callback> lose(std::uint64_t session);

 private:
  using Held = std::map<std::pair<std::string, std::string>, Grant>;  // by lock and owner

  void erase(Held::iterator grant);
  void callbacks_of(const std::string& name, std::vector<Callback>& out) const;

  Held held_;
  std::multimap<std::string, Callback> callbacks_;  // by lock
  std::uint64_t lost_up_to_ = 0;                    // the last lost session
  std::atomic<std::uint32_t> lost_{0};
};

}  // namespace agora::detail
