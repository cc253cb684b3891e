#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What leaves the program, and what it touches: addresses, the network, files.

usage: leaks.py KMEMSTAT TESTDATA

addresses  No report has an address of the traced kernel without --raw-ip, but of call sites that no
           symbol names, and then there is a word about it. `dump` and --alloc, which are asked for
           what is at addresses, have them.
network    No verb makes a socket (strace).
files      Source comes from below --source-root only, whatever debug information names; and no
           verb writes a file that it was not given (strace).

Speaks TAP.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))

import hostile  # noqa: E402
import kmem  # noqa: E402
import ringbuf  # noqa: E402
import sanitized  # noqa: E402
from tap import check, end  # noqa: E402

KMEMSTAT, TESTDATA = (os.path.abspath(path) for path in sys.argv[1:3])
SMALL = f"{TESTDATA}/small"
ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/", **sanitized.env()}
VIEWS = ("--summary --caller --class --live --timeline --cache --task --locality --own-cache "
         "--models --model-class --model-caller --page --page-frame --percpu").split()
# 64 bits: ff11... is the direct map of five-level page tables; 32 bits: from 3 GB on
ADDRESS = re.compile(rb"(?<![0-9a-zA-Z_])(?:0x)?(ff[0-9a-f]{14}|[c-f][0-9a-f]{7})(?![0-9a-zA-Z_.])")
FINGERPRINT = re.compile(rb"\"fingerprint\": ?\"([0-9a-f]{16})\"")


def run(*args, prefix=(), status=(0, 1), env=ENV):
    done = subprocess.run([*prefix, KMEMSTAT, *args], capture_output=True, timeout=120, check=False,
                          env=env, stdin=subprocess.DEVNULL)
    if done.returncode not in status:
        check(False, f"{args}: status {done.returncode}", done.stderr.decode(errors="replace"))
    return done


def formats(*verb):
    return [line.split()[0] for line in run(*verb, "--format", "help").stdout.decode().splitlines()]


def addresses_in(data, others=frozenset()):
    """`others`: numbers that look like some, and are none."""
    return sorted({int(match, 16) for match in ADDRESS.findall(data)} - others)


def outputs(folder, *args):
    """(name, bytes) of all formats, views and verbs; with what was said on standard error."""
    names = formats()
    files = [word for name in names for word in ("--format", f"{name}={folder}/{name}")]
    done = run(*files, "--min-severity", "low", "--waste-bytes", "0", *args)
    yield "summary", done.stdout + done.stderr
    for name in names:
        data = pathlib.Path(folder, name).read_bytes()
        # a gzip file
        if data[:2] == b"\x1f\x8b":
            data = subprocess.run(["gzip", "-dc"], input=data, capture_output=True, check=True).stdout
        yield name, data
    for verb in (VIEWS, ["-v"], ["types"], ["check", "--fail-on", "any"],
                 ["top", "--batch", "--width", "0", "-i", "100"],
                 ["top", "--batch", "--width", "0", "-i", "100", "--view", "live"]):
        done = run(*verb, *args)
        yield " ".join(verb[:3]), done.stdout + done.stderr
    yield "info", run("info", args[-1]).stdout
    done = run("diff", "--total", args[-1], args[-1])
    yield "diff", done.stdout + done.stderr


def addresses(folder):
    cases = {"named": ["mesh/trace.dat"], "perf": ["--kallsyms", "small/perf.kallsyms",
                                                   "small/perf-kmem.data"],
             "text": ["text/6.12-report.txt"], "stacks": ["small/page-stacks.dat"],
             "32 bits": ["small/6.1-i386-stacks.dat"], "tracefs": ["text/tracefs.txt"]}
    for what, args in cases.items():
        args = ["--no-debug-search", *(f"{TESTDATA}/{a}" if "/" in a else a for a in args)]
        every = list(outputs(folder, *args))
        marks = {int(mark, 16) for _, data in every for mark in FINGERPRINT.findall(data)}
        for name, data in every:
            found = addresses_in(data, marks)
            check(data and not found, f"{what}: {name}: no address", [f"{a:x}" for a in found[:5]])


