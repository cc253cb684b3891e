# SPDX-License-Identifier: GPL-2.0-or-later
"""Which test runs which line: each test alone, in a build with --coverage."""

import bisect
import hashlib
import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import gcov  # noqa: E402

SECONDS = 300


class Lines:
    """File -> line -> names of the tests that run it."""

    def __init__(self, files, seconds):
        self.files = {name: {int(line): set(tests) for line, tests in lines.items()}
                      for name, lines in files.items()}
        # Test -> how long it took
        self.seconds = seconds

    def tests_of(self, name, line):
        """Those that run a line, or where it has no code of its own, the one before it."""
        known = self.files.get(name, {})
        if line in known:
            return known[line]
        order = sorted(known)
        at = bisect.bisect(order, line)
        return known[order[at - 1]] if at else set().union(*known.values())

    def tests_of_file(self, name):
        return set().union(*self.files.get(name, {}).values())


def digest_of(paths):
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file():
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def digest_of_test(top, name):
    """Of the files that a test has for itself."""
    kind, _, stem = name.partition("-")
    return digest_of(path for path in (top / "tests" / kind).glob("*")
                     if path.stem == f"test_{stem}" or path.name.split(".")[0] == stem)


def run_one(build, test, pattern):
    """What a test runs: {"seconds", "files": {name: [all lines, those it ran]}}, or its status."""
    for path in (build.path / "src/libkmemstat.a.p").glob("*.gcda"):
        path.unlink()
    with tempfile.TemporaryDirectory(prefix="kmemstat-mutation-") as tmp:
        start = time.monotonic()
        status = test.run({}, SECONDS, tmp)
        seconds = round(time.monotonic() - start, 2)
    if status != 0:
        return {"status": status}
    data = [path for path in (build.path / "src/libkmemstat.a.p").glob("*.gcda")
            if pattern.match(path.name)]
    return {"seconds": seconds, "files": {
        name: [sorted(counts.lines), sorted(counts.run())]
        for name, counts in gcov.read(build.path, build.top, data).items()}}


def read_cache(path, digest):
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        return kept["tests"] if kept["digest"] == digest else {}
    except (OSError, ValueError, KeyError):
        return {}


def find(build, tests, pattern, cache, say):
    """Runs each test of a build with coverage, or what it ran is in the file cache already."""
    digest = digest_of(path for folder in ("src", "include")
                       for path in (build.top / folder).rglob("*"))
    kept = read_cache(cache, digest)
    files, seconds = {}, {}
    for number, test in enumerate(tests, 1):
        own = digest_of_test(build.top, test.name)
        if kept.get(test.name, {}).get("digest") != own:
            kept[test.name] = dict(run_one(build, test, pattern), digest=own)
            with open(cache, "w", encoding="utf-8") as file:
                json.dump({"digest": digest, "tests": kept}, file, sort_keys=True)
            if number % 20 == 0:
                say(f"{number} of {len(tests)} tests were run for their lines")
        found = kept[test.name]
        if "status" in found:
            say(f"{test.name}: left out: it ends with {found['status']} in the build with coverage")
            continue
        seconds[test.name] = found["seconds"]
        for name, (code, run) in found["files"].items():
            lines = files.setdefault(name, {})
            for line in code:
                lines.setdefault(line, [])
            for line in run:
                lines[line].append(test.name)
    return Lines(files, seconds)
