# SPDX-License-Identifier: MIT
"""A connection through rings, as docs/protocol/shared-memory.md describes them.

It has the methods of a socket, so that every client of the harness can use it.
"""
import array
import mmap
import socket
import struct

import msgpack

from harness import DEADLINE_S

SIZE = 32768
WRITTEN, WRITER_WAITS, READ, READER_WAITS = 0, 8, 64, 72


REQUESTS = {
    "pack": msgpack.packb([0, 1, "session.ring", []]),
    "json": b'{"jsonrpc": "2.0", "id": 1, "method": "session.ring"}\n',
    "typed": b"session.ring\n",
}


def request_ring(sock, form="pack"):
    """Calls `session.ring`; returns the bytes of the reply and the descriptors that were passed with it."""
    sock.sendall(REQUESTS[form])
    descriptors = array.array("i")
    data, ancillary, _, _ = sock.recvmsg(4096, socket.CMSG_SPACE(4 * 8))
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % 4])
    return data, list(descriptors)


TOTAL = 4096 + 2 * SIZE


class RingSocket:
    def __init__(self, sock, memory):
        self.sock, self.memory = sock, memory
        self.written = self.read = 0

    def load(self, direction, offset, width=8):
        return int.from_bytes(self.memory[128 * direction + offset :][:width], "little")

    def store(self, direction, offset, value, width=8):
        at = 128 * direction + offset
        self.memory[at : at + width] = struct.pack("<Q" if width == 8 else "<I", value)

    def ring_doorbell(self, direction, offset):
        """Rings whenever the server might sleep: Python has no memory fence, and a superfluous doorbell is allowed."""
        self.store(direction, offset, 0, 4)
        try:
            self.sock.send(b"\0")
        except (BrokenPipeError, ConnectionResetError):
            pass  # recv() finds the end of file after the bytes in the ring

    def await_doorbell(self):
        """Sleeps until the server rings the doorbell; returns False at end of file."""
        try:
            return bool(self.sock.recv(256))
        except ConnectionResetError:
            return False

    def sendall(self, data):
        while data:
            free = SIZE - (self.written - self.load(0, READ))
            if free == 0:
                self.store(0, WRITER_WAITS, 1, 4)
                if self.load(0, READ) == self.written - SIZE and not self.await_doorbell():
                    raise BrokenPipeError
                continue
            at = self.written % SIZE
            now = data[: min(free, SIZE - at)]
            self.memory[4096 + at : 4096 + at + len(now)] = now
            self.written += len(now)
            self.store(0, WRITTEN, self.written)
            self.ring_doorbell(0, READER_WAITS)
            data = data[len(now) :]

    def available(self):
        return self.load(1, WRITTEN) - self.read

    def recv(self, limit):
        ended = False
        while self.available() == 0:
            if ended:
                return b""
            self.store(1, READER_WAITS, 1, 4)
            if self.available() == 0:
                ended = not self.await_doorbell()
        at = self.read % SIZE
        count = min(self.available(), limit, SIZE - at)
        data = self.memory[4096 + SIZE + at : 4096 + SIZE + at + count]
        self.read += count
        self.store(1, READ, self.read)
        self.ring_doorbell(1, WRITER_WAITS)
        return bytes(data)

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def shutdown(self, how):
        self.sock.shutdown(how)

    def close(self):
        self.sock.close()


def connect_through_ring(server, form="pack"):
    """Connects to the server through rings; the connection keeps the protocol of its `session.ring` call."""
    sock = server.connect(unix=True)
    reply, descriptors = request_ring(sock, form)
    assert len(descriptors) == 1, reply
    with open(descriptors[0], "r+b", buffering=0) as file:
        memory = mmap.mmap(file.fileno(), TOTAL)
    sock.settimeout(DEADLINE_S)
    return RingSocket(sock, memory)
