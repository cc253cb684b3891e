#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_cross.py KMEMSTAT FOLDER ARCH: a cross build for ARCH (one of building.ARCHITECTURES) in
FOLDER, run by QEMU, says the same of the same traces as KMEMSTAT here; and for armhf the small
static one does, which is as large as README.md says.
"""

import pathlib
import sys

import building
import debian

KMEMSTAT, FOLDER, ARCH = *(pathlib.Path(arg).resolve() for arg in sys.argv[1:3]), sys.argv[3]


def main():
    triple, qemu = building.ARCHITECTURES[ARCH]
    building.need(f"{triple}-gcc", qemu, "apt-get", "dpkg-deb")
    commands = []
    good = True
    try:
        commands.append((building.cross(FOLDER, ARCH)[1], True))
        if ARCH == "armhf":
            program, command = building.cross(FOLDER, ARCH, "-small", building.small_options())
            commands.append((command, False))
            _, size = building.stripped(program, f"{triple}-strip")
            good = building.has_stated_size(size, f"small, {ARCH}")
    except debian.DebianError as error:
        building.skip(f"the libraries of {ARCH} cannot be had: {error}".splitlines()[0])
    # in QEMU the walls around the reader of debug information cannot be built
    # that of the small one is left out
    good = building.has_screen(commands[0][0]) and good
    for command, has_dwarf in commands:
        good = building.compare([KMEMSTAT], command, has_dwarf, FOLDER) and good
    return 0 if good else 1


sys.exit(main())
