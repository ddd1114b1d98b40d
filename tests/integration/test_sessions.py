# SPDX-License-Identifier: MIT
"""Opened sessions: parameters, numbers, kept replies, resuming, and the three ways in which a session ends."""
import json
import os
import select
import signal
import time
import unittest

import msgpack

from harness import Failure, reference_name, until
from sessions import TRANSPORTS, SessionCase, each_protocol, each_transport, request

class Opening(SessionCase):
    @each_transport
    def test_open_returns_the_documented_fields(self, unix, kind):
        info = self.c.call("server.info")
        opened = self.opened(unix, kind).opened
        self.assertEqual(set(opened), {"session", "token", "ttl", "server", "shared_memory"})
        self.assertEqual(opened["ttl"], 10)
        self.assertEqual(opened["server"]["version"], info["version"])
        self.assertEqual(opened["server"]["incarnation"], info["incarnation"])
        self.assertTrue(opened["session"] and opened["token"])

    def test_sessions_and_tokens_are_unique(self):
        several = [self.opened() for _ in range(4)]
        self.assertEqual(len({s.session for s in several}), 4)
        self.assertEqual(len({s.token for s in several}), 4)

    def test_server_sessions_lists_the_parameters_of_session_open(self):
        session = self.opened(False, "pack", (20, "my program", "my.host", 12345))
        self.assertEqual(session.opened["ttl"], 20)
        entry = next(s for s in self.c.call("server.sessions") if s["id"] == session.session)
        self.assertEqual(
            (entry["client"], entry["host"], entry["pid"]), ("my program", "my.host", 12345)
        )

    def test_parameters_by_name(self):
        with self.server.json() as c:
            self.assertEqual(c.call("session.open", client="me", ttl=5)["ttl"], 5)

    @each_transport
    def test_a_ttl_outside_1_to_3600_is_refused_and_opens_no_session(self, unix, kind):
        with getattr(self.server, kind)(unix) as c:
            for ttl in (0, 0.5, 0.999, 3600.5, 3601, -1, 1e300):
                self.fails("ValueError", "session.open", ttl, client=c)
            for ttl in ("10", None, True, [1]):
                self.fails("InvalidParams", "session.open", ttl, client=c)
            self.assertEqual(c.call("session.open", 3600)["ttl"], 3600)
        self.assertEqual(self.opened(unix, kind, (1,)).opened["ttl"], 1)

    @each_transport
    def test_a_connection_has_one_session(self, unix, kind):
        session, other = self.opened(unix, kind), self.opened(unix, kind)
        self.assert_call_fails(lambda: session.call("session.open"), "RuntimeError")
        self.assert_call_fails(lambda: session.call("session.resume", other.session, other.token), "RuntimeError")
        self.assertEqual(session.call("ping"), "pong")
        self.assertEqual(other.call("ping"), "pong")

    def test_calls_before_open_are_not_numbered(self):
        name = self.new("counter")
        with self.server.json() as c:
            for ident in (7, "text", 7, None, 3):
                c.send(json.dumps(dict(request(0, "counter.add", [name]), id=ident)))
                self.assertEqual(c.message()["id"], ident)
            c.raw(json.dumps(request("o", "session.open", [])))
            self.assertEqual(c.raw(json.dumps(request(1, "counter.add", [name])))["result"], 6)


