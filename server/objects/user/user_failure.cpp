// SPDX-License-Identifier: MIT

// user_failure(): makes the error for an exception that a user's method threw. In a file of its
// own, so that a plugin links no other part of this folder.

#include <cstdlib>
#include <cxxabi.h>
#include <typeinfo>

#include "server/objects/user/user_type.hpp"
#include "shared/value/text_detail.hpp"
#include "shared/value/utf8.hpp"

namespace agora {
namespace {

/// Returns text that is valid UTF-8: if `text` is not, every byte beyond ASCII becomes a ?.
std::string sendable(std::string text) {
  if (is_utf8(text)) return text;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return text;
}

Failure about(std::string exception, std::string text) {
  Error error{Errc::user_error, exception + (text.empty() ? "" : ": " + text), Done::no, {}};
  error.details.push_back(text_detail("exception", exception));
  error.details.push_back(text_detail("text", text));
  return fail(std::move(error));
}

}  // namespace

Failure user_failure(const std::exception& thrown) {
  const char* mangled = typeid(thrown).name();
  int status = 0;
  char* readable = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  const std::string type = status == 0 && readable != nullptr ? readable : mangled;
  std::free(readable);
  const char* text = thrown.what();
  return about(type, text != nullptr ? sendable(text) : "");
}

Failure unknown_user_failure() { return about("an exception of an unknown type", ""); }

}  // namespace agora
