# SPDX-License-Identifier: MIT
"""Change notices and topics: in order, resumable, with a notice of each gap; slow readers are cut off."""
import socket
import unittest

from harness import reference_name, until
from sessions import Opened, SessionCase, each_protocol, each_transport

# type -> (args, options, calls before, the changing call): each change of any object is a notice.
CHANGES = {
    "dict": ([], {}, [], ("set", ["k", 1])),
    "list": ([], {}, [], ("append", [1])),
    "set": ([], {}, [], ("add", [1])),
    "namespace": ([], {}, [], ("set", ["a", 1])),
    "value": (["i"], {}, [], ("set", [5])),
    "array": (["i", 2], {}, [], ("set", [0, 5])),
    "queue": ([], {}, [], ("put", [1])),
    "pipe": ([], {}, [], ("send", [0, 1])),
    "lock": ([], {}, [], ("acquire", [])),
    "rlock": ([], {}, [], ("acquire", [])),
    "rwlock": ([], {}, [], ("acquire_write", [])),
    "semaphore": ([1], {}, [], ("acquire", [])),
    "event": ([], {}, [], ("set", [])),
    "barrier": ([2], {}, [], ("abort", [])),
    "latch": ([1], {}, [], ("count_down", [])),
    "counter": ([], {}, [], ("add", [])),
}


class WatchCase(SessionCase):
    def watch(self, session, name, *rest):
        return session.call("object.watch", name, *rest)

    def change(self, name, *keys):
        for key in keys:
            self.c.call("dict.set", name, key, 1)

    def take_notices(self, session):
        """Returns the unread notices. Those of earlier changes arrive before the reply to a later call."""
        session.call("ping")
        session.call("ping")
        found, session.notices = session.notices, []
        return found

    def notices_up_to(self, session, version):
        """Returns the notices up to that version."""
        notices = [session.next_notice()]
        while notices[-1].get("version") != version:
            notices.append(session.next_notice())
        return notices

    def versions(self, notices):
        return [n["version"] for n in notices]


