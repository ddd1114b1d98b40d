# SPDX-License-Identifier: MIT
"""MessagePack-RPC: every encoding is read, the shortest is written, and lost framing ends the connection."""
import os
import struct
import unittest

import msgpack
from msgpack import ExtType

from harness import Case, Failure

MANY = 4294967295


def text(value, width):
    """Encodes a text with a header of a chosen width: 0 (fixstr), 8, 16 or 32 bits."""
    raw = value.encode()
    if width == 0:
        return bytes([0xA0 | len(raw)]) + raw
    mark, form = {8: (b"\xd9", ">B"), 16: (b"\xda", ">H"), 32: (b"\xdb", ">I")}[width]
    return mark + struct.pack(form, len(raw)) + raw


def array(count, width):
    """Encodes the header of an array, of a chosen width: 0 (fixarray), 16 or 32 bits."""
    if width == 0:
        return bytes([0x90 | count])
    mark, form = {16: (b"\xdc", ">H"), 32: (b"\xdd", ">I")}[width]
    return mark + struct.pack(form, count)


def request(params, msgid=b"\x01", method=text("dict.set", 0), frame=0, kind=b"\x00"):
    return array(4, frame) + kind + msgid + method + params


def rss(server):
    """Returns the resident bytes of the server's process."""
    with open(f"/proc/{server.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


class Encodings(Case):
    def setUp(self):
        super().setUp()
        self.name = self.new("dict")
        self.p = self.new_client(kind="pack")
        self.p.call("ping")

    def test_every_valid_encoding_of_the_frame_is_accepted(self):
        params = array(3, 0) + text(self.name, 0) + text("k", 0) + b"\x07"
        for frame in (0, 16, 32):
            for kind in (
                b"\x00",
                b"\xcc\x00",
                b"\xcd\0\0",
                b"\xce\0\0\0\0",
                b"\xcf" + bytes(8),
                b"\xd0\x00",
                b"\xd3" + bytes(8),
            ):
                for method in (0, 8, 16, 32):
                    with self.subTest(frame=frame, kind=kind, method=method):
                        self.p.send(request(params, b"\x05", text("dict.set", method), frame, kind))
                        self.assertEqual(self.p.message(), [1, 5, None, None])

    def test_every_width_of_msgid_is_accepted_and_given_back(self):
        params = array(3, 0) + text(self.name, 0) + text("k", 0) + b"\x07"
        for raw, number in (
            (b"\x00", 0),
            (b"\x7f", 127),
            (b"\xcc\x05", 5),
            (b"\xcd\0\x05", 5),
            (b"\xce\0\0\0\x05", 5),
            (b"\xcf" + bytes(7) + b"\x05", 5),
            (b"\xd0\x05", 5),
            (b"\xd1\0\x05", 5),
            (b"\xd2\0\0\0\x05", 5),
            (b"\xd3" + bytes(7) + b"\x05", 5),
            (b"\xce\xff\xff\xff\xff", MANY),
        ):
            with self.subTest(msgid=raw):
                self.p.send(request(params, raw))
                self.assertEqual(self.p.message(), [1, number, None, None])

    def test_long_encodings_of_values_are_read_and_come_back_shortest(self):
        table = [
            (b"\xcc\x01", b"\x01"),
            (b"\xcd\0\x01", b"\x01"),
            (b"\xce\0\0\0\x01", b"\x01"),
            (b"\xcf" + bytes(7) + b"\x01", b"\x01"),
            (b"\xd3" + bytes(7) + b"\x01", b"\x01"),
            (b"\xd0\xff", b"\xff"),
            (b"\xd1\xff\xff", b"\xff"),
            (b"\xd2" + b"\xff" * 4, b"\xff"),
            (b"\xd3" + b"\xff" * 8, b"\xff"),
            (b"\xd3" + b"\0" * 6 + b"\x01\0", b"\xcd\x01\0"),
            (b"\xcf" + b"\xff" * 8, b"\xcf" + b"\xff" * 8),
            (b"\xd3\x80" + bytes(7), b"\xd3\x80" + bytes(7)),
            (b"\xd9\x01a", b"\xa1a"),
            (b"\xda\0\x01a", b"\xa1a"),
            (b"\xdb\0\0\0\x01a", b"\xa1a"),
            (b"\xc5\0\x01a", b"\xc4\x01a"),
            (b"\xc6\0\0\0\x01a", b"\xc4\x01a"),
            (b"\xc4\0", b"\xc4\0"),
            (b"\xdc\0\x01\x05", b"\x91\x05"),
            (b"\xdd\0\0\0\x01\x05", b"\x91\x05"),
            (b"\xde\0\x01\x05\x06", b"\x81\x05\x06"),
            (b"\xdf\0\0\0\x01\x05\x06", b"\x81\x05\x06"),
            (b"\xca\x3f\xc0\0\0", b"\xcb\x3f\xf8" + bytes(6)),
            (b"\xcb\x40" + bytes(7), b"\xcb\x40" + bytes(7)),
            (b"\xcb\x80" + bytes(7), b"\xcb\x80" + bytes(7)),
            (b"\xc0", b"\xc0"),
            (b"\xc2", b"\xc2"),
            (b"\xc3", b"\xc3"),
            (b"\xca\x7f\x80\0\0", b"\xcb\x7f\xf0" + bytes(6)),
        ]
        for sent, kept in table:
            with self.subTest(sent=sent):
                self.p.send(request(array(3, 0) + text(self.name, 0) + text("k", 0) + sent))
                self.assertEqual(self.p.message(), [1, 1, None, None])
                self.p.send([0, 2, "dict.get", [self.name, "k"]])
                head = b"\x94\x01\x02\xc0"
                reply = b""
                while len(reply) < len(head + kept):
                    reply += self.p.sock.recv(1)
                self.assertEqual(reply, head + kept)

    def test_a_reference_in_every_extension_header_is_that_reference(self):
        ref = self.name.encode()
        forms = [
            b"\xc7" + bytes([len(ref)]) + b"\x01" + ref,
            b"\xc8" + struct.pack(">H", len(ref)) + b"\x01" + ref,
            b"\xc9" + struct.pack(">I", len(ref)) + b"\x01" + ref,
        ]
        for form in forms:
            with self.subTest(form=form):
                self.p.send(request(array(3, 0) + form + text("k", 0) + form))
                self.assertEqual(self.p.message(), [1, 1, None, None])
                self.assertEqual(self.p.call("dict.get", self.name, "k"), ExtType(1, ref))
                self.assertEqual(self.c.call("dict.get", self.name, "k"), {"$ref": self.name})
                self.p.last = 0
        for size in (1, 2, 4, 8, 16):
            short = "q" * size
            self.assertEqual(
                self.p.call("object.create", "dict", short), ExtType(1, short.encode())
            )
            self.assertEqual(self.p.call("object.type", ExtType(1, short.encode())), "dict")

    def test_an_opaque_value_travels_whole(self):
        for body in ([b"", []], [b"\0\xff", []], [b"x" * 300, [ExtType(1, self.name.encode())]]):
            value = ExtType(2, msgpack.packb(body))
            self.p.call("dict.set", self.name, "o", value)
            self.assertEqual(self.p.call("dict.get", self.name, "o"), value)

    def test_json_and_messagepack_clients_see_the_same_values(self):
        pairs = [
            (b"\0\1", {"$bytes": "AAE="}),
            ({1: 2, "a": 3}, {"$map": [[1, 2], ["a", 3]]}),
            (float("inf"), {"$float": "inf"}),
            (2.0, 2.0),
            (2**64 - 1, 2**64 - 1),
            ("ä", "ä"),
            ([None, True], [None, True]),
            ({"$bytes": "AA=="}, {"$map": [["$bytes", "AA=="]]}),
        ]
        for packed, json in pairs:
            with self.subTest(value=packed):
                self.p.call("dict.set", self.name, "k", packed)
                self.assertEqual(self.c.call("dict.get", self.name, "k"), json)
                self.c.call("dict.set", self.name, "k", json)
                self.assertEqual(self.p.call("dict.get", self.name, "k"), packed)

    def test_map_order_is_kept(self):
        self.p.call("dict.set", self.name, "k", {"z": 1, "a": 2, "m": 3})
        self.assertEqual(list(self.p.call("dict.get", self.name, "k")), ["z", "a", "m"])

    def test_an_error_is_code_type_message_data(self):
        self.p.send([0, 9, "dict.get", [self.name, "absent"]])
        kind, msgid, error, result = self.p.message()
        self.assertEqual((kind, msgid, result), (1, 9, None))
        self.assertEqual((error[0], error[1], len(error)), (1, "KeyError", 4))
        self.assertIsInstance(error[2], str)
        self.assertEqual((error[3]["type"], error[3]["done"]), ("KeyError", "no"))

    def test_notifications_act_without_a_reply_and_msgids_may_repeat(self):
        self.p.send(
            [2, "dict.set", [self.name, "a", 1]],
            [2, "no.such", []],
            [2, "dict.get", [self.name, "x"]],
            [0, 5, "dict.get", [self.name, "a"]],
            [0, 5, "ping", []],
        )
        self.assertEqual(
            [self.p.message(), self.p.message()], [[1, 5, None, 1], [1, 5, None, "pong"]]
        )

    def test_a_waiting_call_blocks_no_other_call(self):
        queue = self.new("queue")
        waiting = self.p.start("queue.get", queue)
        self.assertEqual(self.p.call("ping"), "pong")
        self.p.start("queue.put", queue, 5)
        got = {m[1]: m[3] for m in (self.p.message(), self.p.message())}
        self.assertEqual(got, {waiting: 5, waiting + 2: None})

    def test_a_request_may_come_byte_by_byte_and_many_in_one_piece(self):
        for byte in msgpack.packb([0, 1, "ping", []]):
            self.p.sock.sendall(bytes([byte]))
        self.assertEqual(self.p.message(), [1, 1, None, "pong"])
        self.p.send(*[[0, n, "ping", []] for n in range(500)])
        self.assertEqual([self.p.message()[1] for _ in range(500)], list(range(500)))


class Values(Case):
    """A wrong value inside params is a ValueError and changes nothing; the connection stays."""

    BAD = {
        "unknown extension 0": b"\xd4\x00\x00",
        "unknown extension 4": b"\xd4\x04\x00",
        "unknown extension 127": b"\xc7\x03\x7fabc",
        "timestamp": b"\xd6\xff\0\0\0\0",
        "extension -128": b"\xd8\x80" + bytes(16),
        "extension nested": b"\x91\x91\xd4\x05\0",
        "reference of bad UTF-8": b"\xd4\x01\xff",
        "reference to nothing": b"\xc7\x00\x01",
        "opaque of nonsense": b"\xd4\x02\xc1",
        "opaque without references": b"\xd5\x02\x91\xc0",
        "opaque of a number": b"\xd4\x02\x01",
        "opaque with a tail": b"\xc7\x05\x02\x92\xc4\0\x90\xc0",
        "opaque that is empty": b"\xc7\x00\x02",
        "opaque referring to a number": b"\xc7\x05\x02\x92\xc4\0\x91\x01",
        "bad UTF-8": b"\xa1\xff",
        "overlong UTF-8": b"\xa2\xc0\xaf",
        "a surrogate": b"\xa3\xed\xa0\x80",
        "beyond Unicode": b"\xa4\xf4\x90\x80\x80",
        "cut UTF-8": b"\xa2a\xc3",
        "bad UTF-8 as key": b"\x81\xa1\xff\x01",
        "duplicate key": b"\x82\xa1a\x01\xa1a\x02",
        "duplicate key 1 and 1.0": b"\x82\x01\x01\xcb\x3f\xf0" + bytes(6) + b"\x02",
        "duplicate key nested": b"\x91\x81\x01\x82\x01\x01\x01\x02",
        "duplicate key in two widths": b"\x82\x01\x01\xcc\x01\x02",
    }

    def test_bad_values_in_params_are_refused_and_the_connection_stays(self):
        name = self.new("dict")
        first = self.c.call("object.version", name)
        with self.server.pack() as p:
            p.call("ping")
            for case, value in self.BAD.items():
                if case == "reference to nothing":
                    continue  # test_a_reference_of_no_bytes_is_refused_wherever_it_stands tests it.
                with self.subTest(case):
                    p.send(request(array(3, 0) + text(name, 0) + text("k", 0) + value, b"\x2a"))
                    reply = p.message()
                    self.assertIsNotNone(reply, "closed")
                    self.assertEqual((reply[0], reply[1], reply[3]), (1, 42, None))
                    self.assertEqual(reply[2][:2], [3, "ValueError"])
                    self.assertEqual(
                        (reply[2][3]["type"], reply[2][3]["done"]), ("ValueError", "no")
                    )
                    self.assertEqual(p.call("ping"), "pong")
        self.assertEqual(
            (self.c.call("dict.len", name), self.c.call("object.version", name)), (0, first)
        )

    def test_a_reference_of_no_bytes_is_refused_wherever_it_stands(self):
        empty = self.BAD["reference to nothing"]
        name = self.new("dict")
        for params in (
            array(3, 0) + text(name, 0) + text("k", 0) + empty,
            array(3, 0) + empty + text("k", 0) + b"\x01",
            array(3, 0) + text(name, 0) + text("k", 0) + b"\x91" + empty,
            array(3, 0) + text(name, 0) + empty + b"\x01",
        ):
            with self.subTest(params=params), self.server.pack() as p:
                p.send(request(params, b"\x2a"))
                reply = p.message()
                self.assertIsNotNone(reply, "closed")
                self.assertEqual((reply[1], reply[3]), (42, None))
                self.assertIn(reply[2][1], ("ValueError", "NotFound"))

    def test_a_bad_value_in_a_notification_is_silent(self):
        name = self.new("dict")
        with self.server.pack() as p:
            p.send(
                b"\x93\x02"
                + text("dict.set", 0)
                + array(3, 0)
                + text(name, 0)
                + text("k", 0)
                + b"\xa1\xff"
            )
            self.assertEqual(p.call("ping"), "pong")
        self.assertEqual(self.c.call("dict.len", name), 0)

    def test_a_bad_call_keeps_the_connection(self):
        name = self.new("dict")
        with self.server.pack() as p:
            for kind, method, params in (
                ("MethodNotFound", "no.such", []),
                ("InvalidParams", "dict.get", [name]),
                ("InvalidParams", "ping", [1]),
                ("NotFound", "dict.get", ["nowhere", 1]),
                ("TypeError", "dict.set", [name, {1: 2}, 3]),
            ):
                with self.subTest(method=method):
                    self.fails(kind, method, *params, client=p)
                    self.assertEqual(p.call("ping"), "pong")


class Shapes(Case):
    """The server replies to a message of wrong shape with -32600 and its msgid or 0, and closes the connection."""

    EMPTY = b"\x90"
    PING = text("ping", 0)
    # name: (bytes, msgid of the reply)
    WRONG = {
        "three elements for a request": (b"\x93\x00\x05" + PING, 5),
        "four elements for a notification": (b"\x94\x02\x05" + PING + EMPTY, None),
        "a reply": (b"\x94\x01\x05\xc0\xc0", None),
        "type 3": (b"\x94\x03\x05" + PING + EMPTY, None),
        "type -1": (b"\x94\xff\x05" + PING + EMPTY, None),
        "type nil": (b"\x94\xc0\x05" + PING + EMPTY, None),
        "type text": (b"\x94\xa10\x05" + PING + EMPTY, None),
        "msgid nil": (b"\x94\x00\xc0" + PING + EMPTY, 0),
        "msgid negative": (b"\x94\x00\xff" + PING + EMPTY, 0),
        "msgid float": (b"\x94\x00\xcb\x3f\xf0" + bytes(6) + PING + EMPTY, 0),
        "msgid text": (b"\x94\x00\xa15" + PING + EMPTY, 0),
        "method nil": (b"\x94\x00\x05\xc0" + EMPTY, 5),
        "method number": (b"\x94\x00\x05\x07" + EMPTY, 5),
        "params nil": (b"\x94\x00\x05" + PING + b"\xc0", 5),
        "params map": (b"\x94\x00\x05" + PING + b"\x80", 5),
        "params text": (b"\x94\x00\x05" + PING + b"\xa0", 5),
        "params number": (b"\x94\x00\x05" + PING + b"\x01", 5),
    }
    LATER = {
        "a number": b"\x05",
        "nil": b"\xc0",
        "a map": b"\x80",
        "text": b"\xa4ping",
        "a float": b"\xcb" + bytes(8),
        "an empty array": b"\x90",
        "one element": b"\x91\x00",
        "two elements": b"\x92\x00\x01",
        "five elements": b"\x95\x00\x05" + PING + EMPTY + b"\xc0",
        "the byte that is never used": b"\xc1",
        "JSON": b'{"id":1,"method":"ping"}\n',
        "an extension": b"\xd4\x01a",
    }

    def refused(self, p, number, case):
        reply = p.message()
        self.assertIsNotNone(reply, f"{case}: closed without a reply")
        self.assertEqual(
            (reply[0], reply[3], reply[2][:2]), (1, None, [-32600, "InvalidRequest"]), case
        )
        self.assertEqual((reply[2][3]["type"], reply[2][3]["done"]), ("InvalidRequest", "no"))
        if number is not None:
            self.assertEqual(reply[1], number, case)
        self.assertIsNone(p.message(), f"{case}: not closed")

    def test_a_wrong_shape_is_answered_and_ends_the_connection(self):
        for case, (raw, number) in self.WRONG.items():
            with self.subTest(case), self.server.pack() as p:
                p.send(raw, [0, 77, "ping", []])
                self.refused(p, number, case)

    def test_a_later_value_that_is_no_message_is_answered_and_ends_the_connection(self):
        for case, raw in self.LATER.items():
            with self.subTest(case), self.server.pack() as p:
                self.assertEqual(p.call("ping"), "pong")
                p.send(raw, [0, 77, "ping", []])
                self.refused(p, {"two elements": 1, "five elements": 5}.get(case, 0), case)

    def test_calls_before_the_wrong_shape_are_answered_first(self):
        name = self.new("dict")
        with self.server.pack() as p:
            p.send(
                [0, 1, "dict.set", [name, "k", 1]],
                b"\x94\x00\x02\x07\x90",
                [0, 3, "dict.set", [name, "l", 1]],
            )
            self.assertEqual(p.message(), [1, 1, None, None])
            self.refused(p, 2, "after a good call")
        self.assertEqual(self.c.call("dict.keys", name), ["k"])

    def test_a_method_name_of_bad_utf8_is_an_error_and_harms_no_other_client(self):
        with self.server.pack() as p:
            p.send(b"\x94\x00\x05\xa2\xff\xfe\x90")
            self.assertIn(p.message()[2][0], (-32600, -32601, 3))
        self.assertEqual(self.c.call("ping"), "pong")


class Hostile(Case):
    """The server trusts a length field only as far as bytes have arrived."""

    GIANTS = {
        "str32": b"\xdb\xff\xff\xff\xff",
        "bin32": b"\xc6\xff\xff\xff\xff",
        "ext32": b"\xc9\xff\xff\xff\xff\x01",
        "array32": b"\xdd\xff\xff\xff\xff",
        "map32": b"\xdf\xff\xff\xff\xff",
        "map32 half": b"\xdf\x80\0\0\0",
    }

    def ended(self, p):
        """Asserts that the server ends the connection, after no other replies than errors."""
        while (message := p.message()) is not None:
            self.assertEqual(message[0], 1)
            self.assertIsNotNone(message[2])

    def refused(self, raw):
        """Asserts that a complete but oversized message gets an error or the end of the connection, never a result."""
        with self.server.pack() as p:
            try:
                p.send(raw)
            except (BrokenPipeError, ConnectionResetError):
                return
            reply = p.message()
            if reply is not None:
                self.assertIsNotNone(reply[2])

    def test_headers_of_gigabytes_end_the_connection_when_they_are_read(self):
        before = rss(self.server)
        for case, header in self.GIANTS.items():
            with self.subTest(case), self.server.pack() as p:
                p.send(b"\x94\x00\x05\xa4ping\x91" + header)
                self.ended(p)
        for case, raw in (
            ("as method", b"\x94\x00\x05\xdb\xff\xff\xff\xff"),
            ("as params", b"\x94\x00\x05\xa4ping" b"\xdd\xff\xff\xff\xff"),
            ("as msgid", b"\x94\x00\xdb\xff\xff\xff\xff"),
        ):
            with self.subTest(case), self.server.pack() as p:
                p.send(raw)
                self.ended(p)
        self.assertLess(rss(self.server) - before, 32 << 20)
        self.assertEqual(self.c.call("ping"), "pong")

    def test_nested_array_headers_are_held_to_one_budget(self):
        before = rss(self.server)
        for header in (b"\xdc\xff\xff", b"\xde\xff\xff"):
            with self.server.pack() as p:
                p.send(b"\x94\x00\x05\xa4ping\x91" + header * 24000)
                self.ended(p)
        self.assertLess(rss(self.server) - before, 64 << 20)
        self.assertEqual(self.c.call("ping"), "pong")

    def test_too_many_elements_are_refused(self):
        name = self.new("dict")
        start = array(3, 0) + text(name, 0) + text("k", 0)
        self.refused(request(start + array(1100000, 32) + b"\xc0" * 1100000))
        self.refused(request(start + array(18, 16) + (array(60000, 16) + b"\xc0" * 60000) * 18))
        self.assertEqual(self.c.call("dict.len", name), 0)

    def test_depth_is_bounded(self):
        name = self.new("dict")
        first = self.c.call("object.version", name)
        with self.server.pack() as p:
            deep = b"\x91" * 50 + b"\xc0"
            p.send(request(array(3, 0) + text(name, 0) + text("k", 0) + deep))
            self.assertEqual(p.message(), [1, 1, None, None])
        for one, end in ((b"\x91", b"\xc0"), (b"\x81\x01", b"\xc0"), (b"\x81", b"\xc0" * 100001)):
            for depth in (65, 100000):
                with self.subTest(one=one, depth=depth):
                    self.refused(
                        request(array(3, 0) + text(name, 0) + text("k", 0) + one * depth + end)
                    )
        self.assertEqual(self.c.call("object.version", name), first + 1)

    def test_a_frame_truncated_at_any_byte_harms_no_other_client(self):
        name = self.new("dict")
        first = self.c.call("object.version", name)
        whole = msgpack.packb([0, 1, "dict.set", [name, "key", {"a": [1, 2.5, b"x"]}]])
        for cut in range(1, len(whole)):
            with self.server.pack() as p:
                p.send(whole[:cut])
                p.sock.shutdown(1)
                self.ended(p)
        self.assertEqual(
            (self.c.call("dict.len", name), self.c.call("object.version", name)), (0, first)
        )

    def test_an_announced_frame_takes_no_memory_until_its_bytes_come(self):
        before = rss(self.server)
        holders = [self.new_client(kind="pack") for _ in range(20)]
        for p in holders:
            p.send(b"\x94\x00\x05\xa4ping\x91\xc6\x03\x00\x00\x00")
        self.assertEqual(self.c.call("ping"), "pong")
        self.assertLess(rss(self.server) - before, 32 << 20)

    def test_random_bytes_after_a_valid_start_never_end_the_server(self):
        import random

        dice = random.Random(7)
        for _ in range(300):
            with self.server.pack() as p:
                body = bytes(
                    dice.choice(
                        b"\x90\x91\x92\x93\x94\x80\x81\xa1\xc0\xc1\xc4\xc7\xcb\xcc\xd4\xd9\xdc\xde\x01a"
                    )
                    for _ in range(dice.randrange(1, 60))
                )
                p.send(
                    dice.choice((b"\x94\x00\x01\xa4ping", b"\x94\x00\x01", b"\x94", b"\x93\x02"))
                    + body
                )
                p.sock.shutdown(1)
                try:
                    while p.sock.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.c.call("ping"), "pong")



class Large(Case):
    def test_large_messages_beside_small_ones_and_wrong_ones(self):
        with self.server.pack() as c:
            c.call("object.create", "dict", "large")
            text, raw = "x" * (3 << 20), os.urandom(1 << 20)
            right = [
                c.start("dict.set", "large", "text", text),
                c.start("dict.set", "large", "raw", raw),
                c.start("dict.len", "large"),
            ]
            wrong = [
                c.start("dict.sett", "large", "k", text),
                c.start("dict.set", "large", text),
                c.start("list.append", "large", raw),
            ]
            last = c.start("dict.set", "large", "list", [text, {"k": raw}])
            self.assertEqual([c.finish(number) for number in right], [None, None, 2])
            for number, kind in zip(wrong, ("MethodNotFound", "InvalidParams", "WrongType")):
                with self.assertRaises(Failure) as caught:
                    c.finish(number)
                self.assertEqual(caught.exception.kind, kind)
            self.assertEqual(c.finish(last), None)
            self.assertEqual(c.call("dict.get", "large", "text"), text)
            self.assertEqual(c.call("dict.get", "large", "raw"), raw)
            self.assertEqual(c.call("dict.get", "large", "list"), [text, {"k": raw}])


if __name__ == "__main__":
    unittest.main()
