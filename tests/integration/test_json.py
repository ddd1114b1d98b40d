# SPDX-License-Identifier: MIT
"""The rules of JSON-RPC lines: requests, batches, notifications, ids, tagged values, numbers, hostile text."""
import json
import unittest

from harness import Case

PONG = {"jsonrpc": "2.0", "id": 1, "result": "pong"}

# Each line with the expected reply, or with (id, error type).
REQUESTS = [
    ('{"jsonrpc":"2.0","id":1,"method":"ping"}', PONG),
    ('{"id":1,"method":"ping"}', PONG),
    ('{"id":1,"method":"ping","params":[]}', PONG),
    ('{"id":1,"method":"ping","params":{}}', PONG),
    ('  {"id":1, "method" : "ping" }  ', PONG),
    ('{"id":1,"method":"ping"}\r', PONG),
    ('{"id":1,"method":"ping","stranger":[1,{"a":null}]}', PONG),
    ('{"id":"text","method":"ping"}', {"jsonrpc": "2.0", "id": "text", "result": "pong"}),
    ('{"id":"","method":"ping"}', {"jsonrpc": "2.0", "id": "", "result": "pong"}),
    (
        '{"id":"\\u00e4\\n\\u0000","method":"ping"}',
        {"jsonrpc": "2.0", "id": "ä\n\0", "result": "pong"},
    ),
    ('{"id":null,"method":"ping"}', {"jsonrpc": "2.0", "id": None, "result": "pong"}),
    ('{"id":-5,"method":"ping"}', {"jsonrpc": "2.0", "id": -5, "result": "pong"}),
    (
        '{"id":9223372036854775807,"method":"ping"}',
        {"jsonrpc": "2.0", "id": 9223372036854775807, "result": "pong"},
    ),
    ('{"id":1.5,"method":"ping"}', (None, "InvalidRequest")),
    ('{"id":1.0,"method":"ping"}', (None, "InvalidRequest")),
    ('{"id":true,"method":"ping"}', (None, "InvalidRequest")),
    ('{"id":[1],"method":"ping"}', (None, "InvalidRequest")),
    ('{"id":{"a":1},"method":"ping"}', (None, "InvalidRequest")),
    ('{"id":1,"method":"ping","params":null}', (None, "InvalidRequest")),
    ('{"id":1,"method":"ping","params":"x"}', (None, "InvalidRequest")),
    ('{"id":1,"method":"ping","params":7}', (None, "InvalidRequest")),
    ('{"method":"ping","params":7}', (None, "InvalidRequest")),
    ('{"id":1}', (None, "InvalidRequest")),
    ("{}", (None, "InvalidRequest")),
    ('{"id":1,"method":7}', (None, "InvalidRequest")),
    ('{"id":1,"method":null}', (None, "InvalidRequest")),
    ('{"id":1,"method":["ping"]}', (None, "InvalidRequest")),
    ('{"jsonrpc":"1.0","id":1,"method":"ping"}', (None, "InvalidRequest")),
    ('{"jsonrpc":2.0,"id":1,"method":"ping"}', (None, "InvalidRequest")),
    ('{"jsonrpc":"2.0","id":1,"result":5}', (None, "InvalidRequest")),
    ("[]", (None, "InvalidRequest")),
    ('{"id":1,"method":"no.such"}', (1, "MethodNotFound")),
    ('{"id":1,"method":""}', (1, "MethodNotFound")),
    ('{"id":1,"method":"Ping"}', (1, "MethodNotFound")),
    ('{"id":1,"method":"rpc.discover"}', (1, "MethodNotFound")),
    ('{"id":1,"method":"dict.no_such","params":["jobs"]}', (1, "MethodNotFound")),
    ('{"id":1,"method":"ping","params":[1]}', (1, "InvalidParams")),
    ('{"id":1,"method":"ping","params":{"x":1}}', (1, "InvalidParams")),
    ('{"id":1,"method":"dict.get","params":["jobs"]}', (1, "InvalidParams")),
    ('{"id":1,"method":"dict.get","params":{"name":"jobs"}}', (1, "InvalidParams")),
    ('{"id":1,"method":"dict.get","params":{"name":"jobs","key":1,"kee":2}}', (1, "InvalidParams")),
    ("{", (None, "ParseError")),
    ('{"id":1', (None, "ParseError")),
    ('{"id":1,}', (None, "ParseError")),
    ('{"id":1 "method":"ping"}', (None, "ParseError")),
    ("{'id':1}", (None, "ParseError")),
    ('{"id":1,"method":"ping"} x', (None, "ParseError")),
    ('{"id":1,"method":"ping"}{"id":2,"method":"ping"}', (None, "ParseError")),
    ('{"id":1,"method":"ping"} // comment', (None, "ParseError")),
    ('{"id":1,"method":"ping"/* comment */}', (None, "ParseError")),
    ('{"id":01,"method":"ping"}', (None, "ParseError")),
    ('{"id":+1,"method":"ping"}', (None, "ParseError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",NaN]}', (None, "ParseError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",Infinity]}', (None, "ParseError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",.5]}', (None, "ParseError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",1.]}', (None, "ParseError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k","a\tb"]}', (None, "ParseError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k","\\x41"]}', (None, "ParseError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k","\\ud800"]}', (None, "ParseError")),
    (b'{"id":1,"method":"dict.set","params":["jobs","k","\xfe"]}', (None, "ParseError")),
    (b'{"id":1,"method":"dict.set","params":["jobs","k","\xc0\xaf"]}', (None, "ParseError")),
    (b'{"id":1,"method":"dict.set","params":["jobs","k","\xed\xa0\x80"]}', (None, "ParseError")),
    (
        b'{"id":1,"method":"dict.set","params":["jobs","k","\xf4\x90\x80\x80"]}',
        (None, "ParseError"),
    ),
    ("[1", (None, "ParseError")),
    ('[{"id":1,"method":"ping"},]', (None, "ParseError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",18446744073709551616]}', (1, "ValueError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",-9223372036854775809]}', (1, "ValueError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",%s]}' % ("9" * 5000), (1, "ValueError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",1e400]}', (1, "ValueError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",-1e400]}', (1, "ValueError")),
    ('{"id":1,"method":"dict.set","params":["jobs","k",{"a":1,"a":2}]}', (1, "ValueError")),
    (
        '{"id":1,"method":"dict.set","params":["jobs","k",[[{"a":1,"b":0,"a":1}]]]}',
        (1, "ValueError"),
    ),
]

