#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged traces are refused, or the damage is told, or it is in what nothing can check.

usage: mutants.py MUTANTS KMEMSTAT TESTDATA cut|flip [--flips N] [--seed N] [NAME...]

cut   every prefix of a small trace of every kind
flip  N copies of each, one bit flipped in each (10000 make a full run; --table shows more)

Copies are read in one process after the other, thousands in a second, by the program MUTANTS, which
tells what was read differently with no word about damage. Here that is held against what the byte
is: only some differences are possible in each, and none is a lost event. What a trace.dat and the
lines of a text may change is in the tables below; a sample of copies goes through the real program
besides. Speaks TAP.
"""

import argparse
import collections
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("lib", "", "fuzz")]

import damage  # noqa: E402
import regions  # noqa: E402
import seeds  # noqa: E402

SAMPLE = 40  # copies of each that the program reads

# What may be read differently, with no word: region of a trace.dat -> changes. Values of an event
# are payload, as are times, names, and what the recorder counted. `count` is that of a CPU.
ALLOWED = {
    "field call_site": {"site"},
    "field ptr": {"ptr"},
    "field bytes_req": {"size"},
    "field bytes_alloc": {"size"},
    "field gfp_flags": {"more"},
    "field node": {"more"},
    "field common_pid": {"pid"},
    # deltas add up: all that follows in the page moves
    "event head": {"time"},
    "event time": {"time"},
    "page time": {"time"},
    "page lost": {"lost"},
    # the flags of losses; and fewer bytes, if they end behind an event: what follows is what was
    # in the page before
    "page commit": {"lost", "count", "time"},
    "kallsyms": {"symbols"},
    "cmdlines": {"comms"},
    "option": {"info", "time"},  # clock shifts too
    "option clock": {"info", "time"},
    "buffer name": {"info"},
    "compression version": set(),
    # an option that a later trace-cmd may have
    "option number": {"info", "comms", "symbols", "flags"},
    # a field that not all kernels have is one that is not known
    "format field name": {"more", "cache"},
    "format print fmt": {"flags", "more"},
    # which CPU it was
    "CPU number": {"cpu", "info"},
}
# of what does not look like this region there is nothing to be read differently
NOTHING = set()


def traces(testdata):
    """name -> (bytes, regions or None)"""
    found = {}
    for name, (data, _) in damage.tiny_files(testdata).items():
        found[name] = data, None if "z" in name else regions.TraceDat(data)
    tests = seeds.perfdata
    for name in tests.TINY:
        found[f"perf-{name}"] = tests.tiny(testdata, name)[0], None
    for name, data in seeds.seeds_text(testdata, None).items():
        # whole lines
        found[f"text-{name}"] = data[:data.rindex(b"\n", 0, 3000) + 1], None
    return found


def judge_flip(name, trace, place, changes, events):
    """What is wrong with these changes, or None."""
    data, known = trace
    if known:
        region = known.name_of(place // 8)
        more = changes - ALLOWED.get(region, NOTHING)
        return f"{region}: {' '.join(sorted(more))}" if more else None
    # A line of a text is one event, and so is a record of a perf.data; all of it is payload. But one
    # clock, one symbol and one task are those of many events.
    alike = {"time", "site", "symbols", "comms", "info"}
    # the frames of a text are what their symbols say
    if name.startswith("text-") and "symbols" in changes:
        alike |= {"stack"}
    if name.startswith("perf-"):
        # no event is lost by a wrong length, but one of data that nothing describes
        if changes & {"count", "others"} and place // 8 not in AUX_LENGTHS[name]:
            return f"{events} events: {' '.join(sorted(changes))}"
        # the name of a field in its formats
        alike |= {"more"} | changes & {"count", "others"}
    # a stack that is on another CPU is that of another event
    if "z" not in name and events > (2 if changes == {"stack"} else 1) and changes - alike:
        return f"{events} events: {' '.join(sorted(changes))}"
    return None


def judge_cut(name, trace, place, changes, _events):
    data, _ = trace
    # between two lines or records nothing tells that there were more
    if name.startswith("text-") and not data[:place].rsplit(b"\n", 1)[-1].strip():
        return None
    if name.startswith("perf-") and changes <= {"count", "others", "time", "info", "comms"}:
        return None if place in BOUNDARIES.get(name, ()) else "cut within a record"
    return " ".join(sorted(changes))


BOUNDARIES = {}
AUX_LENGTHS = {}  # places of the bytes of AUXTRACE records that say how much data is behind them


def aux_length(data, perf):
    at = data.find(perf.u(seeds.pd.AUXTRACE, 4) + perf.u(1, 2) + perf.u(48, 2))
    return range(at + 8, at + 16) if at >= 0 else ()


def run(mutants, path, args):
    done = subprocess.run([mutants, path, *args], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{path}: mutants: status {done.returncode}")
    *lines, total = done.stdout.splitlines()
    words = total.split()
    found = []
    for line in lines:
        place, *changes, events = line.split()
        found.append((int(place), set(changes), int(events)))
    return found, dict(zip(words[0::2], map(int, words[1::2])))


def sample(runner, trace, what, wrong):
    """The real program with some of the copies: status 0 or 3, and whole JSON."""
    data = trace[0]
    rand = random.Random(len(data))
    for _ in range(SAMPLE):
        damaged = bytearray(data)
        place = rand.randrange(len(data) * (1 if what == "cut" else 8))
        if what == "cut":
            del damaged[place:]
        else:
            damaged[place // 8] ^= 1 << place % 8
        pathlib.Path(runner.path).write_bytes(damaged)
        complaint, _ = runner.check()
        if complaint:
            wrong.append(f"{what} {place}, by the program: {complaint}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mutants")
    parser.add_argument("kmemstat")
    parser.add_argument("testdata", type=pathlib.Path)
    parser.add_argument("what", choices=("cut", "flip"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    tests = seeds.perfdata
    for name in tests.TINY:
        data, _, perf = tests.tiny(args.testdata, name)
        BOUNDARIES[f"perf-{name}"] = perf.boundaries
        AUX_LENGTHS[f"perf-{name}"] = aux_length(data, perf)
    found = {n: t for n, t in traces(args.testdata).items() if not args.names or n in args.names}
    failed = 0
    print(f"1..{len(found)}")
    with tempfile.TemporaryDirectory(prefix="kmemstat-mutants-") as tmp:
        runner = damage.Runner(args.kmemstat, tmp)
        path = os.path.join(tmp, "trace")
        for number, (name, trace) in enumerate(found.items(), 1):
            pathlib.Path(path).write_bytes(trace[0])
            how = ["cut"] if args.what == "cut" else ["flip", str(args.flips), str(args.seed)]
            changed, total = run(args.mutants, path, how)
            judge = judge_cut if args.what == "cut" else judge_flip
            wrong, table = [], collections.Counter()
            for place, changes, events in changed:
                bad = {c for c in changes if c == "late" or c.startswith("signal")}
                said = " ".join(bad) or judge(name, trace, place, changes, events)
                table[" ".join(sorted(changes))] += 1
                if said:
                    wrong.append(f"{args.what} {place}: {said}")
            sample(runner, trace, args.what, wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {name}, {args.what}: "
                  + ", ".join(f"{value} {key}" for key, value in total.items()))
            for line in wrong[:8]:
                print(f"# {line}")
            if args.table:
                for changes, count in table.most_common():
                    print(f"# {count:6} {changes}")
            failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