class Numbers(SessionCase):
    @each_transport
    def test_a_resent_change_is_answered_from_the_kept_reply(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("dict")
        first = session.start("dict.add", name, "k")
        self.assertEqual(session.finish(first), 1)
        self.assertEqual(session.call("dict.add", name, "k", 10), 11)
        self.assertEqual(session.retry(first), 1)
        self.assertEqual(session.retry(first), 1)
        self.assertEqual(self.c.call("dict.get", name, "k"), 11)

    @each_protocol
    def test_a_kept_error_stays_that_error(self, kind):
        session, name = self.opened(False, kind), self.new("dict")
        number = session.start("dict.delete", name, "k")
        self.assert_call_fails(lambda: session.finish(number), "KeyError")
        self.c.call("dict.set", name, "k", 1)
        self.assert_call_fails(lambda: session.retry(number), "KeyError")
        self.assertEqual(self.c.call("dict.len", name), 1)

    @each_transport
    def test_a_resent_read_reads_again(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("dict", {"k": 1})
        number = session.start("dict.get", name, "k")
        self.assertEqual(session.finish(number), 1)
        self.c.call("dict.set", name, "k", 2)
        self.assertEqual(session.retry(number), 2)

    @each_protocol
    def test_numbers_may_leave_gaps_but_never_go_back(self, kind):
        session, name = self.opened(False, kind), self.new("counter")
        self.assertEqual(session.call("counter.add", name), 1)
        session.number = 99
        self.assertEqual(session.call("counter.add", name), 2)
        session.sent[50] = ("counter.add", (name,))
        self.refused(session, 50)
        self.assertEqual(session.call("counter.get", name), 2)
        session.cut()
        self.assertEqual(session.resume()["last_seen"], 101)

    def test_ids_that_are_no_integers_are_refused(self):
        session, name = self.opened(), self.new("counter")
        for ident in ("5", "", None, 2.5, [1], True):
            with self.subTest(id=ident):
                reply = session.client.raw(
                    json.dumps(dict(request(0, "counter.add", [name]), id=ident))
                )
                self.assertEqual(reply["error"]["code"], -32600)
                self.assertEqual(self.c.call("counter.get", name), 0)
        self.assertEqual(session.call("counter.add", name), 1)

    @each_protocol
    def test_notifications_are_not_numbered(self, kind):
        session, name = self.opened(False, kind), self.new("counter")
        self.assertEqual(session.call("counter.add", name), 1)
        for _ in range(5):
            session.notify("counter.add", name)
        self.assertEqual(session.call("counter.add", name), 7)
        session.cut()
        self.assertEqual(session.resume()["last_seen"], 2)

    def test_the_reply_to_a_resend_has_the_form_of_the_resend(self):
        """A resend that comes alone gets its reply alone; a resend in a batch gets its reply in the batch."""
        session, name = self.opened(), self.new("counter")
        one, two, three = (request(n, "counter.add", [name]) for n in (1, 2, 3))
        send = lambda calls: session.client.raw(json.dumps(calls))
        self.assertEqual(send(one)["result"], 1)
        replies = send([one, two])
        self.assertEqual({a["id"]: a["result"] for a in replies}, {1: 1, 2: 2})
        self.assertEqual(send(two), {"jsonrpc": "2.0", "id": 2, "result": 2})
        replies = send([two, one, three])
        self.assertEqual({a["id"]: a["result"] for a in replies}, {1: 1, 2: 2, 3: 3})
        self.assertEqual(self.c.call("counter.get", name), 3)

    def test_msgids_go_on_beyond_32_bits(self):
        """docs/protocol/sessions.md: the 32 bits of a msgid stand for the number nearest to the last one seen."""
        session, name = self.opened(kind="pack"), self.new("counter")
        ask = lambda msgid: session.sent.update({msgid: ("counter.add", (name,))}) or session.retry(msgid)
        numbers = (2**31 - 1, 2**32 - 2, 2**32 - 1, 0, 1)
        self.assertEqual([ask(n) for n in numbers], [1, 2, 3, 4, 5])
        self.assertEqual([ask(n) for n in numbers[1:]], [2, 3, 4, 5])
        session.cut()
        self.assertEqual(session.resume()["last_seen"], 2**32 + 1)
        session.notify("session.acknowledge", 2**32)
        self.assertEqual(ask(1), 5)
        self.refused(session, 2**32 - 1, "forgotten")
        self.refused(session, 0, "forgotten")
        self.assertEqual(ask(2), 6)


class Acknowledging(SessionCase):
    @each_transport
    def test_acknowledged_numbers_are_forgotten_and_never_run_again(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("counter")
        for _ in range(4):
            session.call("counter.add", name)
        session.call("counter.get", name)
        session.notify("session.acknowledge", 2)
        self.refused(session, 1, "forgotten")
        self.refused(session, 2, "forgotten")
        self.assertEqual(session.retry(3), 3)
        self.assertIsNone(session.call("session.acknowledge", 5))
        for number in (3, 4, 5):
            self.refused(session, number, "forgotten")
        self.assertEqual(self.c.call("counter.get", name), 4)
        self.assertEqual(session.call("counter.add", name), 5)

    @each_protocol
    def test_single_numbers_are_forgotten(self, kind):
        session, name = self.opened(False, kind), self.new("counter")
        for _ in range(4):
            session.call("counter.add", name)
        session.notify("session.acknowledge", 0, [2, 4])
        self.assertEqual(session.retry(1), 1)
        self.refused(session, 2)
        self.assertEqual(session.retry(3), 3)
        self.refused(session, 4)
        self.assertEqual(self.c.call("counter.get", name), 4)

    @each_protocol
    def test_a_waiting_call_below_through_stays_and_is_answered_but_not_kept(self, kind):
        session, queue = self.opened(False, kind), self.new("queue")
        waiting = session.start("queue.get", queue)
        self.await_waiters(queue, 1)
        self.assertEqual(session.call("ping"), "pong")
        session.notify("session.acknowledge", 2)
        session.call("ping")
        self.assertEqual(len(self.waiters(queue)), 1)
        self.c.call("queue.put", queue, "item")
        self.assertEqual(session.finish(waiting), "item")
        self.refused(session, waiting, "forgotten")

    @each_transport
    def test_1024_kept_replies_refuse_a_change_unseen(self, unix, kind):
        """docs/concepts/sessions-and-death.md: SessionBacklog; the refused call was not run and may be sent again."""
        session, name = self.opened(unix, kind), self.new("counter")
        numbers = [session.start("counter.add", name) for _ in range(1024)]
        self.assertEqual([session.finish(n) for n in numbers], list(range(1, 1025)))
        over = session.start("counter.add", name)
        failure = self.assert_call_fails(lambda: session.finish(over), "SessionBacklog")
        self.assertEqual(failure.code, 22)
        self.assertEqual(self.c.call("counter.get", name), 1024)
        self.assertEqual(session.retry(1000), 1000)
        session.notify("session.acknowledge", 1)
        self.assertEqual(session.retry(over), 1025)
        self.assertEqual(session.retry(over), 1025)
        self.assertEqual(self.c.call("counter.get", name), 1025)
        session.number = over
        self.assertEqual(session.call("counter.get", name), 1025)

    def test_a_refused_number_does_not_count_as_seen(self):
        session, name = self.opened(), self.new("counter")
        numbers = [session.start("counter.add", name) for _ in range(1025)]
        for number in numbers[:-1]:
            session.finish(number)
        self.assert_call_fails(lambda: session.finish(numbers[-1]), "SessionBacklog")
        session.cut()
        self.assertEqual(session.resume()["last_seen"], 1024)

    def test_64_mib_of_kept_replies_refuse_a_change(self):
        session, name = self.opened(kind="pack"), self.new("dict")
        self.c.call("dict.set", name, "k", "x" * (1 << 20))
        session.client.sock.settimeout(20)
        kept = 0
        with self.assertRaises(Failure) as caught:
            for _ in range(80):
                self.assertEqual(len(session.call("dict.set_default", name, "k")), 1 << 20)
                kept += 1
        self.assertEqual(caught.exception.kind, "SessionBacklog")
        self.assertIn(kept, (62, 63, 64, 65))
        self.assertEqual(session.call("dict.len", name), 1)

    @each_protocol
    def test_bad_acknowledgements_change_nothing(self, kind):
        session, name = self.opened(False, kind), self.new("counter")
        number = session.start("counter.add", name)
        session.finish(number)
        for params in (["1"], [None], [0, 1], [0, ["1"]], [1.5]):
            with self.subTest(params=params), self.assertRaises(Failure) as caught:
                session.call("session.acknowledge", *params)
            self.assertIn(caught.exception.data["type"], ("InvalidParams", "ValueError"))
        self.assertEqual(session.retry(number), 1)


class Cancelling(SessionCase):
    @each_transport
    def test_a_waiting_call_is_answered_cancelled(self, unix, kind):
        session, queue = self.opened(unix, kind), self.new("queue")
        behind = self.new_client()
        waiting = session.start("queue.get", queue)
        self.await_waiters(queue, 1)
        later = behind.start("queue.get", queue)
        self.await_waiters(queue, 2)
        self.assertIs(session.call("session.cancel", waiting), True)
        self.assert_call_fails(lambda: session.finish(waiting), "Cancelled")
        self.assertIs(session.call("session.cancel", waiting), False)
        self.await_waiters(queue, 1)
        self.c.call("queue.put", queue, "item")
        self.assertEqual(behind.finish(later), "item")

    @each_protocol
    def test_an_answered_call_is_not_cancelled(self, kind):
        session, name = self.opened(False, kind), self.new("counter")
        number = session.start("counter.add", name)
        session.finish(number)
        self.assertIs(session.call("session.cancel", number), False)
        self.assertEqual(self.c.call("counter.get", name), 1)

    @each_protocol
    def test_a_cancelled_call_stays_cancelled_when_sent_again(self, kind):
        session, queue = self.opened(False, kind), self.new("queue")
        waiting = session.start("queue.get", queue)
        self.await_waiters(queue, 1)
        session.call("session.cancel", waiting)
        self.assert_call_fails(lambda: session.finish(waiting), "Cancelled")
        self.c.call("queue.put", queue, "item")
        self.assert_call_fails(lambda: session.retry(waiting), "Cancelled")
        self.assertEqual(self.c.call("queue.size", queue), 1)

    @each_protocol
    def test_another_sessions_call_is_not_cancelled(self, kind):
        session, other, queue = self.opened(kind=kind), self.opened(kind=kind), self.new("queue")
        waiting = session.start("queue.get", queue)
        self.await_waiters(queue, 1)
        self.assertIs(other.call("session.cancel", waiting), False)
        self.assertEqual(len(self.waiters(queue)), 1)


class Declining(SessionCase):
    @each_transport
    def test_a_declined_item_goes_back_to_its_place(self, unix, kind):
        session, queue = self.opened(unix, kind), self.new("queue", max_deliveries=2)
        session.call("queue.put_many", queue, ["a", "b", "c"])
        for _ in range(5):  # more than max_deliveries: the delivery does not count
            number = session.start("queue.get", queue)
            self.assertEqual(session.finish(number), "a")
            self.assertIs(session.call("session.decline", number), True)
            self.assertIs(session.call("session.decline", number), False)
            self.assertEqual(self.c.call("object.value", queue), ["a", "b", "c"])

    @each_protocol
    def test_declined_items_go_to_a_waiting_call(self, kind):
        session, other, queue = self.opened(kind=kind), self.opened(kind=kind), self.new("queue")
        session.call("queue.put_many", queue, ["a", "b"])
        number = session.start("queue.get_many", queue, 2)
        self.assertEqual(session.finish(number), ["a", "b"])
        waiting = other.start("queue.get", queue)
        self.await_waiters(queue, 1)
        self.assertIs(session.call("session.decline", number), True)
        self.assertEqual(other.finish(waiting), "a")
        self.assertEqual(session.call("queue.get", queue), "b")

    @each_protocol
    def test_a_declined_item_is_not_done_though_it_was_reported(self, kind):
        session, queue = self.opened(False, kind), self.new("queue")
        session.call("queue.put", queue, "a")
        number = session.start("queue.get", queue)
        session.finish(number)
        session.call("queue.task_done", queue)
        self.assertIs(session.call("session.decline", number), True)
        self.assert_call_fails(lambda: session.call("queue.join", queue, 0), "Timeout")
        self.assertEqual(session.call("queue.get", queue), "a")
        session.call("queue.task_done", queue)
        self.assertIsNone(session.call("queue.join", queue, 0))

    @each_protocol
    def test_nothing_else_is_declined(self, kind):
        session, queue = self.opened(False, kind), self.new("queue")
        session.call("queue.put", queue, "a")
        number = session.start("queue.get", queue)
        session.finish(number)
        session.call("session.acknowledge", number)
        added = session.start("queue.put", queue, "b")
        session.finish(added)
        for other in (number, added, added + 100):
            self.assertIs(session.call("session.decline", other), False)
        self.assert_call_fails(lambda: session.call("session.decline", 0), "ValueError")
        self.fails("RuntimeError", "session.decline", 1)
        self.assertEqual(session.call("object.value", queue), ["b"])


class Resuming(SessionCase):
    @each_transport
    def test_finished_calls_get_their_replies_and_the_epoch_grows(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("counter")
        epochs = []
        for count in range(1, 4):
            number = session.start("counter.add", name)
            until(lambda: self.c.call("counter.get", name) == count, "the effect")
            session.cut()
            resumed = session.resume()
            self.assertEqual(set(resumed), {"epoch", "last_seen"})
            self.assertEqual(resumed["last_seen"], number)
            epochs.append(resumed["epoch"])
            self.assertEqual(session.retry(number), count)
        self.assertEqual(epochs, sorted(set(epochs)))
        self.assertEqual(self.c.call("counter.get", name), 3)

    def test_a_session_resumes_in_another_encoding_and_as_the_same_client_only(self):
        session, name = self.opened(False, "json"), self.new("counter")
        number = session.start("counter.add", name)
        session.finish(number)
        session.cut()
        session.unix, session.kind = True, "pack"  # there the client is a user of this host
        with self.assertRaises(Failure) as caught:
            session.resume()
        self.assertEqual(caught.exception.kind, "Unauthenticated")
        session.cut()
        session.unix = False
        self.assertEqual(session.resume()["last_seen"], number)
        self.assertEqual(session.retry(number), 1)

    @each_transport
    def test_waiting_calls_keep_their_position_in_the_wait_queue(self, unix, kind):
        queue, first, second = self.new("queue"), self.opened(unix, kind), self.new_client()
        a = first.start("queue.get", queue)
        self.await_waiters(queue, 1)
        b = second.start("queue.get", queue)
        self.await_waiters(queue, 2)
        first.cut()
        first.resume()
        self.assertEqual(len(self.waiters(queue)), 2)
        first.resend(a)
        self.assertEqual(first.call("ping"), "pong")
        self.assertEqual(len(self.waiters(queue)), 2)
        self.c.call("queue.put_many", queue, [1, 2])
        self.assertEqual((first.finish(a), second.finish(b)), (1, 2))

    @each_transport
    def test_a_reply_made_while_disconnected_is_kept(self, unix, kind):
        session, queue, lock = self.opened(unix, kind), self.new("queue"), self.new("lock")
        self.c.call("lock.acquire", lock)
        item, grant = session.start("queue.get", queue), session.start("lock.acquire", lock)
        self.await_waiters(queue, 1)
        self.await_waiters(lock, 1)
        session.cut()
        self.c.call("queue.put", queue, "item")
        self.c.call("lock.release", lock)
        self.assertEqual(self.c.call("queue.size", queue), 0)
        session.resume()
        self.assertEqual(session.retry(item), "item")
        got = session.retry(grant)
        self.assertEqual(self.c.call("lock.holder", lock)["token"], got["token"])
        self.assertIs(got["owner_died"], False)

    @each_protocol
    def test_a_waiting_call_keeps_its_deadline(self, kind):
        session, queue = self.opened(False, kind), self.new("queue")
        number = session.start("queue.get", queue, 0.2)
        self.await_waiters(queue, 1)
        session.cut()
        session.resume()
        self.assert_call_fails(lambda: session.retry(number), "Empty")
        self.await_waiters(queue, 0)
        self.c.call("queue.put", queue, 1)
        self.assert_call_fails(lambda: session.retry(number), "Empty")
        self.assertEqual(self.c.call("queue.size", queue), 1)

    @each_transport
    def test_the_older_connection_is_closed_and_not_read(self, unix, kind):
        session, name = self.opened(unix, kind), self.new("counter")
        session.call("counter.add", name)
        old = session.client
        self.addCleanup(old.close)
        session.resume()
        self.assertIsNone(old.message())
        self.assertEqual(session.call("counter.add", name), 2)

    @each_transport
    def test_a_disconnect_does_not_end_the_session(self, unix, kind):
        session, lock = self.opened(unix, kind), self.new("lock")
        before = len(os.listdir(f"/proc/{self.server.process.pid}/fd"))
        grant = session.call("lock.acquire", lock)
        session.cut()
        until(
            lambda: len(os.listdir(f"/proc/{self.server.process.pid}/fd")) < before,
            "the server to see the end of the connection",
        )
        self.assertIsNone(self.c.call("lock.acquire", lock, 0))
        self.assertTrue(self.session_exists(session))
        session.resume()
        self.assertIsNone(session.call("lock.release", lock, "", grant["token"]))
        self.assertIs(self.c.call("lock.acquire", lock, 0)["owner_died"], False)

    @each_transport
    def test_a_wrong_token_is_refused_and_harms_no_session(self, unix, kind):
        session, other = self.opened(unix, kind), self.opened(unix, kind)
        lock = self.new("lock")
        session.call("lock.acquire", lock)
        with getattr(self.server, kind)(unix) as c:
            for token in (other.token, "", session.token + "x", session.token[:-1]):
                self.fails("Unauthenticated", "session.resume", session.session, token, client=c)
            self.fails("SessionLost", "session.resume", "no such", "t", client=c, done="unknown")
            self.assertEqual(c.call("ping"), "pong")
        self.assertEqual(session.call("ping"), "pong", "its connection was taken")
        self.assertTrue(self.c.call("lock.locked", lock))

    def test_a_refused_resume_leaves_the_connection_free_to_resume(self):
        session = self.opened()
        session.cut()
        session.connect()
        self.assert_call_fails(
            lambda: session.unnumbered_call("session.resume", session.session, "no"), "Unauthenticated"
        )
        self.assertIn("epoch", session.unnumbered_call("session.resume", session.session, session.token))

    @each_protocol
    def test_a_message_cut_in_half_was_not_sent(self, kind):
        session, name = self.opened(False, kind), self.new("counter")
        number = session.start("counter.add", name)
        session.finish(number)
        session.sent[2] = ("counter.add", (name,))
        half = (
            json.dumps(request(2, "counter.add", [name]))[:-2].encode()
            if kind == "json"
            else msgpack.packb([0, 2, "counter.add", [name]])[:-1]
        )
        session.client.sock.sendall(half)
        session.cut()
        self.assertEqual(session.resume()["last_seen"], 1)
        self.assertEqual(session.retry(2), 2)


class Ending(SessionCase):
    def hold_some(self, session):
        """Makes the session hold a lock, an ephemeral object and an anonymous one; returns their names."""
        lock, mine = self.new("lock"), self.new("lock") + "-ephemeral"
        self.assertTrue(session.call("lock.acquire", lock))
        session.call("object.create", "dict", mine, [], {"ephemeral": True})
        made = session.call("object.create", "dict")
        anonymous = made["$ref"] if isinstance(made, dict) else made.data.decode()
        self.assertTrue(self.c.call("object.exists", anonymous))
        return lock, mine, anonymous

    def check_all_released(self, lock, mine, anonymous):
        self.assertIs(self.c.call("lock.acquire", lock, 5)["owner_died"], True)
        self.assertFalse(self.c.call("object.exists", mine))
        self.assertFalse(self.c.call("object.exists", anonymous))

    @each_transport
    def test_close_releases_everything_that_the_session_held(self, unix, kind):
        session = self.opened(unix, kind)
        held = self.hold_some(session)
        session.call("session.close")
        self.check_all_released(*held)
        self.assertFalse(self.session_exists(session))
        self.assert_call_fails(lambda: session.call("ping"), "SessionLost", None)
        session.connect()
        self.assert_call_fails(
            lambda: session.unnumbered_call("session.resume", session.session, session.token),
            "SessionLost",
            "unknown",
        )

    @each_transport
    def test_an_administrator_ends_a_session(self, unix, kind):
        session, admin = self.opened(unix, kind), self.new_client(unix=True)
        queue = self.new("queue")
        held = self.hold_some(session)
        waiting = session.start("queue.get", queue)
        self.await_waiters(queue, 1)
        admin.call("server.end_session", session.session)
        self.assert_call_fails(lambda: session.finish(waiting), "SessionLost", "no")
        self.check_all_released(*held)
        self.assertEqual(self.waiters(queue), [])
        session.connect()
        failure = self.assert_call_fails(
            lambda: session.unnumbered_call("session.resume", session.session, session.token),
            "SessionLost",
            "unknown",
        )
        self.assertIn(held[0], [reference_name(n) for n in failure.data["released"]])

    def test_an_end_while_disconnected_is_reported_at_the_resume_to_the_right_token_only(self):
        session, admin = self.opened(), self.new_client(unix=True)
        held = self.hold_some(session)
        session.cut()
        admin.call("server.end_session", session.session)
        self.check_all_released(*held)
        session.connect()
        with self.assertRaises(Failure) as caught:
            session.unnumbered_call("session.resume", session.session, "wrong")
        self.assertIn(caught.exception.data["type"], ("SessionLost", "Unauthenticated"))
        self.assertFalse(caught.exception.data.get("released"))
        for _ in range(2):
            failure = self.assert_call_fails(
                lambda: session.unnumbered_call("session.resume", session.session, session.token),
                "SessionLost",
                "unknown",
            )
            self.assertIn(held[0], [reference_name(n) for n in failure.data["released"]])

    def test_missing_heartbeats_beyond_the_ttl_end_sessions_connected_or_not(self):
        several = [self.opened(unix, kind, (1,)) for unix, kind in TRANSPORTS]
        held = [self.hold_some(s) for s in several]
        queue = self.new("queue")
        for session in several:
            session.start("queue.get", queue)
        self.await_waiters(queue, 4)
        several[0].cut(), several[3].cut()
        for session, names in zip(several, held):
            self.await_session_end(session)
            self.check_all_released(*names)
        self.assertEqual(self.waiters(queue), [])
        self.c.call("queue.put", queue, 1)
        self.assertEqual(self.c.call("queue.size", queue), 1)
        for session, names in zip(several, held):
            session.connect()
            failure = self.assert_call_fails(
                lambda: session.unnumbered_call("session.resume", session.session, session.token),
                "SessionLost",
                "unknown",
            )
            self.assertIn(names[0], [reference_name(n) for n in failure.data["released"]])

    def test_calls_on_the_connection_of_an_ended_session_get_session_lost(self):
        """docs/concepts/sessions-and-death.md: later calls on the connection of an ended session fail."""
        several = [self.opened(unix, kind, (1,)) for unix, kind in TRANSPORTS]
        name = self.new("counter")
        for session in several:
            self.await_session_end(session)
            self.assert_call_fails(lambda: session.call("counter.add", name), "SessionLost", None)
        self.assertEqual(self.c.call("counter.get", name), 0)

    def test_any_complete_message_is_a_heartbeat(self):
        lock = self.new("lock")
        several = [self.opened(unix, kind, (1,)) for unix, kind in TRANSPORTS]
        heartbeats = [
            lambda s: s.notify("session.ping"),
            lambda s: s.call("session.ping"),
            lambda s: s.call("lock.locked", lock),
            lambda s: s.notify("lock.locked", lock),
        ]
        self.assertTrue(several[0].call("lock.acquire", lock))
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            for session, heartbeat in zip(several, heartbeats):
                heartbeat(session)
            self.assertIsNone(self.c.call("lock.acquire", lock, 0))
            select.select([], [], [], 0.1)
        for session in several:
            self.assertEqual(session.call("ping"), "pong")

    def test_half_a_message_is_no_heartbeat(self):
        session = self.opened(False, "json", (1,))
        end = time.monotonic() + 10
        while self.session_exists(session):
            self.assertLess(time.monotonic(), end, "it still lives")
            try:
                session.client.sock.sendall(b" ")
            except OSError:
                pass
            select.select([], [], [], 0.1)


class Death(SessionCase):
    """The server detects the death of a process of its host by a pidfd, whatever the ttl."""

    def test_a_killed_process_ends_its_session_at_once(self):
        lock, waiter = self.new("lock"), self.new_client()
        agent = self.agent(True, [3600])
        token = agent.call("lock.acquire", lock)["token"]
        number = waiter.start("lock.acquire", lock)
        self.await_waiters(lock, 1)
        agent.kill()
        grant = waiter.finish(number)
        self.assertIs(grant["owner_died"], True)
        self.assertGreater(grant["token"], token)

    def test_a_child_that_inherited_the_connection_does_not_keep_the_session(self):
        lock, waiter = self.new("lock"), self.new_client()
        agent = self.agent(True, [3600])
        agent.call("lock.acquire", lock)
        agent.fork()
        number = waiter.start("lock.acquire", lock)
        self.await_waiters(lock, 1)
        agent.kill()
        self.assertIs(waiter.finish(number)["owner_died"], True)
        os.kill(agent.child, 0)

    def test_a_process_killed_while_disconnected_ends_its_session(self):
        lock, agent = self.new("lock"), self.agent(True, [3600])
        agent.call("lock.acquire", lock)
        agent.send_line("reconnect")
        agent.start("ping")
        self.assertEqual(agent.receive()["result"], "pong")
        self.assertTrue(self.c.call("lock.locked", lock))
        number = self.c.start("lock.acquire", lock)
        self.await_waiters(lock, 1)
        agent.kill()
        self.assertIs(self.c.finish(number)["owner_died"], True)

    def test_calls_that_a_dead_process_sent_are_run_unless_they_wait_or_deliver(self):
        """Calls that wait or deliver an item are discarded; all others run."""
        name, queue, lock = self.new("dict"), self.new("queue"), self.new("lock")
        self.c.call("queue.put", queue, "item")
        agent = self.agent(True, [3600])
        session = agent.opened["session"]
        self.server.process.send_signal(signal.SIGSTOP)
        try:
            for number in range(50):
                agent.start("dict.set", name, number, number)
            agent.start("queue.get", queue)
            agent.start("lock.acquire", lock)
            for number in range(50, 100):
                agent.start("dict.set", name, number, number)
            agent.await_sent()
            agent.kill()
        finally:
            self.server.process.send_signal(signal.SIGCONT)
        until(
            lambda: session not in [s["id"] for s in self.c.call("server.sessions")],
            "the end of the session",
        )
        self.assertEqual(self.c.call("dict.len", name), 100)
        self.assertEqual(self.c.call("queue.size", queue), 1)
        self.assertTrue(self.c.call("lock.acquire", lock, 0))

    def test_many_killed_processes_leave_no_sessions_and_no_descriptors(self):
        folder = f"/proc/{self.server.process.pid}/fd"
        sessions, descriptors = len(self.c.call("server.sessions")), len(os.listdir(folder))
        lock = self.new("lock")
        agents = [self.agent(True, [3600]) for _ in range(6)]
        agents[0].call("lock.acquire", lock)
        for agent in agents[1:]:
            agent.start("lock.acquire", lock)
        self.await_waiters(lock, 5)
        for agent in agents:
            agent.kill()
        until(lambda: len(self.c.call("server.sessions")) == sessions, "the end of all sessions")
        until(lambda: len(os.listdir(folder)) <= descriptors, "their descriptors to be closed")
        self.assertFalse(self.c.call("lock.locked", lock))


class Holds(SessionCase):
    """In an opened session each reply that carries an anonymous reference adds one hold."""

    def anonymous(self, made):
        return made["$ref"] if isinstance(made, dict) else made.data.decode()

    def holds(self, name):
        return self.c.call("object.info", name)["holds"]

    @each_transport
    def test_replies_add_holds_and_release_gives_them_back(self, unix, kind):
        session, box = self.opened(unix, kind), self.new("dict")
        name = self.anonymous(session.call("object.create", "list"))
        self.assertEqual(self.holds(name), 1)
        self.c.call("dict.set", box, "r", {"$ref": name})
        self.c.call("dict.set", box, "twice", [{"$ref": name}])
        self.assertEqual(self.holds(name), 1)
        for count in (2, 3):
            session.call("dict.get", box, "r")
            self.assertEqual(self.holds(name), count)
        self.c.call("dict.clear", box)
        session.call("object.release", name)
        session.call("object.release", name, 1)
        self.assertTrue(self.c.call("object.exists", name))
        session.call("object.release", name)
        until(lambda: not self.c.call("object.exists", name), "the end of the released object")

    @each_protocol
    def test_a_resent_change_adds_no_hold_and_a_resent_read_only_replaces_its_own(self, kind):
        session, box = self.opened(False, kind), self.new("dict")
        create = session.start("object.create", "list")
        name = self.anonymous(session.finish(create))
        session.retry(create)
        self.assertEqual(self.holds(name), 1)
        self.c.call("dict.set", box, "r", {"$ref": name})
        read = session.start("dict.get", box, "r")
        session.finish(read)
        session.retry(read)
        session.retry(read)
        self.assertEqual(self.holds(name), 2)
        self.c.call("dict.set", box, "r", None)
        session.retry(read)
        self.assertEqual(self.holds(name), 1, "the hold of the first reply was given back")

    @each_protocol
    def test_an_item_got_is_held_by_an_opened_session(self, kind):
        session, queue = self.opened(False, kind), self.new("queue")
        name = self.c.call("object.create", "list")["$ref"]
        self.c.call("queue.put", queue, {"$ref": name})
        self.c.call("object.release", name)
        self.assertEqual(self.anonymous(session.call("queue.get", queue)), name)
        session.call("session.acknowledge", session.number)
        self.assertEqual(self.c.call("list.len", name), 0)
        session.call("object.release", name)
        until(lambda: not self.c.call("object.exists", name), "its end")


class Unacknowledged(SessionCase):
    """An item of a get whose reply was not acknowledged returns to the queue when the session ends."""

    @each_protocol
    def test_items_come_back_in_their_old_order(self, kind):
        session, queue = self.opened(False, kind), self.new("queue")
        self.c.call("queue.put_many", queue, [1, 2, 3, 4, 5])
        self.assertEqual(session.call("queue.get", queue), 1)
        self.assertEqual(session.call("queue.get_many", queue, 2), [2, 3])
        session.call("session.close")
        self.assertEqual(self.c.call("queue.get_many", queue, 10), [1, 2, 3, 4, 5])

    @each_protocol
    def test_an_acknowledged_item_does_not_come_back(self, kind):
        session, queue = self.opened(False, kind), self.new("queue")
        self.c.call("queue.put_many", queue, [1, 2, 3, 4])
        for _ in range(3):
            session.call("queue.get", queue)
        session.call("session.acknowledge", 1, [3])
        session.call("session.close")
        self.assertEqual(self.c.call("queue.get_many", queue, 10), [2, 4])

    def test_an_item_sent_over_a_plain_connection_does_not_come_back(self):
        queue = self.new("queue")
        self.c.call("queue.put_many", queue, [1, 2])
        with self.server.json() as plain:
            before = len(self.c.call("server.sessions"))
            self.assertEqual(plain.call("queue.get", queue), 1)
        until(lambda: len(self.c.call("server.sessions")) < before, "the end of the connection")
        self.assertEqual(self.c.call("queue.get_many", queue, 10), [2])


if __name__ == "__main__":
    unittest.main()
