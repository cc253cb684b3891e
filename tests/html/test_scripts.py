#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_scripts.py TOP: the scripts of the HTML report parse, and put no text into the page but as
text. Speaks TAP.
"""

import pathlib
import re
import shutil
import subprocess
import sys

FOLDER = pathlib.Path(sys.argv[1]) / "src/render/html"
# what makes markup or code out of text, or asks somebody
NEVER = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function|fetch|"
                   r"XMLHttpRequest|WebSocket|importScripts|setHTMLUnsafe|srcdoc)\b|https?://(?!www\.w3\.org/)")


def main():
    node, failed = shutil.which("node"), 0
    scripts = sorted(FOLDER.glob("*.js"))
    print(f"1..{2 * len(scripts)}")
    for number, script in enumerate(scripts):
        found = NEVER.search(script.read_text(encoding="ascii"))
        print(f"{'not ok' if found else 'ok'} {2 * number + 1} - {script.name} makes text only"
              + (f" # {found[0]}" if found else ""))
        if not node:
            print(f"ok {2 * number + 2} - {script.name} # SKIP no node (package nodejs)")
            continue
        done = subprocess.run([node, "--check", script], capture_output=True, text=True, check=False,
                              timeout=60)
        print(f"{'not ok' if done.returncode else 'ok'} {2 * number + 2} - {script.name} parses")
        for line in done.stderr.splitlines():
            print(f"# {line}")
        failed += bool(found) + bool(done.returncode)
    return 1 if failed or not scripts else 0


sys.exit(main())
