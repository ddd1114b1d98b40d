// The three worker processes, from their start to their end.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <agora/process.hpp>

#include "docs/examples/word_count/worker.hpp"

namespace word_count {

/// None of them outlives this object.
class Crew {
 public:
  Crew() = default;
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  /// Kills those that still work.
  ~Crew();

  /// Starts one more worker.
  void hire(const WorkerPlace& place);

  /// How many work.
  std::size_t working();
  /// 0 if there is none of that name.
  pid_t pid_of(const std::string& name) const;

  /// Sends SIGKILL, and waits until the process has ended.
  void kill(const std::string& name);
  /// Waits until all have ended by themselves; kills those that take longer than ten seconds.
  void join();

 private:
  struct Member {
    std::string name;
    agora::process process;
  };
  Member* find(const std::string& name);

  std::vector<Member> members_;
};

}  // namespace word_count
