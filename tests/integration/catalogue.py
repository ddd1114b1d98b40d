"""The signatures of the catalogue's implemented rows, as the contract has them: r reads, w may wait.

A default of `-` marks a parameter that may be left out without a default of its own.
"""
TABLE = """
ping() r
help(topic=null) r
server.info() r
server.stats() r
server.methods() r
server.sessions() r
server.locks() r
server.waits(format="list") r
server.end_session(session)
server.shutdown()
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
dict.get(name, key) r
dict.get_or(name, key, default=null) r
dict.set(name, key, value)
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
value.get(name) r
value.set(name, value)
value.add(name, amount)
value.exchange(name, value)
value.compare_and_set(name, expected, value)
queue.put(name, item, timeout=null) w
queue.put_many(name, items, timeout=null) w
queue.get(name, timeout=null) w
queue.get_many(name, max, timeout=null) w
queue.size(name) r
queue.empty(name) r
queue.full(name) r
queue.peek(name) r
queue.task_done(name)
queue.join(name, timeout=null) w
queue.clear(name)
queue.close(name)
lock.acquire(name, timeout=null, owner="") w
lock.release(name, owner="", token=null)
lock.locked(name) r
lock.holder(name) r
lock.reset(name)
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


METHODS = {row[0]: row for row in map(parse, TABLE.strip().splitlines())}


def by_name(method, arguments):
    """The same arguments as a map of named parameters."""
    return {parameter: value for (parameter, _), value in zip(METHODS[method][1], arguments)}
