// SPDX-License-Identifier: MIT

#include "server/app/plugin.hpp"

#include <dlfcn.h>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "server/net/trusted_path.hpp"

namespace agora {
namespace {

constexpr unsigned kInterface = 1;  // the version in AGORA_PLUGIN

using Abi = unsigned (*)();
using Fill = void (*)(user_types_list&);

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::runtime_error("plugin " + path + ": " + why);
}

std::string loader_error() {
  const char* text = ::dlerror();
  return text != nullptr ? text : "unknown error";
}

/// Refuses a file that other users could replace with code of their own. A path to anything else is
/// left to the loader, whose message says so.
void check_owner(const std::string& path, const std::string& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return;
  try {
    trusted_path(file, "the plugin");
  } catch (const std::runtime_error& fault) {
    refuse(path, fault.what());
  }
}

/// Has the plugin describe its types. Rethrows an exception of it with the plugin's name.
void describe_types(const std::string& path, Fill fill, user_types_list& types) {
  user_types_list described;
  try {
    fill(described);
  } catch (const std::exception& error) {
    refuse(path, std::string{"the description of its types failed: "} + error.what());
  } catch (...) {
    refuse(path, "the description of its types failed: it threw no std::exception");
  }
  if (described.empty()) refuse(path, "describes no types");
  for (user_type& type : described) types.push_back(std::move(type));
}

}  // namespace

void load_plugin(const std::string& path, user_types_list& types) {
  // dlopen would search the library path for a name without a slash; a user means a file.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  check_owner(path, file);
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse(path, "cannot be loaded: " + loader_error());
  const auto abi = reinterpret_cast<Abi>(::dlsym(library, "agora_plugin_abi"));
  const auto fill = reinterpret_cast<Fill>(::dlsym(library, "agora_plugin_types"));
  if (abi == nullptr || fill == nullptr) refuse(path, "is no plugin of agora; see AGORA_PLUGIN");
  if (const unsigned version = abi(); version != kInterface) {
    refuse(path, "was made for another version of agora: its interface is " +
                     std::to_string(version) + ", expected " + std::to_string(kInterface));
  }
  describe_types(path, fill, types);
}

}  // namespace agora
