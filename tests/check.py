#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kmemstat check: baselines and suppressions that it writes, read again.

usage: check.py KMEMSTAT TESTDATA SHARE

Of every small trace: the baseline is valid, writes the same again, and says of the trace that it
was made of, in each of its forms, that nothing changed; one row less of it is told as new. And
growth against sums that are made up here.
"""

import copy
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import kmem  # noqa: E402
import ringbuf  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

ALL_GATES = ["--fail-on", "new", "--max-waste-growth", "0", "--max-hits-growth", "0"]


class Checks:
    def __init__(self, kmemstat, tmp):
        self.kmemstat, self.tmp, self.nr, self.wrong = kmemstat, tmp, 0, []

    def run(self, *args, verb="check"):
        done = subprocess.run([self.kmemstat, verb, "--no-debug-search", *args],
                              capture_output=True, timeout=60, check=False,
                              env={"SOURCE_DATE_EPOCH": "1795219200", "PATH": os.environ["PATH"]})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def expect(self, what, got, wanted):
        self.nr += 1
        if got != wanted:
            self.wrong.append(f"{what}: {got!r}, not {wanted!r}")

    def path(self, name):
        return os.path.join(self.tmp, name)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def save(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def check_trace(checks, name, args, validator):
    base, again, report = checks.path("base"), checks.path("again"), checks.path("report")
    supp = checks.path("supp")
    status, out, err = checks.run(*args, "--write-baseline", base, "--write-suppressions", supp,
                                  "--format", f"json={report}")
    checks.expect(f"{name}: status", status, 0)
    if status:
        checks.wrong.append(err)
        return
    made = load(base)
    if validator:
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(made)]
        checks.expect(f"{name}: schema", errors[:3], [])
    whole = load(report)
    for key in ("hits", "bytes_req", "bytes_alloc", "bytes_waste"):
        checks.expect(f"{name}: {key}", sum(row[key] for row in made["callsites"]),
                      sum(row[key] for row in whole["callsites"]))
    checks.expect(f"{name}: findings", sorted(row["fingerprint"] for row in made["findings"]),
                  sorted(row["fingerprint"] for row in whole["findings"]))
    checks.run(*args, "--write-baseline", again)
    checks.expect(f"{name}: written again", bytes_of(base) == bytes_of(again), True)
    incomplete = whole["quality"]["incomplete"]
    for baseline in (base, report, args[-1]):
        status, out, err = checks.run(*args, "--baseline", baseline, *ALL_GATES)
        verdict = out.splitlines()[-1]
        checks.expect(f"{name}: against {os.path.basename(baseline)}", (status, verdict),
                      (0, "check: nothing decided of 3 gates" if incomplete
                       else "check: passed: 3 gates"))
        checks.expect(f"{name}: call sites that changed", bool(re.search("call sites? that", out)), False)
    status, out, err = checks.run(*args, "--suppress", supp, "--fail-on", "any")
    checks.expect(f"{name}: suppressed", status, 0)
    checks.expect(f"{name}: all suppressions are used", "suppresses nothing" in err, False)
    if made["findings"] and not incomplete:
        less = copy.deepcopy(made)
        gone = less["findings"].pop()
        save(base, less)
        status, out, err = checks.run(*args, "--baseline", base, "--fail-on", "new")
        trips = [line for line in out.splitlines() if line.endswith(" [--fail-on new]")]
        checks.expect(f"{name}: one is new", (status, len(trips)), (1, 1))
        checks.expect(f"{name}: it is that one", gone["message"] in "".join(trips), True)


def span(size):
    """The least and the most that a number of bytes in a verdict may stand for."""
    number, name = re.fullmatch(r"([0-9.]+) (B|KiB|MiB|GiB)", size).groups()
    factor = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[name]
    return (float(number) - 0.051) * factor, (float(number) + 0.051) * factor


def check_growth(checks, trace, seed):
    """Random changes to a baseline: which call sites trip, by the formula in the man page."""
    rng = random.Random(seed)
    base, report = checks.path("base"), checks.path("report")
    checks.run("--write-baseline", base, "--format", f"json={report}", trace)
    made = load(base)
    rows = made["callsites"]
    expected, limit = {}, rng.choice([0, 100, 5000, 100000])
    for row in rng.sample(rows, len(rows) // 3):
        hits, waste = row["hits"], row["bytes_waste"]
        row["hits"] = rng.randint(1, 2 * hits)
        row["bytes_waste"] = rng.randint(0, 2 * waste) * row["hits"] // hits
        growth = round(waste - hits * row["bytes_waste"] / row["hits"])
        if growth > limit:
            place = row["symbol"] + (f" [{row['module']}]" if "module" in row else "")
            expected.setdefault(place, []).append(growth)
    save(base, made)
    status, out, _ = checks.run("--baseline", base, "--max-waste-growth", str(limit), trace)
    got = {}
    for line in out.splitlines():
        match = re.match(r"(.*?)(?: \(\w+\))?: wastes (.*?) more, over ", line)
        if match:
            got.setdefault(match[1], []).append(span(match[2]))
    checks.expect(f"seed {seed}: who grew", sorted(got), sorted(expected))
    for place in set(got) & set(expected):
        for mine, told in zip(sorted(expected[place]), sorted(got[place])):
            checks.expect(f"seed {seed}: {place} by {mine}, told {told}",
                          told[0] <= mine <= told[1], True)
    if expected:
        checks.expect(f"seed {seed}: status", status, 1)


def check_hostile(checks, good, seed):
    """A baseline with bytes changed: read or refused with a message, never more."""
    rng = random.Random(seed)
    text = bytearray(bytes_of(good))
    path = checks.path("hostile")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text))
        text[at:at + rng.choice([0, 1, 1, 50])] = rng.choice(
            [b"", b"\0", b"\xff\xfe", b"}", b"[", b"-1", b"1e999", b'"', b"99999999999999999999",
             b"null", bytes([rng.randrange(256)])])
    with open(path, "wb") as file:
        file.write(text[:rng.choice([len(text), rng.randrange(len(text))])])
    status, _, err = checks.run("--baseline", path, *ALL_GATES, checks.small)
    checks.expect(f"hostile {seed}: status", status in (0, 1, 3), True)
    if status == 3:
        checks.expect(f"hostile {seed}: message", path in err and err.count("\n") == 1, True)


def generated(tmp):
    """Call sites without symbols, and names that command terminals."""
    formats = kmem.load_formats(os.path.join(TESTDATA, "formats", "6.18-x86_64"))
    load_ = kmem.Workload(ringbuf.Layout(), formats, seed=5, nr_cpus=3)
    load_.add(800)
    trace = load_.trace()
    trace.kallsyms = trace.cmdlines = b""
    path = os.path.join(tmp, "bare.dat")
    trace.write(path)
    yield path
    path = os.path.join(tmp, "control.dat")
    subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "make-trace"),
                    "control", path], check=True, cwd=TESTDATA)
    yield path


def check_written(checks, trace):
    """Files that cannot be written."""
    for option in ("--write-baseline", "--write-suppressions"):
        status, _, err = checks.run(option, "/dev/full", trace)
        checks.expect(f"{option} /dev/full: status", status, 5)
        checks.expect(f"{option} /dev/full: message", "No space left" in err, True)
        status, _, _ = checks.run(option, checks.path("kept"), "-o", "/dev/full", trace)
        checks.expect(f"-o /dev/full with {option}", status, 5)
    with open(checks.path("kept"), "w", encoding="utf-8") as file:
        file.write("old")
    status, _, _ = checks.run("--write-baseline", checks.path("kept"), "--write-suppressions",
                              "/dev/full", trace)
    checks.expect("one of two fails: status", status, 5)
    checks.expect("one of two fails: the other is not there", bytes_of(checks.path("kept")),
                  b"old")
    checks.expect("nothing is left over",
                  [name for name in os.listdir(checks.tmp) if name.startswith("kept.")], [])


def main():
    with tempfile.TemporaryDirectory(prefix="kmemstat-check-") as tmp:
        checks = Checks(sys.argv[1], tmp)
        checks.small = os.path.join(TESTDATA, "small", "6.12.dat")
        validator = None
        if jsonschema:
            schema = load(os.path.join(sys.argv[3], "kmemstat-baseline-1.schema.json"))
            jsonschema.Draft202012Validator.check_schema(schema)
            validator = jsonschema.Draft202012Validator(schema)
        mesh = os.path.join(TESTDATA, "mesh", "trace.dat")
        traces = sorted(glob.glob(os.path.join(TESTDATA, "small", "*.dat")))
        for path in traces + list(generated(tmp)):
            check_trace(checks, os.path.basename(path), [path], validator)
        check_trace(checks, "mesh with sources",
                    ["--debug-dir", os.path.dirname(mesh), mesh], validator)
        for seed in range(6):
            check_growth(checks, mesh, seed)
        good = checks.path("good")
        checks.run("--write-baseline", good, checks.small)
        for seed in range(40):
            check_hostile(checks, good, seed)
        check_written(checks, checks.small)
    for line in checks.wrong:
        print(line)
    print(f"{checks.nr} checks, {len(checks.wrong)} failed"
          f"{'' if jsonschema else '; no python3-jsonschema: the schema was not tried'}")
    return 1 if checks.wrong or checks.nr < 300 else 0


TESTDATA = sys.argv[2]
if __name__ == "__main__":
    sys.exit(main())
