# SPDX-License-Identifier: GPL-2.0-or-later
"""Other builds of kmemstat, and whether they say the same of the traces in testdata."""

import gzip
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = TOP / "testdata"
sys.path.insert(0, str(TOP / "scripts"))

import sysroot  # noqa: E402

SKIPPED = 77
# What is there without debug information. Of all traces, and of the largest.
VIEWS = [["--json"], ["--caller", "--class", "--no-pairing"], ["dump", "-l", "300"], ["info"]]
MESH = [["--live", "--timeline", "-l", "20"], ["--cache", "--task", "-l", "20"],
        ["--models", "--replay"], ["--percpu", "--percpu-replay"], ["--locality", "--own-cache"],
        ["--alloc", "-l", "50"], ["--format=sarif"], ["--format=openmetrics"],
        ["--time=10%-30%", "--caller"], ["top", "--batch", "--frames=3"]]
DWARF = [["--caller", "-l", "40"], ["--json"], ["types", "-l", "20"]]


def skip(why):
    print(why)
    sys.exit(SKIPPED)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            skip(f"{program} is not installed")


def run(args, **kwargs):
    """Runs what has to succeed."""
    done = subprocess.run([str(arg) for arg in args], capture_output=True, text=True, check=False,
                          **kwargs)
    if done.returncode:
        print(f"{' '.join(map(str, args))}: exit status {done.returncode}")
        sys.exit("\n".join((done.stdout + done.stderr).splitlines()[-40:]))
    return done.stdout


def build(folder, *setup):
    """-> the program, built in that folder."""
    if not (folder / "build.ninja").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run(["meson", "setup", *setup, folder, TOP])
    run(["ninja", "-C", folder, "src/cli/kmemstat"])
    return folder / "src/cli/kmemstat"


# Of an architecture: what its tools' names begin with, and what runs its programs here.
ARCHITECTURES = {
    "arm64": ("aarch64-linux-gnu", "qemu-aarch64-static"),
    "armhf": ("arm-linux-gnueabihf", "qemu-arm-static"),
    "s390x": ("s390x-linux-gnu", "qemu-s390x-static"),
}


def cross(folder, arch, kind="", options=()):
    """Builds for another architecture. -> the program, and the command that runs it here."""
    _, qemu = ARCHITECTURES[arch]
    root = sysroot.make(arch, folder / f"root-{arch}")
    program = build(folder / f"{arch}{kind}", *options, "--cross-file", root / "sysroot.ini",
                    "--cross-file", TOP / f"cross/{arch}.ini")
    return program, [qemu, "-L", root, program]


def readme():
    return (TOP / "README.md").read_text(encoding="utf-8")


def small_options():
    """Those of README.md's line for a small target."""
    return re.search(r"meson setup build-small (.*)", readme())[1].split()


def has_stated_size(size, what):
    """Whether README.md says so, in MB."""
    stated = float(re.search(rf"([\d.]+) MB \({what}", readme())[1])
    print(f"{what}: {size} bytes; README.md says {stated} MB")
    return abs(size / 1e6 - stated) <= 0.1


def stripped(program, strip="strip"):
    """-> the program without symbols, and its size."""
    small = program.with_name("kmemstat.stripped")
    run([strip, "-o", small, program])
    return small, small.stat().st_size


def reports(normal, folder):
    """Makes packed JSON reports in the folder, for verbs that take such."""
    for name in ("6.1", "6.1-grown"):
        text = run([*normal, "--json", "--no-debug-search", f"peers/{name}.dat"], cwd=DATA)
        path = folder / f"{name}.json.gz"
        path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
        yield path


def cases(has_dwarf, packed):
    """Yields command lines, to be run in testdata; `packed` are reports."""
    traces = [DATA / "mesh/trace.dat", DATA / "replay/trace.dat", *sorted(DATA.glob("peers/*.dat")),
              *sorted(DATA.glob("small/*.da*")), *sorted(DATA.glob("text/*.txt"))]
    for trace in traces:
        for view in VIEWS:
            yield [*view, trace.relative_to(DATA)]
    for view in MESH:
        yield [*view, "mesh/trace.dat"]
    yield ["check", "--baseline", "peers/6.1.dat", "--fail-on", "new", "peers/6.1-grown.dat"]
    yield ["diff", "peers/6.1.dat", "peers/6.1-grown.dat"]
    yield ["diff", "--json", "peers/6.1.dat", "peers/6.12-grown.dat"]
    yield ["--caller", "no-such-file"]
    yield ["merge", *packed]
    yield ["merge", packed[0], "peers/6.1.dat"]
    if has_dwarf:
        for view in DWARF:
            yield [*view, "--debug-dir", "mesh", "mesh/trace.dat"]
        yield ["check", "--baseline", "peers/6.1.dat", "--debug-dir", "peers/6.1-grown",
               "--fail-on", "new", "peers/6.1-grown.dat"]


def has_screen(command):
    """Whether the screen of top comes up, and goes away at the key q."""
    os.environ["TERM"] = "xterm"
    pid, terminal = pty.fork()
    if not pid:
        os.execvp(command[0], [*map(str, command), "top", str(DATA / "small/leak.dat")])
    shown = b""
    signal.alarm(120)
    try:
        while b"+0x" not in shown and (data := os.read(terminal, 65536)):
            shown += data
        os.write(terminal, b"q")
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass  # it has ended
    status = os.waitpid(pid, 0)[1]
    signal.alarm(0)
    if status or b"+0x" not in shown:
        print(f"top: status {status}, it showed {shown[-300:]}")
    return not status and b"+0x" in shown


def said(command, args):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    # of what the machines that run it have
    fixed = [] if args[0] in ("dump", "info", "merge") else ["--no-debug-search"]
    done = subprocess.run([*map(str, command), *map(str, args), *fixed], cwd=DATA, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def compare(normal, other, has_dwarf, folder):
    """Whether two programs (commands) say the same; says where they do not. `folder` is for
    reports to read.
    """
    number = wrong = 0
    for args in cases(has_dwarf, list(reports(normal, folder))):
        want, got = said(normal, args), said(other, args)
        number += 1
        if want == got:
            continue
        wrong += 1
        print(f"{' '.join(map(str, args))}: not the same: exit status {want[0]}, {got[0]}")
        for part in (1, 2):
            lines = want[part].splitlines(), got[part].splitlines()
            differ = [pair for pair in zip(*lines) if pair[0] != pair[1]]
            print(f"  {len(lines[0])} and {len(lines[1])} lines; {differ[:1]}")
    print(f"{number} command lines, {wrong} with another output")
    return not wrong
