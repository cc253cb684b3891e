# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that are told as TAP, one after another."""

_results = []


def check(good, name, detail=""):
    """One check, with `detail` (of which only the beginning is shown) if it fails."""
    _results.append(bool(good))
    print(f"{'ok' if good else 'not ok'} {len(_results)} - {name}", flush=True)
    if not good:
        for line in str(detail).splitlines()[:20]:
            print(f"# {line[:300]}")


def end():
    """The plan. -> the exit status of the test: a test without checks fails, too"""
    print(f"1..{len(_results)}")
    return 0 if _results and all(_results) else 1
