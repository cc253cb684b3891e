#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives the fuzz targets their seeds and what was once found. Speaks TAP.

usage: replay.py KMEMSTAT TESTDATA TARGET-PROGRAM...
"""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 120


def main():
    kmemstat, testdata, *programs = sys.argv[1:]
    failed = 0
    print(f"1..{len(programs)}")
    with tempfile.TemporaryDirectory(prefix="kmemstat-fuzz-") as tmp:
        subprocess.run([sys.executable, str(HERE / "seeds.py"), kmemstat, testdata, tmp],
                       check=True)
        for number, program in enumerate(programs, 1):
            target = pathlib.Path(program).name.removeprefix("fuzz_")
            folders = [folder for folder in (f"{tmp}/{target}", str(HERE / "finds" / target))
                       if pathlib.Path(folder).is_dir()]
            try:
                done = subprocess.run([program, *folders], check=False, stderr=subprocess.PIPE,
                                      timeout=SECONDS)
                said, status = done.stderr.decode(errors="replace"), done.returncode
            except subprocess.TimeoutExpired as error:
                said, status = (error.stderr or b"").decode(errors="replace"), "late"
            print(f"{'not ok' if status else 'ok'} {number} - {target}")
            for line in said.splitlines()[-40:] if status else said.splitlines()[-1:]:
                print(f"# {line}")
            failed += bool(status)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
