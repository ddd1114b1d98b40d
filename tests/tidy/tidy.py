#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads all sources and refuses what the layout forbids: includes that point up or sideways, files
and functions that are too long, banned calls, left-over notes, dead links in the docs; and, through
language.py, comments without a named actor and retired words."""
import collections
import pathlib
import re
import subprocess
import sys

import language

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = {
    "shared/base": 0, "shared/value": 1, "shared/shm": 1, "shared/net": 1, "shared/tls": 1,
    "shared/auth": 1.5, "shared/wire": 2,
    "server/storage": 3,
    "server/core/methods": 4.1, "server/core/state": 4.2, "server/core/machine": 4.3,
    "server/objects": 5, "server/objects/containers": 5.1, "server/objects/sync": 5.1,
    "server/objects/messaging": 5.1, "server/objects/system": 5.1, "server/objects/user": 5.1,
    "server/engine": 6, "server/auth": 7, "server/tls": 7, "server/net": 8, "server/shm": 8, "server/app": 9, "server/include": 9.1,
    "client/include/agora": 8, "client/load": 8, "client/cli": 9,
    "client/src/transport": 8.1, "client/src/memory": 8.2, "client/src/session": 8.3,
    "client/src/client": 8.4, "client/src/server": 8.5, "client/src/proxies": 8.6,
}
NEVER = {  # folders that a layer may not include although they lie lower
    "server/storage": {"shared/wire"},
    "server/core": {"shared/wire"},
    "server/objects": {"shared/wire"},
    "shared/value": {"shared/shm"},
    "shared/shm": {"shared/value"},
}
FILE_LINES_MAX = 600
FOLDER_FILES_MAX = 29
SPDX = "// SPDX-License-Identifier: MIT"
LINE_COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
PURE = ("shared/base", "shared/value", "shared/wire", "server/storage", "server/core",
        "server/objects", "server/engine")
BANNED = [
    (re.compile(r"\b(steady_clock|system_clock)::now"), PURE, "clock in a pure layer"),
    (re.compile(r"\brandom_device\b|\brand\(\)"), PURE, "randomness in a pure layer"),
    (re.compile(r"#include <(thread|mutex|fstream|filesystem)>|#include <sys/"), PURE, "system in a pure layer"),
    (re.compile(r'#include "shared/shm/memfd'), PURE, "system in a pure layer"),
    (re.compile(r"#include <asio"), ("shared", "server/core", "server/objects", "server/storage", "server/engine", "server/shm"),
     "Asio outside of the server's net and app"),
    (re.compile(r"#include <asio(?!/async_result)(?!/use_future)"), ("client/include/agora",), "Asio costs every user"),
    (re.compile(r"from_msgpack"), ("shared", "server", "client"), "nlohmann's from_msgpack recurses without limit"),
    (re.compile(r"sleep_for|usleep\("), ("tests", "server", "shared", "client"), "a sleep as synchronisation"),
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), ("",), "left-over note"),
    (re.compile(r"std::unordered_\w+[^;]*;.*\bfor\b"), PURE, "walk over an unordered container"),
]
problems = []


def complain(path, line, text):
    problems.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def layer_of(name):
    found = [layer for layer in LAYERS if name.startswith(layer + "/")]
    return max(found, key=len) if found else None


def in_repository(target):
    """A public header, <agora/dict.hpp>, by its path from the root."""
    if not target.startswith("agora/"):
        return target
    return ("server" if target.startswith("agora/server/") else "client") + "/include/" + target


def check_include(path, number, layer, target):
    other = layer_of(target)
    if other is None or other == layer:
        return
    mine = LAYERS[layer]
    if layer.split("/")[0] != other.split("/")[0] and "shared" not in (other.split("/")[0],):
        complain(path, number, f"{layer} includes {other}: client, server and shared stand apart")
    elif layer.startswith("client") and other.startswith("client"):
        if LAYERS[other] > mine:
            complain(path, number, f"{layer} includes {other}: an arrow that points up")
    elif LAYERS[other] >= mine:
        complain(path, number, f"{layer} includes {other}: an arrow that points up or sideways")
    elif any(other in others for folder, others in NEVER.items() if (layer + "/").startswith(folder + "/")):
        complain(path, number, f"{layer} must not know {other}")


def check_functions(path, lines):
    """A function at file or class level: from its opening line to the brace in the same column."""
    start, indent = None, ""
    for number, line in enumerate(lines, 1):
        opening = re.match(r"^(\s*)(?!namespace|class|struct|enum|union|extern|constexpr \w+ k|#)\S.*\)[^;=]*\{$", line)
        if start is None and opening and len(opening.group(1)) <= 2:
            start, indent = number, opening.group(1)
        elif start is not None and line.startswith(indent + "}"):
            if number - start > FUNCTION_LINES_MAX:
                complain(path, start, f"function of {number - start} lines (at most {FUNCTION_LINES_MAX})")
            start = None


def check_source(path):
    name = str(path.relative_to(ROOT))
    text = path.read_text()
    lines = text.split("\n")
    if lines[0] != SPDX:
        complain(path, 1, f"a source begins with {SPDX}")
    if len(lines) > FILE_LINES_MAX:
        if not any("long-file:" in line for line in lines[:12]):
            complain(path, 1, f"{len(lines)} lines (at most {FILE_LINES_MAX}; a reason begins with long-file:)")
    layer = layer_of(name)
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX and 'R"' not in line:  # raw text keeps its shape
            complain(path, number, f"{len(line)} columns (at most {LINE_COLUMNS_MAX})")
        include = re.match(r'#include ["<]([^">]+)[">]', line)
        if include and layer:
            check_include(path, number, layer, in_repository(include.group(1)))
        for pattern, where, why in BANNED:
            if pattern.search(line) and any(name.startswith(place) for place in where):
                complain(path, number, why)
    if path.suffix == ".hpp" and "#pragma once" not in text:
        complain(path, 1, "no #pragma once")
    if path.suffix == ".hpp" and layer and not text.startswith(SPDX + "\n\n//"):
        complain(path, 1, "a header begins with a sentence that says what it is")
    if layer:  # a test case may be as long as its transcript
        check_functions(path, lines)


def anchors(page):
    """The anchors of a page's headings, as the usual renderers of Markdown make them."""
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.M)}


def check_links(path):
    for number, line in enumerate(path.read_text().split("\n"), 1):
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", line):
            if "://" in target or target.startswith("mailto:"):
                continue
            page = path.parent / target if target else path
            if not page.exists():
                complain(path, number, f"dead link {target}")
            elif anchor and page.suffix == ".md" and anchor not in anchors(page):
                complain(path, number, f"dead anchor {target}#{anchor}")


files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
                       text=True, check=True).stdout.split("\n")
for name in filter(None, files):
    path = ROOT / name
    if not path.is_file():
        continue
    if path.suffix in (".hpp", ".cpp"):
        check_source(path)
    elif path.suffix == ".md":
        check_links(path)

folders = collections.Counter(str(pathlib.PurePath(name).parent) for name in files
                              if name.startswith(("server/core/", "client/src/")) and (ROOT / name).is_file())
for folder, count in folders.items():
    if count > FOLDER_FILES_MAX:
        complain(ROOT / folder, 1, f"{count} files in one folder (at most {FOLDER_FILES_MAX})")

for problem in problems:
    print(problem)
print(f"tidy: {len(problems)} problems")
bad_language = language.main([])
sys.exit(1 if problems or bad_language else 0)
