# SPDX-License-Identifier: MIT
"""Queues: order, delays, reservations, leases, dead letters, and close; pipes."""
import unittest

from harness import Case, Failure, until


class QueueCase(Case):
    def reserve(self, name, *params, client=None):
        return (client or self.c).call("queue.reserve", name, *params)

    def put(self, name, *items):
        self.c.call("queue.put_many", name, list(items))

    def drain(self, name):
        return self.c.call("queue.get_many", name, 1000)

    def start(self, name, count, method, *params):
        client = self.new_client(unix=bool(count % 2))
        number = client.start(method, name, *params)
        self.await_waiters(name, count)
        return lambda: client.finish(number)

    def assert_ends(self, outcome, kind):
        with self.assertRaises(Failure) as caught:
            outcome()
        self.assertEqual((caught.exception.kind, caught.exception.data["done"]), (kind, "no"))


class Orders(QueueCase):
    def test_last_in_first_out(self):
        name = self.new("queue", order="lifo")
        self.put(name, 1, 2)
        self.c.call("queue.put", name, 3)
        self.assertEqual(self.c.call("queue.peek", name), 3)
        self.assertEqual([self.c.call("queue.get", name) for _ in range(3)], [3, 2, 1])

    def test_lower_priority_numbers_first_then_order_of_arrival(self):
        name = self.new("queue", order="priority")
        for item, priority in (("a", 5), ("b", 1), ("c", 5), ("d", -3), ("e", 1), ("f", 0)):
            self.c.call("queue.put", name, item, None, priority)
        self.c.call("queue.put", name, "g")
        self.assertEqual(self.c.call("queue.peek", name), "d")
        self.assertEqual(self.drain(name), ["d", "f", "g", "b", "e", "a", "c"])

    def test_a_requeued_item_returns_to_its_old_position_in_every_order(self):
        for order, items, left in (
            ("fifo", [1, 2, 3], [1, 2, 3]),
            ("lifo", [1, 2, 3], [3, 2, 1]),
            ("priority", [3, 1, 2], [1, 2, 3]),
        ):
            with self.subTest(order):
                name = self.new("queue", order=order)
                for item in items:
                    self.c.call("queue.put", name, item, None, item if order == "priority" else 0)
                taken = [self.reserve(name) for _ in range(2)]
                self.assertEqual([t["item"] for t in taken], left[:2])
                for t in taken:
                    self.c.call("queue.requeue", name, t["id"])
                self.assertEqual(self.drain(name), left)

    def test_waiters_get_new_items_in_any_order_of_the_queue(self):
        name = self.new("queue", order="priority")
        waiters = [self.start(name, n, "queue.get") for n in (1, 2)]
        self.c.call("queue.put", name, "late", None, 9)
        self.c.call("queue.put", name, "urgent", None, 1)
        self.assertEqual([w() for w in waiters], ["late", "urgent"])


class Delays(QueueCase):
    def test_a_delayed_item_is_not_ready_and_comes_in_its_time(self):
        name = self.new("queue")
        self.c.call("queue.put", name, "later", None, 0, 0.3)
        self.assertEqual(self.c.call("queue.size", name), 0)
        self.assertIs(self.c.call("queue.empty", name), True)
        self.fails("Empty", "queue.get", name, 0)
        self.fails("Empty", "queue.peek", name)
        self.c.call("queue.put", name, "now")
        self.assertEqual(self.c.call("queue.get", name), "now")
        self.assertEqual(self.c.call("queue.get", name), "later")

    def test_a_waiter_is_served_when_the_delay_is_over(self):
        name = self.new("queue")
        waiter = self.start(name, 1, "queue.get")
        self.c.call("queue.put", name, "later", None, 0, 0.05)
        self.assertEqual(waiter(), "later")

    def test_maxsize_counts_delayed_items(self):
        name = self.new("queue", maxsize=2)
        self.c.call("queue.put", name, 1, None, 0, 3600)
        self.c.call("queue.put", name, 2)
        self.fails("Full", "queue.put", name, 3, 0)
        self.assertIs(self.c.call("queue.full", name), True)
        self.assertEqual(self.c.call("queue.get", name), 2)
        self.c.call("queue.put", name, 3, 0)

    def test_negative_delays_are_refused(self):
        name = self.new("queue")
        self.fails("ValueError", "queue.put", name, 1, None, 0, -1)
        self.put(name, "x")
        taken = self.reserve(name)
        self.fails("ValueError", "queue.requeue", name, taken["id"], -1)
        self.c.call("queue.acknowledge", name, taken["id"])
        self.assertEqual(self.c.call("queue.size", name), 0)

    def test_an_item_may_be_requeued_with_a_delay(self):
        name = self.new("queue")
        self.put(name, "a", "b")
        self.c.call("queue.requeue", name, self.reserve(name)["id"], 0.3)
        self.assertEqual(self.c.call("queue.get", name), "b")
        again = self.reserve(name)
        self.assertEqual((again["item"], again["deliveries"]), ("a", 2))


