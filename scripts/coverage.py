#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the tests in a build with coverage and tells how many lines of each folder they run.

usage: coverage.py [--no-tests] [--suite NAME]... [--floor PERCENT] [--not-run WORD] BUILD

BUILD is a build directory of this source; BUILD/coverage becomes another one. All tests run but
guests, fuzzing and what does not run the program; those that fail or are slower than they may be are
told, and their lines count all the same. --suite runs these suites alone, --no-tests none: then the
counts of the last run are shown again.

Exit status: 1 if a folder of FLOORS is under its floor, 2 if something could not be run.
"""

import argparse
import collections
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests/lib"))

import gcov  # noqa: E402
import tracefs  # noqa: E402

# Folders that read what strangers wrote, and count it: so many percent of the lines at least.
FLOORS = {"source": 90, "decode": 90, "agg": 90}
NOT_RUN = ("guest", "fuzz", "man", "sources")
# These kill processes, some of them while they write their counts, and then those of all tests before
# are lost: their own are added to what is kept of the others.
KILLING = ("damage", "live")
KEPT = "counts-of-the-others"
# Instrumented code is slower.
TIMES = "5"


def run(command, **options):
    done = subprocess.run(command, check=False, **options)
    if done.returncode:
        print(f"{' '.join(map(str, command))}: status {done.returncode}", file=sys.stderr)
        if done.stdout:
            print(done.stdout[-4000:], file=sys.stderr)
        sys.exit(2)
    return done.stdout


def build(folder):
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    if not (folder / "build.ninja").exists():
        # -O1: lines stay apart, and tests with a time limit end in time; threads count, too
        run(["meson", "setup", "--buildtype=debug", "-Doptimization=1", "-Db_coverage=true",
             "-Dc_args=-fprofile-update=prefer-atomic", folder, TOP], **quiet)
    run(["ninja", "-C", folder], **quiet)


def run_suites(folder, which):
    done = subprocess.run(["meson", "test", "-C", folder, "--no-rebuild", "--timeout-multiplier",
                           TIMES, *which], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    for line in done.stdout.splitlines():
        if "kmemstat:" in line and " OK " not in line or line.startswith(("Ok:", "Fail:")):
            print(line, flush=True)


def keep_counts(folder):
    for path in [*folder.glob("src/**/*.gcno"), *folder.glob("src/**/*.gcda")]:
        kept = folder / KEPT / path.relative_to(folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)


def run_tests(folder, suites):
    shutil.rmtree(folder / KEPT, ignore_errors=True)
    for path in folder.rglob("*.gcda"):
        path.unlink()
    # tests that run the program as a plain user count, too
    os.umask(0)
    for path in folder.rglob("*.p"):
        path.chmod(0o777)
    if suites:
        run_suites(folder, [f"--suite={name}" for name in suites])
        return
    run_suites(folder, [f"--no-suite={name}" for name in NOT_RUN + KILLING])
    keep_counts(folder)
    run_suites(folder, [f"--suite={name}" for name in KILLING])


def summary(folder):
    """{file: Counts} of src/; what was never run is there, too."""
    objects = [*folder.glob("src/**/*.gcno"), *(folder / KEPT).glob("src/**/*.gcno")]
    return {name: counts for name, counts in gcov.read(folder, TOP, objects, True).items()
            if name.startswith("src/")}


def percent(part, whole):
    return 100 * part / whole if whole else 100.0


def table(files):
    """Prints a row a folder. Returns whether all are over their floors."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for name, counts in files.items():
        row = len(counts.lines), len(counts.run()), len(counts.branches), counts.taken()
        for folder in (name.split("/")[1], "all"):
            for i, count in enumerate(row):
                sums[folder][i] += count
    good = True
    print(f"{'folder':<10} {'lines':>7} {'run':>7} {'':>7} {'branches':>9}")
    for folder in sorted(sums, key=lambda name: (name == "all", name)):
        total, covered, branches, taken = sums[folder]
        under = percent(covered, total) < FLOORS.get(folder, 0)
        good = good and not under
        word = f"  under the floor of {FLOORS[folder]}%" if under else ""
        print(f"{folder:<10} {total:>7} {covered:>7} {percent(covered, total):6.1f}% "
              f"{percent(taken, branches):8.1f}%{word}")
    missing = sorted(set(FLOORS) - set(sums))
    for folder in missing:
        print(f"{folder}: no line of it was counted")
    least = sorted((percent(len(counts.run()), len(counts.lines)), name, len(counts.lines))
                   for name, counts in files.items())
    print("least covered:")
    for part, name, total in least[:12]:
        print(f"  {part:5.1f}% of {total:4} lines  {name}")
    return good and not missing


def not_run(files, word):
    """Prints the lines that no test ran of the files whose name has this word."""
    for name, counts in sorted(files.items()):
        if word not in name:
            continue
        text = (TOP / name).read_text(encoding="utf-8").splitlines()
        for number in sorted(set(counts.lines) - counts.run()):
            print(f"{name}:{number}: {text[number - 1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-tests", action="store_true")
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("--floor", type=float, help="of each folder that has one")
    parser.add_argument("--not-run", metavar="WORD",
                        help="prints the lines not run in files whose name has the word")
    parser.add_argument("build", type=pathlib.Path)
    args = parser.parse_args()
    folder = args.build.resolve() / "coverage"
    if args.floor is not None:
        FLOORS.update({name: args.floor for name in FLOORS})
    if not args.no_tests:
        build(folder)
        tracefs.of_this_run()
        run_tests(folder, args.suite)
    files = summary(folder)
    if args.not_run:
        not_run(files, args.not_run)
    return 0 if table(files) else 1


sys.exit(main())
