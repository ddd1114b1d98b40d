// One call from a shell: words to a typed line, the answer to text and an exit code.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace agora::detail {

/// The typed line for a method and its words. A word that a typed line would cut in two, or that
/// is empty, is quoted; JSON and plain words stay as they are.
std::string typed_line_of(std::span<const std::string> words);

/// True if an answer is `Type: message` with an error's type.
bool is_error_answer(std::string_view answer);

/// Sends the line to a server and prints the answer on standard output as it comes.
/// @return 0, or 1 if the answer is an error. @throws agora::error  nobody answers.
int typed_call(const std::string& address, std::span<const std::string> words);

}  // namespace agora::detail
