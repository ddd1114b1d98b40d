// SPDX-License-Identifier: MIT

#include "server/engine/admission.hpp"

#include "server/objects/types.hpp"
#include "shared/wire/json_read.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

struct NoClock : Clock {
  Instant now() override { return {}; }
};
struct NoOutbox : Outbox {
  void deliver(const Effect&, const Effects&) override {}
};

struct Row {
  std::string method;
  std::string params;  // JSON
  Errc code;
  std::string mentions;  // a part of the message
};

std::string packed(const std::string& json) {
  std::string out;
  Budget budget{Limits{}};
  REQUIRE(json_to_packed(json, out, budget));
  return out;
}

TEST_CASE("admission: errors that the method table can find leave the batch unchanged",
          "[engine]") {
  const std::vector<Row> rows{
      {"dict.gte", "[]", Errc::method_not_found, "dict.get"},
      {"", "[]", Errc::method_not_found, "there is no method"},
      {"dict.get", "[]", Errc::invalid_params, "lacks the parameter name"},
      {"dict.get", "[\"d\"]", Errc::invalid_params, "lacks the parameter key"},
      {"dict.get", "[\"d\",1,2]", Errc::invalid_params, "at most 2"},
      {"dict.get", "{\"name\":\"d\",\"kee\":1}", Errc::invalid_params, "no parameter \"kee\""},
      {"dict.get", "[5,1]", Errc::invalid_params, "name of dict.get: expected name, got int 5"},
      {"dict.get", "[\"\",1]", Errc::value_error, "1 to 512 bytes"},
      {"dict.get", "[\"a\\nb\",1]", Errc::value_error, "control characters"},
      {"queue.get", "[\"q\",-1]", Errc::value_error, "timeout"},
      {"queue.get", "[\"q\",1e300]", Errc::value_error, "timeout"},
      {"queue.get", "[\"q\",\"2\"]", Errc::invalid_params, "expected seconds or null"},
      {"list.get", "[\"l\",true]", Errc::invalid_params, "expected int, got bool"},
      {"list.get", "[\"l\",2.0]", Errc::invalid_params, "expected int, got float"},
      {"server.shutdown", "[]", Errc::forbidden, "admin"},
  };
  const Catalogue catalogue{all_types()};
  const Limits limits;
  NoClock clock;
  NoOutbox outbox;
  Logins logins{clock, outbox};
  Admission admission{catalogue, limits, logins};
  for (const Row& row : rows) {
    INFO(row.method << ' ' << row.params);
    Batch batch;
    const std::string params = packed(row.params);
    CallRequest request;
    request.method = row.method;
    request.params = PackedView{params};
    const auto admitted = admission.admit(request, batch);
    REQUIRE_FALSE(admitted);
    CHECK(admitted.error().code == row.code);
    CHECK_THAT(admitted.error().message, Catch::Contains(row.mentions));
    CHECK(batch.empty());
    CHECK(batch.bytes.empty());
    CHECK(batch.arguments.empty());
  }
}

TEST_CASE("admission: parameters by name are bound in the order of the method table", "[engine]") {
  const Catalogue catalogue{all_types()};
  const Limits limits;
  NoClock clock;
  NoOutbox outbox;
  Logins logins{clock, outbox};
  Admission admission{catalogue, limits, logins};
  Batch batch;
  const std::string params = packed(R"({"timeout":1,"name":"q"})");
  CallRequest request;
  request.method = "queue.get";
  request.params = PackedView{params};
  REQUIRE(admission.admit(request, batch));
  REQUIRE(batch.commands.size() == 1);
  CHECK(batch.argument(0).kind() == Kind::text);
  CHECK(batch.argument(1).kind() == Kind::integer);
}

}  // namespace
}  // namespace agora
