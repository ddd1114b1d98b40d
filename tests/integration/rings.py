"""A connection that goes through rings, as docs/protocol/shared-memory.md describes them: it has the methods of a
socket, so that every client of the harness can use it."""
import array
import mmap
import socket
import struct

import msgpack

from harness import PATIENCE

SIZE = 32768
WRITTEN, WRITER_WAITS, READ, READER_WAITS = 0, 8, 64, 72


REQUESTS = {
    "pack": msgpack.packb([0, 1, "session.ring", []]),
    "json": b'{"jsonrpc": "2.0", "id": 1, "method": "session.ring"}\n',
    "typed": b"session.ring\n",
}


def ask(sock, form="pack"):
    """The reply to `session.ring`, as bytes, and the descriptors that came along."""
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

    def number(self, direction, place, width=8):
        return int.from_bytes(self.memory[128 * direction + place :][:width], "little")

    def store(self, direction, place, value, width=8):
        at = 128 * direction + place
        self.memory[at : at + width] = struct.pack("<Q" if width == 8 else "<I", value)

    def bell(self, direction, place):
        """Python cannot fence: it rings whenever the other might wait, which is always allowed."""
        self.store(direction, place, 0, 4)
        try:
            self.sock.send(b"\0")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the end is found behind what stands in the ring

    def hear(self):
        """Sleeps until the server rings; False at the end."""
        try:
            return bool(self.sock.recv(256))
        except ConnectionResetError:
            return False

    def sendall(self, data):
        while data:
            room = SIZE - (self.written - self.number(0, READ))
            if room == 0:
                self.store(0, WRITER_WAITS, 1, 4)
                if self.number(0, READ) == self.written - SIZE and not self.hear():
                    raise BrokenPipeError
                continue
            at = self.written % SIZE
            now = data[: min(room, SIZE - at)]
            self.memory[4096 + at : 4096 + at + len(now)] = now
            self.written += len(now)
            self.store(0, WRITTEN, self.written)
            self.bell(0, READER_WAITS)
            data = data[len(now) :]

    def there(self):
        return self.number(1, WRITTEN) - self.read

    def recv(self, most):
        ended = False
        while self.there() == 0:
            if ended:
                return b""
            self.store(1, READER_WAITS, 1, 4)
            if self.there() == 0:
                ended = not self.hear()
        at = self.read % SIZE
        count = min(self.there(), most, SIZE - at)
        data = self.memory[4096 + SIZE + at : 4096 + SIZE + at + count]
        self.read += count
        self.store(1, READ, self.read)
        self.bell(1, WRITER_WAITS)
        return bytes(data)

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def shutdown(self, how):
        self.sock.shutdown(how)

    def close(self):
        self.sock.close()


def through_ring(server, form="pack"):
    """A new connection to the server, through rings, that goes on in the form in which it asked for them."""
    sock = server.connect(unix=True)
    reply, descriptors = ask(sock, form)
    assert len(descriptors) == 1, reply
    with open(descriptors[0], "r+b", buffering=0) as file:
        memory = mmap.mmap(file.fileno(), TOTAL)
    sock.settimeout(PATIENCE)
    return RingSocket(sock, memory)
