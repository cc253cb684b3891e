#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What fails in the middle: each allocation and each system call in turn.

usage: faults.py KMEMSTAT TESTDATA LIBRARY memory|memory-on|syscalls [--all] [JOB...]

memory     one allocation fails (LIBRARY is memory_faults.c's), all others succeed
memory-on  from one allocation on all fail
syscalls   one system call fails with an error that it can have (strace injects it)

Whatever fails, kmemstat has to end by itself, in time, with a documented status. With status 0 the
result is what it is without the fault, or the result or a message tells what is missing. With
another there is a message that names the cause. A file given with -o or --format is there whole, or
not at all, with nothing beside it. Nothing that kmemstat allocated is lost.

For each job a sample of the places is tried; --all tries each way of calls to an allocation, and each
system call.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

SECONDS = 20
SAMPLE = {"memory": 40, "memory-on": 15, "syscalls": 25}

# Job -> arguments; @ is testdata, % a folder of its own, emptied before each run.
JOBS = {
    "summary": "@/small/6.12.dat",
    "threads": "--caller --threads 3 @/small/6.12-v7-none.dat",
    "views": "--summary --caller --class --live --cache --task --timeline --alloc --locality "
             "--own-cache --models --replay --percpu --percpu-replay --page "
             "--slabinfo @/mesh/slabinfo @/small/keys-40.dat",
    "json": "--json -o %/report.json @/small/6.12-instances.dat",
    "v6": "--caller --csv -o %/report.csv @/small/5.10-v6.dat",
    "stacks": "--page --page-frame @/small/page-stacks.dat",
    "perf": "--caller @/small/perf-kmem.data --kallsyms @/small/perf.kallsyms",
    "perf-zstd": "--json @/small/perf-zstd-stacks.data",
    "text": "--caller @/text/6.12-report.txt",
    "filters": "--caller --comm * --callsite *a* --cache=kmalloc-* --cpu 0-3 --time 0%-90% "
               "@/small/6.12.dat",
    "formats": "--format sarif=%/a.sarif --format junit=%/a.xml --format markdown=%/a.md "
               "--format openmetrics=%/a.om --format jsonl=%/a.jsonl --format gitlab=%/a.json "
               "--format checkstyle=%/b.xml --format csv=%/a.csv @/small/keys-40.dat",
    "lines": "--debug-dir @/peers/6.1 --source-root @ --source @/peers/6.1.dat",
    "types": "types --debug-dir @/peers/6.1 @/peers/6.1.dat",
    "check": "check --fail-on any --max-waste-growth 5% --baseline @/peers/6.1.dat "
             "--write-baseline %/base.json --write-suppressions %/suppress @/peers/6.1-grown.dat",
    "diff": "diff --total @/peers/6.1.dat @/peers/6.1-grown.dat",
    "dump": "dump @/small/6.12.dat",
    "info": "info @/small/6.12-instances.dat",
}
STATUSES = {0, 1, 3, 4, 5}

# System call -> what it fails with.
SYSCALLS = {"openat": "EMFILE", "read": "EIO", "pread64": "EIO", "mmap": "ENOMEM", "write": "ENOSPC",
            "fstat": "EIO", "newfstatat": "EACCES", "clone3": "EAGAIN", "rename": "EROFS",
            "lseek": "EIO", "getdents64": "EIO", "madvise": "EINVAL", "fchmod": "EPERM",
            "fcntl": "EINVAL", "munmap": "ENOMEM", "close": "EIO", "memfd_create": "EMFILE",
            "ftruncate": "EIO", "pipe2": "EMFILE"}
CAUSES = re.compile(r"memory|too many open|input/output error|cannot|not permitted|no space|denied|"
                    r"read-only|unavailable|invalid argument|no source lines|no debug|debug information", re.IGNORECASE)


class Run:
    """One job, run again and again."""

    def __init__(self, kmemstat, testdata, library, name, tmp):
        self.name, self.tmp = name, tmp
        self.work = os.path.join(tmp, "out")
        self.report = os.path.join(tmp, "report")
        self.library = library
        arguments = [word.replace("@", testdata).replace("%/", self.work + "/")
                     for word in JOBS[name].split()]
        self.argv = [kmemstat] + arguments
        if "--debug-dir" not in arguments and arguments[0] not in ("dump", "info"):
            self.argv.insert(2 if arguments[0] in ("check", "diff", "types") else 1,
                             "--no-debug-search")
        self.env = {"LC_ALL": "C", "PATH": os.environ["PATH"], "HOME": tmp}

    def run(self, prefix=(), **env):
        """-> (status, stdout, stderr, files); "late" if it took too long"""
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        if os.path.exists(self.report):
            os.unlink(self.report)
        try:
            done = subprocess.run([*prefix, *self.argv], env={**self.env, **env}, timeout=SECONDS,
                                  capture_output=True, check=False)
            status, out, err = done.returncode, done.stdout, done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            status, out, err = "late", b"", ""
        files = {}
        for name in os.listdir(self.work):
            with open(os.path.join(self.work, name), "rb") as file:
                files[name] = file.read()
        return status, out, err, files

    def preload(self, **env):
        return self.run(LD_PRELOAD=self.library, KM_FAULT_REPORT=self.report, **env)

    def counts(self, key):
        with open(self.report, encoding="ascii") as file:
            return [line.split()[1:] for line in file if line.split()[0] == key]


def wrong(good, got):
    """What is wrong with a run, or None. Both are what Run.run() gives."""
    status, out, err, files = got
    if status == "late":
        return f"did not end within {SECONDS} s"
    if status not in STATUSES:
        return f"status {status}: {err[-400:]}"
    told = err + out.decode(errors="replace")
    if status == good[0]:
        if (out, files) != (good[1], good[3]) and told == good[2] + good[1].decode():
            return "another result, and no word about it"
        if (out, files) != (good[1], good[3]) and not CAUSES.search(err):
            return f"another result, and no cause: {err[-300:]!r}"
    elif not CAUSES.search(err):
        return f"status {status} without a cause: {err[-300:]!r}"
    for name, content in files.items():
        if name not in good[3]:
            return f"left {name} behind"
        if status != good[0] and not content:
            return f"{name} is empty"
    return None


def pick(places, what, everything, seed):
    places = sorted(places)
    if everything or len(places) <= SAMPLE[what]:
        return places
    return sorted(random.Random(seed).sample(places, SAMPLE[what]))


def try_memory(job, what, everything):
    good = job.preload(KM_FAULT_PATHS="1")
    firsts = [int(number) for number, in job.counts("first")]
    others = int(job.counts("others")[0][0])
    lost = job.counts("live")
    if lost:
        yield 0, f"without a fault: never freed: {lost[:5]}"
    on = {"KM_FAULT_ON": "1"} if what == "memory-on" else {}
    for number in pick(firsts, what, everything, job.name):
        got = job.preload(KM_FAULT_AT=str(number), **on)
        problem = wrong(good, got)
        if not problem and not os.path.exists(job.report):
            problem = "ended without the end of main()"
        if not problem and "memory" not in got[2] and got[0] != good[0]:
            problem = f"status {got[0]}, and not a word about memory: {got[2][-300:]!r}"
        if not problem and job.counts("live"):
            problem = f"never freed: {job.counts('live')[:5]}"
        if not problem and int(job.counts("others")[0][0]) > others + 8:
            problem = f"libraries hold {job.counts('others')[0][0]} blocks, without a fault {others}"
        yield number, problem


def count_syscalls(job):
    """-> the run without a fault, [(call, number of it)] after the loader's"""
    trace = os.path.join(job.tmp, "strace")
    good = job.run(prefix=("strace", "-f", "-qq", "-o", trace, "-e",
                           "trace=" + ",".join(SYSCALLS)))
    seen, places, is_ours = {}, [], False
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"\d+\s+(\w+)\(", line)
            if not match:
                continue
            call = match[1]
            seen[call] = seen.get(call, 0) + 1
            # the first call of main()
            is_ours = is_ours or "F_GETFD" in line
            if is_ours:
                places.append((call, seen[call]))
    return good, places


def try_syscalls(job, what, everything):
    good, places = count_syscalls(job)
    if not places:
        yield 0, "no system call was seen"
    for call, number in pick(places, what, everything, job.name):
        got = job.run(prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                              f"inject={call}:error={SYSCALLS[call]}:when={number}"))
        yield f"{call} {number}", wrong(good, got)


def main():
    words = [word for word in sys.argv[1:] if word != "--all"]
    everything = "--all" in sys.argv
    kmemstat, testdata, library, what = words[:4]
    if what == "syscalls" and not shutil.which("strace"):
        print("skipped: strace is not installed")
        return 77
    tried = failed = 0
    with tempfile.TemporaryDirectory() as tmp:
        for name in words[4:] or JOBS:
            job = Run(kmemstat, testdata, library, name, tmp)
            for place, problem in (try_syscalls if what == "syscalls" else
                                   try_memory)(job, what, everything):
                tried += 1
                if problem:
                    failed += 1
                    print(f"{name}: {what} {place}: {problem}")
            print(f"{name}: {tried} tried so far, {failed} wrong", flush=True)
    if tried < 3:
        print("hardly anything was tried")
        return 1
    return 1 if failed else 0


sys.exit(main())
