# SPDX-License-Identifier: MIT
"""Typed lines: words, named parameters, help, lines behind a waiting one, and the first byte of a connection."""
import json
import re
import socket
import unittest

from harness import Case, until


class Words(Case):
    def setUp(self):
        super().setUp()
        self.t = self.new_client(kind="typed")
        self.c.call("object.create", "dict", "jobs")
        self.c.call("dict.clear", "jobs")

    def test_plain_lines(self):
        self.c.call("object.create", "queue", "tasks")
        self.assertEqual(self.t.ask("dict.set jobs k 1"), "null")
        self.assertEqual(
            self.t.ask("dict.get jobs absent"), 'KeyError: "absent" is not a key of dict jobs'
        )
        self.assertEqual(
            self.t.ask("queue.get tasks timeout=0.01"),
            "Empty: nothing arrived in queue tasks within 0.01 s",
        )

    def test_words_are_json_or_text(self):
        table = [
            ("1", 1),
            ("-1", -1),
            ("2.0", 2.0),
            ("1e2", 100.0),
            ("true", True),
            ("null", None),
            ("false", False),
            ("abc", "abc"),
            ("True", "True"),
            ("nul", "nul"),
            ("1x", "1x"),
            ("1.2.3", "1.2.3"),
            ("-", "-"),
            ("01", "01"),
            ('"1"', "1"),
            ('"a b"', "a b"),
            ('""', ""),
            ('"\\n\\u00e4\\"\\\\"', '\nä"\\'),
            ('"true"', "true"),
            ("[1,2]", [1, 2]),
            ("[1, [2, 3]]", [1, [2, 3]]),
            ('{"a":1}', {"a": 1}),
            ('{"a": [1, "x y"]}', {"a": [1, "x y"]}),
            ("ä€😀", "ä€😀"),
            ("a=b", "a=b"),
            ("=", "="),
            ("x=", "x="),
            ("/tmp/a.b", "/tmp/a.b"),
            ("a'b", "a'b"),
            ('"value=3"', "value=3"),
            ("value=3", 3),
            ('value="a b"', "a b"),
            ("value=abc", "abc"),
            ("value=[1,2]", [1, 2]),
            ("value=a=b", "a=b"),
            ('{"$bytes":"AAE="}', {"$bytes": "AAE="}),
            ('{"$ref":"jobs"}', {"$ref": "jobs"}),
            ("18446744073709551615", 18446744073709551615),
            ("value=null", None),
        ]
        for word, value in table:
            with self.subTest(word=word):
                self.assertEqual(self.t.ask("dict.set jobs k " + word), "null")
                got = self.c.call("dict.get", "jobs", "k")
                self.assertEqual((got, type(got)), (value, type(value)))
                self.assertEqual(json.loads(self.t.ask("dict.get jobs k")), value)

    def test_keys_are_words_too(self):
        self.assertEqual(self.t.ask("dict.set jobs 1 one"), "null")
        self.assertEqual(self.t.ask('dict.set jobs "1" text'), "null")
        self.assertEqual(self.c.call("dict.items", "jobs"), [[1, "one"], ["1", "text"]])

    def test_named_parameters_in_any_order_and_mixed(self):
        self.assertEqual(self.t.ask("dict.set value=5 key=k name=jobs"), "null")
        self.assertEqual(self.t.ask("dict.get jobs key=k"), "5")
        self.assertEqual(self.t.ask("dict.add jobs n initial=10"), "11")

    def test_object_names_are_always_text(self):
        for name in ("123", "true", "1.5", "-7"):
            with self.subTest(name=name):
                self.assertEqual(
                    self.t.ask(f"object.create dict {name}"),
                    json.dumps({"$ref": name}, separators=(",", ":")),
                )
                self.assertEqual(self.t.ask(f"dict.set {name} k 1"), "null")
                self.assertEqual(self.t.ask(f"dict.get name={name} key=k"), "1")
                self.assertTrue(self.c.call("object.exists", name))

    def test_declared_text_takes_the_word_as_it_stands(self):
        lock = self.new("lock")
        self.assertIn('"owner_died":false', self.t.ask(f"lock.acquire {lock} owner=1"))
        self.assertEqual(self.c.call("lock.holder", lock)["owner"], "1")
        self.assertEqual(self.t.ask(f"lock.release {lock} 1"), "null")
        self.assertEqual(json.loads(self.t.ask("object.list 12*"))["cursor"], None)

    def test_options_of_create_are_named(self):
        self.assertEqual(
            self.t.ask("object.create queue typed-tasks maxsize=10"), '{"$ref":"typed-tasks"}'
        )
        self.assertEqual(self.c.call("object.info", "typed-tasks")["options"]["maxsize"], 10)
        self.assertEqual(
            self.t.ask("object.create dict typed-dict exist_ok=false"), '{"$ref":"typed-dict"}'
        )
        self.assertRegex(self.t.ask("object.create dict typed-dict exist_ok=false"), "^Exists: ")

    def test_blanks_around_and_between_words_and_tabs(self):
        for line in ("  dict.set   jobs  k   7  ", "dict.set\tjobs\tk\t7", "dict.set jobs k 7\r"):
            with self.subTest(line=line), self.server.typed() as t:
                self.assertEqual(t.ask("ping"), '"pong"')
                self.assertEqual(t.ask(line), "null")

    def test_an_error_names_the_wrong_word(self):
        table = [
            ("dict.get jobs", "InvalidParams: .*key"),
            ("dict.get jobs a b", "InvalidParams: "),
            ("dict.get jobs a key=b", "InvalidParams: .*key"),
            ("dict.gett jobs a", "MethodNotFound: .*dict.get"),
            ("dct.get jobs a", "MethodNotFound: .*dict.get"),
            ("pin", "MethodNotFound: .*ping"),
            ("queue.git q", "MethodNotFound: .*queue.get"),
            ("dict.get nowhere a", "NotFound: .*nowhere.*object.create"),
            ("queue.size jobs", "WrongType: .*jobs.*dict"),
            ("object.create dct x", "ValueError: .*dict"),
            ("list.get jobs x", "(InvalidParams|WrongType): "),
            ("object.create queue q9 maxsiz=1", "ValueError: .*maxsize"),
            ('dict.set jobs k {"a":1', "ParseError|ValueError|InvalidParams"),
            ('dict.set jobs k "abc', "."),
            ("dict.set jobs k 18446744073709551616", "ValueError: "),
            ("dict.set jobs k 1e400", "ValueError: "),
        ]
        for line, pattern in table:
            with self.subTest(line=line):
                self.assertRegex(self.t.ask(line), "^(" + pattern + ")")
                self.assertEqual(self.t.ask("ping"), '"pong"')
        self.assertFalse(self.c.call("object.exists", "q9"))

    def test_bad_utf8_in_a_line_is_one_error(self):
        self.assertRegex(self.t.ask(b"dict.set jobs k \xff"), "^[A-Z]\\w+: ")
        self.assertEqual(self.t.ask("ping"), '"pong"')
        self.assertEqual(self.c.call("dict.len", "jobs"), 0)

    def test_a_reply_is_one_line_whatever_value_it_holds(self):
        self.c.call("dict.set", "jobs", "k\nl", "a\nb\r\u2028")
        self.assertEqual(json.loads(self.t.ask('dict.get jobs "k\\nl"')), "a\nb\r\u2028")
        self.assertRegex(self.t.ask('dict.get jobs "x\\ny"'), "^KeyError: ")
        self.assertEqual(self.t.ask("ping"), '"pong"')

    def test_json_and_typed_lines_mix_on_one_connection(self):
        self.t.send(
            'dict.set jobs k 1\n{"id":1,"method":"dict.get","params":["jobs","k"]}\ndict.get jobs k'
        )
        self.assertEqual(
            [self.t.line() for _ in range(3)], ["null", '{"jsonrpc":"2.0","id":1,"result":1}', "1"]
        )


