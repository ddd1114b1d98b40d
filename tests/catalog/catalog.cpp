// Writes what is generated from the method tables: shared/catalog/catalog.json and the pages in
// docs/reference. With --check it only compares, and fails if anything is stale.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "server/core/machine/describe.hpp"
#include "server/objects/types.hpp"
#include "shared/wire/json_write.hpp"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string catalog_text(const agora::Catalogue& catalogue) {
  std::string packed;
  agora::Writer writer{packed};
  agora::write_catalogue(writer, catalogue);
  std::string json;
  agora::packed_to_json(agora::PackedView{packed}, json);
  return nlohmann::ordered_json::parse(json).dump(1) + "\n";
}

std::map<fs::path, std::string> generated() {
  const agora::Catalogue catalogue{agora::all_types()};
  std::map<fs::path, std::string> files;
  files["shared/catalog/catalog.json"] = catalog_text(catalogue);
  std::string index = "# Reference\n\nGenerated from the method tables by `./run catalog`.\n\n";
  for (const agora::ObjectType* type : catalogue.types()) {
    const std::string name = type->name.empty() ? "ping" : std::string{type->name};
    files["docs/reference/" + name + ".md"] = agora::reference_page(*type);
    index += "* [" + name + "](" + name + ".md): " + std::string{type->doc} + "\n";
  }
  files["docs/reference/errors.md"] = agora::errors_page();
  files["docs/reference/README.md"] = index + "* [errors](errors.md): all errors.\n";
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "agora_catalog ROOT [--check]\n";
    return 64;
  }
  const fs::path root{argv[1]};
  const bool check = argc > 2 && std::string{argv[2]} == "--check";
  int stale = 0;
  for (const auto& [name, text] : generated()) {
    if (read(root / name) == text) continue;
    if (check) {
      std::cerr << name.string() << " is stale; ./run catalog writes it anew\n";
      ++stale;
      continue;
    }
    fs::create_directories((root / name).parent_path());
    std::ofstream{root / name} << text;
    std::cout << name.string() << '\n';
  }
  return stale == 0 ? 0 : 1;
}
