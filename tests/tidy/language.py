#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts and refuses what docs/internals/style.md forbids in the language of sources and pages:
comments without a named actor, openings such as "What" or "Who", and retired words.

usage: language.py [PATH...]   prints each place, then the figures; exit status 1 if there are any
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNNAMED = re.compile(
    r"\b(whoever|nobody|somebody|what (is|was|are|were|it|has|he|they)|those (who|that|whose|of)"
    r"|who (is|was|has|waits|holds|calls|asks|takes|reads|writes|comes|connects))\b", re.I)
OPENING = re.compile(r"^\s*//[/!<]*\s*(What|Who|Whose|Whoever|Those|Of) ")
UNNAMED_PER_1000_MAX = 0.5

# Words that the glossary retires, with the field's term. Each is a pattern that a correct text in
# this repository never matches; \b and the case are those of the pattern.
RETIRED = [
    (r"\b[Ss]tor(y|ies)\b|\bSTOR(Y|IES)\b", "transcript"),
    (r"\bFLOORS\b|\b[Ff]loors\b|\b(lower|upper|higher|each|every|one|own|which) floor\b", "layer"),
    (r"\b[Rr]ooms\b|\broom by room\b|\b(pure|each|own|source) room\b|\broom_of\b", "module, layer"),
    (r"\b\w+_door\b|\b[Dd]oors\b|\b(every|each|core|wire|own) door\b|\bDoor\b", "transport"),
    (r"\bGround\b|\b(every|each|which|other|both) grounds?\b", "backend"),
    (r"[Ff]oresight|[Ff]oresee|[Ff]oreseen|look_far|look_near", "prefetcher, prefetch"),
    (r"\bglances?\b|\bglance_at\b", "read"),
    (r"\bLook::|shm::Look\b|\blook_up\b|\blook_for\b", "ReadResult, try_get"),
    (r"\b(seen_|last_)?windows?_?\b(?= on |->|\.)|\bWindow\b", "ObjectView, view"),
    (r"\blet_go\b|\bowner_slot\b|\breturn_slot\b|\brevive[sd]?\b", "unlocate, acquire_slot, release_slot, redrive"),
    (r"\bring_bell\b|\bhear_bells\b|\bawait_bell\b|\bBell\b|(?<!door)\bbells?\b", "doorbell"),
    (r"\bPatience\b|\bkHope\b|\bin vain\b", "adaptive spin, miss"),
    (r"\bafar\b|_afar\b|\bafar_", "threadsafe"),
    (r"\bTeller\b|\bteller\b", "callback thread"),
    (r"\bDialogueHall\b|\bhall_?\b", "context"),
    (r"\bshort way\b|\bstep_quick\b|\bQuickCall\b|_quick\b|\bquick_", "fast path"),
    (r"\bfad(e|es|ing)\b|\bfade_\w+|\bfading_", "expire, retention"),
    (r"\b[Ff]arewell\b", "final notice"),
    (r"\bbur(y|ies|ied)\b|\bkBury\w+", "reclaim"),
    (r"\b[Cc]ircles?\b|_circles?\b|\bcircle_", "cycle"),
    (r"\b[Ss]uspicion\b|\bsuspects?_?\b", "mark of trial deletion"),
    (r"\b[Ss]igns? of life\b|sign_of_life", "heartbeat"),
    (r"\bprocess_die[sd]\b", "process_exited, process_drained"),
    (r"\bhands_out\b|\bhand-outs?\b|\bhanded_\b", "delivers, deliveries"),
    (r"\b(free_)?unheard_?\b", "is_notification"),
    (r"\bwhen_it_stands\b|\bwhen_it_is_over\b", "on_commit, on_finish"),
    (r"\bLockWay\b|\bEndings\b|\bSignalEnding\b|\bOwnerEnding\b", "LockMethods, SignalWatcher, ParentWatcher"),
    (r"\bsettle_share\b|\bweigh_answer\b|\bstep_aside\b|\bmend_overflows\b|\bcame_again\b",
     "adapt_batch_size, backoff_with_jitter, clamp_overflows, rebind_resent_call"),
    (r"\bjson_words\b|\blost_replies\b|\bwhole_manager\b|\bcontest\b|\bcrowds\b|\bdialects?\b",
     "extended_json, retry_semantics, manager, comparison, many_connections, protocol"),
    (r"\bwrite_who\b|\bwho_text\b|\bpeople\.(hpp|cpp)\b", "write_session, format_session"),
    (r"\b[Aa]nswers?\b|\b\w*_answer(s|ed)?\b|\banswer(s|ed)?_\w*|\b\w*[a-z]Answer\w*\b|\bAnswer\w+\b",
     "reply (the verb \"is answered\" is fine)"),
    (r"\bthe begin\b", "the start"),
]
RETIRED = [(re.compile(pattern), term) for pattern, term in RETIRED]
# Where a retired word is the subject: the words themselves, and calls by their former names.
EXCEPT = ("tests/tidy/language.py", "docs/internals/glossary.md", "tests/transcripts/renamed_methods.txt",
          "docs/speed/", "LICENSE", "CHANGELOG.md")
SOURCES = ("server/", "client/", "shared/")


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                         capture_output=True, text=True, check=True).stdout
    return [name for name in out.split("\n") if name and (ROOT / name).is_file()]


def blocks(lines):
    """Comment blocks: consecutive lines that begin with //, each with its first line's number."""
    block, first = [], 0
    for number, line in enumerate(lines + [""], 1):
        if line.lstrip().startswith("//"):
            if not block:
                first = number
            block.append(line.lstrip().lstrip("/!<").strip())
        elif block:
            yield first, " ".join(block)
            block = []


def main(paths):
    problems, unnamed, openings, retired, words = [], 0, 0, 0, 0
    for name in tracked():
        if paths and not any(name == path or name.startswith(path.rstrip("/") + "/") for path in paths):
            continue
        if name.startswith(EXCEPT) or not re.search(r"\.(hpp|cpp|py|sh|md|txt|cmake|in|pml|json)$|^run$", name):
            continue
        lines = (ROOT / name).read_text(errors="replace").split("\n")
        if name.startswith(SOURCES) and name.endswith((".hpp", ".cpp")):
            for first, text in blocks(lines):
                words += len(text.split())
                for match in UNNAMED.finditer(text):
                    unnamed += 1
                    problems.append(f"{name}:{first}: no named actor: \"{match.group(0)}\"")
        for number, line in enumerate(lines, 1):
            if name.endswith((".hpp", ".cpp")) and OPENING.match(line):
                openings += 1
                problems.append(f"{name}:{number}: opens with {line.strip()[:40]!r}")
            if ".formerly = " in line:
                continue
            for pattern, term in RETIRED:
                match = pattern.search(line)
                if match:
                    retired += 1
                    problems.append(f"{name}:{number}: \"{match.group(0)}\" is retired: {term}")
    rate = 1000.0 * unnamed / max(words, 1)
    for problem in problems:
        print(problem)
    print(f"language: {words} words of comment, {unnamed} unnamed actors ({rate:.2f} per 1,000), "
          f"{openings} openings, {retired} retired words")
    return openings > 0 or retired > 0 or rate > UNNAMED_PER_1000_MAX


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
