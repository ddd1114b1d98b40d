// SPDX-License-Identifier: MIT

// user_type: a C++ class as one more type of the server, described in a few lines.
//
//   struct Account {
//     explicit Account(std::int64_t first) : cents(first) {}
//     std::int64_t balance() const { return cents; }          // const: a reading method
//     std::int64_t deposit(std::int64_t amount);              // not const: a changing one
//     std::int64_t cents;
//   };
//
//   agora::user_type account = agora::describe_class<Account>("account", "Money, in cents.")
//       .constructor<std::int64_t>({{"balance", "The first balance.", 0}})
//       .method("balance", &Account::balance, "The balance now.")
//       .method("deposit", &Account::deposit, "Adds money, gives the balance.", {{"amount"}})
//       .saved([](const Account& a) { return a.cents; }, [](std::int64_t c) { return Account{c};
//       });
//
// Add it to ServerOptions::types, or put it into a plugin (AGORA_PLUGIN at the end). Parameters and
// results are any types with a Codec. Methods run on the server's one thread, one at a time, each
// as one atomic step; they must not wait. An exception becomes a UserError with its type and text.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/core/methods/method.hpp"
#include "shared/value/any.hpp"
#include "shared/value/codec.hpp"

namespace agora {

/// One parameter of a constructor or method: its name, a sentence, and perhaps a default.
struct user_parameter {
  user_parameter(std::string its_name, std::string its_doc = {})  // NOLINT: implicit
      : name(std::move(its_name)), doc(std::move(its_doc)) {}
  user_parameter(const char* its_name) : name(its_name) {}  // NOLINT: implicit
  template <Encodable T>
  user_parameter(std::string its_name, std::string its_doc, const T& its_default)
      : name(std::move(its_name)), doc(std::move(its_doc)), fallback(pack(its_default)) {}

  std::string name;
  std::string doc;
  std::optional<Packed> fallback;  ///< nullopt: the parameter is required
  ParamKind kind = ParamKind::any;
};

/// Returns the error for an exception that a user's method threw: UserError, its type and text in
/// the message and in the details `exception` and `text`.
Failure user_failure(const std::exception& thrown);
Failure unknown_user_failure();

namespace user_types {

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <typename T>
concept ListLike = requires(const T& value) {
  value.begin();
  typename T::value_type;
};
template <typename T>
concept MapLike = ListLike<T> && requires {
  typename T::mapped_type;
};

/// Returns the kind that admission checks for a parameter of type T.
template <typename T>
constexpr ParamKind kind_of() {
  if constexpr (std::same_as<T, bool>)
    return ParamKind::boolean;
  else if constexpr (std::integral<T>)
    return ParamKind::integer;
  else if constexpr (std::floating_point<T>)
    return ParamKind::number;
  else if constexpr (std::same_as<T, std::string>)
    return ParamKind::text;
  else if constexpr (MapLike<T>)
    return ParamKind::map;
  else if constexpr (std::same_as<T, Packed> || std::same_as<T, any>)
    return ParamKind::any;
  else if constexpr (ListLike<T>)
    return ParamKind::list;
  else
    return ParamKind::any;
}

inline PackedView fallback_of(const user_parameter& parameter) {
  return parameter.fallback ? PackedView{*parameter.fallback} : PackedView{};
}

/// Decodes the arguments of one call to the parameter types of the function.
template <typename... A, std::size_t... I>
Expected<std::tuple<A...>> decode(std::span<const PackedView> given,
                                  const std::vector<user_parameter>& parameters,
                                  std::index_sequence<I...>) {
  std::unique_ptr<Error> wrong;
  [[maybe_unused]] const auto one = [&]<typename T>(std::type_identity<T>,
                                                    std::size_t i) -> std::optional<T> {
    if (wrong) return std::nullopt;
    const bool is_given = i < given.size() && given[i].present();
    auto value = unpack<T>(is_given ? given[i] : fallback_of(parameters[i]));
    if (value) return std::move(*value);
    wrong = std::move(value.failure().error);
    wrong->message = "parameter " + parameters[i].name + ": " + wrong->message;
    return std::nullopt;
  };
  // Braces guarantee evaluation in the order of the parameters.
  std::tuple<std::optional<A>...> read{one(std::type_identity<A>{}, I)...};
  if (wrong) return Failure{std::move(wrong)};
  return std::tuple<A...>{std::move(*std::get<I>(read))...};
}

}  // namespace user_types

/// The description of a type. Copyable; made by describe_class.
class user_type {
 public:
  using Object = std::shared_ptr<void>;
  using Arguments = std::span<const PackedView>;
  struct Constructor {
    std::vector<user_parameter> parameters;
    std::function<Expected<Object>(Arguments)> run;
  };
  struct Row {
    std::string name;
    std::string doc;
    std::string result;
    std::vector<user_parameter> parameters;
    bool changes = true;
    /// Appends the result.
    std::function<Expected<void>(void* object, Arguments, std::string& result)> run;
    bool frees_memory = false;  ///< it runs at the memory cap too
  };