class Reservations(QueueCase):
    def test_reserve_gives_id_item_and_deliveries(self):
        name = self.new("queue")
        self.put(name, "a", "b")
        first, second = self.reserve(name), self.reserve(name)
        self.assertEqual(set(first), {"id", "item", "deliveries"})
        self.assertEqual((first["item"], second["item"]), ("a", "b"))
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual((first["deliveries"], self.c.call("queue.size", name)), (1, 0))
        self.fails("Empty", "queue.reserve", name, 0)
        self.fails("Empty", "queue.reserve", name, 0.01)
        self.fails("ValueError", "queue.reserve", name, -1)

    def test_a_stale_id_is_notfound_everywhere(self):
        name = self.new("queue")
        self.put(name, "a")
        first = self.reserve(name)["id"]
        self.c.call("queue.requeue", name, first)
        second = self.reserve(name)["id"]
        for method in ("acknowledge", "requeue", "touch"):
            self.fails("NotFound", "queue." + method, name, first)
        self.assertIsNone(self.c.call("queue.touch", name, second))
        self.assertIsNone(self.c.call("queue.acknowledge", name, second))
        for method in ("acknowledge", "requeue", "touch"):
            self.fails("NotFound", "queue." + method, name, second)
        self.fails("Empty", "queue.get", name, 0)

    def test_acknowledge_counts_as_task_done(self):
        name = self.new("queue")
        self.put(name, "a", "b")
        joined = self.start(name, 1, "queue.join")
        self.c.call("queue.acknowledge", name, self.reserve(name)["id"])
        self.assertEqual(len(self.waiters(name)), 1)
        self.c.call("queue.get", name)
        self.c.call("queue.task_done", name)
        self.assertIsNone(joined())
        self.fails("ValueError", "queue.task_done", name)

    def test_maxsize_does_not_count_reserved_items(self):
        name = self.new("queue", maxsize=1)
        self.put(name, "a")
        taken = self.reserve(name)
        self.c.call("queue.put", name, "b", 0)
        self.c.call("queue.requeue", name, taken["id"])
        self.assertEqual(self.c.call("queue.size", name), 2)
        self.fails("Full", "queue.put", name, "c", 0)

    def test_a_waiting_reserve_is_served_in_line_with_gets(self):
        name = self.new("queue")
        waiters = [
            self.start(name, n, "queue.reserve" if n % 2 else "queue.get") for n in (1, 2, 3)
        ]
        self.put(name, "a", "b", "c")
        self.assertEqual(waiters[0]()["item"], "a")
        self.assertEqual(waiters[1](), "b")
        self.assertEqual(waiters[2]()["item"], "c")

    def test_a_requeued_item_goes_to_a_waiter(self):
        name = self.new("queue")
        self.put(name, "a")
        taken = self.reserve(name)
        waiter = self.start(name, 1, "queue.get")
        self.c.call("queue.requeue", name, taken["id"])
        self.assertEqual(waiter(), "a")

    def test_an_expired_lease_requeues_the_item(self):
        name = self.new("queue")
        self.put(name, "a", "b")
        taken = self.reserve(name, None, 0.05)
        until(lambda: self.c.call("queue.size", name) == 2, "the end of the lease")
        self.fails("NotFound", "queue.acknowledge", name, taken["id"])
        again = self.reserve(name)
        self.assertEqual((again["item"], again["deliveries"]), ("a", 2))

    def test_a_lease_of_null_lasts_as_long_as_the_session(self):
        name, holder = self.new("queue"), self.new_client()
        self.put(name, "a")
        self.reserve(name, client=holder)
        self.fails("Empty", "queue.get", name, 0.1)
        holder.close()
        self.assertEqual(self.c.call("queue.get", name), "a")

    def test_touch_renews_the_lease(self):
        name = self.new("queue")
        self.put(name, "a")
        taken = self.reserve(name, None, 3600)
        self.assertIsNone(self.c.call("queue.touch", name, taken["id"]))
        self.assertEqual(self.c.call("queue.size", name), 0)
        self.c.call("queue.acknowledge", name, taken["id"])

    def test_bad_leases_are_refused(self):
        name = self.new("queue")
        self.put(name, "a")
        self.fails("ValueError", "queue.reserve", name, None, -1)
        self.fails("InvalidParams", "queue.reserve", name, None, "1")
        self.assertEqual(self.c.call("queue.size", name), 1)


