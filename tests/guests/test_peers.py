#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A module changed by 8 bytes in a real kernel: record-peers builds it without and with grow.patch,
boots the kernel in QEMU with each and records a load; `kmemstat check` passes on the first and
fails on the second. What is in testdata/peers was made so.

usage: test_peers.py KMEMSTAT CACHE SYSTEM

SYSTEM is one of guest.SYSTEMS, CACHE the folder where its kernel and headers are kept.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import guest  # noqa: E402


def check(kmemstat, folder, *options):
    """The exit status and the output of a check of what was recorded in the folder."""
    done = subprocess.run([kmemstat, "check", "--no-debug-search", "--debug-dir", folder, *options,
                           folder / "trace.dat"], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    kmemstat, cache, name = sys.argv[1:]
    kmemstat = os.path.abspath(kmemstat)
    guest.need("trace-cmd", "cpio", "gzip", "patch", "make", "gcc")
    system = guest.Guest(name, cache)
    kdir = system.headers()
    with tempfile.TemporaryDirectory(prefix="kmemstat-peers-") as temp:
        temp = pathlib.Path(temp)
        subprocess.run([HERE / "record-peers", system.kernel, kdir, temp], check=True, timeout=1300)
        baseline = temp / "baseline.json"
        gates = ("--baseline", baseline, "--fail-on", "new:high")
        results = [
            ("the first is a baseline", 0, "findings",
             check(kmemstat, temp / "base", "--write-baseline", baseline)),
            ("another run of the first passes", 0, r"passed",
             check(kmemstat, temp / "again", *gates)),
            ("the second fails", 1,
             r"(?m)^\S*peers\.c:30: .*1032 bytes: 8 over kmalloc-1k.*peers_join.*new:high",
             check(kmemstat, temp / "grown", *gates)),
        ]
    wrong = []
    for name, status, pattern, (got, text) in results:
        is_good = got == status and re.search(pattern, text)
        print(f"{name}: {'ok' if is_good else 'FAILED'}", flush=True)
        if not is_good:
            wrong += [f"{name}: exit status {got}", *text.splitlines()]
    return wrong


if __name__ == "__main__":
    sys.exit(guest.main(main))
