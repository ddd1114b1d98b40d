#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs clang-tidy with the checks of .clang-tidy over all sources of server, client and shared.

usage: clang_tidy.py BUILD_DIR [PATH...]   BUILD_DIR has compile_commands.json; of PATH only
A finding is an error. Each source is one process; as many run at once as there are CPUs.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Options that only gcc knows.
GCC_ONLY = ("-fno-semantic-interposition", "-ffat-lto-objects", "-Wno-restrict", "-flto=auto")


def without_gcc_options(build, work):
    """Copies the compile commands without gcc's own options; returns {source: command file's folder}."""
    commands = json.loads((build / "compile_commands.json").read_text())
    for command in commands:
        words = [word for word in command["command"].split() if word not in GCC_ONLY]
        command["command"] = " ".join(words)
    work.mkdir(parents=True, exist_ok=True)
    (work / "compile_commands.json").write_text(json.dumps(commands))
    return [command["file"] for command in commands]


def main(build, paths):
    work = build / "clang_tidy"
    files = [str(pathlib.Path(name).relative_to(ROOT)) for name in without_gcc_options(build, work)
             if pathlib.Path(name).is_relative_to(ROOT)]
    places = tuple(paths) or ("server/", "client/", "shared/")
    files = sorted({name for name in files if name.startswith(places)})

    def check(name):
        return name, subprocess.run(
            [shutil.which("clang-tidy"), "--quiet", "--warnings-as-errors=*", "-p", str(work), name],
            cwd=ROOT, capture_output=True, text=True, check=False)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, done in pool.map(check, files):
            if done.returncode != 0:
                failed += 1
                print(done.stdout.strip() or done.stderr.strip())
    print(f"clang-tidy: {len(files)} sources, {failed} with findings")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]))
