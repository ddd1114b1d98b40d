// SPDX-License-Identifier: MIT

// Errors are UTF-8 and short, whatever a client sends: for every row of the catalogue, with hostile
// texts in place of each parameter, in all protocols.

#include <string>
#include <vector>

#include "server/core/methods/scalar.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/utf8.hpp"
#include "shared/wire/json_write.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/every_row.hpp"
#include "tests/unit/server/net/socketless_server.hpp"

namespace agora {
namespace {

/// An error has a message and a few details, each bounded; JSON escapes may double them.
constexpr std::size_t kErrorBytesMax = 16'000;

/// Texts whose characters lie across each place at which a message might cut them.
std::vector<std::string> hostile_texts() {
  std::vector<std::string> texts;
  for (const std::size_t count : {20U, 33U, 2'000U}) {
    for (std::size_t shift = 0; shift < (count < 100 ? 2 : 1); ++shift) {
      std::string text(shift, 'a');
      for (std::size_t i = 0; i < count; ++i) text += count == 33 ? "\xe2\x82\xac" : "\xc3\xa9";
      texts.push_back(std::move(text));
    }
  }
  return texts;
}

std::string as_json(PackedView value) {
  std::string json;
  packed_to_json(value, json);
  return json;
}

/// Sends messages in both protocols and checks that the replies are UTF-8, and short if they are
/// errors.
class Checked {
 public:
  Checked() : lines_(server_.connect()), packed_(server_.connect()) {}

  void call(const std::string& method, const Packed& params, bool must_fail = false) {
    std::string name;
    Writer{name}.text(method);
    line(R"({"id":1,"method":)" + as_json(PackedView{name}) + R"(,"params":)" + as_json(params) +
             "}\n",
         must_fail);
    std::string message;
    Writer out{message};
    out.list(4), out.integer(0), out.integer(1), out.text(method), out.packed(params);
    const std::string reply = exchange(packed_, message);
    Reader reader{PackedView{reply}};
    Token token;
    while (reader.next(token) == Reader::Status::ok) {
      if (token.kind == Kind::text) REQUIRE(is_utf8(token.body));
    }
    if (reply.find("done") != std::string::npos) REQUIRE(reply.size() < kErrorBytesMax);
  }
  void line(const std::string& text, bool must_fail = false) {
    const std::string reply = exchange(lines_, text);
    INFO(text.substr(0, 200) << " -> " << reply.substr(0, 300));
    REQUIRE(is_utf8(reply));
    const bool failed = reply.find(R"("error":{)") != std::string::npos ||
                        (text.front() != '{' && reply.find(": ") != std::string::npos);
    if (must_fail) REQUIRE(failed);
    if (failed) REQUIRE(reply.size() < kErrorBytesMax);
  }
  Machine& machine() { return server_.machine(); }

 private:
  std::string exchange(std::size_t connection, const std::string& bytes) {
    const std::size_t before = server_.received(connection).size();
    server_.send(connection, bytes);
    server_.finish();
    return server_.received(connection).substr(before);
  }

  SocketlessServer server_;
  std::size_t lines_;
  std::size_t packed_;
};

Packed packed_text(const std::string& text) {
  std::string packed;
  Writer{packed}.text(text);
  return Packed{packed};
}

Packed one_entry(const std::string& key, const Packed& value) {
  std::string packed;
  Writer out{packed};
  out.map(1), out.text(key), out.packed(value);
  return Packed{packed};
}

TEST_CASE("errors: every row replies in UTF-8, and briefly, to hostile texts", "[net]") {
  Checked checked;
  const test::EveryRow rows{"dict"};
  for (const test::RowCall& each : rows.world()) {
    checked.call(each.method, test::EveryRow::list(each.parameters));
  }
  std::vector<test::RowCall> calls = rows.calls(checked.machine().catalogue());
  for (test::RowCall& each : rows.creations(checked.machine().catalogue())) {
    calls.push_back(std::move(each));
  }
  for (const std::string& text : hostile_texts()) {
    const Packed hostile = packed_text(text);
    for (const test::RowCall& each : calls) {
      const std::string_view method = each.method;
      if (method == "server.shutdown" || method == "session.close" || method == "session.ring") {
        continue;
      }
      for (std::size_t i = 0; i < each.parameters.size(); ++i) {
        // Stored values are replies of later calls; they are no errors.
        const bool stored = i > 0 && text.size() > 1'000 && each.row->grows;
        if (stored) continue;
        auto parameters = each.parameters;
        parameters[i] = hostile;
        checked.call(each.method, test::EveryRow::list(parameters));
        parameters[i] = test::EveryRow::list({hostile});
        checked.call(each.method, test::EveryRow::list(parameters));
        parameters[i] = one_entry(text, hostile);
        checked.call(each.method, test::EveryRow::list(parameters));
      }
      checked.call(each.method, one_entry(text, hostile));
    }
    checked.call(text, test::EveryRow::list({}), true);
    checked.call("dict." + text, test::EveryRow::list({}), true);
    for (const ObjectType* type : checked.machine().catalogue().types()) {
      if (type->create == nullptr) continue;
      const Packed name = packed_text(std::string{type->name});
      for (const Parameter& option : type->options) {
        checked.call("object.create",
                     test::EveryRow::list({name, packed_text("other"), test::EveryRow::list({}),
                                           one_entry(std::string{option.name}, hostile)}));
        checked.call("object.delete", test::EveryRow::list({packed_text("other")}));
      }
    }
    checked.line("{\"id\":1,\"method\":\"ping\",\"" + text + "\":1}\n");
    checked.line("dict.get " + text + " 1\n", true);
    checked.line(text + "\n", true);
  }
}

TEST_CASE("errors: raw input in a line that is no JSON does not come back", "[net]") {
  Checked checked;
  checked.line("{\"js\":\"1.'; expected \xff\"}\n", true);
  checked.line("{\"id\":1,\"method\":\xff\xfe}\n", true);
  checked.line("{\"id\":1,\"method\":\"\xc3\"}\n", true);
  checked.line("dict.get \xff\xfe 1\n", true);
}

TEST_CASE("errors: the detail of a large key is cut as messages are", "[net]") {
  Checked checked;
  checked.call("object.create", test::EveryRow::list({packed_text("dict"), packed_text("d")}));
  const Packed key = packed_text(std::string(1'000'000, 'k'));
  checked.call("dict.get", test::EveryRow::list({packed_text("d"), key}), true);
  checked.call("dict.get",
               test::EveryRow::list({packed_text("d"), test::EveryRow::list({key, key})}), true);
}

}  // namespace
}  // namespace agora
