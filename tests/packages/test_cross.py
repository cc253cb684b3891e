#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_cross.py KMEMSTAT FOLDER ARCH: a cross build for ARCH (arm64) in FOLDER, run by QEMU, says
the same of the same traces as KMEMSTAT here.
"""

import pathlib
import sys

import building
import debian
import sysroot

KMEMSTAT, FOLDER, ARCH = *(pathlib.Path(arg).resolve() for arg in sys.argv[1:3]), sys.argv[3]
TARGETS = {"arm64": ("aarch64-linux-gnu", "qemu-aarch64-static")}


def main():
    triple, qemu = TARGETS[ARCH]
    building.need(f"{triple}-gcc", qemu, "apt-get", "dpkg-deb")
    try:
        root = sysroot.make(ARCH, FOLDER / f"root-{ARCH}")
    except debian.DebianError as error:
        building.skip(f"the libraries of {ARCH} cannot be had: {error}".splitlines()[0])
    program = building.build(FOLDER / ARCH, "--cross-file", root / "sysroot.ini",
                             "--cross-file", building.TOP / f"cross/{ARCH}.ini")
    # in QEMU the walls around the reader of debug information cannot be built
    return 0 if building.compare([KMEMSTAT], [qemu, "-L", root, program], True, FOLDER) else 1


sys.exit(main())
