#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the pictures and the tables of docs/speed from the results there: picture.py [--check] DIRECTORY.

Reads numbers.json, matrix.json and scaling.json, writes a picture of each, and puts tables into README.md and
growth.md between two marks. With --check nothing is written; what is stale is named, and the exit status is 1.
"""
import html
import json
import math
import pathlib
import re
import sys

STYLE = """<style>
svg { font: 12px system-ui, sans-serif; }
.ground { fill: #ffffff; } text { fill: #1f2328; } .faint { fill: #59636e; } .rule { stroke: #d1d9e0; }
.ok { fill: #2f81b7; } .missed { fill: #c4572f; } .free { fill: #8c959f; } .bound { stroke: #1f2328; stroke-width: 2; }
.cell { fill: #2f81b7; } .behind { fill: #c4572f; }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; } text { fill: #e6edf3; } .faint { fill: #9198a1; } .rule { stroke: #3d444d; }
.ok { fill: #4493c8; } .missed { fill: #d9734e; } .free { fill: #6e7681; } .bound { stroke: #e6edf3; }
.cell { fill: #4493c8; } .behind { fill: #d9734e; }
}
</style>"""
EDGE = 4.0  # ratios beyond it are printed as numbers
BEGIN, END = "<!-- {}: made by ./run bench publish -->", "<!-- end of {} -->"
BESIDE_PEERS = "Ratios of agora to its peers; the stroke is the bound; red: missed. Right is more, which is worse for 'at most'"
GROWTH = "How many times longer a call takes than with the least of its kind; to the right of 1: dearer"


def short(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def svg(width, height, label, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
    ground = f'<rect class="ground" width="{width}" height="{height}"/>'
    return "\n".join([head, STYLE, ground, *parts, "</svg>"]) + "\n"


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">{html.escape(words)}</text>'


def state(figure):
    return {True: "ok", False: "missed", None: "free"}[figure.get("ok")]


def bound(figure):
    if "at_least" in figure:
        return f"at least {short(figure['at_least'])}"
    return f"at most {short(figure['at_most'])}" if "at_most" in figure else ""


def group(figure):
    """Returns the heading of a group of rows."""
    return re.sub(r"^(tcp|unix|large|json|etcd)-.*", r"\1", figure["row"])


HEADINGS = {
    "tcp": "get and set over TCP", "unix": "get and set over the Unix socket", "queue": "queue", "lock": "lock",
    "etcd": "lock", "round-trip": "one blocking client", "growth": "many entries", "flood": "one floods, 50 are polite",
    "connections": "connections", "entries": "entries of a dict", "objects": "objects", "waiters": "calls that wait",
    "sizes": "bytes of a value", "large": "large values", "json": "JSON", "hand-over": "hand-over to a waiting process",
}


def bars_picture(figures, title):
    """Draws bars of ratios on a logarithmic scale that begin at 1 and are clipped at EDGE; a stroke is the bound."""
    figures = [each for each in figures if "theirs" in each and each["measured"] > 0]
    left, width, row_height = 270, 1080, 20
    middle, half = left + 190, 180

    def place(ratio):
        return middle + half * max(-1.0, min(1.0, math.log(ratio) / math.log(EDGE)))

    parts, y, heading = [], 40, None
    for figure in figures:
        now = HEADINGS.get(group(figure), group(figure))
        if now != heading:
            heading, y = now, y + 28
            parts.append(text(12, y - 8, now, "faint"))
        x, one, kind = place(figure["measured"]), middle, state(figure)
        parts.append(text(12, y + 9, f"{figure['what']}"))
        parts.append(f'<rect class="{kind}" x="{min(x, one):.1f}" y="{y}" width="{max(abs(x - one), 1):.1f}" height="12"/>')
        limit = figure.get("at_least", figure.get("at_most"))
        if limit:
            parts.append(f'<line class="bound" x1="{place(limit):.1f}" x2="{place(limit):.1f}" y1="{y - 2}" y2="{y + 14}"/>')
        verdict = f"{short(figure['measured'])} x {figure['peer']}" + (f", {bound(figure)}" if limit else "")
        parts.append(text(left + 390, y + 10, verdict + (" (missed)" if kind == "missed" else "")))
        y += row_height
    rule = f'<line class="rule" x1="{middle}" x2="{middle}" y1="44" y2="{y}"/>'
    parts = [text(12, 24, title), text(middle, 40, "1 x", "faint", "middle"), rule] + parts
    return svg(width, y + 12, title, parts)


def matrix_picture(figures):
    """Draws a field for each cell: the ratio to Redis; the deeper the colour, the farther from 1."""
    cells, rows, columns = {}, [], []
    for figure in figures:
        work, way, connections, pipeline, *size = figure["row"].split()
        row, column = " ".join([work, way, *size]), f"{connections} {pipeline}"
        if row not in rows:
            rows.append(row)
        if column not in columns:
            columns.append(column)
        if figure.get("peer", "Redis") == "Redis":
            cells[row, column] = figure.get("measured")
    left, top, wide, high = 150, 62, 84, 20
    parts = [text(12, 24, "agora beside Redis: ratio of requests a second; c = connections, p = pipeline")]
    for c, column in enumerate(columns):
        parts.append(text(left + c * wide + wide / 2, top - 8, column, "faint", "middle"))
    for r, row in enumerate(rows):
        parts.append(text(12, top + r * high + 14, row))
        for c, column in enumerate(columns):
            ratio = cells.get((row, column))
            x, y = left + c * wide, top + r * high
            if ratio:
                depth = min(abs(math.log2(ratio)), 2) / 2 * 0.75
                kind = "cell" if ratio >= 1 else "behind"
                parts.append(f'<rect class="{kind}" fill-opacity="{depth:.2f}" x="{x}" y="{y}" width="{wide - 2}" height="{high - 2}"/>')
            words = f"{short(ratio)} x" if ratio else "–"
            parts.append(text(x + wide / 2, y + 14, words, "", "middle"))
    return svg(max(left + len(columns) * wide + 12, 640), top + len(rows) * high + 12, "agora beside Redis, the whole matrix", parts)


def numbers_table(run):
    machine = run["machine"]
    lines = [f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['kernel']}; {run['rounds']} rounds.", "",
             "| what | agora | beside | measured | wanted | |", "| --- | --- | --- | --- | --- | --- |"]
    for figure in run["figures"]:
        if "measured" not in figure:
            lines.append(f"| {figure['what']} | | | | | {figure['note']} |")
            continue
        unit = figure["unit"]
        ratio = "peer" in figure
        beside = f"{figure['peer']} {short(figure['theirs'])} {unit}" if ratio else ""
        measured = f"{short(figure['measured'])} {'x' if ratio else unit}"
        verdict = {"ok": "ok", "missed": "**missed**", "free": ""}[state(figure)]
        note = "; ".join(filter(None, [verdict, figure.get("note", "")]))
        lines.append(f"| {figure['what']} | {short(figure['ours'])} {unit} | {beside} | {measured} | {bound(figure)} | {note} |")
    return "\n".join(lines)


def scaling_table(run):
    lines = ["| | time of a call | beside | times dearer | latency |", "| --- | --- | --- | --- | --- |"]
    for figure in run["figures"]:
        ours, theirs = (f"{short(figure[each])} us" for each in ("ours", "theirs"))
        lines.append(f"| {figure['what']} | {ours} | {figure['peer']}: {theirs} | {short(figure['measured'])} x | {figure['note']} |")
    return "\n".join(lines)


def page_with(page, name, table):
    begin, end = BEGIN.format(name), END.format(name)
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}"


def products(directory):
    """Yields each generated file and its content."""
    numbers, matrix, scaling = (json.loads((directory / f"{name}.json").read_text())
                                for name in ("numbers", "matrix", "scaling"))
    yield directory / "numbers.svg", bars_picture(numbers["figures"], BESIDE_PEERS)
    yield directory / "matrix.svg", matrix_picture(matrix["figures"])
    yield directory / "scaling.svg", bars_picture(scaling["figures"], GROWTH)
    page, growth = directory / "README.md", directory / "growth.md"
    yield page, page_with(page.read_text(), "numbers", numbers_table(numbers))
    yield growth, page_with(growth.read_text(), "scaling", scaling_table(scaling))


def main(arguments):
    check = arguments[:1] == ["--check"]
    directory = pathlib.Path(arguments[-1])
    stale = [(path, content) for path, content in products(directory)
             if not path.exists() or path.read_text() != content]
    for path, content in stale:
        if check:
            print(f"{path} is stale: run {sys.argv[0]} {directory}")
        else:
            path.write_text(content)
    return 1 if check and stale else 0


if __name__ == "__main__":
    if not sys.argv[1:] or len(sys.argv) > 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
