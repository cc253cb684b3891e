#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_static.py KMEMSTAT FOLDER KIND: a static build in FOLDER says the same as KMEMSTAT, needs no
library, is as large as README.md says, and tells what it is without. KIND: small or whole.
"""

import pathlib
import subprocess
import sys

import building

KMEMSTAT, FOLDER, KIND = *(pathlib.Path(arg).resolve() for arg in sys.argv[1:3]), sys.argv[3]


def refuses(program, *args):
    done = subprocess.run([program, *args, building.DATA / "small/leak.dat"], capture_output=True,
                          text=True, check=False)
    return done.returncode == 2 and "built without" in done.stderr


def main():
    building.need("meson", "ninja", "strip", "file")
    options = building.small_options() if KIND == "small" else ["-Dstatic=true"]
    program, size = building.stripped(building.build(FOLDER, *options))
    good = building.compare([KMEMSTAT], [program], KIND == "whole", FOLDER)
    good = building.has_stated_size(size, KIND) and good
    if KIND == "whole":
        good = building.has_screen([program]) and good
    if "statically linked" not in building.run(["file", program]):
        print("it needs libraries")
        good = False
    version = building.run([program, "--version"])
    if ("built without" in version) != (KIND == "small"):
        print(version)
        good = False
    if KIND == "small" and not (refuses(program, "--debug-dir", ".") and refuses(program, "types")
                                and refuses(program, "top")):
        print("what it was built without is not refused")
        good = False
    return 0 if good else 1


sys.exit(main())
