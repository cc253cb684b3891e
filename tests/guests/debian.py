# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of Debian's archive, unpacked into a folder of ours: nothing is installed.

apt does the work, with lists of its own (no root is needed), and checks what it downloads by
Debian's signatures. What was unpacked stays, and is not looked for again.
"""

import os
import pathlib
import re
import shutil
import subprocess

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class DebianError(Exception):
    """A package that cannot be had, as a sentence."""


def say(text):
    print(f"guest: {text}", flush=True)


class Archive:
    """The packages of one suite (bookworm) and architecture (amd64)."""

    def __init__(self, folder, suite, arch):
        self.suite, self.arch = suite, arch
        self.root = pathlib.Path(folder).resolve() / f"apt-{suite}-{arch}"
        self.is_updated = False

    def _options(self):
        source = self.root / "sources.list"
        return ["-o", "Dir::Etc::sourceparts=/dev/null", "-o", f"Dir::Etc::sourcelist={source}",
                "-o", f"Dir::State::Lists={self.root}/lists", "-o", f"Dir::Cache={self.root}/cache",
                "-o", f"APT::Architecture={self.arch}", "-o", f"APT::Architectures={self.arch}",
                "-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User=",
                "-o", "APT::Get::List-Cleanup=0"]

    def _run(self, tool, *args, cwd=None):
        done = subprocess.run([tool, "-q", *self._options(), *args], cwd=cwd, check=False,
                              capture_output=True, text=True,
                              env=dict(os.environ, LC_ALL="C", APT_CONFIG="/dev/null"))
        if done.returncode:
            raise DebianError(f"{tool} {' '.join(args)} ({self.suite}, {self.arch}): "
                              f"exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def _update(self):
        if self.is_updated:
            return
        for folder in ("lists/partial", "cache/archives/partial"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        mirror = os.environ.get("KMEMSTAT_GUEST_MIRROR", MIRROR)
        signed = f" signed-by={KEYRING}" if os.path.exists(KEYRING) else ""
        (self.root / "sources.list").write_text(
            f"deb [arch={self.arch}{signed}] {mirror} {self.suite} main\n", encoding="utf-8")
        say(f"reading the list of packages of {self.suite}, {self.arch}")
        self._run("apt-get", "update")
        self.is_updated = True

    def depends(self, package):
        """The names of the packages that a package of this suite depends on."""
        self._update()
        found = re.search(r"^Depends: (.*)$", self._run("apt-cache", "show", package), re.MULTILINE)
        if not found:
            raise DebianError(f"{package} ({self.suite}, {self.arch}) depends on nothing")
        return [re.split(r"[ :(]", one.strip())[0] for one in found[1].split(",")]

    def unpack(self, packages, folder):
        """Unpacks the packages into the folder. It is there with all of them, or not at all."""
        self._update()
        say("downloading " + " ".join(packages))
        part = pathlib.Path(f"{folder}.part")
        shutil.rmtree(part, ignore_errors=True)
        (part / ".debs").mkdir(parents=True)
        self._run("apt-get", "download", *packages, cwd=part / ".debs")
        for deb in sorted((part / ".debs").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", deb, part], check=True)
        shutil.rmtree(part / ".debs")
        part.rename(folder)
