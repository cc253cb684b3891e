#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_debian.py FOLDER: the Debian package is built, lintian finds nothing wrong with it, and what
it holds runs: debian/tests/installed on the unpacked package.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import building

FOLDER = pathlib.Path(sys.argv[1]).resolve()


def main():
    building.need("dpkg-buildpackage", "dh", "lintian", "jq", "git")
    if not (building.TOP / ".git").exists():
        building.skip("not a checkout of git: what belongs in a package is not known")
    shutil.rmtree(FOLDER, ignore_errors=True)
    print(building.run([building.TOP / "scripts/package.sh", FOLDER]).splitlines()[-1])
    changes = next(FOLDER.glob("*.changes"))
    lintian = subprocess.run(["lintian", "--fail-on", "error,warning", "--tag-display-limit", "0",
                              changes], capture_output=True, text=True, check=False)
    print(lintian.stdout + lintian.stderr)
    root = FOLDER / "root"
    for package in FOLDER.glob("*.deb"):
        if "dbgsym" not in package.name:
            building.run(["dpkg", "-x", package, root])
    print(building.run([building.TOP / "debian/tests/installed", root],
                       env=dict(os.environ, LC_ALL="C")))
    return lintian.returncode


sys.exit(main())
