#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes src/decode/ and src/agg/, one thing at a time, and counts what no test notices.

usage: mutation.py [--count N] [--seed N] [--folder NAME]... [--file NAME] [--test NAME]...
                   [--slowest SECONDS] [--most TESTS] [--jobs N] BUILD

BUILD is a build directory of this source, and stays as it is. BUILD/coverage becomes another one,
which tells which tests run a changed line; those are given the changed program, the quick ones
first, until one fails. Without --test these are the tests of the suites unit, golden and cli, and the
oracles of what is counted. The sample depends on --seed and the sources alone.

equivalent.txt lists the changes that change nothing that a test could see, each with the reason.
Left are the survivors: each is an assertion that is missing. The results are in BUILD/mutation.json.

Exit status: 1 if there are survivors, or if equivalent.txt speaks of what is no longer there.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(HERE))

import finder  # noqa: E402
import lines  # noqa: E402
import program  # noqa: E402

FOLDERS = ("decode", "agg")
SUITES = {"unit", "golden", "cli"}
# What else judges the numbers of decode/ and agg/.
ORACLES = {"matrix", "filters", "oracle-counts", "pages", "locality-oracle", "percpu-oracle",
           "oracle-tally", "pairing-recorded", "pairing-generated", "ringbuf-kbuffer",
           "event-formats", "perfdata-variants", "text-report", "text-layouts"}
# Not side by side with others, or sooner or later: they take long, and are given only what they
# alone run.
SLOW = {"faults-memory", "damage-special"}
# Of a test that takes 2 s on an idle machine: 30 s
TIMES, MORE_SECONDS = 10, 10
KILLED, SURVIVED, EXPLAINED, SAME, INVALID = \
    "noticed", "not noticed", "explained", "the same code", "not C"


def say(*words):
    print(*words, flush=True)


def read_equivalent(path):
    """{(file, function, before, after): reason}; after "*" stands for any change of the line.

    A paragraph each: "FILE FUNCTION", "- LINE", one or more "+ CHANGED LINE", the reason.
    """
    reasons = {}
    text = re.sub(r"(?m)^#.*\n", "", path.read_text(encoding="utf-8"))
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        rows = [row.strip() for row in paragraph.splitlines()]
        if not rows or not rows[0]:
            continue
        name, _, function = rows[0].partition(" ")
        before = [row[2:].strip() for row in rows if row.startswith("- ")]
        after = [row[2:].strip() for row in rows if row.startswith("+ ")]
        reason = " ".join(row for row in rows[1:] if not row.startswith(("- ", "+ ")))
        if not before or not after or not reason:
            sys.exit(f"{path.name}: no line, no change or no reason: {rows[0]}: {before}")
        for line in before:
            for change in after:
                reasons[(name, function, line, change)] = reason
    return reasons


def reason_of(reasons, mutant, used):
    name, function, before, after = mutant.key()
    for change in (after, "*"):
        key = (name, function, before, change)
        if key in reasons:
            used.add(key)
            return reasons[key]
    return None


