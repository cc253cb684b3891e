#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_install.py TOP BUILD: meson install puts everything where it is looked for, what is there
runs from there, and uninstall leaves nothing. Speaks TAP.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP, BUILD = map(pathlib.Path, sys.argv[1:])
PREFIX = json.loads(subprocess.run(
    ["meson", "introspect", "--buildoptions", BUILD], capture_output=True, check=True).stdout)
PREFIX = next(one["value"] for one in PREFIX if one["name"] == "prefix").lstrip("/")
# Pages that README.md links to and that are of no use without the source.
OF_THE_SOURCE = {"CONTRIBUTING.md"}
EXAMPLE = ["check", "--quiet", "--no-debug-search", "--baseline", "6.1.dat", "--debug-dir", ".",
           "--fail-on", "new", "6.1-grown.dat"]


def meson(*args, destdir):
    subprocess.run(["meson", *args], cwd=BUILD, env=dict(os.environ, DESTDIR=destdir),
                   capture_output=True, check=True)


def wanted():
    """Every file that belongs there, with whether it can be executed."""
    files = {"bin/kmemstat": True}
    for page in TOP.glob("man/*.[1-9]*"):
        name = page.name.removesuffix(".in")
        files[f"share/man/man{name[-1]}/{name}"] = False
    for schema in TOP.glob("share/*.schema.json"):
        files[f"share/kmemstat/{schema.name}"] = False
    for name in ("bash-completion/completions/kmemstat", "zsh/site-functions/_kmemstat",
                 "fish/vendor_completions.d/kmemstat.fish", "doc/kmemstat/README.md",
                 "doc/kmemstat/SECURITY.md", "doc/kmemstat/COPYING"):
        files[f"share/{name}"] = False
    for path in TOP.glob("docs/**/*"):
        name = path.relative_to(TOP / "docs")
        if path.is_file() and name.name != "meson.build":
            folder = "" if name.parts[0] == "examples" else "docs/"
            files[f"share/doc/kmemstat/{folder}{name}"] = os.access(path, os.X_OK)
    for name in ("6.1.dat", "6.1-grown.dat", "peers.ko.zst"):
        files[f"share/doc/kmemstat/examples/{name}"] = False
    return files


def installed(root):
    return {str(path.relative_to(root)): os.access(path, os.X_OK)
            for path in root.rglob("*") if path.is_file() and "docs/examples/" not in str(path)}


def broken_links(folder):
    """Links of the pages to files that are not there."""
    return [f"{page.name}: {link}" for page in folder.rglob("*.md")
            for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
            if not (page.parent / link).exists() and link not in OF_THE_SOURCE]


def missing_pages(share):
    """Pages of the manual that others name."""
    named = set()
    for page in share.glob("man/man?/*"):
        named |= set(re.findall(r"^\.Xr (kmemstat[\w-]*) (\d)", page.read_text(encoding="utf-8"),
                                re.MULTILINE))
    return [f"{name}({part})" for name, part in named
            if not (share / f"man/man{part}/{name}.{part}").exists()] if named else ["none named"]


def checks(root):
    files, there = wanted(), installed(root)
    yield "files", files == there, sorted(set(files.items()) ^ set(there.items()))
    share = root / "share"
    run = subprocess.run([root / "bin/kmemstat", *EXAMPLE], cwd=share / "doc/kmemstat/examples",
                         env={"LC_ALL": "C", "PATH": "/nonexistent"}, capture_output=True, text=True,
                         check=False)
    yield ("runs, on the example", run.returncode == 1 and "peers.c:30" in run.stdout
           and not run.stderr, run)
    yield "links", not broken_links(share / "doc/kmemstat"), broken_links(share / "doc/kmemstat")
    yield "manual", not missing_pages(share), missing_pages(share)
    bad = [path.name for path in share.glob("kmemstat/*.json")
           if "$schema" not in json.loads(path.read_text(encoding="utf-8"))]
    yield "schemas", not bad, bad
    if shutil.which("bash"):
        script = share / "bash-completion/completions/kmemstat"
        run = subprocess.run(["bash", "-c", f"source {script}; complete -p kmemstat"],
                             capture_output=True, text=True, check=False)
        yield "completion", run.stdout == "complete -F _kmemstat kmemstat\n", run


def main():
    with tempfile.TemporaryDirectory() as folder:
        meson("install", "--no-rebuild", "--quiet", destdir=folder)
        results = list(checks(pathlib.Path(folder) / PREFIX))
        meson("--internal", "uninstall", destdir=folder)
        left = [str(path) for path in pathlib.Path(folder).rglob("*")
                if not path.is_dir() or path.is_symlink()]
        results.append(("uninstall", not left, left))
    print(f"1..{len(results)}")
    for number, (name, is_good, why) in enumerate(results, 1):
        print(f"{'ok' if is_good else 'not ok'} {number} - {name}")
        if not is_good:
            print(f"# {why}")


main()
