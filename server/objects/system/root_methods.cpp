// SPDX-License-Identifier: MIT

// ping and help: the methods without a type prefix.

#include "server/core/machine/call.hpp"
#include "server/core/machine/describe.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

Outcome ping(Call& call) {
  call.reply().text("pong");
  return Progress::done;
}

Outcome help(Call& call) {
  auto text = help_text(call.machine().catalogue(), call.text(0));
  if (!text) return text.failure();
  call.reply().text(*text);
  return Progress::done;
}

constexpr Method kMethods[] = {
    {.name = "ping",
     .result = "\"pong\"",
     .before_login = true,
     .cost = "O(1)",
     .doc = "Heartbeat; checks that the server replies.",
     .if_reply_lost = retry::kRead,
     .handler = ping},
    {.name = "help",
     .parameters = {Parameter{"topic", ParamKind::text, kNull,
                              "A type, a method such as queue.get, or errors."}},
     .result = "text",
     .errors = {Errc::not_found},
     .before_login = true,
     .cost = "O(1)",
     .doc = "Explains the server, a type, a method, or the errors.",
     .if_reply_lost = retry::kRead,
     .handler = help},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& root_methods() {
  static constexpr ObjectType kType{
      .name = "", .doc = "The entry point of the server.", .methods = kMethods};
  return kType;
}

}  // namespace agora