# Values that come back as the same text.
FAITHFUL = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "2.0",
    "-0.0",
    "0.1",
    "5e-324",
    "1.7976931348623157e+308",
    '""',
    '"a"',
    '"ä€😀"',
    '"\\u0000"',
    '"\\n\\t\\"\\\\"',
    "[]",
    "{}",
    "[[],{}]",
    '{"b":1,"a":2}',
    '{"":1}',
    '{"$bytes":""}',
    '{"$bytes":"AAECAw=="}',
    '{"$ref":"jobs"}',
    '{"$map":[[1,2],["a",3]]}',
    '{"$map":[[null,1],[true,2],[2.5,3],[{"$bytes":"AA=="},4],[[1,"x"],5],[{"$ref":"jobs"},6]]}',
    '{"$float":"nan"}',
    '{"$float":"inf"}',
    '{"$float":"-inf"}',
    '{"$opaque":["AAE=",[]]}',
    '{"$opaque":["AAE=",[{"$ref":"jobs"}]]}',
    '{"$map":[["$bytes","AA=="]]}',
    '{"$map":[["$ref",1]]}',
    '{"$map":[["$map",[]]]}',
    '{"$map":[["$float","nan"]]}',
    '{"$map":[["$opaque",[]]]}',
    '{"$unknown":1}',
    '{"$":1}',
    '{"$bytes":"AA==","x":1}',
    '{"x":{"$bytes":"AA=="}}',
    '[{"$float":"nan"},{"$map":[[1,{"$bytes":""}]]}]',
]

# Values that come back as another text of the same value.
REWRITTEN = [
    ("1e2", 100.0),
    ("1E2", 100.0),
    ("100e-2", 1.0),
    ("-0", 0),
    ("1.50", 1.5),
    ('"\\ud83d\\ude00"', "😀"),
    ('"\\/"', "/"),
    ('{"$map":[["a",1]]}', {"a": 1}),
    ('{"$map":[]}', {}),
]

MISSHAPEN = [
    '{"$bytes":"!"}',
    '{"$bytes":"A"}',
    '{"$bytes":1}',
    '{"$bytes":null}',
    '{"$ref":1}',
    '{"$ref":null}',
    '{"$map":1}',
    '{"$map":{"a":1}}',
    '{"$map":[1]}',
    '{"$map":[[1]]}',
    '{"$map":[[1,2,3]]}',
    '{"$map":[[1,2],[1,3]]}',
    '{"$map":[[1,2],[1.0,3]]}',
    '{"$map":[["a",2],["a",3]]}',
    '{"$float":"x"}',
    '{"$float":1.5}',
    '{"$float":"NaN"}',
    '{"$opaque":[]}',
    '{"$opaque":"AA=="}',
    '{"$opaque":["AA=="]}',
    '{"$opaque":[1,[]]}',
    '{"$opaque":["AA==",[1]]}',
    '{"$opaque":["!",[]]}',
]


