#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPython's multiprocessing.Manager as a peer: manager_peer.py SERVER_CPU WORKER_CPU.

Prints `ready`, then replies to each line `queue SECONDS` or `lock SECONDS` with calls per second of four
worker processes, each with a queue and a lock of its own at the one server. Exits at the end of its
input, or with its parent.
"""
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.managers import SyncManager

WORKERS = 4
TURN = 50  # operations between two readings of the clock


def die_with_parent_on(cpu):
    """Makes this process die with its parent, and pins it to that CPU; -1: to any."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})


def turns_of_queue(queue):
    item = "v" * 64
    for _ in range(TURN):
        queue.put(item)
        queue.get()


def turns_of_lock(lock):
    for _ in range(TURN):
        lock.acquire()
        lock.release()


def work(cpu, queue, lock, orders):
    die_with_parent_on(cpu)
    while True:
        kind, seconds = orders.recv()
        turn, subject = (turns_of_queue, queue) if kind == "queue" else (turns_of_lock, lock)
        begin, calls = time.monotonic(), 0
        while time.monotonic() - begin < seconds:
            turn(subject)
            calls += 2 * TURN
        orders.send(calls / (time.monotonic() - begin))


def main():
    server_cpu, worker_cpu = int(sys.argv[1]), int(sys.argv[2])
    manager = SyncManager()
    manager.start(die_with_parent_on, (server_cpu,))
    pipes = []
    for _ in range(WORKERS):
        mine, theirs = multiprocessing.Pipe()
        queue, lock = manager.Queue(), manager.Lock()
        multiprocessing.Process(target=work, args=(worker_cpu, queue, lock, theirs), daemon=True).start()
        pipes.append(mine)
    print("ready", flush=True)
    for order in sys.stdin:
        kind, seconds = order.split()
        for pipe in pipes:
            pipe.send((kind, float(seconds)))
        print(sum(pipe.recv() for pipe in pipes), flush=True)


if __name__ == "__main__":
    main()