class Trial:
    """Compiles, links, and tests mutants."""

    def __init__(self, build, tests, covered, all_tests, texts=None, most=None):
        self.build, self.tests, self.covered = build, tests, covered
        # as they were at the start: they can be edited meanwhile
        self.texts = texts or {}
        self.most = most
        self.all_tests = all_tests
        self.lock = threading.Lock()
        self.originals, self.killers = {}, collections.defaultdict(collections.Counter)

    def order(self, mutant):
        """The tests for a mutant: what noticed others of this file, unit tests, then by time."""
        if self.all_tests:
            names = set(self.tests)
        else:
            names = self.covered.tests_of(mutant.path, mutant.line) & set(self.tests)
            if names - SLOW:
                names -= SLOW
        with self.lock:
            killers = self.killers[mutant.path].copy()
        seconds = self.covered.seconds if self.covered else {}
        order = sorted(names, key=lambda name: (-killers[name] / (0.2 + seconds.get(name, 1)),
                                               not name.startswith("unit-"),
                                               seconds.get(name, 1), name))
        return order[:self.most]

    def text_of(self, name):
        if name not in self.texts:
            self.texts[name] = (TOP / name).read_text(encoding="utf-8")
        return self.texts[name]

    def objects_of(self, name, text, folder):
        """The objects of a changed file, or why there are none."""
        known = self.originals.get(name)
        if known is None:
            objects = self.build.compile_changed(name, self.text_of(name), folder)
            known = self.originals[name] = [pathlib.Path(path).read_bytes() for path in objects]
        objects = self.build.compile_changed(name, text, folder)
        if objects is None:
            return INVALID, None
        if [pathlib.Path(path).read_bytes() for path in objects] == known:
            return SAME, None
        return None, objects

    def run_test(self, name, objects, folder, linked):
        """Whether the test fails, or the program cannot be linked."""
        test = self.tests[name]
        replaced = {}
        for word, path in test.programs.items():
            if path not in linked:
                linked[path] = self.build.link_changed(path, objects, folder)
            if linked[path] is None:
                return "no program"
            replaced[word] = linked[path]
        seconds = (self.covered.seconds.get(name, 5) if self.covered else 5) * TIMES + MORE_SECONDS
        with tempfile.TemporaryDirectory(prefix="kmemstat-mutation-",
                                         ignore_cleanup_errors=True) as tmp:
            status = test.run(replaced, seconds, tmp)
        return None if status == 0 else status

    def try_text(self, name, text, tests):
        """Returns (outcome, what noticed it) of a changed file."""
        with tempfile.TemporaryDirectory(prefix="kmemstat-mutation-") as folder:
            outcome, objects = self.objects_of(name, text, folder)
            if outcome:
                return outcome, ""
            linked = {}
            for test in tests:
                status = self.run_test(test, objects, folder, linked)
                if status is not None:
                    with self.lock:
                        self.killers[name][test] += 1
                    return KILLED, f"{test} ({status})"
        return SURVIVED, ""

    def try_one(self, mutant):
        changed = finder.apply(self.text_of(mutant.path), mutant)
        return self.try_text(mutant.path, changed, self.order(mutant))

    def sane(self, jobs):
        """Drops the tests that fail with a program that was linked the same way, unchanged."""
        name = sorted(self.build.compile)[0]
        text = self.text_of(name)
        with tempfile.TemporaryDirectory(prefix="kmemstat-mutation-") as folder:
            objects = self.build.compile_changed(name, text, folder)
            linked = {path: self.build.link_changed(path, objects, folder)
                      for test in self.tests.values() for path in test.programs.values()}
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                names = sorted(self.tests)
                statuses = list(pool.map(
                    lambda test: self.run_test(test, objects, folder, linked), names))
            for test, status in zip(names, statuses):
                if status is not None:
                    say(f"{test}: left out: it fails with nothing changed ({status})")
                    del self.tests[test]


def sample(args):
    """The mutants to try, COUNT of each folder; all there are; the texts of their files."""
    rng = random.Random(args.seed)
    chosen, every, texts = [], [], {}
    for folder in args.folder or FOLDERS:
        found = []
        for path in sorted((TOP / "src" / folder).glob("*.[ch]")):
            name = str(path.relative_to(TOP))
            texts[name] = path.read_text(encoding="utf-8")
            found += finder.mutants_of(name, texts[name])
        every += found
        found = [mutant for mutant in found if not args.file or mutant.path.endswith(args.file)]
        say(f"src/{folder}: {len(found)} mutants, {min(args.count, len(found))} of them are tried")
        order = {mutant: number for number, mutant in enumerate(found)}
        chosen += sorted(rng.sample(found, min(args.count, len(found))), key=order.get)
    return chosen, every, texts


def build_with_coverage(path):
    commands = [] if (path / "build.ninja").exists() else [
        ["meson", "setup", "--buildtype=debug", "-Doptimization=1", "-Db_coverage=true",
         "-Dc_args=-fprofile-update=prefer-atomic", str(path), str(TOP)]]
    for command in commands + [["ninja", "-C", str(path)]]:
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}:\n{done.stdout[-4000:]}")


