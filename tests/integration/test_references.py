# SPDX-License-Identifier: MIT
"""Objects that containers and items in flight keep alive; unreachable cycles, which the server frees."""
import unittest

import msgpack

from harness import until
from sessions import SessionCase


def ref(name):
    return {"$ref": name}


class ReferenceCase(SessionCase):
    def anonymous(self, kind="dict", *args):
        """Creates an anonymous object that the client of this test holds."""
        return self.c.call("object.create", kind, None, list(args))["$ref"]

    def release(self, *names):
        for name in names:
            self.c.call("object.release", name)

    def alive(self, *names):
        for name in names:
            self.assertTrue(self.c.call("object.exists", name), name)

    def await_gone(self, *names):
        for name in names:
            until(lambda: not self.c.call("object.exists", name), f"the end of {name}")


class Kept(ReferenceCase):
    """Each container and item in flight keeps the objects to which its values refer."""

    def keep(self, put, take):
        """Asserts that an object lives from put(its reference) to take()."""
        name = self.anonymous("list", [1])
        put(ref(name))
        self.release(name)
        self.alive(name)
        self.assertEqual(self.c.call("list.copy", name), [1])
        take()
        self.await_gone(name)

    def test_containers(self):
        call = self.c.call
        d, l, s, n = (self.new(k) for k in ("dict", "list", "set", "namespace"))
        value, topic = self.new("value", "any", None), self.new("topic")
        table = {
            "dict value": (lambda r: call("dict.set", d, "k", r), lambda: call("dict.delete", d, "k")),
            "dict key": (lambda r: call("dict.set", d, r, 1), lambda: call("dict.pop_item", d)),
            "dict overwritten": (
                lambda r: call("dict.set", d, "k", r),
                lambda: call("dict.set", d, "k", 1),
            ),
            "deep inside": (
                lambda r: call("dict.set", d, "k", [1, {"m": [r]}]),
                lambda: call("dict.clear", d),
            ),
            "list": (lambda r: call("list.append", l, r), lambda: call("list.pop", l)),
            "list slice": (
                lambda r: call("list.extend", l, [r, 1]),
                lambda: call("list.set_slice", l, 0, 2, None, []),
            ),
            "set": (lambda r: call("set.add", s, r), lambda: call("set.clear", s)),
            "namespace": (
                lambda r: call("namespace.set", n, "a", r),
                lambda: call("namespace.delete", n, "a"),
            ),
            "value": (
                lambda r: call("value.set", value, r),
                lambda: call("value.set", value, None),
            ),
            "topic": (
                lambda r: call("topic.publish", topic, r),
                lambda: call("topic.publish", topic, None),
            ),
        }
        for container, (put, take) in table.items():
            with self.subTest(container):
                self.keep(put, take)

    def test_items_in_flight(self):
        call = self.c.call
        q, p = self.new("queue"), self.new("pipe")
        delayed = self.new("queue")
        taken = []

        def reserve():
            taken.append(call("queue.reserve", q)["id"])

        def put_and_reserve(r):
            call("queue.put", q, r)
            reserve()

        def put_and_dead_letter(r):
            call("queue.put", q, r)
            for _ in range(16):
                reserve()
                call("queue.requeue", q, taken[-1])
            self.assertEqual(len(call("queue.dead_letters", q)), 1)

        def redrive_and_clear():
            call("queue.redrive", q)
            call("queue.clear", q)

        table = {
            "ready": (lambda r: call("queue.put", q, r), lambda: call("queue.get", q)),
            "reserved": (put_and_reserve, lambda: call("queue.acknowledge", q, taken[-1])),
            "dead": (put_and_dead_letter, redrive_and_clear),
            "delayed": (
                lambda r: call("queue.put", delayed, r, None, 0, 3600),
                lambda: call("object.delete", delayed),
            ),
            "pipe": (lambda r: call("pipe.send", p, 0, r), lambda: call("pipe.receive", p, 1)),
        }
        for container, (put, take) in table.items():
            with self.subTest(container):
                self.keep(put, take)

    def test_an_item_whose_put_waits_is_in_flight(self):
        q, other = self.new("queue", maxsize=1), self.new_client()
        self.c.call("queue.put", q, 0)
        name = self.anonymous("list")
        number = other.start("queue.put", q, ref(name))
        self.await_waiters(q, 1)
        self.release(name)
        self.alive(name)
        self.c.call("queue.get", q)
        self.assertIsNone(other.finish(number))
        self.alive(name)
        self.c.call("queue.get", q)
        self.await_gone(name)

    def test_an_opaque_value_keeps_the_objects_of_its_side_table(self):
        d, name = self.new("dict"), self.anonymous("list")
        opaque = {"$opaque": ["AAEC", [ref(name)]]}
        self.c.call("dict.set", d, "k", opaque)
        self.release(name)
        self.alive(name)
        self.assertEqual(self.c.call("dict.get", d, "k"), opaque)
        self.c.call("dict.clear", d)
        self.await_gone(name)

    def test_a_condition_keeps_its_lock(self):
        condition = self.c.call("object.create", "condition")["$ref"]
        lock = self.c.call("object.info", condition)["options"]["lock"]["$ref"]
        self.alive(lock)
        self.release(condition)
        self.await_gone(condition, lock)

    def test_a_deleted_container_drops_all_its_references(self):
        for kind, wrap in (("dict", lambda r: {"k": r}), ("list", lambda r: [r, [r]])):
            with self.subTest(kind):
                inner = self.anonymous("list")
                box = self.new(kind, wrap(ref(inner)))
                self.release(inner)
                self.alive(inner)
                self.c.call("object.delete", box)
                self.await_gone(inner)

    def test_a_reference_to_a_missing_object_is_not_stored(self):
        d, q, l = self.new("dict"), self.new("queue"), self.new("list")
        before = [self.c.call("object.version", name) for name in (d, q, l)]
        missing = ref("#999999")
        self.fails("NotFound", "dict.set", d, "k", missing)
        self.fails("NotFound", "dict.set", d, "k", [{"m": ref("gone")}])
        self.fails("NotFound", "dict.set", d, missing, 1)
        self.fails("NotFound", "queue.put", q, missing)
        self.fails("NotFound", "list.extend", l, [1, missing])
        self.assertEqual([self.c.call("object.version", name) for name in (d, q, l)], before)


