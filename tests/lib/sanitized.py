# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs with sanitizers, see scripts/sanitize.sh."""

import os

OPTIONS = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")


def is_on():
    """Whether this run is one with sanitizers, which keep memory that was freed."""
    return any(name in os.environ for name in OPTIONS)


def env(is_traced=False):
    """What a test with an environment of its own passes on. LeakSanitizer traces what it looks at:
    it cannot beside strace, and what is stopped meanwhile stays so.
    """
    ret = {name: os.environ[name] for name in OPTIONS if name in os.environ}
    if is_traced:
        ret["ASAN_OPTIONS"] = ret.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return ret
