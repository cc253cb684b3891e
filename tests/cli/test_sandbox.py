#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debug information is read in a process of its own. Speaks TAP.

usage: test_sandbox.py KMEMSTAT TESTDATA DEADLY

DEADLY is a library to preload, whose dwarf_addrdie() ends the process that calls it.
"""

import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

from tap import check, end  # noqa: E402

KMEMSTAT, TESTDATA, DEADLY = (os.path.abspath(path) for path in sys.argv[1:4])
TRACE = f"{TESTDATA}/mesh/trace.dat"
ARGS = ["--no-debug-search", "--debug-dir", f"{TESTDATA}/mesh"]
NOBODY = 65534


def run(*args, deadly=False, **options):
    env = dict(os.environ, LC_ALL="C")
    if deadly:
        env["LD_PRELOAD"] = DEADLY
    return subprocess.run([KMEMSTAT, *args], capture_output=True, text=True, env=env, timeout=100,
                          check=False, **options)


def may_run_as_nobody():
    try:
        return os.geteuid() == 0 and run("--version", user=NOBODY, group=NOBODY).returncode == 0
    except OSError:
        return False


def same_bytes():
    for form in ("table", "json", "types"):
        verb = ["types"] if form == "types" else ["--json"] if form == "json" else []
        boxed, here = run(*verb, *ARGS, TRACE), run(*verb, *ARGS, "--no-sandbox", TRACE)
        check(boxed.returncode == 0 and boxed.stdout and boxed.stdout == here.stdout
              and boxed.stderr == here.stderr, f"{form}: the same in the box and without",
              boxed.stderr + here.stderr)
        if may_run_as_nobody():
            other = run(*verb, *ARGS, TRACE, user=NOBODY, group=NOBODY)
            check(other.stdout == boxed.stdout, f"{form}: the same for a plain user", other.stderr)
    said = run("--verbose", *ARGS, TRACE).stderr
    check("in a process confined by " in said, "--verbose tells what it is confined by", said)
    said = run("--verbose", *ARGS, "--no-sandbox", TRACE).stderr
    check("confined" not in said, "and nothing of it with --no-sandbox", said)


def survives():
    alone = run("--json", "--no-debug-search", TRACE)
    for users in ([{}] if not may_run_as_nobody() else [{}, {"user": NOBODY, "group": NOBODY}]):
        who = "a plain user" if users else "whoever runs this"
        died = run("--json", *ARGS, TRACE, deadly=True, **users)
        check(died.returncode == 0, f"{who}: libdw dies, and the report appears", died.stderr)
        got, want = json.loads(died.stdout), json.loads(alone.stdout)
        check(got["quality"].pop("debug_files_failed", 0) == 1, f"{who}: it is counted",
              got["quality"])
        check(got["callsites"] == want["callsites"] and got["quality"] == want["quality"],
              f"{who}: the rest is as without debug information")
        check(died.stderr.count("mac80211.ko") == 1 and "was killed by signal" in died.stderr
              and died.stderr.count("\n") == 1, f"{who}: one line names the file", died.stderr)
    for form in ("table", "markdown", "sarif", "openmetrics", "jsonl"):
        told = run(*ARGS, "--strict", *(["--format", form] if form != "table" else []), TRACE,
                   deadly=True)
        what = "debug_files_failed" if form in ("jsonl", "openmetrics") else \
            "1 debug file could not be read"
        check(told.returncode == 0 and what in " ".join(told.stdout.split()),
              f"{form} tells, and --strict has nothing against it", told.stdout[:2000])
    quiet = run("-q", *ARGS, TRACE, deadly=True)
    check(quiet.returncode == 0 and not quiet.stderr, "--quiet says nothing", quiet.stderr)


def dies_alone():
    """Without the box the same library takes the program with it: the test tests something."""
    done = run(*ARGS, "--no-sandbox", TRACE, deadly=True)
    check(done.returncode < 0, "--no-sandbox: the program dies", done.returncode)


def main():
    if run("--version", deadly=True).returncode:
        print("1..0 # SKIP nothing can be preloaded here")
        return 0
    same_bytes()
    survives()
    dies_alone()
    return end()


sys.exit(main())
