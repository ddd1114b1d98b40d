// SPDX-License-Identifier: MIT

#include "server/core/state/catalogue.hpp"

namespace agora {

std::string full_name(const MethodRef& ref) {
  if (ref.type->name.empty()) return std::string{ref.method->name};
  std::string name{ref.type->name};
  return name.append(1, '.').append(ref.method->name);
}

Catalogue::Catalogue(std::vector<const ObjectType*> types) : types_(std::move(types)) {
  std::vector<MethodRef> refs;
  for (const ObjectType* type : types_) {
    for (const Method& method : type->methods) {
      refs.push_back(MethodRef::of(*type, method));
      refs.back().scales = method.scales();
      names_.push_back(full_name(refs.back()));
    }
  }
  views_.assign(names_.begin(), names_.end());
  for (std::size_t i = 0; i < refs.size(); ++i) methods_.emplace(names_[i], refs[i]);
}

const MethodRef* Catalogue::find(std::string_view full_name) const {
  if (const MethodRef* method = name_cache_.find(full_name)) return method;
  const auto it = methods_.find(full_name);
  if (it == methods_.end()) return nullptr;
  name_cache_.insert(it->first, it->second);
  return &it->second;
}

std::string_view Catalogue::renamed(std::string_view former) const {
  const std::size_t dot = former.find('.');
  if (dot == former.npos) return {};
  const ObjectType* const of = type(former.substr(0, dot));
  if (of == nullptr) return {};
  for (const Method& method : of->methods) {
    if (!method.formerly.empty() && method.formerly == former.substr(dot + 1)) {
      return methods_.find(full_name(MethodRef::of(*of, method)))->first;
    }
  }
  return {};
}

const ObjectType* Catalogue::type(std::string_view name) const {
  for (const ObjectType* type : types_) {
    if (type->name == name) return type;
  }
  return nullptr;
}

}  // namespace agora
