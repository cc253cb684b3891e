#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""perf.data of any machine and recorder, whole and damaged.

usage: perfdata.py KMEMSTAT TESTDATA variants|truncate|flip [NAME]

variants  generated files: byte orders, sizes of long, sample_types, attrs, pipes, compression;
          every number, the order in time and the call chains against what was written
truncate  tiny files, cut at every byte
flip      the same with single bits flipped (seeded)
"""

import json
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "lib")]

import damage  # noqa: E402
import kmem  # noqa: E402
import matrix  # noqa: E402
import perfdata as pd  # noqa: E402
import ringbuf  # noqa: E402

BE = {"big_endian": True}
BE32 = {"big_endian": True, "long_bytes": 4}
LE32 = {"long_bytes": 4}
ODD = pd.PLAIN & ~pd.IDENTIFIER | pd.ADDR | pd.ID | pd.STREAM_ID
LATER = pd.BRANCH_STACK | pd.REGS_USER | pd.STACK_USER | pd.WEIGHT | pd.DATA_SRC
GROUP = pd.READ_GROUP | pd.READ_ENABLED | pd.READ_RUNNING | pd.READ_ID | pd.READ_LOST
SINGLE = pd.READ_ENABLED | pd.READ_RUNNING | pd.READ_ID | pd.READ_LOST

# name -> formats, layout, options of PerfData, options of Workload
VARIANTS = {
    "plain": ("6.1-x86_64", {}, {}, {}),
    "pipe": ("6.1-x86_64", {}, {"is_pipe": True}, {}),
    "big-endian": ("6.1-x86_64", BE, {}, {}),
    "pipe-big-endian": ("6.1-x86_64", BE, {"is_pipe": True}, {}),
    "32-bit": ("6.1-i386", LE32, {}, {}),
    "32-bit-64-bit-perf": ("6.1-i386", LE32, {"user_long": 8}, {}),
    "big-endian-32-bit": ("6.1-i386", BE32, {}, {}),
    "6.18-cache-names": ("6.18-x86_64", {}, {}, {}),
    "5.10-nodes": ("5.10-x86_64", {}, {}, {}),
    "several-attrs": ("6.1-x86_64", {}, {"sample_types": (
        pd.PLAIN, pd.PLAIN | pd.CALLCHAIN, pd.PLAIN & ~pd.PERIOD | pd.ADDR)}, {}),
    "several-attrs-big-endian": ("6.1-x86_64", BE, {"sample_types": (
        pd.PLAIN, pd.PLAIN | pd.CALLCHAIN, pd.PLAIN & ~pd.PERIOD | pd.ADDR)}, {}),
    "several-attrs-by-id": ("6.1-x86_64", {}, {"sample_types": (
        ODD, ODD | pd.CALLCHAIN, ODD | LATER)}, {}),
    "chains": ("6.1-x86_64", {}, {"sample_types": (pd.PLAIN | pd.CALLCHAIN,)}, {}),
    "chains-big-endian-32": ("6.1-i386", BE32, {"sample_types": (pd.PLAIN | pd.CALLCHAIN,)}, {}),
    "no-identifier": ("6.1-x86_64", {}, {"sample_types": (ODD,)}, {}),
    "without-cpu": ("6.1-x86_64", {}, {"sample_types": (pd.PLAIN & ~pd.CPU,)}, {}),
    "all-fields": ("6.1-x86_64", {}, {"sample_types": (ODD | LATER | pd.CALLCHAIN,)}, {}),
    "read-single": ("6.1-x86_64", {}, {"sample_types": (pd.PLAIN | pd.READ,),
                                       "read_format": SINGLE}, {}),
    "read-group": ("6.1-x86_64", BE, {"sample_types": (pd.PLAIN | pd.READ | pd.CALLCHAIN,),
                                      "read_format": GROUP}, {}),
    "no-sample-ids": ("6.1-x86_64", {}, {"sample_ids": False}, {"nr_cpus": 1}),
    "zstd": ("6.1-x86_64", {}, {"compression": 1}, {}),
    "zstd-pipe-big-endian": ("6.1-x86_64", BE, {"compression": 1, "is_pipe": True}, {}),
    "zstd-2": ("6.1-x86_64", {}, {"compression": 2}, {}),
    "zstd-2-pipe": ("6.1-x86_64", {}, {"compression": 2, "is_pipe": True}, {}),
    "one-round": ("6.1-x86_64", {}, {"round_events": 10**6}, {}),
    "short-rounds": ("6.1-x86_64", {}, {"round_events": 3}, {}),
    "lost": ("6.1-x86_64", {}, {}, {"losses": 0.02}),
    "many-cpus": ("6.1-x86_64", {}, {}, {"nr_cpus": 300}),
    "no-extras": ("6.1-x86_64", {}, {"extras": False}, {}),
}


def make(testdata, name):
    """-> (bytes, oracle, PerfData)"""
    formats, layout, options, more = VARIANTS[name]
    more = {"nr_cpus": 3, **more}
    load = kmem.Workload(ringbuf.Layout(**layout),
                         kmem.load_formats(os.path.join(testdata, "formats", formats)),
                         seed=len(name) * 104729, **more)
    pd.catch(load).add(1500)
    perf = pd.PerfData(load, **options)
    return perf.to_bytes(), load.oracle, perf


def slow_pipe(command, data, piece):
    """Feeds standard input in small pieces; the first ones with pauses."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    for at in range(0, len(data), piece):
        process.stdin.write(data[at:at + piece])
        process.stdin.flush()
        if at < 20 * piece:
            time.sleep(0.002)
    process.stdin.close()
    process.stdin = None
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def check_order(kmemstat, path, oracle, perf):
    """dump shows every event, in time order, with the kernel's part of its call chain."""
    done = subprocess.run([kmemstat, "dump", path], capture_output=True, text=True,
                          timeout=60, check=False)
    lines = [line for line in done.stdout.splitlines() if " call_site=" in line]
    if done.returncode:
        return [f"dump: status {done.returncode}: {done.stderr}"]
    wrong = []
    times = [line.split()[1] for line in lines]
    want = sorted(e[0] for e in oracle.events)
    if times != [f"{t // 10**9}.{t % 10**9:09}" for t in want]:
        wrong.append(f"dump: {len(times)} events out of order, or not {len(want)}")
    if all(bits & pd.CALLCHAIN for bits in perf.sample_types):
        for line, ns in zip(lines, want):
            stack = ",".join(f"0x{a:x}" for a in perf.stack(ns))
            if not line.endswith(f" stack={stack}"):
                wrong.append(f"dump: {line}: expected stack={stack}")
                break
    return wrong


