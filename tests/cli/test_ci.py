#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_ci.py [--update] KMEMSTAT TOP: docs/ci.md and docs/examples do what they say. Speaks TAP.

A block ```console of ci.md holds commands after "$ " with what they print; they are run one after
the other in a checkout made of testdata/peers: `<!-- files: TRACE [MODULE] -->` says which of its
traces is trace.dat, and which module lies there. --update writes the output that came. All other
kmemstat commands, of ```sh blocks and of the examples for CI services, are run there too: on the
trace of the module as it is, where they have to pass, and on that of the grown one, where gates
have to trip.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:
    yaml = None

UPDATE = sys.argv[1] == "--update"
KMEMSTAT, TOP = (pathlib.Path(arg).resolve() for arg in sys.argv[2 if UPDATE else 1:])
PAGE = TOP / "docs/ci.md"
EXAMPLES = TOP / "docs/examples"
PEERS = TOP / "testdata/peers"
SCRIPTS = ("docs/examples/record-in-qemu", "docs/examples/record-in-vng", "tests/guests/record-peers",
           "tests/guests/peers/load", "tests/guests/peers/setup")
SERVICES = ("github-actions.yml", "gitlab-ci.yml")
CONSOLE = re.compile(r"<!-- files: (\S+)(?: (\S+))? -->\n```console\n(.*?)```\n", re.DOTALL)
# A kmemstat command in shell text, with the lines that go on.
COMMAND = re.compile(r"^\s*(kmemstat (?:check|diff) (?:\\\n|[^\n])*)", re.MULTILINE)

SUPPRESSIONS = """\
rule: just-over
symbol: peer_table_alloc
reason: until the table is split
expires: 2099-12-31
"""
BUDGET = """\
symbol: peers_join
waste: 16k
"""
# Options of the table of gates: whether they trip for the grown module, and for the other run of
# the module as it is, which has its few small findings too.
GATES = {
    "--fail-on new": (True, False),
    "--fail-on new:high": (True, False),
    "--fail-on just-over": (True, True),
    "--fail-on any:medium": (True, False),
    "--max-waste 5%": (True, False),
    "--max-waste-growth 10%": (True, False),
    "--max-hits-growth 10%": (False, False),
    "--budget FILE": (True, False),
}


class Checkout:
    """A folder with what a job has: sources, modules, a trace, a baseline."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        programs = self.folder / "bin"
        programs.mkdir()
        # of debug information that happens to be installed nothing is to be seen
        (programs / "kmemstat").write_text(
            "#!/bin/sh\n"
            f"case $1 in check) set -- \"$@\" --no-debug-search ;; esac\n"
            f"exec {shlex.quote(str(KMEMSTAT))} \"$@\"\n", encoding="utf-8")
        (programs / "kmemstat").chmod(0o755)
        self.tree = self.folder / "tree"
        (self.tree / "peers").mkdir(parents=True)
        (self.tree / "ci").mkdir()
        (self.tree / "kmemstat.supp").write_text(SUPPRESSIONS, encoding="utf-8")
        (self.tree / "FILE").write_text(BUDGET, encoding="utf-8")
        shutil.copy(TOP / "tests/guests/peers/peers.c", self.tree / "peers")

    def put(self, trace, module=None):
        shutil.copy(PEERS / f"{trace}.dat", self.tree / "trace.dat")
        shutil.copy(PEERS / (module or trace) / "peers.ko.zst", self.tree / "peers")

    def sh(self, command):
        env = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C",
               "CI_BUILDS_DIR": str(self.folder)}
        done = subprocess.run(["sh", "-c", command], cwd=self.tree, env=env, timeout=60, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout

    def make_baseline(self):
        self.put("6.1")
        self.sh("kmemstat check --debug-dir . --source-root . --write-baseline kmemstat.json trace.dat")
        shutil.copy(self.tree / "kmemstat.json", self.tree / "ci")


def commands_of(block):
    """(command, what it prints) of a console block."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2]))


def run_block(checkout, trace, module, block):
    checkout.put(trace, module)
    text = ""
    for command, _ in commands_of(block):
        status, output = checkout.sh(command)
        text += f"$ {command}\n{output}" + (f"[exit status {status}]\n" if status else "")
    return text


def update(checkout):
    page = PAGE.read_text(encoding="utf-8")

    def renew(match):
        new = run_block(checkout, match[1], match[2], match[3])
        return match[0].replace(f"```console\n{match[3]}```", f"```console\n{new}```")
    PAGE.write_text(CONSOLE.sub(renew, page), encoding="utf-8")


def check_console(checkout, page):
    for match in CONSOLE.finditer(page):
        got = run_block(checkout, match[1], match[2], match[3])
        yield f"ci.md, {commands_of(match[3])[-1][0]}", got == match[3], got


def commands_in(text):
    return [re.sub(r"\\\n\s*", "", match[1]) for match in COMMAND.finditer(text)]


def steps_of(name):
    """The shell texts of a job, of a list of lines each."""
    data = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    if "jobs" in data:
        return [step["run"] for job in data["jobs"].values() for step in job["steps"]
                if "run" in step]
    jobs = [job for job in data.values() if isinstance(job, dict) and "script" in job]
    return ["\n".join(job.get(key, [])) for job in jobs
            for key in ("before_script", "script", "after_script")]


