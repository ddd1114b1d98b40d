// The shared report: a plain file that knows nothing of agora, so only a lock keeps it in order.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace word_count {

/// Writes at the end of the file, which is made if there is none. Only the owner of the lock may.
/// @throws std::system_error  it cannot be written.
void append_to_report(const std::string& path, std::string_view text);

/// Cuts off the half line that an owner left when it died, and writes `remark` as a line instead.
/// @throws std::system_error  it cannot be read or written.
void mend_report(const std::string& path, std::string_view remark);

/// What a look at the whole report shows.
struct ReportState {
  std::size_t lines = 0;
  bool whole = false;  ///< it ends with a whole line
};
ReportState look_at_report(const std::string& path);

}  // namespace word_count
