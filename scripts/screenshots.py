#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""screenshots.py KMEMSTAT: makes docs/images/ anew, of the HTML report of testdata/mesh.

Needs chromium and python3-websocket.
"""

import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "tests/html"))
import browser  # noqa: E402

# name, theme, width, where the picture begins, its height
PICTURES = (
    ("report-light", "light", 1000, "body", 660),
    ("report-dark", "dark", 1000, "#sizes", 620),
)
MOST_BYTES = 150_000


def take(page, name, theme, width, selector, height):
    page.size(width, height)
    page.theme(theme)
    # else the bar of links is in the middle of the picture
    page.evaluate("document.getElementById('nav').style.position = 'static'")
    top = page.evaluate(
        f"document.querySelector('{selector}').getBoundingClientRect().top + scrollY")
    path = TOP / f"docs/images/{name}.png"
    path.parent.mkdir(exist_ok=True)
    page.picture(path, (0, top, width, height))
    size = path.stat().st_size
    print(f"{path.relative_to(TOP)}: {size:,} bytes")
    if size > MOST_BYTES:
        sys.exit(f"{path}: over {MOST_BYTES:,} bytes: make it lower")


def main():
    if browser.why_not():
        sys.exit(browser.why_not())
    with tempfile.TemporaryDirectory(prefix="kmemstat-pictures-") as tmp:
        subprocess.run([pathlib.Path(sys.argv[1]).resolve(), "-q", "--no-debug-search", "--debug-dir",
                        "mesh", "--format", f"html={tmp}/page.html", "mesh/trace.dat"],
                       cwd=TOP / "testdata", stdout=subprocess.DEVNULL, check=True)
        with browser.Browser() as chromium:
            page = chromium.page()
            page.open(f"file://{tmp}/page.html")
            for picture in PICTURES:
                take(page, *picture)


main()
