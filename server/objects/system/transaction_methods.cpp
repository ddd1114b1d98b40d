// transaction.run: several calls as one step, all or nothing, if what it requires holds.

#include "server/core/machine/call.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

Outcome run(Call& call) { return call.machine().run_atomically(call, call.arg(0), call.arg(1)); }

constexpr Method kMethods[] = {
    {.name = "run",
     .parameters = {Parameter{"calls", ParamKind::list, kRequired,
                              "[[method, params], ...]: methods of objects, object.create and "
                              "object.delete; one that may wait only with timeout 0."},
                    Parameter{"require", ParamKind::list, kNull,
                              "[[reading method, params, expected], ...]: what must hold before."}},
     .result = "list of results",
     .errors = {Errc::conflict, Errc::value_error},
     .access = Access::write,
     .grows = true,
     .delivers = true,
     .cost = "that of its calls",
     .doc = "Runs the calls in order as one step. Conflict names the first requirement that does "
            "not hold; a call's own error undoes all before it and is given with its index. "
            "Waiters and watchers see nothing of what is undone.",
     .if_reply_lost = retry::kOnce,
     .handler = run},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& transaction_methods() {
  static constexpr ObjectType kType{.name = "transaction",
                                    .doc = "Several calls as one step, all or nothing.",
                                    .methods = kMethods};
  return kType;
}

}  // namespace agora
