#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged and unusual input: never a crash, a hang, or numbers that are quietly wrong.

usage: damage.py KMEMSTAT TESTDATA truncate|flip|special [NAME] [FLIPS]

truncate  tiny files of every kind, cut at every byte
flip      the same files with single bits flipped (seeded, FLIPS for each file)
special   what is no trace at all, and outputs that cannot be written
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import kmem  # noqa: E402
import ringbuf  # noqa: E402
import tracedat  # noqa: E402

SECONDS = 5
FLIPS = 500
DAMAGE = ("pages_damaged", "chunks_damaged", "bytes_missing", "sections_damaged")


def short_formats_of(forms):
    """Formats with their fields and without the long tables of flags."""
    return {event: kmem.Format(form.text.split("print fmt:")[0]
                               + 'print fmt: "%lx", REC->call_site\n')
            for event, form in forms.items()}


def short_formats(testdata, name, events):
    forms = kmem.load_formats(os.path.join(testdata, "formats", name))["kmem"]
    return {"kmem": short_formats_of({event: forms[event] for event in events})}


def tiny_files(testdata):
    """name -> (bytes, oracle)"""
    files = {}
    for name, formats, layout, version, compression in (
            ("v6", "6.1-x86_64", {}, 6, "none"),
            ("v7-none", "6.1-x86_64", {}, 7, "none"),
            ("v7-zstd", "6.1-x86_64", {}, 7, "zstd"),
            ("v7-zlib", "6.1-x86_64", {}, 7, "zlib"),
            ("v6-be32", "6.1-i386", {"big_endian": True, "long_bytes": 4}, 6, "none"),
            ("v7-zstd-be32", "6.1-i386", {"big_endian": True, "long_bytes": 4}, 7, "zstd")):
        # sub-buffers of 256 bytes: no kernel has them, and every rule about them is the same
        layout = ringbuf.Layout(subbuf_bytes=256, **layout)
        load = kmem.Workload(layout, short_formats(testdata, formats, ("kmalloc", "kfree")),
                             nr_sites=3, others=0, losses=0.05,
                             hows=("auto", "long", "extend", "abs"))
        load.add(24)
        trace = load.trace()
        trace.version, trace.compression, trace.chunk_pages = version, compression, 2
        trace.align = 64
        trace.cmdlines = b"1 task\n"
        trace.options = [o for o in trace.options if o[0] != tracedat.OPT_CPUSTAT]
        files[name] = trace.to_bytes(), load.oracle
    return files


class Runner:
    """Runs kmemstat many times: no shell, no pipes, a time limit on CPU and on the clock."""

    def __init__(self, kmemstat, tmp):
        self.argv = [kmemstat, "--json", "--no-debug-search", "--threads", "1"]
        self.path = os.path.join(tmp, "damaged.dat")
        self.out = os.path.join(tmp, "out")
        self.err = os.path.join(tmp, "err")
        resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY,) * 2)

    def run(self):
        """-> (status, stdout, stderr); a status below 0 is a signal's number, "late" too long"""
        for path in (self.out, self.err):
            with open(path, "wb"):
                pass
        actions = [(os.POSIX_SPAWN_OPEN, 1, self.out, os.O_WRONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 2, self.err, os.O_WRONLY, 0)]
        env = {"LC_ALL": "C", "PATH": os.environ["PATH"]}
        env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        pid = os.posix_spawn(self.argv[0], self.argv + [self.path], env, file_actions=actions)
        late = False

        def stop(*_):
            nonlocal late
            late = True
            os.kill(pid, signal.SIGKILL)

        signal.signal(signal.SIGALRM, stop)
        signal.alarm(SECONDS)
        _, status = os.waitpid(pid, 0)
        signal.alarm(0)
        with open(self.out, "rb") as out, open(self.err, "rb") as err:
            return ("late" if late else os.waitstatus_to_exitcode(status), out.read(),
                    err.read().decode(errors="replace"))

    def check(self):
        """-> (what is wrong or None, report or None)"""
        status, out, err = self.run()
        if status == "late":
            return f"did not end within {SECONDS} s", None
        if status not in (0, 3):
            return f"status {status}: {err[:300]}", None
        if status == 3:
            if os.path.basename(self.path) not in err:
                return f"the message does not name the file: {err[:300]}", None
            if out:
                return "status 3 and yet a report", None
            return None, None
        try:
            return None, json.loads(out)
        except ValueError as error:
            return f"no JSON: {error}", None


