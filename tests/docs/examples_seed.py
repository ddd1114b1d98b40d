#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the C++ version of a seed program and compares its output with the expected one.

usage: examples_seed.py exact|any_order PROGRAM EXPECTED

EXPECTED.txt is the output; if several are correct, they are EXPECTED.1.txt, EXPECTED.2.txt ...
any_order compares the elements of each line, a list or a map, in sorted order."""
import glob
import json
import subprocess
import sys


def arrange(order, text):
    if order == "exact":
        return text
    lines = []
    for line in text.splitlines():
        value = json.loads(line[line.index(":") + 2:] if line.startswith("Result: ") else line)
        elements = value["$map"] if isinstance(value, dict) else value
        lines.append((type(value).__name__, sorted(map(json.dumps, elements))))
    return lines


def main():
    order, program, expected = sys.argv[1:]
    run = subprocess.run([program], stdout=subprocess.PIPE, text=True, timeout=100)
    if run.returncode != 0:
        sys.exit(f"{program} ended with exit code {run.returncode}")
    right = []
    for path in sorted(glob.glob(f"{expected}.txt") + glob.glob(f"{expected}.[0-9].txt")):
        with open(path) as file:
            right.append(file.read())
    if not right:
        sys.exit(f"there is no {expected}.txt")
    if arrange(order, run.stdout) not in [arrange(order, text) for text in right]:
        sys.exit("printed:\n" + run.stdout + "expected:\n" + "or:\n".join(right))


main()