def unnamed(folder):
    """Call sites without a name: their addresses, no pointers, and a word."""
    load = kmem.Workload(ringbuf.Layout(), kmem.load_formats(f"{TESTDATA}/formats/6.1-x86_64"),
                         nr_sites=6)
    load.add(800)
    trace = load.trace()
    lines = trace.kallsyms.splitlines(keepends=True)
    # two functions, and after them nothing
    few = lines[:3] + [b"%x T _etext\n" % load.symbols[2][0]]
    for what, symbols in (("no symbols", b""), ("some symbols", b"".join(few))):
        trace.kallsyms = symbols
        trace.write(f"{folder}/unnamed.dat")
        sites = set(load.sites) | {site + 4 for site in load.sites}
        is_seen = False
        for name, data in outputs(folder, "--no-debug-search", f"{folder}/unnamed.dat"):
            found = set(addresses_in(data))
            check(found <= sites, f"{what}: {name}: of call sites only",
                  [f"{a:x}" for a in sorted(found - sites)[:5]])
            is_seen |= bool(found)
        check(is_seen, f"{what}: they are shown")
        for verb in ([], ["--json"], ["check"], ["diff", f"{folder}/unnamed.dat"]):
            said = run(*verb, "--no-debug-search", f"{folder}/unnamed.dat").stderr.decode()
            check("shown as address" in said, f"{what}: {' '.join(verb[:1]) or 'stat'} says so", said)
    named = run("--json", f"{TESTDATA}/mesh/trace.dat").stderr.decode()
    check("address" not in named, "and where all have a name, it does not", named)
    raw = run("--raw-ip", "--caller", f"{TESTDATA}/mesh/trace.dat").stdout
    check(len(addresses_in(raw)) > 50, "--raw-ip shows addresses: the test would see them")


# the network, and files

def is_of_sanitizer(line):
    """Its runtime reads the environment before main()."""
    return sanitized.is_on() and 'open("/proc/self/environ", O_RDONLY)' in line


def traced(folder, calls, *args):
    path = f"{folder}/strace"
    run(*args, prefix=("strace", "-f", "-qq", "-y", "-e", "signal=none", "-o", path, "-e",
                       f"trace={calls}"), status=(0, 1, 2, 3, 5), env={**ENV, **sanitized.env(is_traced=True)})
    return pathlib.Path(path).read_text(encoding="utf-8", errors="replace").splitlines()


def network(folder):
    out = f"{folder}/out"
    os.mkdir(out)
    mesh = ["--debug-dir", f"{TESTDATA}/mesh", f"{TESTDATA}/mesh/trace.dat"]
    peers = f"{TESTDATA}/peers"
    small = f"{SMALL}/keys-40.dat"
    files = [word for name in formats() for word in ("--format", f"{name}={out}/{name}")]
    jobs = [[*files, "-o", f"{out}/text", "--slabinfo", f"{TESTDATA}/mesh/slabinfo", *mesh],
            [*VIEWS, "--alloc", "--model", "all", "--replay", small], ["types", *mesh],
            ["check", "--write-baseline", f"{out}/base", "--write-suppressions", f"{out}/suppress",
             "--fail-on", "any", small],
            ["diff", f"{peers}/6.1.dat", f"{peers}/6.1-grown.dat"],
            ["info", small], ["dump", "-l", "3", small], ["top", "--batch", "-n", "1", small],
            ["--help"], ["--version"], ["live", "--help"], ["record", "--help"]]
    for job in jobs:
        lines = traced(folder, "%network,%file,openat,creat,execve,memfd_create,io_uring_setup,ptrace",
                       *job)
        name = " ".join(word for word in job if not word.startswith("/"))[:60]
        met = [line for line in lines if re.search(
            r"\b(socket|connect|bind|sendto|io_uring_setup|ptrace)\(", line)]
        # how libdw's box speaks to its parent
        met = [line for line in met if "socketpair(AF_UNIX" not in line]
        check(lines and not met, f"no network: {name}", "\n".join(met))
        wrote = [line for line in lines
                 if re.search(r"O_WRONLY|O_RDWR|O_CREAT|\b(creat|unlink\w*|rename\w*|mkdir\w*)\(", line)
                 and not re.search(r'"/dev/(null|tty)"|"/sys/fs/cgroup|"/proc/self/', line)
                 and not line.split('"')[1].startswith(out)]
        check(not wrote, f"no file written but those given: {name}", "\n".join(wrote[:5]))
        ran = [line for line in lines if "execve(" in line and line.split('"')[1] != KMEMSTAT]
        check(not ran, f"no other program is run: {name}", "\n".join(ran[:5]))