def wrong_numbers(report, oracle):
    """A file that was cut holds a part of the events: none is new, and what is missing shows."""
    quality = report["quality"]
    whole = sum(oracle.per_cpu.values())
    if quality["events_total"] > whole:
        return f"{quality['events_total']} events of {whole}"
    if quality["events_total"] < whole and not any(quality[key] for key in DAMAGE):
        return f"{whole - quality['events_total']} events are missing, and no counter says so"
    if quality["events_total"] < whole and not quality["incomplete"]:
        return "events are missing, and `incomplete` is false"
    hits = sum(site["hits"] for site in report["callsites"])
    if hits > sum(oracle.groups.values()):
        return f"{hits} allocations of {sum(oracle.groups.values())}"
    sizes = {(req, alloc) for _, _, req, alloc in oracle.groups}
    for site in report["callsites"]:
        for size in site["sizes"]:
            if (size["bytes_req"], size["bytes_alloc"]) not in sizes:
                return f"a size that was never in it: {size}"
    return None


def truncate(runner, name, data, oracle):
    """Shortens one file byte by byte, from the end."""
    failed = usable = 0
    with open(runner.path, "wb") as file:
        file.write(data)
    wrong, report = runner.check()
    if wrong or not report or report["quality"]["events_total"] != sum(oracle.per_cpu.values()):
        print(f"{name}: the whole file: {wrong or 'not all events'}")
        return 1
    for size in range(len(data) - 1, -1, -1):
        os.truncate(runner.path, size)
        wrong, report = runner.check()
        if report:
            usable += 1
            wrong = wrong or wrong_numbers(report, oracle)
        if wrong:
            failed += 1
            if failed <= 5:
                print(f"{name} cut to {size} of {len(data)} bytes: {wrong}")
    print(f"{name}: cut at each of {len(data)} bytes, {usable} still usable, {failed} failed")
    return failed


def flip(runner, name, data, flips):
    failed = usable = 0
    rand = random.Random(f"{name} {len(data)}")
    for _ in range(flips):
        bit = rand.randrange(8 * len(data))
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with open(runner.path, "wb") as file:
            file.write(damaged)
        wrong, report = runner.check()
        usable += bool(report)
        if report and not wrong:
            quality = report["quality"]
            if quality["events_total"] != sum(quality[k] for k in (
                    "events_used", "events_filtered", "events_other", "events_undecodable")):
                wrong = "events_total is not the sum of its parts"
        if wrong:
            failed += 1
            if failed <= 5:
                print(f"{name} with bit {bit % 8} of byte {bit // 8} flipped: {wrong}")
    print(f"{name}: {flips} bits flipped, {usable} still usable, {failed} failed")
    return failed


# ---- what is no trace, and outputs that fail