class DeadLetters(QueueCase):
    def deliver_to_dead_letters(self, name):
        """Reserves and requeues the first item 16 times, so that it becomes a dead letter."""
        for count in range(1, 17):
            taken = self.reserve(name, 0)
            self.assertEqual(taken["deliveries"], count)
            self.c.call("queue.requeue", name, taken["id"])

    def test_an_item_goes_to_the_dead_letters_after_its_16th_delivery(self):
        name = self.new("queue")
        self.put(name, "poison", "good")
        self.assertEqual(self.c.call("queue.dead_letters", name), [])
        self.deliver_to_dead_letters(name)
        self.assertEqual(len(self.c.call("queue.dead_letters", name)), 1)
        self.assertIn("poison", str(self.c.call("queue.dead_letters", name)))
        self.assertEqual(self.c.call("queue.get", name), "good")
        self.fails("Empty", "queue.get", name, 0)

    def test_redrive_delivers_the_item_to_a_waiting_get(self):
        name = self.new("queue")
        self.assertEqual(self.c.call("queue.redrive", name), 0)
        self.put(name, "poison")
        self.deliver_to_dead_letters(name)
        waiter = self.start(name, 1, "queue.get")
        self.assertEqual(self.c.call("queue.redrive", name, 5), 1)
        self.assertEqual(waiter(), "poison")
        self.assertEqual(self.c.call("queue.dead_letters", name), [])

    def test_dead_letters_and_cleared_items_count_as_done(self):
        name = self.new("queue")
        self.put(name, "poison", "cleared")
        joined = self.start(name, 1, "queue.join")
        self.deliver_to_dead_letters(name)
        self.assertEqual(len(self.waiters(name)), 1)
        self.assertEqual(self.c.call("queue.clear", name), 1)
        self.assertIsNone(joined())

    def test_an_expired_lease_counts_as_a_delivery(self):
        name = self.new("queue")
        self.put(name, "poison")
        for _ in range(15):
            self.c.call("queue.requeue", name, self.reserve(name)["id"])
        self.assertEqual(self.reserve(name, None, 0.02)["deliveries"], 16)
        until(lambda: self.c.call("queue.dead_letters", name), "the dead-letter list")


class Bounds(QueueCase):
    def test_put_many_of_more_than_maxsize_is_refused(self):
        name = self.new("queue", maxsize=2)
        self.fails("ValueError", "queue.put_many", name, [1, 2, 3])
        self.fails("ValueError", "queue.put_many", name, [1, 2, 3], 0)
        self.put(name, 1, 2)
        self.fails("Full", "queue.put_many", name, [3], 0)
        self.fails("Full", "queue.put_many", name, [3], 0.01)
        self.assertEqual(self.drain(name), [1, 2])

    def test_get_many_wants_a_positive_number(self):
        name = self.new("queue")
        self.put(name, 1)
        for number in (0, -1):
            self.fails("ValueError", "queue.get_many", name, number)
        self.fails("InvalidParams", "queue.get_many", name, "1")
        self.assertEqual(self.c.call("queue.get_many", name, 1000), [1])