SECRET = "the secret line of another file"


def sources(folder):
    """Debug information names files; the root has links that lead out of it."""
    module = f"{folder}/module"
    os.mkdir(module)
    if hostile.module_of(module, None) is None:
        check(True, "source lines # SKIP no gcc, or not of x86-64")
        return
    outside, root = f"{folder}/outside", f"{folder}/root"
    for path in (outside, f"{outside}/deep", root, f"{root}/in", f"{root}/a"):
        os.mkdir(path)
    text = "".join(f"{SECRET} {number}\n" for number in range(40))
    for path in (f"{outside}/secret.c", f"{outside}/deep/secret.c", f"{folder}/secret.c"):
        pathlib.Path(path).write_text(text, encoding="ascii")
    pathlib.Path(f"{root}/in/fine.c").write_text(text.replace(SECRET, "fine"), encoding="ascii")
    os.symlink(f"{outside}/secret.c", f"{root}/in/link.c")
    os.symlink("../../outside/secret.c", f"{root}/in/relative.c")
    os.symlink(f"{outside}/deep", f"{root}/linked")
    os.symlink("/proc/self/root", f"{root}/magic")
    os.symlink("in/fine.c", f"{root}/good.c")
    os.mkfifo(f"{root}/in/pipe.c")
    cases = [("/build/in", "fine.c", True), (root, "good.c", True), (outside, "secret.c", False),
             (f"{root}/..", "secret.c", False), (f"{root}/in", "link.c", False),
             ("/build/in", "relative.c", False), (f"{root}/linked", "secret.c", False),
             ("/x/linked", "secret.c", False), ("../outside", "secret.c", False),
             ("in/../../outside", "secret.c", False), ("/a/in/../../outside", "secret.c", False),
             (f"{root}/magic{outside}", "secret.c", False), ("/x/in", "pipe.c", False),
             ("/etc", "passwd", False), ("/x/../../../../../../../../etc", "passwd", False),
             ("/proc/self", "environ", False)]
    for directory, name, is_shown in cases:
        args = hostile.module_of(module, None, source=name, directory=directory)
        words = ["--min-severity", "low", "--waste-bytes", "0", "--source", "--source-root", root]
        what = f"{directory}/{name}".replace(folder, "DIR")
        for kind in ([], ["--json"]):
            done = run(*[word for word in words if not kind or word not in ("--min-severity", "low")],
                       *kind, *args)
            told = done.stdout + done.stderr
            shown = b"fine 1" in told
            check(SECRET.encode() not in told and b"root:x:" not in told and b"PATH=" not in told
                  and (not kind or b"source" in told) and (shown == is_shown or kind),
                  f"{what}{' ' + kind[0] if kind else ''}: {'shown' if is_shown else 'not shown'}",
                  told.decode(errors="replace")[-1500:])
        # what was opened, by the kernel's own word for it: -y
        opened = [line for line in traced(folder, "openat,openat2,open", *words, *args)
                  if re.search(r"= \d+<", line) and not is_of_sanitizer(line)]
        bad = [line for line in opened
               if re.search(r"= \d+<(?:%s/secret\.c|%s|/etc/passwd|/proc/\d+/environ)" % (
                   re.escape(folder), re.escape(outside)), line)]
        check(opened and not bad, f"{what}: nothing outside is opened", "\n".join(bad))


def main():
    with tempfile.TemporaryDirectory(prefix="kmemstat-leaks-") as folder:
        addresses(folder)
        unnamed(folder)
        if shutil.which("strace") and subprocess.run(["strace", "-o", "/dev/null", "true"],
                                                     check=False).returncode == 0:
            network(folder)
            sources(folder)
        else:
            check(True, "network, files # SKIP strace does not work here")
    return end()


sys.exit(main())
