// The coordinator: hands out the files, survives the death of a worker, and sums.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "docs/examples/word_count/crew.hpp"
#include "docs/examples/word_count/objects.hpp"
#include "docs/examples/word_count/screen.hpp"

namespace word_count {

/// One run over one list of files.
class Coordinator {
 public:
  /// @param port  where a person would telnet to
  Coordinator(const agora::manager& m, std::uint16_t port, Crew& crew, Screen& screen);

  /// Has all files counted, kills one worker in the middle, and gives the sum of all counts. At
  /// the end no worker is left.
  /// @param paths  at least one
  /// @throws Interrupted; std::runtime_error  no worker is left; agora::error
  Counts run(const std::vector<std::string>& paths);

 private:
  void hand_out(const std::vector<std::string>& paths);
  void lose_a_worker();
  std::string wait_until_one_stands_still();
  void wait_until_the_others_wait();
  void show_telnet_view(const std::string& victim);
  void wait_until_all_is_counted();
  void keep_watch();
  void wait_a_tick();
  Counts sum(const std::vector<std::string>& paths) const;

  agora::manager manager_;
  Objects objects_;
  std::uint16_t port_;
  Crew& crew_;
  Screen& screen_;
  std::size_t all_ = 0;    // files
  std::string stop_path_;  // in the middle of this file a worker is killed
};

}  // namespace word_count