  std::string name;
  std::string doc;
  Constructor constructor;
  std::vector<Row> rows;
  std::function<Expected<void>(const void* object, std::string& saved)> save;
  std::function<Expected<Object>(PackedView saved)> load;
  std::function<std::size_t(const void* object)> bytes;  ///< empty: its memory is not counted
};

/// Describes the class T; see the start of this file. Converts to user_type.
template <typename T>
class describe_class {
 public:
  /// @param name  as in `name.method`: a lower-case word
  /// @param doc   a sentence
  describe_class(std::string name, std::string doc) {
    type_.name = std::move(name);
    type_.doc = std::move(doc);
    if constexpr (std::is_default_constructible_v<T>) constructor<>({});
    if constexpr (Encodable<T> && Decodable<T>) {
      saved([](const T& object) -> const T& { return object; }, [](T object) { return object; });
    }
  }

  /// Sets the constructor T(A...), whose arguments are the args of object.create. The default is
  /// T().
  template <typename... A>
  describe_class& constructor(std::vector<user_parameter> parameters) {
    set_kinds<A...>(parameters, "constructor");
    type_.constructor.parameters = parameters;
    type_.constructor.run =
        [parameters](user_type::Arguments given) -> Expected<user_type::Object> {
      return guarded([&]() -> Expected<user_type::Object> {
        auto arguments =
            user_types::decode<A...>(given, parameters, std::index_sequence_for<A...>{});
        if (!arguments) return arguments.failure();
        return user_type::Object{
            std::apply([](A&... a) { return std::make_shared<T>(std::move(a)...); }, *arguments)};
      });
    };
    return *this;
  }

  /// Adds a method that changes the object.
  /// @param parameters  one for each parameter of the function, in order
  template <typename R, typename C, typename... A>
  describe_class& method(std::string name, R (C::*function)(A...), std::string doc,
                         std::vector<user_parameter> parameters = {}) {
    return add<R, T, A...>(std::move(name), function, std::move(doc), std::move(parameters), true);
  }
  /// Adds a method that only reads the object.
  template <typename R, typename C, typename... A>
  describe_class& method(std::string name, R (C::*function)(A...) const, std::string doc,
                         std::vector<user_parameter> parameters = {}) {
    return add<R, const T, A...>(std::move(name), function, std::move(doc), std::move(parameters),
                                 false);
  }

  /// Lets a changing method, which was added before, run at the memory cap too, since it makes the
  /// object smaller. @throws std::invalid_argument  there is no such method.
  describe_class& frees_memory(std::string_view method) {
    for (auto& row : type_.rows) {
      if (row.name != method) continue;
      row.frees_memory = true;
      return *this;
    }
    throw std::invalid_argument(type_.name + " has no method \"" + std::string(method) +
                                "\" that could free memory");
  }

