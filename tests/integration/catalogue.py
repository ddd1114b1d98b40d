# SPDX-License-Identifier: MIT
"""The signatures of all methods of the catalogue (docs/reference): r reads, w may wait.

A default of `-` marks an optional parameter without a default.
"""
TABLE = """
ping() r
help(topic=null) r
server.info() r
server.stats() r
server.methods() r
server.sessions(after=null, count=1000) r
server.locks(after=null, count=1000) r
server.waits(format="list", after=null, count=1000) r
server.end_session(session)
server.shutdown()
session.open(ttl=10, client="", host="", pid=null)
session.resume(session, token)
session.acknowledge(through=0, numbers=[])
session.decline(number)
session.cancel(id)
session.ping()
session.close()
session.challenge()
session.login(id, nonce, proof)
session.login_token(token)
session.info()
transaction.run(calls, require=[])
object.create(type, name=null, args=-, options=-)
object.delete(name)
object.exists(name) r
object.type(name) r
object.version(name) r
object.list(pattern="*", type=null, cursor=null, count=1000) r
object.info(name) r
object.expire(name, seconds)
object.hold(name, n=1)
object.release(name, n=1)
object.value(name) r
object.watch(name, from_version=null, key=null)
object.unwatch(name, key=null)
object.watch_names(pattern="*", type=null)
object.unwatch_names(pattern="*", type=null)
dict.get(name, key) r
dict.get_or(name, key, default=null) r
dict.set(name, key, value, ttl=null, ephemeral=false)
dict.expire(name, key, seconds)
dict.ttl(name, key) r
dict.set_default(name, key, default=null)
dict.contains(name, key) r
dict.delete(name, key)
dict.pop(name, key, default=-)
dict.pop_item(name)
dict.update(name, values)
dict.keys(name) r
dict.values(name) r
dict.items(name) r
dict.len(name) r
dict.clear(name)
dict.copy(name) r
dict.scan(name, cursor=null, count=1000) r
dict.add(name, key, amount=1, initial=0)
dict.compare_and_set(name, key, expected, value)
dict.get_many(name, keys) r
dict.delete_many(name, keys)
dict.wait_for(name, key, timeout=null) w
list.get(name, index) r
list.set(name, index, value)
list.delete(name, index)
list.slice(name, start=null, stop=null, step=null) r
list.set_slice(name, start, stop, step, values)
list.delete_slice(name, start, stop, step)
list.append(name, value)
list.extend(name, values)
list.insert(name, index, value)
list.pop(name, index=-1)
list.remove(name, value)
list.index(name, value, start=0, stop=null) r
list.count(name, value) r
list.contains(name, value) r
list.reverse(name)
list.sort(name, reverse=false)
list.len(name) r
list.clear(name)
list.copy(name) r
list.repeat(name, n)
list.add(name, index, amount)
list.compare_and_set(name, index, expected, value)
set.add(name, value)
set.discard(name, value)
set.remove(name, value)
set.pop(name)
set.contains(name, value) r
set.len(name) r
set.clear(name)
set.items(name) r
set.copy(name) r
set.update(name, other)
set.union(name, other) r
set.intersection(name, other) r
set.difference(name, other) r
set.symmetric_difference(name, other) r
set.intersection_update(name, other)
set.difference_update(name, other)
set.symmetric_difference_update(name, other)
set.is_subset(name, other) r
set.is_superset(name, other) r
set.is_disjoint(name, other) r
set.scan(name, cursor=null, count=1000) r
namespace.get(name, attribute) r
namespace.set(name, attribute, value)
namespace.delete(name, attribute)
namespace.contains(name, attribute) r
namespace.attributes(name) r
array.get(name, index) r
array.set(name, index, value)
array.slice(name, start=null, stop=null, step=null) r
array.set_slice(name, start, stop, step, values)
array.len(name) r
array.add(name, index, amount)
array.compare_and_set(name, index, expected, value)
array.fill(name, value)
value.get(name) r
value.set(name, value)
value.add(name, amount)
value.exchange(name, value)
value.compare_and_set(name, expected, value)
queue.put(name, item, timeout=null, priority=0, delay=0) w
queue.put_many(name, items, timeout=null) w
queue.get(name, timeout=null) w
queue.get_many(name, max, timeout=null) w
queue.get_any(names, timeout=null) w
queue.size(name) r
queue.empty(name) r
queue.full(name) r
queue.peek(name) r
queue.task_done(name)
queue.join(name, timeout=null) w
queue.clear(name)
queue.close(name)
queue.reserve(name, timeout=null, lease=null) w
queue.reserve_any(names, timeout=null, lease=null) w
queue.acknowledge(name, id)
queue.requeue(name, id, delay=0, counts=true)
queue.reject(name, id, reason="")
queue.touch(name, id)
queue.dead_letters(name, count=1000) r
queue.redrive(name, count=1)
queue.purge_dead_letters(name)
pipe.send(name, end, value, timeout=null) w
pipe.receive(name, end, timeout=null) w
pipe.poll(name, end, timeout=0) w
pipe.close(name, end)
topic.publish(name, value)
topic.subscribe(name)
topic.unsubscribe(name)
topic.last(name) r
lock.acquire(name, timeout=null, owner="", lease=null) w
lock.extend(name, token, lease)
lock.release(name, owner="", token=null)
lock.locked(name) r
lock.holder(name) r
lock.reset(name)
rlock.acquire(name, timeout=null, owner="", lease=null) w
rlock.extend(name, token, lease)
rlock.release(name, owner="", token=null)
rlock.locked(name) r
rlock.holder(name) r
rlock.reset(name)
rwlock.acquire_read(name, timeout=null, owner="") w
rwlock.acquire_write(name, timeout=null, owner="") w
rwlock.release_read(name, owner="")
rwlock.release_write(name, owner="")
rwlock.state(name) r
rwlock.reset(name)
semaphore.acquire(name, n=1, timeout=null) w
semaphore.release(name, n=1)
semaphore.value(name) r
condition.acquire(name, timeout=null, owner="") w
condition.release(name, owner="")
condition.wait(name, timeout=null, owner="") w
condition.notify(name, n=1, owner="")
condition.notify_all(name, owner="")
barrier.wait(name, timeout=null) w
barrier.reset(name)
barrier.abort(name)
barrier.state(name) r
latch.count_down(name, n=1)
latch.wait(name, timeout=null) w
latch.count(name) r
counter.add(name, n=1)
counter.get(name) r
counter.wait_at_least(name, n, timeout=null) w
event.set(name)
event.clear(name)
event.is_set(name) r
event.wait(name, timeout=null) w
"""


def parse(line):
    """One row: name, [(parameter, default text or None if required)], flags."""
    head, tail = line.split("(", 1)
    inner, flags = tail.rsplit(")", 1)
    parameters = [tuple((p.split("=", 1) + [None])[:2]) for p in inner.split(", ") if p]
    return head, parameters, flags.strip()


TYPES = (
    "dict list set namespace value array queue pipe topic lock rlock rwlock semaphore condition event barrier "
    "latch counter"
).split()
LATER = set()  # In the contract, and not yet in every version.
# How programs get at shared memory: docs/protocol/shared-memory.md.
SHARED_MEMORY = {
    "session." + name
    for name in ("ring", "map", "unmap", "locate", "unlocate", "acquire_slot", "release_slot")
}
METHODS = {row[0]: row for row in map(parse, TABLE.strip().splitlines())}


def by_name(method, arguments):
    """The same arguments as a map of named parameters."""
    return {parameter: value for (parameter, _), value in zip(METHODS[method][1], arguments)}
