#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the results in meson's testlog.json.

count-tests.py TESTLOG STATUS: names every test that failed or was skipped, the latter with its
reason, and ends with the line "N passed, N failed, N skipped". A test that speaks TAP counts as
many times as it has cases. STATUS is meson's exit status; a failure of meson that no test
explains is a failed test, too. Exits with 1 if anything failed.
"""

import json
import re
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}
CASE = re.compile(r"^(ok|not ok)\b\s*\d*\s*(?:-\s*)?(.*)$")
SKIP = re.compile(r"^(.*?)\s*#\s*skip\S*\s*(.*)$", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?$", re.IGNORECASE)


def cases(test):
    """Yields (outcome, name, reason) of one entry of the log."""
    name, result = test["name"], test["result"]
    lines = test.get("stdout", "").splitlines()
    plans = [plan for plan in map(PLAN.match, lines) if plan]
    failed = False
    seen = 0

    if not plans:
        if result in SKIPPED:
            reasons = [line for line in lines + test.get("stderr", "").splitlines() if line.strip()]
            yield "skipped", name, reasons[-1].strip() if reasons else "no reason given"
        else:
            yield ("passed" if result in PASSED else "failed"), name, result
        return
    for line in lines:
        case = CASE.match(line)
        if not case:
            continue
        seen += 1
        skip = SKIP.match(case[2])
        if case[1] == "ok" and skip:
            yield "skipped", f"{name}: {skip[1]}", skip[2]
        elif case[1] == "ok":
            yield "passed", f"{name}: {case[2]}", ""
        else:
            failed = True
            yield "failed", f"{name}: {case[2]}", "not ok"
    planned = sum(int(plan[1]) for plan in plans)
    if planned == 0:
        yield "skipped", name, plans[0][2] or "no reason given"
    elif seen != planned:
        yield "failed", name, f"{seen} of {planned} cases were run"
    elif result not in PASSED and result not in SKIPPED and not failed:
        yield "failed", name, result


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            tests = [json.loads(line) for line in log]
    except OSError as error:
        print(f"no test was run: {error}")
        tests = []
    for test in tests:
        for outcome, name, reason in cases(test):
            counts[outcome] += 1
            if outcome != "passed":
                print(f"{outcome}: {name}: {reason}")
    if not tests or (sys.argv[2] != "0" and not counts["failed"]):
        print(f"failed: meson test itself, with status {sys.argv[2]}")
        counts["failed"] += 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] else 0


sys.exit(main())
