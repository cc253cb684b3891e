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


def digest_of(top, tests):
    """Of what the lines depend on: sources, tests, and which of them."""
    digest = hashlib.sha256("\0".join(sorted(test.name for test in tests)).encode())
    for folder in ("src", "include", "tests/unit", "tests/golden", "tests/cli"):
        for path in sorted((top / folder).rglob("*")):
            if path.is_file():
                digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def find(build, tests, pattern, cache, say):
    """Runs each test of a build with coverage. The result is kept in the file cache."""
    digest = digest_of(build.top, tests)
    try:
        with open(cache, encoding="utf-8") as file:
            kept = json.load(file)
        if kept["digest"] == digest:
            return Lines(kept["files"], kept["seconds"])
    except (OSError, ValueError, KeyError):
        pass
    files, seconds = {}, {}
    for number, test in enumerate(tests, 1):
        for path in (build.path / "src/libkmemstat.a.p").glob("*.gcda"):
            path.unlink()
        with tempfile.TemporaryDirectory(prefix="kmemstat-mutation-") as tmp:
            start = time.monotonic()
            status = test.run({}, SECONDS, tmp)
        if status != 0:
            say(f"{test.name}: left out: it ends with {status} in the build with coverage")
            continue
        seconds[test.name] = round(time.monotonic() - start, 2)
        data = [path for path in (build.path / "src/libkmemstat.a.p").glob("*.gcda")
                if pattern.match(path.name)]
        for name, counts in gcov.read(build.path, build.top, data).items():
            lines = files.setdefault(name, {})
            for line in counts.lines:
                lines.setdefault(line, [])
            for line in counts.run():
                lines[line].append(test.name)
        if number % 20 == 0:
            say(f"{number} of {len(tests)} tests were run for their lines")
    with open(cache, "w", encoding="utf-8") as file:
        json.dump({"digest": digest, "files": files, "seconds": seconds}, file, sort_keys=True)
    return Lines(files, seconds)
