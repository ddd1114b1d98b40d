#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Extracts the C++ programs of README.md and docs/**/*.md, for the build to compile and run.

usage: snippets.py --write DIR    writes each program to DIR/NAME.cpp, prints the names
       snippets.py --check        reports ```cpp blocks that are not whole programs

A program is a block fenced as ```cpp that begins with #include <agora/agora.hpp> and has a main().
A file in DIR is written only if its text has changed, which avoids needless compilation.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\s*$")


def pages(root=ROOT):
    found = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [page for page in found if page.is_file()]


def blocks(text, language):
    """Returns the fenced blocks of a language: (line number of the fence, text)."""
    found, start, kind, body = [], 0, None, []
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.match(line)
        if kind is None and fence:
            start, kind, body = number, fence.group(1), []
        elif kind is not None and line.startswith("```"):
            if kind == language:
                found.append((start, "\n".join(body) + "\n"))
            kind = None
        elif kind is not None:
            body.append(line)
    return found


def is_program(block):
    return block.startswith("#include <agora/agora.hpp>") and re.search(r"^int main\(", block, re.M)


def name_of(page, root, number):
    path = page.relative_to(root).with_suffix("")
    stem = re.sub(r"\W+", "_", str(path)).lower()
    return f"{stem}_{number}"


def programs(root=ROOT):
    """Returns name -> text, in the order of the pages."""
    found = {}
    for page in pages(root):
        whole = [body for _, body in blocks(page.read_text(), "cpp") if is_program(body)]
        for number, body in enumerate(whole, 1):
            found[name_of(page, root, number)] = body
    return found


def fragments(root=ROOT):
    return [f"{page.relative_to(root)}:{line}: a ```cpp block that is no whole program"
            for page in pages(root)
            for line, body in blocks(page.read_text(), "cpp") if not is_program(body)]


def write(folder, root=ROOT):
    folder.mkdir(parents=True, exist_ok=True)
    found = programs(root)
    for name, text in found.items():
        path = folder / f"{name}.cpp"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    for path in folder.glob("*.cpp"):
        if path.stem not in found:
            path.unlink()
    print(";".join(found))


def check():
    found = programs()
    problems = fragments()
    if not found:
        problems.append("no program was found in any page")
    for problem in problems:
        print(problem)
    print(f"{len(found)} programs, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"] and len(sys.argv) == 3:
        write(pathlib.Path(sys.argv[2]))
    elif sys.argv[1:] == ["--check"]:
        sys.exit(check())
    else:
        sys.exit(__doc__)
