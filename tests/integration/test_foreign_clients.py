# SPDX-License-Identifier: MIT
"""Foreign clients: jsonrpclib, python3-msgpack, and pynvim's MessagePack-RPC session where it is installed."""
import json
import unittest

import jsonrpclib
import jsonrpclib.jsonrpc
import msgpack

from harness import Case, Text

try:
    import pynvim.msgpack_rpc as nvim
except ImportError:
    nvim = None


class LineTransport:
    """Carries jsonrpclib's requests as lines over a plain socket instead of HTTP."""

    def __init__(self, sock):
        self.lines = Text(sock)

    def request(self, _host, _handler, request, verbose=0):
        body = request.decode() if isinstance(request, bytes) else request
        self.lines.send(body)
        messages = json.loads(body)
        if not any("id" in m for m in (messages if isinstance(messages, list) else [messages])):
            return ""
        return self.lines.line()

    def push_headers(self, _headers):
        pass

    def pop_headers(self, _headers):
        pass

    def close(self):
        self.lines.close()


class Jsonrpclib(Case):
    def proxy(self, unix=False):
        transport = LineTransport(self.server.connect(unix))
        self.addCleanup(transport.close)
        return jsonrpclib.ServerProxy("http://localhost/", transport=transport)

    def test_its_proxy_calls_by_position_and_by_name(self):
        for unix in (False, True):
            proxy = self.proxy(unix)
            self.assertEqual(proxy.ping(), "pong")
            self.assertEqual(proxy.object.create("dict", "jobs"), {"$ref": "jobs"})
            self.assertIsNone(proxy.dict.set("jobs", "k", [1, None, "ä"]))
            self.assertEqual(proxy.dict.get(name="jobs", key="k"), [1, None, "ä"])

    def test_its_errors_carry_our_numbers_and_data(self):
        proxy = self.proxy()
        with self.assertRaises(jsonrpclib.jsonrpc.AppError) as caught:
            proxy.dict.get("nowhere", 1)
        (number, _, data) = caught.exception.args[0]
        self.assertEqual((number, data["type"]), (8, "NotFound"))
        with self.assertRaises(jsonrpclib.ProtocolError):
            proxy.no.such()

    def test_its_multicall_is_a_batch(self):
        proxy = self.proxy()
        name = self.new("list")
        batch = jsonrpclib.MultiCall(proxy)
        batch.list.append(name, 1)
        batch.list.append(name, 2)
        batch.list.copy(name)
        self.assertEqual(list(batch()), [None, None, [1, 2]])

    def test_its_notifications_get_no_reply(self):
        proxy = self.proxy()
        name = self.new("list")
        proxy._notify.list.append(name, 5)
        self.assertEqual(proxy.list.copy(name), [5])

    def test_its_request_builder_and_parser(self):
        with Text(self.server.connect()) as lines:
            body = jsonrpclib.dumps(["dict", "built"], "object.create", rpcid="id-1")
            reply = jsonrpclib.loads(lines.ask(body))
            self.assertEqual((reply["id"], reply["result"]), ("id-1", {"$ref": "built"}))


class PlainMsgpack(Case):
    def test_a_client_of_a_dozen_lines_works(self):
        sock = self.server.connect(unix=True)
        self.addCleanup(sock.close)
        packer, unpacker = msgpack.Packer(), msgpack.Unpacker(raw=False, strict_map_key=False)

        def call(msgid, method, *params):
            sock.sendall(packer.pack([0, msgid, method, params]))
            while True:
                for kind, got, error, result in unpacker:
                    self.assertEqual((kind, got), (1, msgid))
                    return error, result
                unpacker.feed(sock.recv(65536))

        self.assertEqual(call(1, "ping"), (None, "pong"))
        self.assertEqual(
            call(2, "object.create", "queue", "q", [], {"maxsize": 3}),
            (None, msgpack.ExtType(1, b"q")),
        )
        self.assertEqual(call(3, "queue.put", "q", {"a": [1, 2.5, b"x", None, True]}), (None, None))
        self.assertEqual(call(4, "queue.get", "q", 1.0), (None, {"a": [1, 2.5, b"x", None, True]}))
        error, result = call(5, "queue.get", "q", 0)
        self.assertEqual((error[:2], error[3]["done"], result), ([5, "Empty"], "no", None))

    def test_its_packer_with_every_option_is_understood(self):
        name = self.new("dict")
        with self.server.pack() as p:
            for options in (
                {"use_single_float": True},
                {"use_bin_type": True},
                {"use_bin_type": False},
            ):
                p.send(
                    msgpack.packb(
                        [0, 9, "dict.set", [name, "k", [1.5, "x", 2**40, {"m": [None]}]]],
                        **options
                    )
                )
                self.assertEqual(p.message(), [1, 9, None, None])
                self.assertEqual(p.call("dict.get", name, "k"), [1.5, "x", 2**40, {"m": [None]}])


@unittest.skipUnless(nvim, "python3-pynvim is not installed")
class Pynvim(Case):
    def check(self, session):
        self.addCleanup(session.close)
        session.error_wrapper = lambda error: RuntimeError(error[1])  # pynvim requires its users to set one.
        self.assertEqual(session.request("ping"), "pong")
        name = self.new("dict")
        self.assertIsNone(session.request("dict.set", name, "k", {"a": [1, 2.5, None, "ä"]}))
        self.assertEqual(session.request("dict.get", name, "k"), {"a": [1, 2.5, None, "ä"]})
        session.request("dict.set", name, "n", 1, async_=True)
        self.assertEqual(session.request("dict.get", name, "n"), 1)
        with self.assertRaises(Exception) as caught:
            session.request("dict.get", name, "absent")
        self.assertIn("KeyError", str(caught.exception))
        for n in range(200):
            self.assertEqual(session.request("dict.add", name, "count"), n + 1)

    def session(self, *where):
        """Stacks the layers as pynvim's session() does, without the greeting that it sends to an editor."""
        stream = nvim.MsgpackStream(nvim.EventLoop(*where))
        return nvim.Session(nvim.AsyncSession(stream))

    def test_its_session_over_tcp(self):
        self.check(self.session("tcp", "127.0.0.1", self.server.port))

    def test_its_session_over_a_unix_socket(self):
        self.check(self.session("socket", self.server.unix))

    def test_its_session_with_its_greeting(self):
        self.check(nvim.tcp_session("127.0.0.1", self.server.port))


if __name__ == "__main__":
    unittest.main()