def find_lines(args, tests):
    build_with_coverage(args.coverage)
    build = program.Build(args.coverage, TOP)
    pattern = re.compile(r"(" + "|".join(FOLDERS) + r")_\w+\.c\.gcda")
    there = {test.name: test for test in build.tests(SUITES, ORACLES | SLOW)}
    return lines.find(build, [there[name] for name in tests if name in there], pattern,
                      args.coverage / "lines.json", say)


def report(args, results, stale):
    counts = collections.Counter(outcome for _, outcome, _ in results)
    say()
    for mutant, outcome, why in results:
        if outcome == SURVIVED:
            say(f"{mutant}")
            if why:
                say(f"\t{why}")
    for key in stale:
        say(f"equivalent.txt: there is no such change: {key[0]} {key[1]}\n\t- {key[2]}\n\t+ {key[3]}")
    for folder in args.folder or FOLDERS:
        here = collections.Counter(outcome for mutant, outcome, _ in results
                                   if mutant.path.startswith(f"src/{folder}/"))
        judged = here[KILLED] + here[SURVIVED]
        say(f"src/{folder}: {here[KILLED]} of {judged} noticed"
            f" ({100 * here[KILLED] / judged if judged else 100:.1f}%), {here[SURVIVED]} not,"
            f" {here[EXPLAINED]} explained, {here[SAME]} the same code, {here[INVALID]} not C")
    (args.build / "mutation.json").write_text(json.dumps(
        [{"file": m.path, "line": m.line, "function": m.function, "before": m.before.strip(),
          "after": m.after.strip(), "outcome": outcome, "by": why}
         for m, outcome, why in results], indent=1) + "\n", encoding="utf-8")
    return 1 if counts[SURVIVED] or stale else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40, help="mutants of each folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", action="append", choices=FOLDERS)
    parser.add_argument("--file", help="only files whose name ends so")
    parser.add_argument("--test", action="append", help="this test alone, whatever it runs")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--slowest", type=float, default=20,
                        help="seconds that a test may take with coverage to be used")
    parser.add_argument("--most", type=int, help="tests for a mutant: the first so many")
    parser.add_argument("--coverage", type=pathlib.Path, help="instead of BUILD/coverage")
    parser.add_argument("--equivalent", type=pathlib.Path, default=HERE / "equivalent.txt")
    parser.add_argument("build", type=pathlib.Path)
    args = parser.parse_args()
    args.coverage = args.coverage or args.build / "coverage"
    return args


def main():
    args = parse()
    reasons = read_equivalent(args.equivalent)
    build = program.Build(args.build, TOP)
    chosen, every, texts = sample(args)
    tests = {test.name: test for test in build.tests(SUITES, ORACLES | SLOW) if test.programs}
    if args.test:
        tests = {name: tests[name] for name in args.test}
        covered = None
    else:
        covered = find_lines(args, tests)
        tests = {name: test for name, test in tests.items()
                 if covered.seconds.get(name, args.slowest + 1) <= args.slowest or
                 name in SLOW & set(covered.seconds)}
    trial = Trial(build, tests, covered, bool(args.test), texts, args.most)
    trial.sane(args.jobs)
    say(f"{len(trial.tests)} tests")
    used, start = set(), time.monotonic()
    # what equivalent.txt says of lines that are there
    for mutant in every:
        reason_of(reasons, mutant, used)
    stale = sorted(key for key in reasons if key not in used and
                   key[0].split("/")[1] in (args.folder or FOLDERS))
    results = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        def one(mutant):
            why = reason_of(reasons, mutant, set())
            return (mutant, EXPLAINED, why) if why else (mutant, *trial.try_one(mutant))
        for number, result in enumerate(pool.map(one, chosen), 1):
            results.append(result)
            if result[1] == SURVIVED:
                say(f"{number}: {result[0]}")
            elif number % 20 == 0:
                say(f"{number} of {len(chosen)}, {time.monotonic() - start:.0f} s")
    return report(args, results, stale)


if __name__ == "__main__":
    sys.exit(main())
