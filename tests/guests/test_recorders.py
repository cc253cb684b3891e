#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What kmemstat, trace-cmd and perf record in a real kernel: every event, call site and pair that
kmemstat counts is that of the text of trace-cmd report, of perf script, and of tracefs itself.

usage: test_recorders.py KMEMSTAT CACHE SYSTEM

SYSTEM is one of guest.SYSTEMS, CACHE the folder where its kernel and this test's files are kept.
"""

import os
import pathlib
import platform
import re
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "lib")]

import guest  # noqa: E402
import kmemtext  # noqa: E402
import oracle_counts  # noqa: E402
import pairing_oracle  # noqa: E402
import perf_oracle  # noqa: E402


def check_trace_cmd(kmemstat, path):
    wrong = oracle_counts.test(kmemstat, str(path))
    return wrong + (pairing_oracle.check_recorded(kmemstat, str(path)) or [])


def check_perf(kmemstat, path):
    check = perf_oracle.Check(kmemstat)
    check.file(str(path))
    wrong = [f"{check.failed} differences"] if check.failed else []
    return wrong + (pairing_oracle.check_recorded(kmemstat, str(path)) or [])


def check_text(kmemstat, path):
    events, others = kmemtext.of_text(path.read_text(encoding="ascii", errors="replace"))
    return pairing_oracle.check(kmemstat, str(path), events, others,
                                key_of=pairing_oracle.by_name)


# How a file is checked, by the end of its name
CHECKS = {".dat": check_trace_cmd, ".data": check_perf, ".txt": check_text}


def check_file(kmemstat, path):
    report = pairing_oracle.json.loads(pairing_oracle.run_kmemstat(kmemstat, str(path)))
    quality = report["quality"]
    wrong = []
    is_lossy = path.stem.startswith("lost")
    if quality["events_used"] < (100 if is_lossy else 1000):
        wrong.append(f"only {quality['events_used']} events")
    lost = quality["events_lost"] + quality["gaps_unknown"]
    if bool(lost) != is_lossy:
        wrong.append(f"{quality['events_lost']} events lost, {quality['gaps_unknown']} gaps")
    for key in ("events_undecodable", "records_damaged", "chunks_damaged", "bytes_missing"):
        if quality.get(key):
            wrong.append(f"{key}: {quality[key]}")
    wrong += CHECKS[path.suffix](kmemstat, path)
    print(f"{path.name}: {quality['events_used']} events, {quality['events_lost']} lost: "
          f"{'FAILED' if wrong else 'ok'}", flush=True)
    return [f"{path.name}: {sentence}" for sentence in wrong]


def main():
    kmemstat, cache, name = sys.argv[1:]
    kmemstat = os.path.abspath(kmemstat)
    guest.need("trace-cmd")
    system = guest.Guest(name, cache)
    is_native = system.system.arch == "amd64"
    if is_native:
        guest.need("perf")
    out = system.run((HERE / "jobs/recorders").read_text(encoding="ascii"),
                     pathlib.Path(cache) / f"recorders-{name}",
                     files=(HERE / "jobs/load", ("settings", f"OTHERS={'yes' if is_native else 'no'}\n")),
                     programs=(kmemstat, "trace-cmd", "perf"))
    files = sorted(path for path in out.iterdir() if path.suffix in CHECKS)
    want = 13 if is_native else 3
    wrong = [] if len(files) == want else [f"{len(files)} recordings, not {want}"]
    print(f"{system.release}, {system.system.arch}, read on {platform.machine()}")
    if is_native and not re.search(r"lost.*buffer", (out / "lost-kmemstat.err").read_text()):
        wrong.append("kmemstat record says nothing of what it lost")
    for path in files:
        wrong += check_file(kmemstat, path)
    return wrong


if __name__ == "__main__":
    sys.exit(guest.main(main))
