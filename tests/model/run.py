#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the models of the shared-memory protocols with Spin: each good variant must pass, and each
seeded bug must be found, with the expected violation.

    run.py [MODEL...]           lock, doorbell and death if none is named

AGORA_MODELS_LARGE=1 checks the larger bounds instead (minutes, and gigabytes of memory). Needs spin
and gcc. The exit status is 0 only if every result is as expected."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LARGE = os.environ.get("AGORA_MODELS_LARGE") == "1"
SECONDS_MAX = 7200 if LARGE else 240  # a watchdog for each program, far above its usual time
MEMORY_MIB_MAX = 12000 if LARGE else 1500
DEPTH_MAX = 10000  # steps of one run; the longest has some hundreds

HOLDS = "holds"  # assertions hold; deadlocks are not checked
SAFE = "safe"  # and no process is deadlocked at the end
ENDS = "ends"  # and every run terminates: no non-progress cycle, and no progress labels

AS_BUILT = "DIED_IN_CORE LENDS_FREE_ONLY"  # the server in server/objects/sync/lock_state.cpp

# A good variant: name, checked property, macros, the least number of states (fewer would mean that
# some behaviour never occurs), and whether compiling pan with the optimizer saves time.
GOOD = {
    "lock": [  # of the general protocol, except those named "as built"
        ("two threads twice, a change, a kill", SAFE, "FIRST SECOND ACQUIRES=2 SETS=1", 1_500_000, True),
        ("mute grants, a kill", SAFE, "FIRST THIRD ACQUIRES=2 MUTE", 700_000, True),
        ("the core keeps the died bit", SAFE, "FIRST THIRD MUTE DIED_IN_CORE", 100_000, False),
        ("as built", SAFE, f"FIRST SECOND FOURTH {AS_BUILT}", 500_000, True),
        ("as built, mute grants", SAFE, f"FIRST THIRD MUTE {AS_BUILT}", 50_000, False),
        ("time-out and pin", SAFE, "FIRST SECOND FOURTH CRASHES=0 TIMEOUTS=1 PINS=1", 500_000, True),
        ("every run ends", ENDS, "FIRST SECOND FOURTH CRASHES=0", 200_000, False),
        ("every run ends, with a kill", ENDS, "FIRST THIRD", 100_000, False),
    ],
    "doorbell": [
        ("one client, three calls", SAFE, "ONE_CLIENT CALLS=3", 140_000, False),
        ("two clients", SAFE, "CALLS=1", 700_000, True),
        ("the server dies", SAFE, "ONE_CLIENT DEATH", 150_000, False),
        ("every run ends", ENDS, "ONE_CLIENT", 90_000, False),
        ("every run ends, the server dies", ENDS, "ONE_CLIENT DEATH CALLS=1", 15_000, False),
    ],
    "death": [
        ("two processes, a kill", SAFE, "ONE_THREAD", 150_000, False),
        ("two threads in a process, a kill", SAFE, "ONE_WORD SETS=0", 300_000, False),
        ("a cut connection", SAFE, "ONE_THREAD CUT CRASHES=0", 10_000, False),
        ("a session ended by an admin", SAFE, "ONE_THREAD ONE_WORD END SETS=0", 50_000, False),
        ("every run ends", ENDS, "ONE_THREAD SETS=0", 50_000, False),
    ],
}
GOOD_LARGE = {
    "lock": [
        ("two threads, a remote client, a kill", SAFE, "FIRST SECOND FOURTH", 1_500_000, True),
        ("three threads, two processes, a kill", SAFE, "FIRST SECOND THIRD", 3_000_000, True),
        ("a change, a time-out, a pin, a kill", SAFE, "FIRST SECOND SETS=1 TIMEOUTS=1 PINS=1", 1_000_000, True),
        ("two kills", SAFE, "FIRST THIRD FOURTH CRASHES=2", 9_000_000, True),
        ("all four", SAFE, "FIRST SECOND THIRD FOURTH CRASHES=0", 3_000_000, True),
        ("as built, a change, a time-out, a pin", SAFE,
         f"FIRST SECOND FOURTH SETS=1 TIMEOUTS=1 PINS=1 {AS_BUILT}", 14_000_000, True),
        ("every run ends, with a kill", ENDS, "FIRST SECOND FOURTH", 1_500_000, True),
    ],
    "doorbell": [
        ("two clients, two calls each", SAFE, "", 3_000_000, True),
        ("the server dies, five calls", SAFE, "ONE_CLIENT DEATH CALLS=5 WAKES=2", 1_000_000, True),
        ("three spurious wakes", SAFE, "ONE_CLIENT CALLS=4 WAKES=3", 70_000, True),
        ("every run ends", ENDS, "CALLS=1", 300_000, True),
    ],
    "death": [
        ("two threads in a process, a kill", SAFE, "", 9_000_000, True),
        ("both processes killed", SAFE, "ONE_THREAD CRASHES=2", 700_000, True),
        ("a session ended by an admin", SAFE, "ONE_THREAD END", 4_000_000, True),
        ("a cut connection, a kill", SAFE, "ONE_THREAD CUT", 500_000, True),
        ("every run ends", ENDS, "ONE_THREAD END SETS=0", 2_500_000, True),
    ],
}
# A seeded bug: name (the macro is BUG_name), checked property, macros, and the violation that Spin
# must report.
UNFREED = "(((owner==0)&&(q_len(waiters)==0))&&(inside==0))"
UNREPORTED = "(died==unreported)"
STALE = "((count==t)&&((owner==c)"
GRANT_TO_DEAD = "!(known_dead["
ASLEEP = "(finished[0]&&"
NO_GRANT = "(((owner[w]!=0)&&(user[owner[w]]==k))&&(count[w]==t))"
SLOT_LOST = "(((user[w]==k)&&(owner[0]!=w))&&(owner[1]!=w))"
BUGS = {
    "lock": [
        ("RECALL_BLIND", SAFE, "FIRST SECOND THIRD CRASHES=0", UNFREED),
        ("LENDS_WHILE_WAITED_FOR", SAFE, "FIRST SECOND THIRD CRASHES=0", UNFREED),
        ("RELEASE_BLIND", SAFE, "FIRST SECOND THIRD CRASHES=0", "(server&&(owner==0))"),
        ("RELEASE_OVERTAKES", SAFE, "FIRST SECOND SETS=1 CRASHES=0", STALE),
        ("RELEASE_DROPS_DIED", SAFE, "FIRST THIRD MUTE", UNREPORTED),
        ("ACQUIRE_IGNORES_DIED", SAFE, "FIRST THIRD", "(0==(unreported&&"),
        ("WAITERS_AFTER_DRAIN", SAFE, f"FIRST SECOND {AS_BUILT}", GRANT_TO_DEAD),
        ("SWEEP_BEFORE_DRAIN", SAFE, "FIRST THIRD", UNREPORTED),
        ("DRAIN_RUNS_ALL", SAFE, "FIRST THIRD", GRANT_TO_DEAD),
        ("RECALL_BLIND", SAFE, f"FIRST SECOND THIRD CRASHES=0 {AS_BUILT}", UNFREED),
        ("ACQUIRE_SPINS", ENDS, "FIRST SECOND CRASHES=0", "non-progress cycle"),
    ],
    "doorbell": [
        ("CLIENT_RINGS_WITHOUT_FENCE", SAFE, "ONE_CLIENT", ASLEEP),
        ("CLIENT_LOADS_FLAG_FIRST", SAFE, "ONE_CLIENT", ASLEEP),
        ("CLIENT_TAKES_WITHOUT_FENCE", SAFE, "ONE_CLIENT CALLS=3", ASLEEP),
        ("CLIENT_DOES_NOT_SIGNAL_ROOM", SAFE, "ONE_CLIENT CALLS=3", ASLEEP),
        ("CLIENT_SLEEPS_WITHOUT_FENCE", SAFE, "ONE_CLIENT", ASLEEP),
        ("CLIENT_SLEEPS_UNCHECKED", SAFE, "ONE_CLIENT", ASLEEP),
        ("CLIENT_DRAINS_LATE", SAFE, "ONE_CLIENT", ASLEEP),
        ("SERVER_RINGS_WITHOUT_FENCE", SAFE, "ONE_CLIENT", ASLEEP),
        ("SERVER_SLEEPS_WITHOUT_FENCE", SAFE, "ONE_CLIENT", ASLEEP),
        ("SERVER_SLEEPS_UNCHECKED", SAFE, "ONE_CLIENT", ASLEEP),
        ("SERVER_DRAINS_LATE", SAFE, "ONE_CLIENT", ASLEEP),
        ("CLEARS_AFTER_RINGING", SAFE, "ONE_CLIENT", ASLEEP),
        ("END_OF_FILE_IS_IGNORED", SAFE, "ONE_CLIENT DEATH", ASLEEP),
        ("CLIENT_SPINS", ENDS, "ONE_CLIENT CALLS=1", "non-progress cycle"),
    ],
    "death": [
        ("SWEEP_BEFORE_DRAIN", SAFE, "ONE_THREAD", NO_GRANT),
        ("DRAIN_ASSIGNS_SLOTS", SAFE, "ONE_THREAD", "(stage["),
        ("DRAIN_RELEASES_SLOTS", SAFE, "ONE_THREAD", SLOT_LOST),
        ("REUSE_BEFORE_SWEEP", SAFE, "ONE_THREAD", SLOT_LOST),
        ("RELEASES_SLOT_FIRST", SAFE, "ONE_THREAD", SLOT_LOST),
        ("END_OF_FILE_IS_DEATH", HOLDS, "ONE_THREAD CUT CRASHES=0", "(inside[0]==0)"),
        ("END_FREES_SLOTS", SAFE, "ONE_THREAD END SETS=0", "(user[s]==me)"),
        ("END_SWEEPS_ONCE", SAFE, "ONE_THREAD END SETS=0", "assertion violated"),
    ],
}


