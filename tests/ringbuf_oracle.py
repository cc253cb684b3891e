#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page decoder against libtraceevent's kbuffer, on pages of real and generated traces.

usage: ringbuf_oracle.py PROGRAM TESTDATA [TRACE...]
"""

import glob
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import matrix  # noqa: E402
import readdat  # noqa: E402

MOST_PAGES = 400  # of one CPU


def write(path, trace):
    """The file that ringbuf_oracle.c reads: see there."""
    layout = trace.layout
    with open(path, "wb") as file:
        def part(name, data):
            file.write(f"{name} {len(data)}\n".encode() + data)

        file.write(f"{int(layout.big_endian)} {layout.long_bytes} {layout.subbuf_bytes}\n"
                   .encode())
        part("header_page", trace.header_page)
        for text in trace.ftrace_formats:
            part("ftrace", text)
        for system, texts in trace.event_formats:
            for text in texts:
                part(system, text)
        for instance in trace.instances:
            for pages in instance.cpus.values():
                part("cpu", b"".join(pages[:MOST_PAGES]))


def traces(testdata, paths):
    if not paths:
        paths = sorted(glob.glob(os.path.join(testdata, "small", "*.dat")))
        paths.append(os.path.join(testdata, "mesh", "trace.dat"))
        for case in matrix.all_cases(testdata):
            # What is in the pages; containers are another test's matter. Null padding within the
            # data: kbuffer 1.7.1 reads on behind it, the kernel does not (rb_null_event(),
            # ring_buffer.c, v6.1).
            if case.name == "padded-with-null":
                continue
            if not case.name.startswith(("v6", "v7")) or "subbuf" in case.name:
                yield case.name, case.make()[0]
    for path in paths:
        yield os.path.relpath(path, testdata), readdat.read(path)


def main():
    program, testdata, *paths = sys.argv[1:]
    failed = done = events = 0
    with tempfile.TemporaryDirectory(prefix="kmemstat-ringbuf-") as tmp:
        path = os.path.join(tmp, "pages")
        for name, trace in traces(testdata, paths):
            write(path, trace)
            run = subprocess.run([program, path], capture_output=True, text=True, timeout=120,
                                 check=False)
            done += 1
            last = run.stdout.strip().splitlines()[-1:] or ["0 events"]
            events += int(last[0].split()[0]) if run.returncode in (0, 1) else 0
            if run.returncode:
                failed += 1
                print(f"{name}: FAILED ({run.returncode}): {run.stdout[:600]}{run.stderr[:300]}")
    print(f"{done} traces, {events} kmem events, {failed} failed")
    return 1 if failed or not events else 0


if __name__ == "__main__":
    sys.exit(main())