class Requests(Case):
    def setUp(self):
        super().setUp()
        self.c.call("object.create", "dict", "jobs")

    def expect(self, message, expected, line):
        if isinstance(expected, dict):
            self.assertEqual(message, expected, line)
            return
        number, kind = expected
        self.assertIsNotNone(message, f"the connection was closed after {line!r}")
        self.assertIn("error", message, line)
        self.assertEqual(message["jsonrpc"], "2.0")
        self.assertEqual(message["error"]["data"]["type"], kind, line)
        self.assertEqual(message["error"]["data"]["done"], "no", line)
        self.assertNotIn("result", message)
        self.assertEqual(message["id"], number, line)

    def test_each_request_gets_its_exact_reply_and_the_connection_stays(self):
        for line, expected in REQUESTS:
            with self.subTest(line=line[:90]), self.server.json() as c:
                c.raw('{"id":0,"method":"ping"}')
                self.expect(c.raw(line), expected, line)
                self.assertEqual(c.raw('{"id":1,"method":"ping"}'), PONG)
        self.assertEqual(self.c.call("dict.len", "jobs"), 0)

    def test_plain_calls_get_their_replies_to_the_letter(self):
        self.c.send('{"jsonrpc":"2.0","id":1,"method":"dict.set","params":["jobs","k",1]}')
        self.assertEqual(self.c.line(), '{"jsonrpc":"2.0","id":1,"result":null}')
        self.c.send('{"id":2,"method":"dict.get","params":{"name":"jobs","key":"k"}}')
        self.assertEqual(self.c.line(), '{"jsonrpc":"2.0","id":2,"result":1}')
        self.c.send('{"id":3,"method":"dict.get","params":["jobs","absent"]}')
        error = json.loads(self.c.line())
        self.assertEqual(error["error"]["code"], 1)
        self.assertEqual(error["error"]["data"]["type"], "KeyError")
        self.assertEqual(error["error"]["data"]["done"], "no")
        self.c.call("dict.delete", "jobs", "k")

    def test_values_come_back_as_they_were_sent(self):
        name = self.new("dict")
        for text in FAITHFUL:
            with self.subTest(value=text):
                self.c.send('{"id":1,"method":"dict.set","params":["%s","k",%s]}' % (name, text))
                self.assertEqual(self.c.line(), '{"jsonrpc":"2.0","id":1,"result":null}')
                self.c.send('{"id":2,"method":"dict.get","params":["%s","k"]}' % name)
                self.assertEqual(self.c.line(), '{"jsonrpc":"2.0","id":2,"result":%s}' % text)

    def test_other_spellings_of_a_value_are_the_same_value(self):
        name = self.new("dict")
        for text, value in REWRITTEN:
            with self.subTest(value=text):
                self.c.raw('{"id":1,"method":"dict.set","params":["%s","k",%s]}' % (name, text))
                got = self.c.raw('{"id":2,"method":"dict.get","params":["%s","k"]}' % name)[
                    "result"
                ]
                self.assertEqual((got, type(got)), (value, type(value)))

    def test_malformed_tagged_values_are_value_errors_and_store_nothing(self):
        name = self.new("dict")
        for text in MISSHAPEN:
            with self.subTest(value=text):
                reply = self.c.raw(
                    '{"id":1,"method":"dict.set","params":["%s","k",%s]}' % (name, text)
                )
                self.expect(reply, (1, "ValueError"), text)
        self.assertEqual(self.c.call("dict.len", name), 0)
        self.assertEqual(self.c.call("object.version", name), 1)

    def test_a_reference_stands_for_a_name_and_by_name_takes_any_order(self):
        name = self.new("dict")
        self.c.call("dict.set", {"$ref": name}, "k", 1)
        self.assertEqual(self.c.call("dict.get", key="k", name={"$ref": name}), 1)
        self.assertEqual(self.c.call("object.type", {"$ref": name}), "dict")
        self.assertEqual(self.c.call("dict.add", name=name, key="n", initial=5), 6)
        self.fails("NotFound", "dict.set", name, "r", {"$ref": "nowhere"})

    def test_a_reference_of_no_bytes_is_refused_wherever_it_stands(self):
        name = self.new("dict")
        for params in (
            '["%s","k",{"$ref":""}]',
            '["%s",{"$ref":""},1]',
            '["%s","k",[{"$ref":""}]]',
            '["%s","k",{"$opaque":["",[{"$ref":""}]]}]',
        ):
            with self.subTest(params=params), self.server.json() as c:
                reply = c.raw('{"id":1,"method":"dict.set","params":%s}' % (params % name))
                self.assertIsNotNone(reply, "closed without a reply")
                self.assertIn(reply["error"]["data"]["type"], ("ValueError", "NotFound"))

    def test_a_notification_acts_and_gets_no_reply_not_even_for_an_error(self):
        name = self.new("dict")
        self.c.send('{"jsonrpc":"2.0","method":"dict.set","params":["%s","k",1]}' % name)
        self.c.send('{"method":"dict.get","params":["%s","absent"]}' % name)
        self.c.send('{"method":"no.such"}')
        self.c.send('{"method":"dict.get","params":[]}')
        self.assertEqual(self.c.call("dict.get", name, "k"), 1)

    def test_blank_lines_between_messages_are_ignored(self):
        self.c.send(b"\r\n\n\n" + b'{"id":1,"method":"ping"}\r')
        self.assertEqual(self.c.message(), PONG)

    def test_a_message_may_come_byte_by_byte_and_many_in_one_piece(self):
        for byte in b'{"id":1,"method":"ping"}\n':
            self.c.sock.sendall(bytes([byte]))
        self.assertEqual(self.c.message(), PONG)
        self.c.sock.sendall(b'{"id":1,"method":"ping"}\n' * 500)
        for _ in range(500):
            self.assertEqual(self.c.message(), PONG)

    def test_ids_may_repeat_in_flight(self):
        queue = self.new("queue")
        for _ in range(2):
            self.c.send('{"id":7,"method":"queue.get","params":["%s"]}' % queue)
        self.await_waiters(queue, 2)
        self.new_client().call("queue.put_many", queue, ["a", "b"])
        self.assertEqual([self.c.message()["result"] for _ in range(2)], ["a", "b"])

    def test_a_waiting_call_blocks_no_other_call(self):
        queue = self.new("queue")
        waiting = self.c.start("queue.get", queue)
        self.assertEqual(self.c.call("ping"), "pong")
        self.c.start("queue.put", queue, 5)
        replies = {m["id"]: m["result"] for m in (self.c.message(), self.c.message())}
        self.assertEqual(replies, {waiting: 5, waiting + 2: None})

    def test_calls_of_one_connection_take_effect_in_the_order_sent(self):
        name = self.new("list")
        for i in range(300):
            self.c.send('{"method":"list.append","params":["%s",%d]}' % (name, i))
        self.assertEqual(self.c.call("list.copy", name), list(range(300)))

    def test_depth_is_bounded_and_a_deep_line_harms_no_other_client(self):
        name = self.new("dict")
        fine = "[" * 50 + "]" * 50
        self.c.raw('{"id":1,"method":"dict.set","params":["%s","k",%s]}' % (name, fine))
        self.assertEqual(json.dumps(self.c.call("dict.get", name, "k")), fine)
        for depth in (65, 1000, 1000000):
            for left, right in (("[", "]"), ('{"a":', "}")):
                with self.subTest(depth=depth, kind=left):
                    deep = left * depth + "1" + right * depth
                    reply = self.c.raw(
                        '{"id":1,"method":"dict.set","params":["%s","k",%s]}' % (name, deep)
                    )
                    self.assertIn(
                        reply["error"]["data"]["type"], ("ParseError", "TooLarge", "ValueError")
                    )
                    self.assertEqual(self.c.call("ping"), "pong")
        self.assertEqual(self.c.call("object.version", name), 2)

    def test_a_deep_opening_without_an_end_is_a_parse_error(self):
        reply = self.c.raw("[" * 200000)
        self.assertIn(reply["error"]["data"]["type"], ("ParseError", "TooLarge"))
        self.assertEqual(self.c.call("ping"), "pong")

    def test_a_method_name_of_any_length_is_not_echoed_in_full(self):
        self.c.send('{"id":1,"method":"%s"}' % ("x" * 100000))
        line = self.c.line()
        self.assertEqual(json.loads(line)["error"]["code"], -32601)
        self.assertLess(len(line), 2000)

    def test_text_with_a_zero_is_a_value_but_no_name(self):
        name = self.new("dict")
        self.c.call("dict.set", name, "a\0b", "c\0d")
        self.assertEqual(self.c.call("dict.get", name, "a\0b"), "c\0d")
        self.fails("ValueError", "object.create", "dict", "a\0b")


