#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_readme.py [--update] KMEMSTAT TOP: README.md shows what the program prints, and says of
options and exit statuses what --help says. Speaks TAP.

A block ```console of README.md holds one command after "$ " and its output, that of a machine
without debug information of the traced kernel. --update writes the output that came.
"""

import os
import pathlib
import re
import subprocess
import sys

UPDATE = sys.argv[1] == "--update"
KMEMSTAT, TOP = sys.argv[2 if UPDATE else 1:]
KMEMSTAT = os.path.abspath(KMEMSTAT)
README = pathlib.Path(TOP) / "README.md"
BLOCK = re.compile(r"(```console\n\$ kmemstat ([^\n]*)\n)(.*?)(```\n)", re.DOTALL)


def block_output(line):
    return output([*line.split(), "--no-debug-search"])


def output(args):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run([KMEMSTAT, *args], cwd=TOP, env=env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)
    return done.stdout + done.stderr + (f"[exit status {done.returncode}]\n"
                                        if done.returncode else "")


def main():
    text = README.read_text(encoding="utf-8")
    if UPDATE:
        README.write_text(BLOCK.sub(lambda m: m[1] + block_output(m[2]) + m[4], text),
                          encoding="utf-8")
        return 0
    results = []
    for block in BLOCK.finditer(text):
        got = block_output(block[2])
        results.append((f"kmemstat {block[2]}", got == block[3], got))
    help_text = output(["--help"]) + "".join(output([verb, "--help"])
                                                for verb in ("dump", "check", "types", "record", "top"))
    known = set(re.findall(r"--[a-z][\w-]+", help_text)) | {"--csv"}
    # options of other programs are in indented blocks
    named = set(re.findall(r"--[a-z][\w-]+", re.sub(r"^    .*$", "", text, flags=re.MULTILINE)))
    results.append(("options exist", named <= known, f"unknown: {sorted(named - known)}"))
    statuses = {m[1]: m[2] for m in re.finditer(r"^\| (\d) \| (.*) \|$", text, re.MULTILINE)}
    wanted = dict(re.findall(r"^  (\d)  (.*(?:\n     .*)*)", help_text, re.MULTILINE))
    plain = [{k: re.sub(r"[^a-z0-9]+", "", v.lower()) for k, v in d.items()}
             for d in (statuses, wanted)]
    results.append(("exit statuses", plain[0] == plain[1], str(plain)))
    print(f"1..{len(results)}")
    for number, (name, is_good, got) in enumerate(results, 1):
        print(f"{'ok' if is_good else 'not ok'} {number} - {name}")
        if not is_good:
            print("# " + got.replace("\n", "\n# "))
    return 0 if len(results) >= 4 and all(good for _, good, _ in results) else 1


sys.exit(main())