class Help(Case):
    def setUp(self):
        super().setUp()
        self.t = self.new_client(kind="typed")

    def test_help_names_every_type_and_help_of_a_type_every_method_of_it(self):
        whole = "\n".join(self.t.reply_lines("help"))
        for kind in self.c.call("server.methods")["types"]:
            if not kind["name"]:
                continue
            self.assertIn(kind["name"], whole)
            lines = "\n".join(self.t.reply_lines("help " + kind["name"]))
            for method in kind["methods"]:
                self.assertIn(method["name"], lines)
            for option in kind["options"] + kind["arguments"]:
                self.assertIn(option["name"], lines)

    def test_help_of_every_method_lists_parameters_result_and_errors(self):
        for kind in self.c.call("server.methods")["types"]:
            for method in kind["methods"]:
                with self.subTest(method["name"]):
                    lines = self.t.reply_lines("help " + method["name"])
                    self.assertGreater(len(lines), 1)
                    self.assertTrue(lines[0].startswith(method["name"]), lines[0])
                    for parameter in method["parameters"]:
                        self.assertIn(parameter["name"], lines[0])
                        self.assertTrue(
                            any(re.match(rf"\s+{parameter['name']}\b", line) for line in lines),
                            lines,
                        )
                    for error in method["errors"]:
                        self.assertIn(error, "\n".join(lines))

    def test_help_errors_lists_all_thirty_three(self):
        lines = "\n".join(self.t.reply_lines("help errors"))
        for number, name in ((1, "KeyError"), (14, "Deadlock"), (33, "RuntimeError")):
            self.assertRegex(lines, rf"\b{number}\s+{name}\b")

    def test_a_question_mark_is_help_also_as_the_first_byte(self):
        self.assertEqual(self.t.reply_lines("?"), self.t.reply_lines("help"))
        self.assertEqual(self.t.reply_lines("? dict.get"), self.t.reply_lines("help dict.get"))

    def test_help_for_an_unknown_word_names_the_nearest(self):
        for word, near in (("quue", "queue"), ("dict.gett", "dict.get"), ("erors", "errors")):
            self.assertIn(near, "\n".join(self.t.reply_lines("help " + word)))
        self.fails("NotFound", "help", "quue")

    def test_help_is_a_method_as_well(self):
        self.assertIn("queue.get", self.c.call("help", "queue"))
        self.assertEqual(
            self.c.call("help", topic="dict.get").split("\n"), self.t.reply_lines("help dict.get")
        )