class Nested(ReferenceCase):
    def test_a_chain_of_any_depth_lives_and_ends_with_its_head(self):
        root, chain = self.new("dict"), [self.anonymous() for _ in range(200)]
        for outer, inner in zip(chain, chain[1:]):
            self.c.call("dict.set", outer, "next", ref(inner))
        self.c.call("dict.set", root, "head", ref(chain[0]))
        self.release(*chain)
        self.alive(*chain)
        at = root
        for key in ["head"] + ["next"] * 199:
            at = self.c.call("dict.get", at, key)
        self.assertEqual(at, ref(chain[-1]))
        self.c.call("dict.delete", root, "head")
        self.await_gone(*chain)

    def test_one_of_two_containers_is_enough(self):
        a, b, name = self.new("dict"), self.new("queue"), self.anonymous()
        self.c.call("dict.set", a, "k", ref(name))
        self.c.call("queue.put", b, ref(name))
        self.release(name)
        self.c.call("dict.clear", a)
        self.alive(name)
        self.c.call("queue.get", b)
        self.await_gone(name)

    def test_the_same_reference_twice_counts_twice(self):
        d, name = self.new("dict"), self.anonymous()
        self.c.call("dict.set", d, "a", [ref(name), ref(name)])
        self.c.call("dict.set", d, "b", ref(name))
        self.release(name)
        self.c.call("dict.delete", d, "a")
        self.alive(name)
        self.c.call("dict.delete", d, "b")
        self.await_gone(name)

    def test_json_and_messagepack_give_the_same_reference(self):
        d, name = self.new("dict"), self.anonymous()
        self.c.call("dict.set", d, "k", ref(name))
        with self.server.pack() as p:
            self.assertEqual(p.call("dict.get", d, "k"), msgpack.ExtType(1, name.encode()))
            p.call("dict.set", msgpack.ExtType(1, name.encode()), "x", 5)
        self.assertEqual(self.c.call("dict.get", name, "x"), 5)