def check_command(checkout, where, command):
    """A gate trips for the grown module alone; a report that it names is there."""
    wrong = []
    is_gate = "--fail-on" in command or "--max-" in command
    for trace, module, wanted in (("6.1-again", "6.1", 0), ("6.1-grown", None, int(is_gate))):
        checkout.put(trace, module)
        files = re.findall(r"--(?:format \w+=|write-baseline )(\S+)", command)
        for name in files:
            # a baseline is given too, and may be written over
            if name != "kmemstat.json":
                (checkout.tree / name).unlink(missing_ok=True)
        status, output = checkout.sh(command)
        missing = [name for name in files if not (checkout.tree / name).is_file()]
        if status != wanted or missing:
            wrong.append(f"{trace}: exit status {status}, not there: {missing}\n{output}")
        if wanted and "peers/peers.c:30" not in output and "peers/peers.c,line=30" not in output:
            wrong.append(f"{trace}: the line is not named:\n{output}")
    checkout.make_baseline()
    return f"{where}: {command}", not wrong, "\n".join(wrong)


def check_commands(checkout, page):
    checkout.make_baseline()
    texts = [("ci.md", block) for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)]
    for name in SERVICES if yaml else ():
        texts += [(name, step) for step in steps_of(name)]
    found = set()
    for where, text in texts:
        for command in commands_in(text):
            found.add(where)
            yield check_command(checkout, where, command)
    wanted = {"ci.md", *(SERVICES if yaml else ())}
    yield "commands are found", found == wanted, str(found)


def check_gates(checkout, page):
    rows = re.findall(r"^\| `(--[^`]*)` \|", page, re.MULTILINE)
    yield "the table of gates", set(rows) == set(GATES), str(rows)
    for option in rows:
        got = []
        for trace, module in (("6.1-grown", None), ("6.1-again", "6.1")):
            checkout.put(trace, module)
            status, output = checkout.sh("kmemstat check --debug-dir . --baseline kmemstat.json "
                                         f"{option} trace.dat")
            got.append((status, output))
        is_good = [status for status, _ in got] == [int(trips) for trips in GATES[option]]
        yield f"gate {option}", is_good, "\n".join(output for _, output in got)


def check_words(checkout, page):
    """Options, formats, exit statuses, links."""
    help_text = checkout.sh("kmemstat --help; kmemstat check --help")[1]
    known = set(re.findall(r"--[a-z][\w-]+", help_text))
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", page))
    yield "options exist", named <= known, f"unknown: {sorted(named - known)}"
    table = page[page.index("| format | for |"):]
    table = table[:table.index("\n\n")]
    named = set(re.findall(r"`(\w+)`", table))
    listed = set(re.findall(r"^(\w+)", checkout.sh("kmemstat --format help")[1], re.MULTILINE))
    yield "formats", named == listed, f"{sorted(named)}, not {sorted(listed)}"
    statuses = set(re.findall(r"^\| (\d) \|", page, re.MULTILINE))
    wanted = set(re.findall(r"^  (\d)  ", help_text, re.MULTILINE))
    yield "exit statuses", statuses == wanted, str(statuses)
    missing = [link for link in re.findall(r"\]\(([^)#]+)\)", page)
               if not (PAGE.parent / link).exists()]
    yield "links", not missing, str(missing)
    headings = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-")
                for h in re.findall(r"^#+ (.*)", page, re.MULTILINE)}
    missing = set(re.findall(r"\]\(#([^)]+)\)", page)) - headings
    yield "headings", not missing, str(missing)
    missing = [path for path in re.findall(r"(?<![\w/])((?:tests|testdata)/[\w/-]+)", page)
               if not (TOP / path).exists()]
    yield "paths", not missing, str(missing)


def check_shell(name, text):
    """sh's own opinion, and shellcheck's where it is installed."""
    programs = [["sh", "-n"]]
    if shutil.which("shellcheck"):
        programs.append(["shellcheck", "-s", "sh", "-"])
    done = [subprocess.run(program, input=text, capture_output=True, text=True, check=False)
            for program in programs]
    return name, not any(d.returncode for d in done), "".join(d.stdout + d.stderr for d in done)


def check_scripts():
    for script in SCRIPTS:
        yield check_shell(script, (TOP / script).read_text(encoding="utf-8"))
    for name in SERVICES if yaml else ():
        for number, step in enumerate(steps_of(name), 1):
            yield check_shell(f"{name}, shell text {number}", step)
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        missing = [path for path in re.findall(r"(docs/examples/[\w.-]+)", text)
                   if not (TOP / path).exists()]
        yield f"{name}, paths", not missing, str(missing)


def main():
    with tempfile.TemporaryDirectory(prefix="kmemstat-ci-") as folder:
        checkout = Checkout(folder)
        if UPDATE:
            update(checkout)
            return 0
        page = PAGE.read_text(encoding="utf-8")
        results = [*check_console(checkout, page), *check_commands(checkout, page),
                   *check_gates(checkout, page), *check_words(checkout, page), *check_scripts()]
    print(f"1..{len(results) + 1}")
    for number, (name, is_good, got) in enumerate(results, 1):
        print(f"{'ok' if is_good else 'not ok'} {number} - {name}")
        if not is_good:
            print("# " + got.replace("\n", "\n# "))
    print(f"ok {len(results) + 1} - YAML" + ("" if yaml else " # SKIP no python3-yaml"))
    return 0 if len(results) > 30 and all(good for _, good, _ in results) else 1


sys.exit(main())