class Waiting(Case):
    def setUp(self):
        super().setUp()
        self.t = self.new_client(kind="typed")
        self.queue = self.new("queue")

    def test_later_typed_lines_wait_but_json_does_not(self):
        self.t.send(f"queue.get {self.queue}\nping\n" + '{"id":1,"method":"ping"}')
        self.assertEqual(self.t.line(), '{"jsonrpc":"2.0","id":1,"result":"pong"}')
        self.await_waiters(self.queue, 1)
        self.c.call("queue.put", self.queue, "item")
        self.assertEqual([self.t.line(), self.t.line()], ['"item"', '"pong"'])

    def test_sixty_four_lines_wait_behind_one(self):
        self.t.send(
            f"queue.get {self.queue}\n" + "\n".join(f"dict.get nowhere{n} k" for n in range(64))
        )
        self.await_waiters(self.queue, 1)
        self.c.call("queue.put", self.queue, "item")
        self.assertEqual(self.t.line(), '"item"')
        for n in range(64):
            self.assertRegex(self.t.line(), rf"^NotFound: .*nowhere{n}\b")

    def test_more_than_sixty_four_lines_are_held_back_and_none_is_dropped(self):
        self.t.send(f"queue.get {self.queue}\n" + "\n".join(["ping"] * 300))
        self.await_waiters(self.queue, 1)
        self.c.call("ping")
        self.c.call("queue.put", self.queue, "item")
        self.assertEqual([self.t.line() for _ in range(301)], ['"item"'] + ['"pong"'] * 300)

    def test_the_end_of_the_client_cancels_the_line_that_holds_others_back(self):
        self.t.send(f"queue.get {self.queue}\n" + "\n".join(["ping"] * 3000) + f"\nqueue.get {self.queue}\nping")
        self.await_waiters(self.queue, 1)
        self.t.sock.shutdown(socket.SHUT_WR)
        cancelled = b"Cancelled: the waiting call was cancelled\n"
        self.assertEqual(self.t.rest(), cancelled + b'"pong"\n' * 3000 + cancelled + b'"pong"\n')

    def test_lines_beyond_sixty_four_are_answered_in_the_order_typed_as_well(self):
        self.t.send(f"queue.get {self.queue}\n" + "\n".join(["ping"] * 100))
        self.await_waiters(self.queue, 1)
        self.c.call("queue.put", self.queue, "item")
        replies = [self.t.line() for _ in range(101)]
        self.assertEqual(replies[0], '"item"', "a later line was answered before the first")
        self.assertEqual(set(replies[1:65]), {'"pong"'})

    def test_held_back_lines_do_not_act_early(self):
        name = self.new("dict")
        self.t.send(f"queue.get {self.queue}\ndict.set {name} k 1")
        self.await_waiters(self.queue, 1)
        self.assertEqual(self.c.call("dict.len", name), 0)
        self.c.call("queue.put", self.queue, 1)
        self.assertEqual([self.t.line(), self.t.line()], ["1", "null"])
        self.assertEqual(self.c.call("dict.len", name), 1)

    def test_an_empty_line_cancels_and_consumes_nothing(self):
        for empty in (b"", b"\r"):
            self.t.send(f"queue.get {self.queue}\nping")
            self.await_waiters(self.queue, 1)
            self.t.send(empty)
            self.assertRegex(self.t.line(), "^Cancelled: ")
            self.assertEqual(self.t.line(), '"pong"')
            self.assertEqual(self.waiters(self.queue), [])
        self.c.call("queue.put", self.queue, 5)
        self.assertEqual(self.c.call("queue.size", self.queue), 1)
        self.t.send(b"")
        self.assertEqual(self.t.ask("ping"), '"pong"')

    def test_an_empty_line_cancels_the_first_only(self):
        self.t.send(f"queue.get {self.queue}\nqueue.get {self.queue} timeout=null")
        self.await_waiters(self.queue, 1)
        self.t.send(b"")
        self.assertRegex(self.t.line(), "^Cancelled: ")
        self.await_waiters(self.queue, 1)
        self.c.call("queue.put", self.queue, "second")
        self.assertEqual(self.t.line(), '"second"')

    def test_an_empty_line_does_not_cancel_a_json_call(self):
        self.t.send('{"id":1,"method":"queue.get","params":["%s"]}\n' % self.queue)
        self.assertEqual(self.t.ask("ping"), '"pong"')
        self.assertEqual(len(self.waiters(self.queue)), 1)
        self.c.call("queue.put", self.queue, 5)
        self.assertEqual(json.loads(self.t.line())["result"], 5)

    def test_quit_closes_after_the_replies(self):
        self.t.send("ping\nquit\nping")
        self.assertEqual(self.t.rest().strip(), b'"pong"')
        self.assertEqual(self.c.call("ping"), "pong")


