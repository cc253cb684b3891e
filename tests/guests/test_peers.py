#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A module changed by 8 bytes in a real kernel: record-peers builds it without and with grow.patch,
boots the kernel in QEMU with each and records a load; `kmemstat check` passes on the first and
fails on the second. What is in testdata/peers was made so.

usage: test_peers.py KMEMSTAT

KMEMSTAT_GUEST_KERNEL names the kernel's image, KMEMSTAT_GUEST_KDIR the headers to build modules
against (/lib/modules/RELEASE/build). Exits with 77 (skipped) if these or programs are not there.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
HERE = pathlib.Path(__file__).parent
PROGRAMS = ("qemu-system-x86_64", "trace-cmd", "busybox", "cpio", "gzip", "patch", "make", "gcc")


def skip_reason(kernel, kdir):
    if not kernel or not kdir:
        return "KMEMSTAT_GUEST_KERNEL and KMEMSTAT_GUEST_KDIR are not set"
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        return f"no {', '.join(missing)}"
    return None


def check(kmemstat, folder, *options):
    """The exit status and the output of a check of what was recorded in the folder."""
    done = subprocess.run([kmemstat, "check", "--no-debug-search", "--debug-dir", folder, *options,
                           folder / "trace.dat"], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    kmemstat = os.path.abspath(sys.argv[1])
    kernel = os.environ.get("KMEMSTAT_GUEST_KERNEL")
    kdir = os.environ.get("KMEMSTAT_GUEST_KDIR")
    reason = skip_reason(kernel, kdir)
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="kmemstat-peers-") as temp:
        temp = pathlib.Path(temp)
        subprocess.run([HERE / "record-peers", kernel, kdir, temp], check=True, timeout=800)
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
    failed = False
    for name, status, pattern, (got, text) in results:
        is_good = got == status and re.search(pattern, text)
        failed |= not is_good
        print(f"{name}: {'ok' if is_good else f'FAILED, exit status {got}'}\n{text}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
