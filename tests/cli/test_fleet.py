#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_fleet.py [--update] KMEMSTAT TOP: docs/fleet.md and its examples do what they say. Speaks TAP.

Blocks ```console hold commands after "$ " with what they print (--update writes what came); the
word behind it is a program without which a block is skipped. Queries are run by DuckDB, and their
answers held against sums made here of the same reports.
"""

import collections
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

UPDATE = sys.argv[1] == "--update"
KMEMSTAT, TOP = (pathlib.Path(arg).resolve() for arg in sys.argv[2 if UPDATE else 1:])
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "tests/lib"))

import tap  # noqa: E402

PAGE = TOP / "docs/fleet.md"
EXAMPLES = TOP / "docs/examples"
CONSOLE = re.compile(r"```console(?: (\w+))?\n(.*?)```\n", re.DOTALL)
HOSTS = {"web-1": "mesh/trace.dat", "web-2": "mesh/trace.dat", "db-1": "small/6.12.dat"}


def sh(folder, command):
    env = {**os.environ, "LC_ALL": "C",
           "PATH": f"{folder / 'bin'}:{os.environ['PATH']}:{TOP / 'tests/bin'}"}
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, timeout=60, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.stdout + (f"[exit status {done.returncode}]\n" if done.returncode else "")


def run_block(folder, block):
    commands = re.findall(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    return "".join(f"$ {command}\n{sh(folder, command)}" for command in commands)


def prepare(folder):
    (folder / "bin").mkdir()
    (folder / "bin/kmemstat").symlink_to(KMEMSTAT)
    for host, trace in HOSTS.items():
        sh(folder, f"kmemstat -q --no-debug-search --json -o {host}.json "
                   f"{shlex.quote(str(TOP / 'testdata' / trace))}")
    shutil.copy(EXAMPLES / "kmemstat-alerts.yml", folder)


def has(folder, program):
    return not program or not sh(folder, f"command -v {program} >/dev/null")


def check_console(folder, page):
    for program, block in CONSOLE.findall(page):
        name = block.splitlines()[0]
        if not has(folder, program):
            tap.check(True, f"{name} # SKIP no {program}")
            continue
        got = run_block(folder, block)
        tap.check(got == block, name, got)


def answers(folder):
    """What the queries have to come to."""
    reports = {host: json.loads((folder / f"{host}.json").read_text()) for host in HOSTS}
    waste, hosts = collections.Counter(), collections.defaultdict(set)
    classes, high = collections.Counter(), collections.defaultdict(set)
    for host, report in reports.items():
        for row in report["callsites"]:
            waste[row["symbol"]] += row["bytes_waste"]
            hosts[row["symbol"]].add(host)
        for row in report["classes"]:
            classes[row["name"]] += row["bytes_waste"]
        for row in report["findings"]:
            if row["severity"] == "high":
                high[row["callsite"]["symbol"], row["fingerprint_symbol"]].add(f"{host}.jsonl")
    most = sorted(waste, key=lambda s: (-waste[s], s))[:3]
    lossy = sorted(classes, key=lambda c: (-classes[c], c))[:3]
    return [[[s, str(len(hosts[s])), str(waste[s])] for s in most],
            [[c, str(classes[c])] for c in lossy],
            [[print_, symbol, " ".join(sorted(high[symbol, print_]))]
             for symbol, print_ in sorted(high)[:3]]]


def check_queries(folder, page):
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        tap.check(not sh(folder, block), "rows of all hosts")
    queries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    tap.check(len(queries) == 3, "the queries are found")
    if not (TOP / "tests/npm/node_modules/@duckdb/node-api").is_dir() or not shutil.which("node"):
        tap.check(True, "queries # SKIP no DuckDB in tests/npm (scripts/setup.sh)")
        return
    for query, wanted in zip(queries, answers(folder)):
        done = subprocess.run(["node", TOP / "tests/cli/duckdb.cjs", folder], input=query,
                              text=True, capture_output=True, timeout=60, check=False)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        got = [[str(value).replace("./", "") for value in row[:len(want)]] for row, want in zip(rows, wanted)]
        tap.check(got == wanted and len(rows) == len(wanted), query.splitlines()[0],
                  f"{rows}\n{wanted}\n{done.stderr}")


def check_examples(page):
    for name in re.findall(r"\]\(examples/([\w.-]+)\)", page):
        tap.check((EXAMPLES / name).is_file(), f"{name} is there")
    unit = (EXAMPLES / "kmemstat-report.service").read_text()
    help_text = "".join(subprocess.run([KMEMSTAT, *verb, "--help"], text=True, capture_output=True,
                                       check=True).stdout for verb in ([], ["live"], ["merge"], ["diff"]))
    known = set(re.findall(r"--[a-z][\w-]+", help_text))
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", page + unit))
    tap.check(named <= known, "options exist", sorted(named - known))
    if not shutil.which("systemd-analyze"):
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in ("kmemstat-report.service", "kmemstat-report.timer"):
            text = (EXAMPLES / name).read_text().replace("/usr/bin/kmemstat", str(KMEMSTAT))
            (pathlib.Path(folder) / name).write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", f"{folder}/kmemstat-report.timer",
                               f"{folder}/kmemstat-report.service"], text=True,
                              capture_output=True, check=False)
        tap.check("kmemstat-report" not in done.stderr, "systemd takes the units", done.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="kmemstat-fleet-") as name:
        folder = pathlib.Path(name)
        prepare(folder)
        page = PAGE.read_text(encoding="utf-8")
        if UPDATE:
            def renew(match):
                if not has(folder, match[1]):
                    return match[0]
                return match[0].replace(match[2], run_block(folder, match[2]))
            PAGE.write_text(CONSOLE.sub(renew, page), encoding="utf-8")
            return 0
        check_console(folder, page)
        check_queries(folder, page)
        check_examples(page)
    return tap.end()


sys.exit(main())
