# SPDX-License-Identifier: MIT
"""Connections that break at every byte of a dialogue: increments and transfers take effect exactly once."""
import os
import random
import threading
import unittest

from cutting_proxy import FOREVER, CuttingProxy, ExactlyOnce
from harness import DEADLINE_S, Case, Failure

SEED = int(os.environ.get("AGORA_SEED", random.SystemRandom().randrange(1 << 32)))


class Cut(Case):
    unix = False

    def setUp(self):
        super().setUp()
        self.limits = []  # The budgets of the next connections; later connections do not break.
        self.proxy = CuttingProxy(
            lambda: self.server.connect(self.unix),
            lambda: self.limits.pop(0) if self.limits else (FOREVER, FOREVER),
        )
        self.addCleanup(self.proxy.close)

    def create_objects(self, number):
        """Creates objects with names of one length, so that each dialogue has as many bytes."""
        names = [f"{kind}-{number:05}" for kind in ("counter", "dict", "from", "into")]
        for kind, name in zip(("counter", "dict", "queue", "queue"), names):
            self.c.call("object.create", kind, name)
        self.c.call("queue.put_many", names[2], ["a", "b", "c"])
        return names

    def dialogue(self, client, names):
        """Makes increments one by one and in one write, then three transfers from queue to queue."""
        counter, table, source, target = names
        results = [client.call("counter.add", counter), client.call("dict.add", table, "k", 10)]
        results += client.run([("counter.add", (counter,))] * 3 + [("dict.add", (table, "k"))] * 2)
        for _ in range(3):
            item = client.call("queue.get", source)
            client.call("queue.put", target, item)
            results.append(item)
        results.append(client.call("counter.add", counter, 100))
        return results

    def check_once(self, names, results):
        counter, table, source, target = names
        self.assertEqual(results, [1, 10, 2, 3, 4, 11, 12, "a", "b", "c", 104])
        self.assertEqual(self.c.call("counter.get", counter), 104)
        self.assertEqual(self.c.call("dict.get", table, "k"), 12)
        self.assertEqual(self.c.call("queue.size", source), 0)
        self.assertEqual(self.c.call("queue.get_many", target, 10), ["a", "b", "c"])

    def play(self, number, limits):
        """Plays one dialogue over connections that break at the given limits."""
        self.limits[:] = limits
        names, client = self.create_objects(number), ExactlyOnce(self.proxy.port)
        try:
            self.check_once(names, self.dialogue(client, names))
            self.end(client)
        finally:
            client.close()
            for name in names:
                self.c.call("object.delete", name)
        return client

    def end(self, client):
        """Closes the session. If the reply is lost, the resume fails with SessionLost."""
        try:
            client.call("session.close")
        except Failure as failure:
            self.assertEqual(failure.kind, "SessionLost")

    def lengths(self):
        """Returns the bytes of an unbroken dialogue: (to the server, to the client)."""
        before = len(self.proxy.passed)
        self.play(99999, [])
        return self.proxy.passed[before]

    def cut_at_every_byte(self, direction):
        length = self.lengths()[direction]
        self.assertGreater(length, 100)
        before = self.proxy.cuts
        for position in range(length - 20):
            limit = (position, FOREVER) if direction == 0 else (FOREVER, position)
            try:
                self.play(position, [limit])
            except BaseException as problem:
                problem.add_note(f"cut after byte {position} in direction {direction}")
                raise
        self.assertGreaterEqual(self.proxy.cuts - before, length - 20, "not every dialogue was cut")

    def test_every_byte_to_the_server(self):
        self.cut_at_every_byte(0)

    def test_every_byte_to_the_client(self):
        self.cut_at_every_byte(1)

    def test_many_random_cuts_of_one_dialogue(self):
        print(f"seed {SEED} (AGORA_SEED sets it)")
        chance = random.Random(SEED)
        resumed = 0
        for round_number in range(20):
            limits = [(chance.randint(60, 300), chance.randint(60, 300)) for _ in range(30)]
            try:
                resumed += self.play(round_number, limits).resumed
            except BaseException as problem:
                problem.add_note(f"seed {SEED}, round {round_number}")
                raise
        self.assertGreater(resumed, 20)

    def test_cuts_inside_the_resume(self):
        """The connection breaks in the middle, and the next ones break while the client resumes its session."""
        length = self.lengths()[0]
        for position in range(1, 90, 4):
            with self.subTest(position=position):
                again = [(position, FOREVER), (FOREVER, position)]
                self.play(position, [(length // 2, FOREVER)] + again * 2)

    def test_a_waiting_get_is_cut_and_gets_its_item_once(self):
        source = self.new("queue")
        for position in range(1, 60):
            self.limits[:] = [(FOREVER, FOREVER), (position, FOREVER), (FOREVER, position)]
            client, got = ExactlyOnce(self.proxy.port), []
            getting = threading.Thread(
                target=lambda: got.append(client.call("queue.get", source)), daemon=True
            )
            try:
                client.call("ping")
                client.close()
                client.sock = None
                getting.start()
                self.await_waiters(source, 1)
                self.c.call("queue.put", source, position)
                getting.join(DEADLINE_S)
                self.assertEqual(got, [position])
                self.end(client)
                self.assertEqual(self.c.call("queue.size", source), 0)
            finally:
                client.close()


class CutUnix(Cut):
    unix = True


if __name__ == "__main__":
    unittest.main()
