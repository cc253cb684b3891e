#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sysroot.py ARCH FOLDER: what kmemstat is built with, of another architecture (arm64, armhf), from
Debian's archive into FOLDER, and FOLDER/sysroot.ini, which tells meson where that is. Nothing is
installed, and no root is needed.
"""

import os
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests/guests"))

import debian  # noqa: E402

# libbz2-dev: libdw needs it in a static build
PACKAGES = """libbz2-1.0 libbz2-dev libc6 libc6-dev libdw-dev libdw1 libelf-dev libelf1 libgcc-s1
    libjansson-dev libjansson4 liblzma-dev liblzma5 libncurses-dev libncursesw6 libtinfo6 libzstd-dev
    libzstd1 linux-libc-dev zlib1g zlib1g-dev""".split()


def keep_links_inside(folder):
    """Links from the root on are to its files: a linker that does not find libtinfo.so takes
    libtinfo.a, beside the shared one of libncursesw, and the screen of top crashes.
    """
    for path in folder.rglob("*"):
        if path.is_symlink() and os.path.isabs(os.readlink(path)):
            inside = folder / os.readlink(path).lstrip("/")
            path.unlink()
            path.symlink_to(os.path.relpath(inside, path.parent))


def make(arch, folder):
    """Makes the folder, unless it is there."""
    folder = pathlib.Path(folder).resolve()
    if not (folder / "sysroot.ini").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        debian.Archive(folder.parent, "bookworm", arch).unpack(PACKAGES, folder)
        keep_links_inside(folder)
        (folder / "sysroot.ini").write_text(f"[constants]\nsysroot = '{folder}'\n",
                                            encoding="utf-8")
    return folder


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.partition("\n\n")[0])
    try:
        make(*sys.argv[1:])
    except debian.DebianError as error:
        sys.exit(f"sysroot.py: {error}")