class Closing(QueueCase):
    def test_a_closed_queue_is_drained_and_then_shut_down(self):
        name = self.new("queue")
        self.put(name, 1, 2)
        self.c.call("queue.close", name)
        self.fails("ShutDown", "queue.put", name, 3)
        self.fails("ShutDown", "queue.put_many", name, [3], 0)
        self.assertEqual([self.c.call("queue.get", name), self.c.call("queue.get", name, 0)], [1, 2])
        for method, rest in (("get", []), ("get", [0]), ("get_many", [1]), ("reserve", [])):
            self.fails("ShutDown", "queue." + method, name, *rest)

    def test_waiting_puts_are_shut_down(self):
        name = self.new("queue", maxsize=1)
        self.put(name, 1)
        waiter = self.start(name, 1, "queue.put", 2)
        self.c.call("queue.close", name)
        self.assert_ends(waiter, "ShutDown")
        self.assertEqual(self.c.call("queue.get", name), 1)

    def test_reserved_items_keep_getters_waiting(self):
        name = self.new("queue")
        self.put(name, 1)
        taken = self.reserve(name)
        self.c.call("queue.close", name)
        waiter = self.start(name, 1, "queue.get")
        self.fails("Empty", "queue.get", name, 0)
        self.c.call("queue.requeue", name, taken["id"])
        self.assertEqual(waiter(), 1)
        self.fails("ShutDown", "queue.get", name)

    def test_the_last_acknowledgement_shuts_a_closed_queue_down(self):
        name = self.new("queue")
        self.put(name, 1)
        taken = self.reserve(name)
        self.c.call("queue.close", name)
        waiters = [self.start(name, n, "queue.get") for n in (1, 2)]
        self.c.call("queue.acknowledge", name, taken["id"])
        for waiter in waiters:
            self.assert_ends(waiter, "ShutDown")

    def test_delayed_items_of_a_closed_queue_are_still_delivered(self):
        name = self.new("queue")
        self.c.call("queue.put", name, "later", None, 0, 0.05)
        self.c.call("queue.close", name)
        self.assertEqual(self.c.call("queue.get", name), "later")
        self.fails("ShutDown", "queue.get", name)


class Pipes(QueueCase):
    def test_a_direction_holds_1024_values(self):
        name, other = self.new("pipe"), self.new_client()
        for number in range(1024):
            self.c.call("pipe.send", name, 0, number, 0)
        self.fails("Timeout", "pipe.send", name, 0, "over", 0)
        self.fails("Timeout", "pipe.send", name, 0, "over", 0.01)
        self.c.call("pipe.send", name, 1, "the other way", 0)
        number = other.start("pipe.send", name, 0, 1024)
        self.await_waiters(name, 1)
        self.assertEqual([self.c.call("pipe.receive", name, 1) for _ in range(1025)], list(range(1025)))
        self.assertIsNone(other.finish(number))
        self.fails("Timeout", "pipe.receive", name, 1, 0)

    def test_receivers_and_pollers_wait_in_line(self):
        name = self.new("pipe")
        waiters = [self.start(name, n, "pipe.receive", 1) for n in (1, 2)]
        for value in "ab":
            self.c.call("pipe.send", name, 0, value)
        self.assertEqual([w() for w in waiters], ["a", "b"])
        poller = self.start(name, 1, "pipe.poll", 1, None)
        self.c.call("pipe.send", name, 0, "c")
        self.assertIs(poller(), True)
        self.assertEqual(self.c.call("pipe.receive", name, 1), "c")

    def test_close_ends_the_waits_at_the_other_side(self):
        name = self.new("pipe")
        self.c.call("pipe.send", name, 0, "first")
        self.assertEqual(self.c.call("pipe.receive", name, 1), "first")
        waiter = self.start(name, 1, "pipe.receive", 1)
        self.c.call("pipe.close", name, 0)
        self.assert_ends(waiter, "EndOfStream")

    def test_a_sender_that_waits_ends_when_the_other_side_closes(self):
        name = self.new("pipe")
        for number in range(1024):
            self.c.call("pipe.send", name, 0, number, 0)
        waiter = self.start(name, 1, "pipe.send", 0, "over")
        self.c.call("pipe.close", name, 1)
        self.assert_ends(waiter, "EndOfStream")

    def test_references_travel_and_live_in_flight(self):
        name, maker = self.new("pipe"), self.new_client()
        made = maker.call("object.create", "list", None, [[1]])
        self.c.call("pipe.send", name, 0, made)
        maker.call("object.release", made)
        self.assertTrue(self.c.call("object.exists", made))
        self.assertEqual(self.c.call("pipe.receive", name, 1), made)


if __name__ == "__main__":
    unittest.main()