class Batches(Case):
    def ask(self, *calls):
        self.c.send(json.dumps(list(calls)))
        return self.c.message()

    def test_a_batch_is_answered_by_one_array(self):
        name = self.new("dict")
        replies = self.ask(
            {"id": 1, "method": "dict.set", "params": [name, "k", 1]},
            {"method": "dict.set", "params": [name, "n", 2]},
            {"id": "x", "method": "dict.get", "params": {"name": name, "key": "n"}},
            {"id": 3, "method": "dict.get", "params": [name, "absent"]},
        )
        found = {r["id"]: r.get("result", r.get("error", {}).get("code")) for r in replies}
        self.assertEqual(found, {1: None, "x": 2, 3: 1})
        self.assertEqual(len(replies), 3)

    def test_a_batch_of_notifications_gets_no_reply(self):
        name = self.new("dict")
        self.c.send(
            json.dumps([{"method": "dict.set", "params": [name, "a", 1]}, {"method": "no.such"}])
        )
        self.assertEqual(self.c.call("dict.get", name, "a"), 1)

    def test_an_invalid_request_in_a_batch_gets_its_error_in_the_batch(self):
        for text, count in (
            ("[1]", 1),
            ("[1,2,3]", 3),
            ("[{}]", 1),
            ("[[]]", 1),
            ('[null,"a"]', 2),
        ):
            with self.subTest(batch=text):
                replies = self.c.raw(text)
                self.assertIsInstance(replies, list)
                self.assertEqual(
                    [(r["id"], r["error"]["code"]) for r in replies], [(None, -32600)] * count
                )
        replies = self.c.raw('[7,{"id":1,"method":"ping"},{"id":2,"method":"ping","params":3}]')
        self.assertEqual(
            sorted((str(r["id"]), r.get("result", "-")) for r in replies),
            [("1", "pong"), ("None", "-"), ("None", "-")],
        )

    def test_a_batch_is_answered_after_all_its_calls_and_blocks_no_other_call(self):
        queue = self.new("queue")
        self.c.send(
            json.dumps(
                [
                    {"id": 100, "method": "queue.get", "params": [queue]},
                    {"id": 101, "method": "ping"},
                ]
            )
        )
        self.await_waiters(queue, 1)
        self.assertEqual(self.c.call("ping"), "pong")
        self.new_client().call("queue.put", queue, "item")
        self.assertEqual(
            {r["id"]: r["result"] for r in self.c.message()}, {100: "item", 101: "pong"}
        )

    def test_a_batch_may_wait_for_a_later_call_of_itself(self):
        queue = self.new("queue")
        replies = self.ask(
            {"id": 1, "method": "queue.get", "params": [queue]},
            {"id": 2, "method": "queue.put", "params": [queue, 5]},
        )
        self.assertEqual({r["id"]: r["result"] for r in replies}, {1: 5, 2: None})

    def test_a_thousand_calls_are_a_batch_and_one_more_is_refused_whole(self):
        name = self.new("list")
        call = {"id": 1, "method": "list.append", "params": [name, 1]}
        self.assertEqual(len(self.ask(*[call] * 1000)), 1000)
        reply = self.ask(*[call] * 1001)
        self.assertIsInstance(reply, dict)
        self.assertEqual(
            (reply["id"], reply["error"]["code"], reply["error"]["data"]["type"]),
            (None, 25, "TooLarge"),
        )
        del call["id"]
        reply = self.ask(*[call] * 1001)
        self.assertEqual((reply["id"], reply["error"]["data"]["type"]), (None, "TooLarge"))
        self.assertEqual(self.c.call("list.len", name), 1000)

    def test_a_bad_value_in_a_batch_fails_its_call_alone(self):
        name = self.new("dict")
        self.c.send(
            '[{"id":1,"method":"dict.set","params":["%s","k",{"$float":"x"}]},'
            '{"id":2,"method":"dict.set","params":["%s","k",18446744073709551616]},'
            '{"id":3,"method":"dict.set","params":["%s","k",7]}]' % (name, name, name)
        )
        replies = {r["id"]: r.get("error", {}).get("code") for r in self.c.message()}
        self.assertEqual(replies, {1: 3, 2: 3, 3: None})
        self.assertEqual(self.c.call("dict.get", name, "k"), 7)


if __name__ == "__main__":
    unittest.main()
