// SPDX-License-Identifier: MIT

// The shared report: a plain file. Only a shared lock keeps the writers apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace word_count {

/// Appends to the file, or creates it. The caller holds the lock of the report.
/// @throws std::system_error  the file cannot be written.
void append_to_report(const std::string& path, std::string_view text);

/// Removes the half line that a dead owner of the lock left, and appends `remark` as a line
/// instead. The caller holds the lock of the report.
/// @throws std::system_error  the file cannot be read or written.
void repair_report(const std::string& path, std::string_view remark);

/// The state of the whole report.
struct ReportState {
  std::size_t lines = 0;
  bool whole = false;  ///< the last line is complete
};
ReportState check_report(const std::string& path);

}  // namespace word_count
