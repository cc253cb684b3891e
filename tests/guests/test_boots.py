#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that its emulation breaks is booted again, twice at most, and that is told; one whose job
fails is not. In the place of QEMU there is a script. Speaks TAP.

usage: test_boots.py
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import guest  # noqa: E402
from tap import check, end  # noqa: E402

# Each boot does what its line of the plan says.
QEMU = """#!/bin/sh
folder=$(dirname "$0")
for word; do
	case $word in
	file=*) result=${word#file=} result=${result%%,*} ;;
	esac
done
boot=$(($(cat "$folder/boots") + 1))
echo $boot >"$folder/boots"
what=$(sed -n "${boot}p" "$folder/plan")
leave() {
	mkdir -p "$folder/left"
	echo "$1" >"$folder/left/guest-status"
	tar cf "$result" -C "$folder/left" .
}
case $what in
good) leave 0 ;;
failed) leave 3 ;;
int3) echo "[ 17.5] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI" ;;
dead) echo "[ 17.5] Kernel panic - not syncing: VFS: Unable to mount root fs" ;;
stuck)
	echo "[ 156.9] watchdog: BUG: soft lockup - CPU#1 stuck for 131s! [trace-cmd:131]"
	exec sleep 60
	;;
silent) exec sleep 60 ;;
slow) # it goes on
	echo "[ 30.1] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]"
	leave 0
	;;
esac
"""


class Nothing:
    def write(self, file):
        file.write(b"initramfs")


class Guest(guest.Guest):
    """Without a kernel."""

    def __init__(self, folder, plan):
        self.cache = pathlib.Path(folder)
        for name, text in (("qemu", QEMU), ("plan", "\n".join(plan) + "\n"), ("boots", "0\n")):
            (self.cache / name).write_text(text, encoding="ascii")
        os.chmod(self.cache / "qemu", 0o755)
        self.system = dataclasses.replace(guest.SYSTEMS["s390x"], qemu=str(self.cache / "qemu"))
        self.root, self.release = self.cache, "6.1"

    def _initramfs(self, *_):
        return Nothing()


def boot(plan, **limits):
    """-> (whether it came through, boots, what was said)"""
    with tempfile.TemporaryDirectory(prefix="kmemstat-boots-") as folder:
        system = Guest(folder, plan)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            try:
                out = system.run("", pathlib.Path(folder) / "out", **limits)
                result = (out / "guest-status").read_text(encoding="ascii") == "0\n"
            except guest.GuestError as error:
                result = str(error)
        boots = int((system.cache / "boots").read_text(encoding="ascii"))
        left = len(list(system.cache.glob("out-console-*.log")))
    return result, boots, said.getvalue(), left


def main():
    for plan, limits, is_good, nr in (
            (["good"], {}, True, 1), (["int3", "good"], {}, True, 2),
            (["stuck", "int3", "good"], {}, True, 3), (["silent", "good"], {"seconds": 1}, True, 2),
            (["int3"] * 4, {}, False, 3), (["failed", "good"], {}, False, 1),
            (["dead", "good"], {}, False, 1), (["slow", "good"], {}, True, 1)):
        result, boots, said, left = boot(plan, **limits)
        name = f"{', '.join(plan)}: {'comes through' if is_good else 'fails'}, {nr} boots"
        check((result is True) == is_good and boots == nr and said.count("booted again") == nr - 1
              and left == nr - 1, name, f"{result} {boots} {said} {left}")
    return end()


sys.exit(main())