class Inconclusive(Exception):
    """A run without a result for the model: a program failed or the search was incomplete."""


def program(words, folder):
    """Runs a program and returns its exit status and output.

    Raises Inconclusive if it does not end in time."""
    try:
        done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise Inconclusive(f"{words[0]} did not end within {SECONDS_MAX} s") from None
    return done.returncode, done.stdout


def check(model, macros, checked, optimize):
    """Runs Spin on one variant and returns (number of states, reported violation or "")."""
    with tempfile.TemporaryDirectory(prefix="agora-model-") as folder:
        defines = [f"-D{macro}" for macro in macros.split()]
        status, said = program(["spin", *defines, "-a", str(HERE / f"{model}.pml")], folder)
        if status != 0 or "rror" in said:
            raise Inconclusive(f"spin: {said}")
        how = ["-DNP"] if checked == ENDS else ["-DSAFETY"]
        status, said = program(["gcc", "-O1" if optimize else "-O0", "-w", *how, "-DCOLLAPSE",
                                f"-DMEMLIM={MEMORY_MIB_MAX}", "-o", "pan", "pan.c"], folder)
        if status != 0:
            raise Inconclusive(f"gcc: {said}")
        how = {HOLDS: ["-E"], SAFE: [], ENDS: ["-l"]}[checked]
        _, said = program(["./pan", f"-m{DEPTH_MAX}", *how], folder)
    errors = re.search(r"errors: (\d+)", said)
    states = re.search(r"(\d+) states, stored", said)
    for limit in ("max search depth too small", "reached -DMEMLIM", "out of memory", "-DVECTORSZ"):
        if limit in said:
            raise Inconclusive(f"the search is incomplete: {limit}")
    if not errors or not states:
        raise Inconclusive(said)
    violation = re.search(r"^pan:\d+: (.*)$", said, re.MULTILINE)
    if (errors[1] == "0") == bool(violation):
        raise Inconclusive(said)
    return int(states[1]), violation[1] if violation else ""