class FirstByte(Case):
    def test_lf_and_cr_lf_and_a_blank_first_line(self):
        for start in (b"ping\n", b"ping\r\n", b"\nping\n", b"\r\nping\r\n", b"\r\n\r\nping\n"):
            with self.subTest(start=start), self.server.typed() as t:
                t.sock.sendall(start)
                self.assertEqual(t.line().rstrip("\r"), '"pong"')

    def test_leading_telnet_negotiation_is_dropped_and_refused(self):
        for start, reply in (
            (b"\xff\xfd\x03", b"\xff\xfc\x03"),
            (b"\xff\xfb\x18\xff\xfd\x01", b"\xff\xfe\x18\xff\xfc\x01"),
            (b"\xff\xfa\x18\x01\xff\xf0\xff\xfe\x01", b""),
            (b"\xff\xfa\x1f\x00\xff\xff\x00\xff\xf0", b""),
            (b"\xff\xf1", b""),
        ):
            with self.subTest(start=start), self.server.typed() as t:
                t.sock.sendall(start + b"ping\r\nquit\r\n")
                self.assertEqual(t.rest(), reply + b'"pong"\n')
            with self.subTest(start=start, pieces=True), self.server.typed() as t:
                for byte in start + b"ping\r\nquit\r\n":
                    t.sock.sendall(bytes([byte]))
                self.assertEqual(t.rest(), reply + b'"pong"\n')

    def test_json_after_telnet_negotiation(self):
        with self.server.json() as c:
            c.sock.sendall(b"\xff\xfc\x1f")
            self.assertEqual(c.call("ping"), "pong")

    def test_ctrl_c_at_telnet_cancels_the_waiting_line(self):
        queue = self.new("queue")
        with self.server.typed() as t:
            t.sock.sendall(b"queue.get %s\r\n" % queue.encode())
            self.await_waiters(queue, 1)
            # As the telnet client sends it: the last byte of IAC DM is urgent data.
            t.sock.sendall(b"pin\xff\xf4\xff")
            t.sock.send(b"\xf2", socket.MSG_OOB)
            t.sock.sendall(b"\xff\xfd\x06ping\r\nquit\r\n")
            replies = t.rest()
        self.assertIn(b"\xff\xfc\x06", replies)
        self.assertEqual(
            replies.replace(b"\xff\xfc\x06", b""),
            b'Cancelled: the waiting call was cancelled\n"pong"\n',
        )

    def test_any_other_first_byte_is_closed_without_effect(self):
        name = self.new("dict")
        other = (
            set(range(256))
            - set(b"{[?\r\n \t\x93\x94\xdc\xdd\xff\x16")
            - set(range(ord("a"), ord("z") + 1))
            - set(range(ord("A"), ord("Z") + 1))
        )
        for byte in sorted(other):
            with self.subTest(byte=byte), self.server.typed() as t:
                t.sock.sendall(
                    bytes([byte]) + b'\ndict.set %s k 1\n{"id":1,"method":"ping"}\n' % name.encode()
                )
                self.assertNotIn(b"pong", t.rest())
        self.assertEqual(self.c.call("dict.len", name), 0)

    def test_tls_without_a_certificate_is_closed(self):
        with self.server.typed() as t:
            t.sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100))
            self.assertNotIn(b"{", t.rest())

    def test_http_never_reaches_the_calls(self):
        name = self.new("dict")
        call = b'{"id":1,"method":"dict.set","params":["%s","k",1]}\n' % name.encode()
        typed = b"dict.set %s k 1" % name.encode()
        for first in (
            b"GET / HTTP/1.1",
            b"POST / HTTP/1.1",
            b"GET / HTTP/1.0",
            b"OPTIONS * HTTP/1.1",
            b"A",
            b"PING",
            b"post / http/1.1",
            b"get / Http/1.0",
            typed + b" HTTP/1.1",
            typed + b" http/1.0",
            b"PRI * HTTP/2.0",
            b"Get /",
        ):
            with self.subTest(first=first), self.server.typed() as t:
                t.sock.sendall(
                    first
                    + b"\r\nHost: localhost\r\nContent-Length: 80\r\n\r\n"
                    + call
                    + typed
                    + b"\n"
                )
                reply = t.rest()
                if reply:
                    self.assertRegex(reply, rb"^HTTP/1\.[01] 404 ")
        self.assertEqual(self.c.call("dict.len", name), 0)

    def test_http_is_answered_404_and_closed(self):
        with self.server.typed() as t:
            t.sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertRegex(t.rest(), rb"^HTTP/1\.[01] 404 ")

    def test_a_json_first_line_ending_in_http_is_http(self):
        with self.server.typed() as t:
            t.sock.sendall(b'{"id":1,"method":"ping"} HTTP/1.1\r\n\r\n')
            self.assertNotIn(b"pong", t.rest())

    def test_only_the_first_line_may_be_http(self):
        name = self.new("dict")
        with self.server.typed() as t:
            self.assertEqual(t.ask("ping"), '"pong"')
            self.assertEqual(t.ask(f'dict.set {name} k "a HTTP/1.1"'), "null")
            self.assertRegex(t.ask(f"dict.get {name} HTTP/1.1"), "^KeyError: ")

    def test_a_silent_connection_harms_no_other_client(self):
        with self.server.typed() as silent:
            self.assertEqual(self.c.call("ping"), "pong")
            self.assertEqual(silent.ask("ping"), '"pong"')

    def test_a_reset_connection_is_forgotten(self):
        queue = self.new("queue")
        t = self.server.typed()
        t.send(f"queue.get {queue}")
        self.await_waiters(queue, 1)
        t.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        t.close()
        until(lambda: not self.waiters(queue), "the end of the waiter")
        self.assertEqual(self.c.call("queue.put", queue, 1), None)
        self.assertEqual(self.c.call("queue.size", queue), 1)


if __name__ == "__main__":
    unittest.main()
