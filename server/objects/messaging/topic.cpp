// SPDX-License-Identifier: MIT

// topic: publish/subscribe; a published value goes to every subscriber.
//
// Only the last value is stored; a session receives the values that are published while it is
// subscribed. A session whose connection was lost receives the missed values once it resumes: from
// a bounded history, or as one gap notice. A subscription ends with its session or with its topic;
// the deletion of a topic is reported as a gap.

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

class Topic : public State {
 public:
  explicit Topic(Machine& machine) : machine_(machine) {}
  void save(Writer& out) const override {
    out.list(last ? 1 : 0);
    if (last) out.packed(machine_.values().view(last));
  }
  Outcome plain(Call&, Writer& out) const override {
    last ? out.packed(machine_.values().view(last)) : out.null();
    return Progress::done;
  }
  std::size_t bytes() const override {
    return history.bytes() + (last ? machine_.values().view(last).size() : 0);
  }
  bool release_some(Machine& machine, std::size_t) override {
    if (last) machine.drop(std::exchange(last, {}));
    return true;
  }
  std::function<void()> restorer(Machine&) override {
    return [this, before = last] { last = before; };
  }
  void each_reference(const std::function<void(std::string_view)>& visit) const override {
    if (last) agora::each_reference(machine_.values().view(last), visit);
    for (const ChangeFeed::Entry& entry : history.entries()) {
      agora::each_reference(PackedView{entry.notice}, visit);
    }
  }
  ChangeFeed* feed() override { return &history; }

  Handle last;  ///< null: nothing was published yet
  ChangeFeed history{1, true};

 private:
  Machine& machine_;
};

std::string notice_of(const Object& object, PackedView value) {
  std::string notice;
  Writer out{notice};
  out.map(4);
  out.text("kind"), out.text("topic");
  out.text("object"), out.text(object.name);
  out.text("value"), out.packed(value);
  out.text("version"), out.unsigned_integer(object.version);
  return notice;
}

Outcome publish(Call& call, Topic& topic) {
  Machine& machine = call.machine();
  auto stored = machine.store(call.arg(0));
  if (!stored) return stored.failure();
  const Handle before = std::exchange(topic.last, *stored);
  call.changed();
  const Object& object = call.object();
  machine.on_commit([&machine, id = object.id, version = object.version,
                     notice = notice_of(object, call.arg(0))]() mutable {
    Object* published = machine.registry().find(id);
    if (published == nullptr) return;
    machine.notifications().publish_topic(*published, version, std::move(notice));
  });
  call.reply().unsigned_integer(topic.history.followers.size());
  if (before) machine.drop(before);
  return Progress::done;
}

Outcome subscribe(Call& call, Topic&) {
  Session& session = *call.machine().sessions().find(call.session());
  auto done = call.machine().notifications().subscribe(call.object(), session);
  if (!done) return done.failure();
  return Progress::done;
}

Outcome unsubscribe(Call& call, Topic&) {
  Session& session = *call.machine().sessions().find(call.session());
  call.machine().notifications().unsubscribe(call.object(), session);
  return Progress::done;
}

Outcome last(Call& call, Topic& topic) {
  if (topic.last) call.reply_stored(topic.last);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  return std::make_unique<Topic>(creation.machine);
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto topic = std::make_unique<Topic>(creation.machine);
  if (read(saved).count == 0) return topic;
  Reader reader{saved};
  read(reader);
  auto stored = creation.machine.store(reader.value());
  if (!stored) return stored.failure();
  topic->last = *stored;
  return topic;
}

constexpr Method kMethods[] = {
    {.name = "publish",
     .parameters = {Parameter{"value", ParamKind::any, kRequired, "Any value."}},
     .result = "int: the number of subscribers, disconnected ones included",
     .errors = {Errc::not_found, Errc::out_of_memory},
     .access = Access::write,
     .grows = true,
     .cost = "O(subscribers)",
     .doc = "Sends a notice {kind: \"topic\", object, value, version} to every subscriber, in the "
            "order of the publishes, and keeps the value as the last one.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&publish>},
    {.name = "subscribe",
     .result = "null",
     .errors = {Errc::overloaded},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(log n) in the subscribers",
     .doc = "Subscribes the session: it gets a notice of each published value. After a lost "
            "connection it gets the last 1,024 notices that it may have missed, identified by "
            "their version, or one notice {kind: \"gap\", object, version}.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&subscribe>},
    {.name = "unsubscribe",
     .result = "null",
     .access = Access::write,
     .role = Role::read,
     .cost = "O(log n) in the subscribers",
     .doc = "Ends the session's subscription.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&unsubscribe>},
    {.name = "last",
     .result = "any: the last published value, null before the first",
     .cost = "O(size of the value)",
     .doc = "Returns the last published value.",
     .if_reply_lost = retry::kRead,
     .handler = on<&last>},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& topic_type() {
  static constexpr ObjectType kType{
      .name = "topic",
      .doc = "Publish/subscribe: sends published values to all subscribers.",
      .methods = kMethods,
      .create = create,
      .load = load};
  return kType;
}

}  // namespace agora
