// SPDX-License-Identifier: MIT

// transaction.run: several calls as one atomic step, all or none, if its requirements hold.

#include "server/core/machine/call.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

Outcome run(Call& call) { return call.machine().run_atomically(call, call.arg(0), call.arg(1)); }

constexpr Method kMethods[] = {
    {.name = "run",
     .parameters =
         {Parameter{
              "calls", ParamKind::list, kRequired,
              "[[method, params], ...]: methods of objects, object.create and object.delete. A "
              "method that may wait is allowed only with timeout 0."},
          Parameter{
              "require", ParamKind::list, kNull,
              "[[reading method, params, expected], ...]: requirements that must hold before."}},
     .result = "list of results",
     .errors = {Errc::conflict, Errc::value_error, Errc::too_large},
     .access = Access::write,
     .grows = true,
     .delivers = true,
     .cost = "the cost of its calls",
     .doc = "Runs the calls in order as one atomic step. Conflict names the first requirement "
            "that does not hold. An error of a call rolls back all calls before it and is "
            "returned with the call's index. Waiters and watchers see nothing of a "
            "rolled-back transaction. One that would cost more than 2 million elements of work is "
            "rolled back with TooLarge.",
     .if_reply_lost = retry::kOnce,
     .handler = run},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& transaction_methods() {
  static constexpr ObjectType kType{.name = "transaction",
                                    .doc = "Runs several calls as one atomic step, all or none.",
                                    .methods = kMethods};
  return kType;
}

}  // namespace agora