def run(model, name, macros, checked, optimize, judge):
    """Checks one variant and prints a line; `judge` returns the fault of the outcome, or ""."""
    began = time.monotonic()
    try:
        states, error = check(model, macros, checked, optimize)
        wrong = judge(states, error)
    except Inconclusive as failure:
        states, error, wrong = 0, "", str(failure)
    seconds = time.monotonic() - began
    print(f"{'FAILED' if wrong else 'ok':6} {model:8} {name:44} {states:>10,} states {seconds:6.1f} s",
          flush=True)
    if wrong:
        print(f"       macros: {macros}\n       {wrong}", flush=True)
    return not wrong


def judge_good(states_min):
    def judge(states, error):
        if error:
            return f"Spin reports: {error}"
        return f"fewer than {states_min:,} states: some behaviour never occurs" if states < states_min else ""
    return judge


def judge_bug(expected):
    def judge(_, error):
        if not error:
            return "Spin did not find the seeded bug"
        return "" if expected in error else f"expected a violation with {expected}, got: {error}"
    return judge


def main(models):
    unknown = [model for model in models if model not in GOOD]
    if unknown:
        print(f"no model named {unknown[0]}; there are {', '.join(GOOD)}", file=sys.stderr)
        return 64
    missing = [tool for tool in ("spin", "gcc") if not shutil.which(tool)]
    if missing:
        print(f"{missing[0]} is not installed; `./run test` installs it", file=sys.stderr)
        return 1
    well = True
    for model in models or GOOD:
        for name, checked, macros, states_min, optimize in (GOOD_LARGE if LARGE else GOOD)[model]:
            well &= run(model, name, macros, checked, optimize, judge_good(states_min))
        for bug, checked, macros, expected in BUGS[model]:
            well &= run(model, bug, f"{macros} BUG_{bug}", checked, False, judge_bug(expected))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
