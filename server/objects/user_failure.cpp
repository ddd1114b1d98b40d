// What a user's exception becomes. A room of its own, so that a plugin links no more than this.

#include <cstdlib>
#include <cxxabi.h>
#include <typeinfo>

#include "server/objects/user_type.hpp"

namespace agora {
namespace {

Failure about(std::string exception, std::string text) {
  Error error{Errc::user_error, exception + (text.empty() ? "" : ": " + text), Done::no, {}};
  std::string packed;
  Writer{packed}.text(exception);
  error.details.push_back({"exception", std::move(packed)});
  packed.clear();
  Writer{packed}.text(text);
  error.details.push_back({"text", std::move(packed)});
  return fail(std::move(error));
}

}  // namespace

Failure user_failure(const std::exception& thrown) {
  const char* mangled = typeid(thrown).name();
  int status = 0;
  char* readable = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  const std::string type = status == 0 && readable != nullptr ? readable : mangled;
  std::free(readable);
  return about(type, thrown.what());
}

Failure unknown_user_failure() { return about("an exception of an unknown type", ""); }

}  // namespace agora
