#include "server/app/plugin.hpp"

#include <dlfcn.h>
#include <stdexcept>

namespace agora {

void load_plugin(const std::string& path, user_types_list& types) {
  const auto refuse = [&](const std::string& why) {
    throw std::runtime_error("plugin " + path + ": " + why);
  };
  const auto error = [] {
    const char* text = ::dlerror();
    return std::string{text != nullptr ? text : "unknown error"};
  };
  // A name without a slash is sought here first, as a user would expect of a file.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse("cannot be loaded: " + error());
  const auto abi = reinterpret_cast<unsigned (*)()>(::dlsym(library, "agora_plugin_abi"));
  const auto fill =
      reinterpret_cast<void (*)(user_types_list&)>(::dlsym(library, "agora_plugin_types"));
  if (abi == nullptr || fill == nullptr) refuse("is no plugin of agora; see AGORA_PLUGIN");
  if (abi() != 1) refuse("was made for another version of agora");
  fill(types);
}

}  // namespace agora