  /// Sets the memory of an object beyond sizeof(T): `size(const T&)` returns its bytes, and must
  /// not throw. The server asks after each changing method and counts them towards its memory cap.
  /// It counts nothing for a type without.
  template <typename Size>
  describe_class& bytes(Size size) {
    type_.bytes = [size](const void* object) -> std::size_t {
      return sizeof(T) +
             static_cast<std::size_t>(std::invoke(size, *static_cast<const T*>(object)));
    };
    return *this;
  }

  /// Sets the conversions of an object to a value, `save(const T&) -> S`, and back, `load(S) -> T`.
  /// A type with a Codec needs none.
  template <typename Save, typename Load>
  describe_class& saved(Save save, Load load) {
    using S = std::remove_cvref_t<std::invoke_result_t<Save, const T&>>;
    type_.save = [save](const void* object, std::string& out) -> Expected<void> {
      return guarded([&]() -> Expected<void> {
        Writer writer{out};
        Codec<S>::encode(writer, std::invoke(save, *static_cast<const T*>(object)));
        return {};
      });
    };
    type_.load = [load](PackedView value) -> Expected<user_type::Object> {
      return guarded([&]() -> Expected<user_type::Object> {
        auto state = unpack<S>(value);
        if (!state) return state.failure();
        return user_type::Object{std::make_shared<T>(std::invoke(load, std::move(*state)))};
      });
    };
    return *this;
  }

  operator user_type() const { return type_; }  // NOLINT: implicit by intent

 private:
  template <typename Function>
  static auto guarded(Function&& function) -> decltype(function()) {
    try {
      return function();
    } catch (const std::exception& thrown) {
      return user_failure(thrown);
    } catch (...) {
      return unknown_user_failure();
    }
  }

  template <typename... A>
  void set_kinds(std::vector<user_parameter>& parameters, const std::string& where) {
    if (parameters.size() != sizeof...(A)) {
      throw std::invalid_argument(type_.name + "." + where + " takes " +
                                  std::to_string(sizeof...(A)) + " parameters, " +
                                  std::to_string(parameters.size()) + " are named");
    }
    std::size_t i = 0;
    ((parameters[i++].kind = user_types::kind_of<A>()), ...);
  }

  template <typename R, typename C, typename... A, typename Function>
  describe_class& add(std::string name, Function function, std::string doc,
                      std::vector<user_parameter> parameters, bool changes) {
    set_kinds<std::remove_cvref_t<A>...>(parameters, name);
    user_type::Row row{std::move(name), std::move(doc), "null", parameters, changes, {}};
    if constexpr (!std::is_void_v<R>) row.result = Codec<std::remove_cvref_t<R>>::name();
    row.run = [function, parameters](void* object, user_type::Arguments given,
                                     std::string& result) -> Expected<void> {
      const auto call = [&](std::remove_cvref_t<A>&... a) -> R {
        return (static_cast<C*>(object)->*function)(static_cast<A&&>(a)...);
      };
      return guarded([&]() -> Expected<void> {
        auto arguments = user_types::decode<std::remove_cvref_t<A>...>(
            given, parameters, std::index_sequence_for<A...>{});
        if (!arguments) return arguments.failure();
        if constexpr (std::is_void_v<R>) {
          std::apply(call, *arguments);
        } else {
          Writer writer{result};
          Codec<std::remove_cvref_t<R>>::encode(writer, std::apply(call, *arguments));
        }
        return {};
      });
    };
    type_.rows.push_back(std::move(row));
    return *this;
  }

  user_type type_;
};

/// The list that a plugin appends to.
using user_types_list = std::vector<user_type>;

}  // namespace agora

/// Defines the entry points of a plugin for `agorad --plugin libx.so`:
/// AGORA_PLUGIN(types) { types.push_back(agora::describe_class<Account>(...)); }
#define AGORA_PLUGIN(types)                                                      \
  extern "C" __attribute__((visibility("default"))) unsigned agora_plugin_abi(); \
  extern "C" unsigned agora_plugin_abi() { return 1; }                           \
  extern "C" __attribute__((visibility("default"))) void agora_plugin_types(     \
      agora::user_types_list& types);                                            \
  extern "C" void agora_plugin_types(agora::user_types_list& types)