class Notices(WatchCase):
    @each_transport
    def test_notices_carry_object_version_method_and_key_in_order(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("dict")
        first = self.watch(session, name)
        self.assertEqual(first, self.c.call("object.version", name))
        self.change(name, "a", "b")
        self.c.call("dict.delete", name, "a")
        self.c.call("dict.clear", name)
        notices = [session.next_notice() for _ in range(4)]
        for notice, version, method, key in zip(
            notices,
            range(first + 1, first + 5),
            ("dict.set", "dict.set", "dict.delete", "dict.clear"),
            ("a", "b", "a", None),
        ):
            self.assertEqual(notice["kind"], "watch")
            named = notice["object"]
            self.assertEqual(reference_name(named) if kind == "json" else named, name)
            self.assertEqual((notice["version"], notice["method"]), (version, method))
            if key is not None:
                self.assertEqual(notice["key"], key)

    def test_a_change_of_any_type_is_notified(self):
        session = self.opened()
        for kind, (args, options, before, (method, rest)) in CHANGES.items():
            with self.subTest(kind):
                name = self.new(kind, *args, **options)
                for setup, params in before:
                    self.c.call(f"{kind}.{setup}", name, *params)
                version = self.watch(session, name)
                self.assertEqual(version, self.c.call("object.version", name))
                self.c.call(f"{kind}.{method}", name, *rest)
                now = self.c.call("object.version", name)
                self.assertGreater(now, version)
                last = self.notices_up_to(session, now)[-1]
                self.assertEqual((last["kind"], last["method"]), ("watch", f"{kind}.{method}"))
                session.call("object.unwatch", name)

    @each_protocol
    def test_reads_and_calls_that_change_nothing_are_not_notified(self, kind):
        session, name = self.opened(False, kind), self.new("dict", {"a": 1})
        first = self.watch(session, name)
        self.c.call("dict.get", name, "a")
        self.c.call("dict.compare_and_set", name, "a", 7, 8)
        self.fails("KeyError", "dict.delete", name, "x")
        self.c.call("dict.get_or", name, "x")
        self.change(name, "last")
        self.assertEqual(self.versions(self.notices_up_to(session, first + 1)), [first + 1])

    @each_transport
    def test_unwatch_ends_the_notices(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("dict")
        first = self.watch(session, name)
        self.change(name, "a")
        self.notices_up_to(session, first + 1)
        self.assertIsNone(session.call("object.unwatch", name))
        self.change(name, "b", "c")
        self.assertEqual(self.take_notices(session), [])

    def test_several_watchers_get_the_same_notices(self):
        name = self.new("dict")
        first = self.c.call("object.version", name)
        several = [self.opened(bool(n % 2), "json" if n < 2 else "pack") for n in range(4)]
        for session in several:
            self.watch(session, name)
        self.change(name, *range(50))
        for session in several:
            found = self.versions(self.notices_up_to(session, first + 50))
            self.assertEqual(found, list(range(first + 1, first + 51)))

    def test_a_plain_connection_may_watch(self):
        name = self.new("dict")
        for kind in ("json", "pack"):
            with getattr(self.server, kind)() as plain:
                version = plain.call("object.watch", name)
                self.change(name, "a")
                message = plain.message()
                notice = message["params"] if kind == "json" else message[2][0]
                if kind == "json":
                    self.assertEqual((message["jsonrpc"], message["method"]), ("2.0", "notice"))
                    self.assertNotIn("id", message)
                else:
                    self.assertEqual(message[:2], [2, "notice"])
                self.assertEqual((notice["kind"], notice["version"]), ("watch", version + 1))
                self.c.call("dict.clear", name)

    def test_a_missing_object_is_notfound(self):
        self.fails("NotFound", "object.watch", "missing")
        self.fails("NotFound", "object.unwatch", "missing")

    def test_a_lent_value_is_refused_by_name(self):
        """docs/concepts/shared-memory.md: a watch on a local value is a ValueError that names local=false."""
        lent = self.new("value", "i", 1, local=True)
        self.assertIn("local", str(self.fails("ValueError", "object.watch", lent)))


class History(WatchCase):
    @each_protocol
    def test_from_version_replays_the_notices_since_that_version(self, kind):
        first, second, name = self.opened(), self.opened(False, kind), self.new("dict")
        base = self.watch(first, name) - 1
        self.change(name, "a", "b", "c", "d")
        self.assertEqual(self.watch(second, name, base + 3), base + 5)
        self.change(name, "live")
        notices = self.notices_up_to(second, base + 6)
        self.assertEqual({n["kind"] for n in notices}, {"watch"})
        found = [version - base for version in self.versions(notices)]
        self.assertEqual([v for v in found if v > 3], [4, 5, 6])
        self.assertLessEqual(set(found), {3, 4, 5, 6})

    @each_protocol
    def test_an_object_without_watchers_has_no_history(self, kind):
        session, name = self.opened(False, kind), self.new("dict")
        base = self.c.call("object.version", name) - 1
        self.change(name, "a", "b", "c")
        self.assertEqual(self.watch(session, name, base + 2), base + 4)
        self.change(name, "live")
        notices = self.notices_up_to(session, base + 5)
        self.assertEqual([n["kind"] for n in notices], ["gap", "watch"])

    def test_more_than_the_history_is_a_gap(self):
        first, second, name = self.opened(), self.opened(), self.new("counter")
        self.watch(first, name)
        version = self.c.call("object.version", name)
        for _ in range(1100):
            self.c.call("counter.add", name)
        self.watch(second, name, version)
        now = self.c.call("object.version", name)
        self.c.call("counter.add", name)
        notices = self.notices_up_to(second, now + 1)
        self.assertEqual(notices[0]["kind"], "gap")
        found = self.versions([n for n in notices if n["kind"] == "watch"])
        self.assertEqual(found, list(range(found[0], now + 2)))

    @each_protocol
    def test_the_present_version_needs_no_history(self, kind):
        session, name = self.opened(False, kind), self.new("dict")
        base = self.c.call("object.version", name) - 1
        self.change(name, "a")
        self.watch(session, name, base + 2)
        self.change(name, "b")
        notices = self.notices_up_to(session, base + 3)
        self.assertNotIn("gap", [n["kind"] for n in notices])

    def test_an_object_made_anew_is_not_taken_for_the_old_one(self):
        first, second, name = self.opened(), self.opened(), self.new("dict")
        self.watch(first, name)
        self.change(name, "a", "b")
        last = self.c.call("object.version", name)
        self.c.call("object.delete", name)
        self.c.call("object.create", "dict", name)
        self.watch(first, name)
        self.change(name, *range(20))
        now = self.watch(second, name, last)
        notice = second.next_notice()
        self.assertEqual((notice["kind"], notice["version"]), ("gap", now))


class Cuts(WatchCase):
    @each_transport
    def test_a_watch_survives_a_cut_without_a_gap(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("dict")
        base = self.watch(session, name) - 1
        self.change(name, "a")
        seen = self.versions(self.notices_up_to(session, base + 2))
        for _ in range(3):
            session.cut()
            version = self.c.call("object.version", name)
            self.change(name, "b", "c", "d")
            session.resume()
            self.change(name, "live")
            notices = self.notices_up_to(session, version + 4)
            self.assertEqual({n["kind"] for n in notices}, {"watch"})
            seen += self.versions(notices)
        self.assertEqual(sorted(set(seen)), list(range(base + 2, base + 15)))
        self.assertEqual([v for n, v in enumerate(seen) if v not in seen[:n]], sorted(set(seen)))

    @each_transport
    def test_a_watch_of_a_key_survives_a_cut(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("dict")
        base = session.call("object.watch", name, None, "a")
        self.change(name, "a", "b")
        session.cut()
        self.change(name, "b", "a", "b")
        session.resume()
        self.change(name, "a")
        notices = self.notices_up_to(session, base + 6)
        self.assertEqual({n["key"] for n in notices}, {"a"})
        found = [v - base for v in self.versions(notices)]
        self.assertEqual(sorted(set(found)), [1, 4, 6])

    @each_transport
    def test_a_watch_of_names_survives_a_cut(self, unix, kind):
        session = self.opened(unix, kind)
        session.call("object.watch_names", "cut-*", "list")
        session.cut()
        self.c.call("object.create", "list", "cut-1")
        self.c.call("object.create", "dict", "cut-2")
        self.c.call("object.delete", "cut-1")
        self.c.call("object.delete", "cut-2")
        session.resume()
        self.c.call("object.create", "list", "cut-3")
        notices = [session.next_notice() for _ in range(3)]
        self.c.call("object.delete", "cut-3")
        self.assertEqual({n["kind"] for n in notices}, {"names"})
        self.assertEqual(
            [(n["method"], n["object"], n["type"]) for n in notices],
            [
                ("object.create", "cut-1", "list"),
                ("object.delete", "cut-1", "list"),
                ("object.create", "cut-3", "list"),
            ],
        )

    def test_an_ephemeral_entry_survives_a_cut_and_ends_with_its_session(self):
        session, name = self.opened(), self.new("dict")
        session.call("dict.set", name, "mine", 1, None, True)
        session.cut()
        session.resume()
        self.assertEqual(self.c.call("dict.get", name, "mine"), 1)
        session.call("session.close")
        self.assertEqual(self.c.call("dict.len", name), 0)

    @each_protocol
    def test_a_subscription_survives_a_cut(self, kind):
        session, name = self.opened(False, kind), self.new("topic")
        session.call("topic.subscribe", name)
        self.c.call("topic.publish", name, 0)
        self.assertEqual(session.next_notice()["value"], 0)
        session.cut()
        for value in (1, 2, 3):
            self.c.call("topic.publish", name, value)
        session.resume()
        self.c.call("topic.publish", name, 4)
        notices = [session.next_notice()]
        while notices[-1].get("value") != 4:
            notices.append(session.next_notice())
        values = [n.get("value") for n in notices if n["kind"] == "topic" and n["value"]]
        if "gap" in [n["kind"] for n in notices]:
            self.assertEqual([n["kind"] for n in notices].count("gap"), 1)
        else:
            self.assertEqual(values, [1, 2, 3, 4])

    def test_the_end_of_the_session_ends_its_watches_and_subscriptions(self):
        session, topic = self.opened(), self.new("topic")
        session.call("topic.subscribe", topic)
        self.assertEqual(self.c.call("topic.publish", topic, 1), 1)
        session.call("session.close")
        self.assertEqual(self.c.call("topic.publish", topic, 2), 0)


class Topics(WatchCase):
    @each_transport
    def test_subscribers_get_every_value_in_order(self, unix, kind):
        several, name = [self.opened(unix, kind) for _ in range(2)], self.new("topic")
        for session in several:
            self.assertIsNone(session.call("topic.subscribe", name))
        for value in ("a", None, [1, {"m": 2}]):
            self.assertEqual(self.c.call("topic.publish", name, value), 2)
        for session in several:
            notices = [session.next_notice() for _ in range(3)]
            self.assertEqual([n["value"] for n in notices], ["a", None, [1, {"m": 2}]])
            self.assertEqual({n["kind"] for n in notices}, {"topic"})
        several[0].call("topic.unsubscribe", name)
        self.assertEqual(self.c.call("topic.publish", name, "b"), 1)
        self.assertEqual(several[1].next_notice()["value"], "b")
        self.assertEqual(self.take_notices(several[0]), [])
        self.assertEqual(self.c.call("topic.last", name), "b")

    def test_a_plain_connection_may_subscribe_and_leaves_with_its_end(self):
        name = self.new("topic")
        with self.server.json() as plain:
            plain.call("topic.subscribe", name)
            self.assertEqual(self.c.call("topic.publish", name, 1), 1)
            self.assertEqual(plain.message()["params"]["value"], 1)
        until(lambda: self.c.call("topic.publish", name, 2) == 0, "the end of the subscription")


class Slow(WatchCase):
    """docs/concepts/watching.md: the server cuts off a client that does not read its notices, and says why."""

    def slow(self):
        session = Opened.__new__(Opened)
        connect = self.server.connect

        def narrow(unix=False):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.settimeout(5)
            sock.connect(("127.0.0.1", self.server.port))
            return sock

        self.server.connect = narrow
        try:
            session.__init__(self.server, opening=[3600])
        finally:
            self.server.connect = connect
        self.addCleanup(session.close)
        return session

    def notices_until_end(self, session, last=None):
        """Returns all notices up to the end of the connection, or up to the version `last`."""
        try:
            while not session.notices or session.notices[-1].get("version", 0) != last:
                session.receive()
        except (EOFError, ConnectionResetError, AssertionError):
            pass
        found, session.notices = session.notices, []
        return found

    def test_a_slow_watcher_is_cut_off_and_resumes(self):
        """The watcher is behind by more than the output buffer (8 MiB) and the history (1,024 entries)."""
        session, name, last = self.slow(), self.new("dict"), 3001
        self.watch(session, name)
        for number in range(last - 1):
            self.c.call("dict.set", name, "x" * 20_000, number)
        self.assertEqual(self.c.call("object.version", name), last)
        before = self.notices_until_end(session)
        seen = self.versions([n for n in before if n["kind"] == "watch"])
        self.assertLess(len(seen), last - 1, "it was not cut off")
        self.assertEqual(seen, list(range(2, len(seen) + 2)))
        self.change(name, "after")
        again = self.resumed(session, last + 1)
        self.assertEqual([n["kind"] for n in before + again].count("gap"), 1)
        later = self.versions([n for n in again if n["kind"] == "watch"])
        self.assertEqual(later, list(range(last + 2 - len(later), last + 2)))

    def test_a_watcher_that_is_behind_within_the_history_misses_nothing(self):
        session, name, last = self.slow(), self.new("dict"), 401
        self.watch(session, name)
        for number in range(last - 1):
            self.c.call("dict.set", name, "x" * 60_000, number)
        found = self.notices_until_end(session, last)
        if not found or found[-1].get("version") != last:
            found += self.resumed(session, last)
        self.assertEqual({n["kind"] for n in found}, {"watch"})
        self.assertEqual(sorted(set(self.versions(found))), list(range(2, last + 1)))

    def resumed(self, session, last):
        """Resumes until the notice of the version `last` came, however often it is cut off; returns the notices."""
        found = []
        while not found or found[-1].get("version") != last:
            session.resume()
            try:
                found.append(session.next_notice())
                while found[-1].get("version") != last:
                    found.append(session.next_notice())
            except (EOFError, ConnectionResetError, AssertionError):
                pass
        return found

    def test_a_slow_subscriber_is_cut_off_and_harms_no_other_client(self):
        session, other, name = self.slow(), self.opened(opening=[3600]), self.new("topic")
        session.call("topic.subscribe", name)
        other.call("topic.subscribe", name)
        value = "x" * 1_000_000
        for number in range(80):
            self.c.call("topic.publish", name, [number, value])
            self.assertEqual(other.next_notice()["value"][0], number)
        self.assertLess(len(self.notices_until_end(session)), 80, "it was not cut off")
        session.resume()
        self.c.call("topic.publish", name, ["last", ""])
        while (notice := session.next_notice()).get("value", [""])[0] != "last":
            self.assertIn(notice["kind"], ("topic", "gap"))


if __name__ == "__main__":
    unittest.main()