class Special:
    def __init__(self, kmemstat, testdata, tmp):
        self.kmemstat, self.testdata, self.tmp = kmemstat, testdata, tmp
        self.failed = 0
        self.good = os.path.join(testdata, "small", "6.12.dat")

    def check(self, what, is_good, detail=""):
        print(f"{what}: {'ok' if is_good else 'FAILED: ' + detail[:300]}")
        self.failed += not is_good

    def run(self, *args, **options):
        return subprocess.run([self.kmemstat, "--no-debug-search", *args], check=False,
                              capture_output="stdout" not in options, timeout=SECONDS * 4,
                              text=True, **options)

    def refuses(self, what, path, *words):
        """Status 3, the path and the words in the message, nothing on standard output."""
        for args in ([path], ["--json", path]):
            done = self.run(*args)
            self.check(f"{what} ({' '.join(args[:-1]) or 'summary'})",
                       done.returncode == 3 and not done.stdout and path in done.stderr
                       and all(word in done.stderr for word in words),
                       f"status {done.returncode}: {done.stderr or done.stdout}")

    def file(self, name, data):
        path = os.path.join(self.tmp, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def inputs(self):
        self.refuses("missing", os.path.join(self.tmp, "missing.dat"), "No such file")
        self.refuses("empty", self.file("empty.dat", b""), "empty")
        self.refuses("directory", self.tmp, "directory")
        self.refuses("/dev/null", "/dev/null")
        self.refuses("text", self.file("text", b"hello, world\n" * 100), "not a trace")
        self.refuses("zeros", self.file("zeros", bytes(10000)), "not a trace")
        self.refuses("magic alone", self.file("magic", tracedat.MAGIC))
        load = kmem.Workload(ringbuf.Layout(), kmem.load_formats(
            os.path.join(self.testdata, "formats", "6.1-x86_64")), nr_sites=3)
        load.add(50)
        trace = load.trace()
        trace.compression = "lzo"
        self.refuses("unknown compression", self.file("lzo.dat", trace.to_bytes()), "lzo")
        trace.compression = "none"
        trace.version = 8
        self.refuses("unknown version", self.file("v8.dat", trace._to_v7()), "8")
        formats = dict(load.formats)
        formats["kmem"] = {e: f for e, f in formats["kmem"].items() if e in kmem.KINDS}
        load = kmem.Workload(ringbuf.Layout(), formats, nr_sites=3, others=1.1)
        load.add(50)
        trace = load.trace()
        self.refuses("kmem formats and no kmem event", self.file("other.dat", trace.to_bytes()))
        trace.event_formats = [e for e in trace.event_formats if e[0] != "kmem"]
        self.refuses("no kmem formats", self.file("none.dat", trace.to_bytes()), "kmem")
        trace.event_formats = []
        self.refuses("no formats", self.file("noformats.dat", trace.to_bytes()))
        path = self.file("latency.dat", b"")
        trace = load.trace()
        trace.version = 6
        data = trace.to_bytes().replace(b"flyrecord\0", b"latency  \0")
        self.refuses("latency trace", self.file("latency.dat", data))
        self.permission(path)

    def permission(self, path):
        os.chmod(path, 0)
        os.chmod(self.tmp, 0o755)
        if os.geteuid():
            self.refuses("permission denied", path, "ermission")
            return
        try:
            done = self.run(path, user=65534, group=65534, extra_groups=[])
        except OSError as error:
            print(f"permission denied: skipped: cannot run as nobody ({error})")
            return
        self.check("permission denied", done.returncode == 3 and path in done.stderr
                   and "ermission" in done.stderr, f"{done.returncode}: {done.stderr}")

    def outputs(self):
        kinds = [["--json"], ["--csv"], ["--caller"], ["--class"], []]
        for args in kinds + [["info"], ["dump"]]:
            verb = args if args in (["info"], ["dump"]) else ["stat"] + args
            command = [self.kmemstat, *verb, self.good]
            name = " ".join(verb)
            with open("/dev/full", "wb") as full:
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False,
                                      text=True, timeout=SECONDS)
            self.check(f"{name} >/dev/full", done.returncode == 5
                       and "No space left" in done.stderr, f"{done.returncode}: {done.stderr}")
            done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], check=False,
                                  stderr=subprocess.PIPE, text=True, timeout=SECONDS)
            self.check(f"{name} >&-", done.returncode == 5 and done.stderr,
                       f"{done.returncode}: {done.stderr}")
            # a reader that takes one line and goes: no message, and not a crash
            read, write = os.pipe()
            process = subprocess.Popen(command, stdout=write, stderr=subprocess.PIPE, text=True)
            os.close(write)
            os.read(read, 1)
            os.close(read)
            _, errors = process.communicate(timeout=SECONDS)
            self.check(f"{name} | head -1", process.returncode in (0, 5) and not errors,
                       f"{process.returncode}: {errors}")
        process = subprocess.run(["sh", "-c", '"$1" dump "$2" | head -n 1', "sh", self.kmemstat,
                                  os.path.join(self.testdata, "mesh", "trace.dat")], check=False,
                                 capture_output=True, text=True, timeout=4 * SECONDS)
        self.check("dump of a long trace | head -1", process.stdout.count("\n") == 1
                   and not process.stderr, process.stderr)


def main():
    kmemstat, testdata, what, *rest = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="kmemstat-damage-") as tmp:
        if what == "special":
            special = Special(kmemstat, testdata, tmp)
            special.inputs()
            special.outputs()
            return 1 if special.failed else 0
        runner = Runner(kmemstat, tmp)
        done = 0
        for name, (data, oracle) in tiny_files(testdata).items():
            if rest and rest[0] not in ("", name):
                continue
            done += 1
            if what == "truncate":
                failed += truncate(runner, name, data, oracle)
            else:
                failed += flip(runner, name, data, int(rest[1]) if len(rest) > 1 else FLIPS)
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