def variants(kmemstat, testdata, tmp, only):
    failed = 0
    for name in VARIANTS:
        if only and name != only:
            continue
        data, oracle, perf = make(testdata, name)
        path = os.path.join(tmp, f"{name}.data")
        with open(path, "wb") as file:
            file.write(data)
        wrong = []
        try:
            report = json.loads(matrix.run_kmemstat(kmemstat, path, 2))
            wrong += matrix.compare(report, oracle, {})
            if report["quality"]["records_damaged"] or report["quality"]["records_unknown"]:
                wrong.append("records_damaged or records_unknown is not 0")
            wrong += check_order(kmemstat, path, oracle, perf)
            if perf.is_pipe:
                status, out, err = slow_pipe([kmemstat, "--json", "--no-debug-search", "-"], data,
                                             997)
                again = json.loads(out) if status == 0 else {}
                if again.get("callsites") != report["callsites"]:
                    wrong.append(f"through a pipe: status {status}: {err.decode()[:200]}")
        except ValueError as error:
            wrong.append(str(error))
        print(f"{name}: {'FAILED' if wrong else 'ok'}")
        for line in wrong[:5]:
            print(f"  {line[:300]}")
        failed += bool(wrong)
    return failed


# ---- damaged

TINY = {
    "file": ("6.1-x86_64", {}, {}),
    "pipe": ("6.1-x86_64", {}, {"is_pipe": True, "sample_types": (
        pd.PLAIN, pd.PLAIN | pd.CALLCHAIN)}),
    "zstd": ("6.1-x86_64", {}, {"compression": 1, "is_pipe": True}),
    "be32": ("6.1-i386", BE32, {"is_pipe": True, "sample_types": (ODD | pd.CALLCHAIN,)}),
}


def tiny(testdata, name):
    formats, layout, options = TINY[name]
    load = kmem.Workload(ringbuf.Layout(**layout), damage.short_formats(
        testdata, formats, ("kmalloc", "kfree")), nr_sites=3, others=0, nr_cpus=2)
    pd.catch(load).add(24)
    perf = pd.PerfData(load, round_events=8, chain=2, **options)
    return perf.to_bytes(), load.oracle, perf


def damaged(kmemstat, testdata, tmp, what, only):
    failed = 0
    damage.DAMAGE += ("records_damaged",)
    runner = damage.Runner(kmemstat, tmp)
    for name in TINY:
        if only and name != only:
            continue
        data, oracle, perf = tiny(testdata, name)
        if what == "flip":
            failed += damage.flip(runner, name, data, damage.FLIPS)
            continue
        wrong_numbers = damage.wrong_numbers

        def wrong_unless_whole(report, oracle, perf=perf, check=wrong_numbers):
            # a pipe has no end mark: cut between two records nothing tells that there were more
            if os.path.getsize(runner.path) in perf.boundaries:
                return None
            return check(report, oracle)

        damage.wrong_numbers = wrong_unless_whole
        failed += damage.truncate(runner, name, data, oracle)
        damage.wrong_numbers = wrong_numbers
    return failed


def main():
    kmemstat, testdata, what, *rest = sys.argv[1:]
    only = rest[0] if rest else None
    with tempfile.TemporaryDirectory(prefix="kmemstat-perfdata-") as tmp:
        if what == "variants":
            failed = variants(kmemstat, testdata, tmp, only)
        else:
            failed = damaged(kmemstat, testdata, tmp, what, only)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
