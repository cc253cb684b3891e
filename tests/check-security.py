#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SECURITY.md: each promise names tests, and every test that it names exists.

usage: check-security.py SOURCE BUILD
"""

import json
import pathlib
import re
import sys


def main():
    source = pathlib.Path(sys.argv[1])
    with open(pathlib.Path(sys.argv[2]) / "meson-info/intro-tests.json", encoding="utf-8") as file:
        tests = {test["name"] for test in json.load(file)}
    text = (source / "SECURITY.md").read_text(encoding="utf-8")
    promises = re.findall(r"^\| (?!Promise|---)(.+?) \| (.+?) \|$", text, re.MULTILINE)
    wrong, named = [], set()
    for promise, held_by in promises:
        names = re.findall(r"`([\w.-]+)`", held_by)
        named.update(names)
        wrong += [f"no test: {promise}"] if not names else []
        wrong += [f"no such test: {name}" for name in names if name not in tests]
        if not promise.endswith("."):
            wrong.append(f"not a sentence: {promise}")
    if len(promises) < 10:
        wrong.append(f"only {len(promises)} promises were found")
    for path in re.findall(r"`((?:tests|src|docs)/[\w./-]+)`", text):
        if not (source / path).exists():
            wrong.append(f"no such file: {path}")
    for table in re.findall(r"`([A-Z]+)` in `([\w./-]+)`", text):
        if f"\n{table[0]} = " not in (source / table[1]).read_text(encoding="utf-8"):
            wrong.append(f"no {table[0]} in {table[1]}")
    for line in wrong:
        print(line)
    print(f"{len(promises)} promises, {len(named)} tests")
    return 1 if wrong else 0


sys.exit(main())
