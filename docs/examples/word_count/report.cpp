// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/report.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace word_count {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

void append_to_report(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << text << std::flush;
  if (!file) throw std::system_error(errno, std::generic_category(), path);
}

void repair_report(const std::string& path, std::string_view remark) {
  const std::string text = read_all(path);
  const std::size_t last = text.rfind('\n');
  std::filesystem::resize_file(path, last == std::string::npos ? 0 : last + 1);
  append_to_report(path, std::string(remark) + '\n');
}

ReportState check_report(const std::string& path) {
  const std::string text = read_all(path);
  const auto lines = std::count(text.begin(), text.end(), '\n');
  return {static_cast<std::size_t>(lines), text.empty() || text.back() == '\n'};
}

}  // namespace word_count