class Cycles(ReferenceCase):
    """Cycles of anonymous objects that no session holds and no named object reaches are freed."""

    def cycle(self, size, kind="dict"):
        names = [self.anonymous(kind) for _ in range(size)]
        for a, b in zip(names, names[1:] + names[:1]):
            if kind == "dict":
                self.c.call("dict.set", a, "next", ref(b))
            elif kind == "list":
                self.c.call("list.append", a, ref(b))
            elif kind == "set":
                self.c.call("set.add", a, ref(b))
            else:
                self.c.call("queue.put", a, ref(b))
        return names

    def test_cycles_of_every_type_and_size(self):
        for kind in ("dict", "list", "set", "queue"):
            for size in (1, 2, 3, 50):
                with self.subTest(kind=kind, size=size):
                    names = self.cycle(size, kind)
                    self.alive(*names)
                    self.release(*names)
                    self.await_gone(*names)

    def test_a_held_or_reachable_cycle_stays(self):
        root, queue, session = self.new("dict"), self.new("queue"), self.opened()
        held, reached, in_flight, by_session = (self.cycle(3) for _ in range(4))
        self.c.call("dict.set", root, "k", [ref(reached[1])])
        self.c.call("queue.put", queue, ref(in_flight[2]))
        session.call("object.hold", by_session[0])
        self.release(*held[1:], *reached, *in_flight, *by_session)
        marks = self.cycle(2)
        self.release(*marks)
        self.await_gone(*marks)
        self.alive(*held, *reached, *in_flight, *by_session)
        self.release(held[0])
        self.await_gone(*held)
        self.c.call("dict.clear", root)
        self.await_gone(*reached)
        self.c.call("queue.get", queue)
        self.await_gone(*in_flight)
        self.alive(*by_session)
        session.call("object.release", by_session[0])
        self.await_gone(*by_session)

    def test_objects_that_only_a_cycle_reaches_are_freed_with_it(self):
        cycle, tail = self.cycle(3), [self.anonymous("list") for _ in range(3)]
        self.c.call("dict.set", cycle[0], "tail", ref(tail[0]))
        self.c.call("list.append", tail[0], ref(tail[1]))
        kept = self.new("dict", {"k": ref(tail[2])})
        self.c.call("list.append", tail[1], ref(tail[2]))
        self.release(*cycle, *tail)
        self.await_gone(*cycle, *tail[:2])
        self.alive(tail[2], kept)

    def test_two_joined_cycles(self):
        first, second = self.cycle(3), self.cycle(4)
        self.c.call("dict.set", first[0], "other", ref(second[0]))
        self.c.call("dict.set", second[2], "other", ref(first[1]))
        self.release(*first, *second)
        self.await_gone(*first, *second)

    def test_the_end_of_a_session_frees_the_cycles_that_it_held(self):
        for how in ("plain", "opened"):
            with self.subTest(how):
                creator = self.new_client() if how == "plain" else self.opened()
                a, b = (creator.call("object.create", "dict")["$ref"] for _ in range(2))
                creator.call("dict.set", a, "b", ref(b))
                creator.call("dict.set", b, "a", ref(a))
                self.alive(a, b)
                if how == "opened":
                    creator.call("session.close")
                creator.close()
                self.await_gone(a, b)

    def test_a_cycle_through_a_named_object_stays(self):
        named, name = self.new("dict"), self.anonymous()
        self.c.call("dict.set", named, "k", ref(name))
        self.c.call("dict.set", name, "back", ref(named))
        self.release(name)
        marks = self.cycle(2)
        self.release(*marks)
        self.await_gone(*marks)
        self.alive(named, name)
        self.c.call("object.delete", named)
        self.await_gone(name)


if __name__ == "__main__":
    unittest.main()
