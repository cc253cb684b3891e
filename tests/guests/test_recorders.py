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
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "lib"), str(HERE.parent / "packages")]

import building  # noqa: E402
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


# A trace, and the debug information of its module.
PEERS = (building.DATA / "peers/6.1-grown.dat", building.DATA / "peers/6.1-grown/peers.ko.zst")
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


def check_there(kmemstat, out):
    """What kmemstat said on the machine that recorded, of another architecture, it says here."""
    def said(*args):
        return subprocess.run([kmemstat, *args, "--no-debug-search"], cwd=out, check=False,
                              stdout=subprocess.PIPE).stdout
    wrong = []
    if said("--json", "kmemstat.dat") != (out / "kmemstat.json").read_bytes():
        wrong.append("kmemstat.dat: another report there than here")
    lines = (out / "lines.out").read_bytes()
    if said("--caller", "--debug-dir", ".", PEERS[0].name) != lines or b"peers.c:30" not in lines:
        wrong.append("other source lines there than here")
    box = re.search(r"confined by (.*) \(", (out / "lines.err").read_text(encoding="utf-8"))
    print(f"debug information was read there in a process confined by {box and box[1]}")
    if not box or "seccomp" not in box[1]:
        wrong.append("debug information was read there without a box")
    return wrong


def main():
    kmemstat, cache, name = sys.argv[1:]
    kmemstat, cache = os.path.abspath(kmemstat), pathlib.Path(cache)
    guest.need("trace-cmd")
    system = guest.Guest(name, cache)
    arch = system.system.arch
    is_native = arch == "amd64"
    files = [HERE / "jobs/load", ("settings", f"OTHERS={'yes' if is_native else 'no'}\n")]
    if is_native:
        guest.need("perf")
        programs = (kmemstat, "trace-cmd", "perf")
    else:
        guest.need(f"{building.ARCHITECTURES[arch][0]}-gcc", building.ARCHITECTURES[arch][1])
        programs = (building.cross(cache / "cross", arch)[0],)
        files += PEERS
    out = system.run((HERE / "jobs/recorders").read_text(encoding="ascii"),
                     cache / f"recorders-{name}", files=files, programs=programs)
    files = sorted(path for path in out.iterdir() if path.suffix in CHECKS and path.name != PEERS[0].name)
    want = 13 if is_native else 4
    wrong = [] if is_native else check_there(kmemstat, out)
    if len(files) != want:
        wrong.append(f"{len(files)} recordings, not {want}")
    print(f"{system.release}, {system.system.arch}, read on {platform.machine()}")
    if is_native and not re.search(r"lost.*buffer", (out / "lost-kmemstat.err").read_text()):
        wrong.append("kmemstat record says nothing of what it lost")
    for path in files:
        wrong += check_file(kmemstat, path)
    return wrong


if __name__ == "__main__":
    sys.exit(guest.main(main))
