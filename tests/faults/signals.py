#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals at any moment, disks that are full, readers that go away.

usage: signals.py KMEMSTAT TESTDATA files|disk|recorder [--all] [JOB...]

files     a signal at a system call (strace injects it), at places spread over a run of each job: of
          what it must end, it dies, or had been done; what must not end it changes nothing. The files
          that it was to write are there whole or not at all, with nothing beside them. Stopped
          (SIGTSTP) and continued it gives the same.
disk      every format into a file system without room, and into a pipe without a reader
recorder  the same as files, of record, live, top and this machine's kernel (root): an end that is
          documented, no instance of tracefs is left, no unfinished file, no process

Whatever happens, no process of a run is left. A sample of the places is tried; --all tries each.
"""

import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import sanitized  # noqa: E402
import tracefs  # noqa: E402

SECONDS = 30
PLACES = {"files": 8, "recorder": 4}
ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGQUIT", "SIGUSR2", "SIGALRM", "SIGXCPU")
HARMLESS = ("SIGWINCH", "SIGCONT", "SIGCHLD", "SIGURG")
# Job -> arguments; @ is testdata, % a folder of its own, emptied before each run.
JOBS = {
    "stat": "--caller --summary --threads 3 @/small/6.12-v7-none.dat",
    "file": "--json -o %/report.json @/small/keys-40.dat",
    "formats": "--format sarif=%/a.sarif --format junit=%/a.xml --format markdown=%/a.md "
               "--format csv=%/a.csv -o %/text @/small/keys-40.dat",
    "lines": "--debug-dir @/peers/6.1 -o %/text @/peers/6.1.dat",
    "check": "check --fail-on any --write-baseline %/base.json --write-suppressions %/suppress "
             "-o %/text @/small/keys-40.dat",
    "perf": "--csv -o %/report.csv @/small/perf-zstd-stacks.data",
    "dump": "dump -o %/dump @/small/6.12.dat",
    "diff": "diff --total -o %/diff @/peers/6.1.dat @/peers/6.1-grown.dat",
    "top": "top --batch -i 0.05 @/small/6.12.dat",
}
RECORDERS = {
    "record": "record -q -o %/t.dat --duration 200ms",
    "record a command": "record -q -o %/t.dat -e slab -- true",
    "live": "live -q --json -o %/live.json --duration 200ms",
    "live --hist": "live -q --hist --json -o %/live.json --duration 200ms",
    "top": "top --batch -n 1 -i 0.1",
}
# The calls that a run is made of; the others are few.
CALLS = ("openat,read,pread64,mmap,munmap,write,fstat,newfstatat,clone3,clone,rename,unlink,lseek,"
         "fchmod,fcntl,close,brk,futex,poll,ppoll,wait4,fsync,ioctl,mkdir,rmdir,splice,socketpair")


class Run:
    """One job, run again and again."""

    def __init__(self, kmemstat, testdata, name, words, tmp):
        self.name, self.tmp = name, tmp
        self.work = os.path.join(tmp, "out")
        self.argv = [kmemstat] + [word.replace("@", testdata).replace("%/", self.work + "/")
                                  for word in words.split()]
        # all that such a run starts is known by it
        self.mark = f"KM_MARK={uuid.uuid4()}"

    def start(self, prefix=()):
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        name, value = self.mark.split("=")
        return subprocess.Popen([*prefix, *self.argv], cwd=self.work, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={"LC_ALL": "C", "PATH": os.environ["PATH"], "HOME": self.work,
                                     "TMPDIR": self.work, name: value,
                                     **sanitized.env(is_traced=True)})

    def finish(self, process):
        """-> (status, stdout, stderr, files); "late" if it took too long"""
        try:
            out, err = process.communicate(timeout=SECONDS)
            status = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            status, out, err = "late", b"", b""
        # strace ends as what it traced did, or tells it by its status
        if isinstance(status, int) and status > 128:
            status = 128 - status
        files = {}
        for name in sorted(os.listdir(self.work)):
            with open(os.path.join(self.work, name), "rb") as file:
                files[name] = file.read()
        return status, out, err.decode(errors="replace"), files

    def run(self, prefix=()):
        return self.finish(self.start(prefix))

    def left(self, seconds=3):
        """Processes of ours that do not end."""
        end = time.monotonic() + seconds
        while True:
            found = []
            for name in os.listdir("/proc"):
                if name.isdigit() and int(name) != os.getpid():
                    with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                        if self.mark.encode() in file.read():
                            found.append(int(name))
            if not found or time.monotonic() > end:
                return found
            time.sleep(0.02)


def count_calls(job):
    """-> the run without a signal, [(call, its number)] of main() and after."""
    trace = os.path.join(job.tmp, "strace")
    good = job.run(prefix=("strace", "-f", "-qq", "-e", "signal=none", "-o", trace, "-e",
                           "trace=" + CALLS))
    places, is_ours, seen = [], False, {}
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"(\d+)\s+(\w+)\(", line)
            if not match:
                continue
            # a call is counted by each thread
            key = match[1], match[2]
            seen[key] = seen.get(key, 0) + 1
            # the first call of main()
            is_ours = is_ours or "F_GETFD" in line
            if is_ours:
                places.append((match[2], seen[key]))
    return good, sorted(set(places), key=places.index)


def spread(places, what, everything, seed):
    """Places from the beginning to the end, one of each part."""
    nr = len(places) if everything else min(len(places), PLACES[what])
    rand = random.Random(seed)
    return [places[rand.randrange(i * len(places) // nr, (i + 1) * len(places) // nr)]
            for i in range(nr)]


def inject(job, call, number, name):
    return job.run(prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                           "signal=none", "-e", f"inject={call}:signal={name}:when={number}"))


def wrong_files(good, got):
    for name, content in got[3].items():
        if name not in good[3]:
            return f"left {name} behind"
        if content != good[3][name]:
            return f"{name} is not whole: {len(content)} bytes of {len(good[3][name])}"
    return None


def is_beginning(good, got):
    """Whether frames of top are those of a whole run until it was told to end, the last but for
    what was to come.
    """
    whole, frames = good.split(b"\n\n"), got.split(b"\n\n")
    return len(frames) <= len(whole) and frames[:-1] == whole[:len(frames) - 1]


def judge(job, good, got, name):
    """What is wrong with a run that got a signal, or None."""
    number = getattr(signal, name)
    if got[0] == "late":
        return f"did not end within {SECONDS} s"
    if name in HARMLESS and (got[0], got[1], got[3]) != (good[0], good[1], good[3]):
        return f"another result: status {got[0]}: {got[2][:300]!r}"
    if got[0] not in (good[0], -number):
        return f"status {got[0]}: {got[2][:300]!r}"
    # how one ends top
    if (job.name == "top" and name == "SIGINT" and got[0] == good[0] and
            is_beginning(good[1], got[1])):
        return None
    if got[0] == good[0] and (got[1], got[3]) != (good[1], good[3]):
        return "status of a good end, and another result"
    return wrong_files(good, got)


def try_files(job, everything):
    good, places = count_calls(job)
    if good[0] not in (0, 1) or len(places) < 10:
        yield "-", f"without a signal: status {good[0]}, {len(places)} calls: {good[2][:300]}"
        return
    signals = ENDING + HARMLESS
    nr_died = 0
    for index, (call, number) in enumerate(spread(places, "files", everything, job.name)):
        for name in (signals if everything else
                     (ENDING[index % 3], signals[(index * 5 + len(job.name)) % len(signals)])):
            got = inject(job, call, number, name)
            nr_died += got[0] == -getattr(signal, name)
            problem = judge(job, good, got, name)
            left = job.left()
            yield f"{name} at {call} {number}", problem or (f"processes {left} are left" if left
                                                            else None)
    yield "all", None if nr_died > len(ENDING) / 2 else f"only {nr_died} signals ended it"


def same(good, got):
    """What is wrong with a run that no signal may change, or None."""
    if (got[0], got[1], got[3]) != (good[0], good[1], good[3]):
        return f"another result: {got[0]} {got[2][:200]!r}"
    return None


def try_stops(job, verdict=same):
    """Stopped and continued, at moments spread over its time. verdict(good, got): as of same()."""
    begin = time.monotonic()
    good = job.run()
    took = time.monotonic() - begin
    for part in (0.1, 0.4, 0.7, 0.95):
        process = job.start()
        time.sleep(took * part)
        for _ in range(3):
            process.send_signal(signal.SIGTSTP)
            time.sleep(0.005)
            process.send_signal(signal.SIGCONT)
        got = job.finish(process)
        yield f"SIGTSTP after {part:.0%}", verdict(good, got)


# disks and pipes

def try_disk(kmemstat, testdata, tmp):
    def formats(verb):
        out = subprocess.run([kmemstat, verb, "--format", "help"], capture_output=True, check=True)
        return [line.split()[0] for line in out.stdout.decode().splitlines()]
    # with findings, so that no format is empty
    trace = [f"{testdata}/small/keys-40.dat"]
    cases = [(f"{verb} --format {name}", [verb, "--format", name] +
              (["--total"] + trace if verb == "diff" else []) + trace)
             for verb in ("stat", "check", "diff") for name in formats(verb)]
    cases += [(word, [word] + trace) for word in ("info", "dump", "types", "stat")]
    cases += [("top", ["top", "--batch", "-i", "1"] + trace), ("help", ["--help"])]
    for name, words in cases:
        for how in ("pipe", "device"):
            if how == "pipe":
                read, write = os.pipe()
                os.close(read)
            else:
                write = os.open("/dev/full", os.O_WRONLY)
            done = subprocess.run([kmemstat, *words], stdout=write, stderr=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
            os.close(write)
            said = done.stderr.decode()
            problem = f"status {done.returncode}: {said[:300]!r}" if done.returncode != 5 else None
            # of a pipe whose reader is gone there is nothing to say
            if not problem and (("No space left" not in said) if how == "device" else
                                ("write" in said or "pipe" in said)):
                problem = f"it says {said[:300]!r}"
            yield f"{name}: {how}", problem
    disk = os.path.join(tmp, "disk")
    os.mkdir(disk)
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "nodev", disk],
                                      capture_output=True, check=False).returncode:
        print("a full disk: skipped, nothing can be mounted here")
        return
    try:
        with open(f"{disk}/ballast", "wb") as file:
            file.write(bytes(4096))
        for name, words in cases:
            if name in ("help", "top"):
                continue
            with open(f"{disk}/old", "wb") as file:
                file.write(b"old")
            done = subprocess.run([kmemstat, *words, "-o", f"{disk}/old"], capture_output=True,
                                  stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
            said = done.stderr.decode()
            old = pathlib.Path(f"{disk}/old").read_bytes()
            left = sorted(os.listdir(disk))
            is_told = done.returncode == 5 and "No space left" in said
            # a short result may have had room
            problem = None if left == ["ballast", "old"] and (
                is_told and old == b"old" or done.returncode in (0, 1) and len(old) > 3) else \
                f"status {done.returncode}, {left}, {old[:20]!r}: {said[:300]!r}"
            yield f"{name}: a full disk", problem
    finally:
        subprocess.run(["umount", disk], check=False)


# this machine's kernel

def instances(folder):
    """Those of no process that runs: others may record at the same time."""
    return [name for name in os.listdir(f"{folder}/instances")
            if name.startswith("kmemstat-") and not os.path.isdir(f"/proc/{name.split('-')[1]}")]


def whole(job, name, content):
    """A recording or a report, as its reader has it."""
    path = os.path.join(job.tmp, "whole")
    with open(path, "wb") as file:
        file.write(content)
    if name.endswith(".json"):
        return content.rstrip().endswith(b"}")
    done = subprocess.run([job.argv[0], "info", path], capture_output=True, check=False)
    return done.returncode == 0 and b"trace.dat" in done.stdout


def judge_recorder(job, good, got, name, folder):
    number = getattr(signal, name) if name else 0
    if got[0] == "late":
        return f"did not end within {SECONDS} s"
    if got[0] not in (0, -number) and not (got[0] == 3 and "no event" in got[2]):
        return f"status {got[0]}: {got[2][:300]!r}"
    for file, content in got[3].items():
        if file not in good[3]:
            return f"left {file} behind"
        if not whole(job, file, content):
            return f"{file} is not whole, {len(content)} bytes"
    left = job.left()
    if left:
        return f"processes {left} are left"
    end = time.monotonic() + 5
    while instances(folder) and time.monotonic() < end:
        time.sleep(0.05)
    return f"left in tracefs: {instances(folder)}" if instances(folder) else None


def try_recorder(job, everything, folder):
    good, places = count_calls(job)
    if good[0] == 3 and "CONFIG_HIST_TRIGGERS" in good[2]:
        print(f"{job.name}: skipped: {good[2].strip()}")
        return
    problem = judge_recorder(job, good, good, None, folder)
    if problem or good[0] or len(places) < 10:
        yield "-", f"without a signal: {problem}, {len(places)} calls: {good[2][:300]}"
        return
    signals = ENDING + HARMLESS + ("SIGPIPE", "SIGKILL")
    for index, (call, number) in enumerate(spread(places, "recorder", everything, job.name)):
        for name in (signals if everything else
                     (ENDING[index % 3], signals[(index * 5 + len(job.name)) % len(signals)])):
            got = inject(job, call, number, name)
            if name == "SIGKILL":
                # the unfinished file stays, as record(1) says
                got = got[:3] + ({},)
            yield f"{name} at {call} {number}", judge_recorder(job, good, got, name, folder)


def report(name, results):
    tried = failed = 0
    for place, problem in results:
        tried += 1
        if problem:
            failed += 1
            print(f"{name}: {place}: {problem}", flush=True)
    print(f"{name}: {tried} tried, {failed} wrong", flush=True)
    return tried, failed


def main():
    words = [word for word in sys.argv[1:] if word != "--all"]
    everything = "--all" in sys.argv
    kmemstat, testdata, what = words[:3]
    kmemstat, testdata = os.path.abspath(kmemstat), os.path.abspath(testdata)
    if what != "disk" and (not shutil.which("strace") or subprocess.run(
            ["strace", "-o", "/dev/null", "true"], check=False).returncode):
        print("skipped: strace does not work here")
        return 77
    results = []
    with contextlib.ExitStack() as stack:
        tmp = stack.enter_context(tempfile.TemporaryDirectory(prefix="kmemstat-signals-"))
        if what == "disk":
            results.append(report("disk", try_disk(kmemstat, testdata, tmp)))
        elif what == "files":
            for name in words[3:] or JOBS:
                job = Run(kmemstat, testdata, name, JOBS[name], tmp)
                results += [report(name, try_files(job, everything)), report(name, try_stops(job))]
        else:
            folder = stack.enter_context(tracefs.mounted()) if os.geteuid() == 0 else None
            if not folder:
                print("skipped: only root with tracefs can record")
                return 77
            for name in words[3:] or RECORDERS:
                job = Run(kmemstat, testdata, name, RECORDERS[name], tmp)
                results.append(report(name, try_recorder(job, everything, folder)))
                if results[-1][0]:  # it can be done with this kernel
                    results.append(report(f"{name}, stopped", try_stops(job, lambda *both: (
                        judge_recorder(job, *both, None, folder)))))
    if sum(tried for tried, _ in results) < 10:
        print("hardly anything was tried")
        return 1
    return 1 if sum(failed for _, failed in results) else 0


sys.exit(main())
