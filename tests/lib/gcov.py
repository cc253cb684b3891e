# SPDX-License-Identifier: GPL-2.0-or-later
"""What gcov says of a build with coverage, by file."""

import json
import os
import subprocess

# So many files are given to gcov at once.
AT_ONCE = 40
# Of .gcda files of either byte order.
MAGIC = (b"adcg", b"gcda")


class Counts:
    """Of one file: line -> how often it was run; branches, and those that were taken."""

    def __init__(self):
        self.lines = {}
        self.branches = {}

    def add(self, said):
        for line in said["lines"]:
            number = line["line_number"]
            self.lines[number] = self.lines.get(number, 0) + line["count"]
            for at, branch in enumerate(line["branches"]):
                # what is included twice, or inlined, has its branches again: the same place counts once
                key = (number, at)
                self.branches[key] = self.branches.get(key, 0) + branch["count"]

    def run(self):
        return {number for number, count in self.lines.items() if count}

    def taken(self):
        return sum(1 for count in self.branches.values() if count)


def is_damaged(path):
    """Whether the counts beside this .gcno were being written when their process was killed."""
    try:
        with open(path.with_suffix(".gcda"), "rb") as file:
            return file.read(4) not in MAGIC
    except FileNotFoundError:
        return False


def read(build, top, data, branches=False):
    """{file, from top: Counts} of these .gcda or .gcno files of a build directory. Those whose counts
    are damaged are left out.
    """
    found = {}
    data = sorted(str(path) for path in data if not is_damaged(path))
    for start in range(0, len(data), AT_ONCE):
        options = ["--branch-probabilities"] if branches else []
        said = subprocess.run(["gcov", "--json-format", "--stdout", *options,
                               *data[start:start + AT_ONCE]], check=True, cwd=build,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        for text in said.splitlines():
            if not text.strip():
                continue
            for file in json.loads(text)["files"]:
                path = os.path.normpath(os.path.join(build, file["file"]))
                found.setdefault(os.path.relpath(path, top), Counts()).add(file)
    return found
