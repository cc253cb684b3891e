# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes an initramfs: a cpio archive of the kind "newc" (Documentation/driver-api/early-userspace/
buffer-format.rst), not compressed, since an emulated CPU is slow at unpacking.

Archives may lie one behind the other: the kernel unpacks them in turn.
"""

import lzma
import os
import pathlib
import re
import stat
import subprocess

LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)$")


class Cpio:
    """Files for one archive; folders come by themselves."""

    def __init__(self):
        self.entries = {}  # path -> (mode, bytes or path)

    def _add(self, path, mode, content):
        path = str(path).strip("/")
        for parent in reversed(pathlib.PurePosixPath(path).parents):
            if str(parent) != ".":
                self.entries.setdefault(str(parent), (stat.S_IFDIR | 0o755, b""))
        self.entries[path] = mode, content

    def folder(self, path):
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def text(self, path, text, mode=0o755):
        self._add(path, stat.S_IFREG | mode, text.encode())

    def data(self, path, content):
        self._add(path, stat.S_IFREG | 0o644, content)

    def link(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def file(self, path, source):
        """A file of this machine."""
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self._add(path, stat.S_IFREG | mode, pathlib.Path(source))

    def program(self, path, source):
        """A program of this machine with the libraries it is linked with."""
        self.file(path, source)
        done = subprocess.run(["ldd", source], capture_output=True, text=True, check=False,
                              env=dict(os.environ, LC_ALL="C"))
        for line in done.stdout.splitlines():
            found = LIBRARY.search(line)
            if found:
                self.file(found[1], os.path.realpath(found[1]))

    def write(self, file):
        for number, (path, (mode, content)) in enumerate([*self.entries.items(),
                                                          ("TRAILER!!!", (0, b""))], 1):
            if isinstance(content, pathlib.Path):
                content = content.read_bytes()
            name = path.encode() + b"\0"
            fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
            header = b"070701" + b"".join(b"%08x" % field for field in fields) + name
            file.write(header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4))


class Modules:
    """The modules of an unpacked kernel package."""

    def __init__(self, root, release):
        self.top = pathlib.Path(root) / "lib/modules" / release
        if not (self.top / "modules.dep").exists():
            subprocess.run([tool("depmod"), "-b", root, release], check=True)
        self.depends = {}  # path -> paths of the modules that have to be there first
        for line in (self.top / "modules.dep").read_text(encoding="utf-8").splitlines():
            path, _, needs = line.partition(":")
            self.depends[path] = needs.split()
        self.paths = {name_of(path): path for path in self.depends}

    def add(self, cpio, names):
        """Those of the names that are no part of the kernel itself, and what they need."""
        chosen = {}
        for name in names:
            path = self.paths.get(name)
            if path:
                chosen.update((each, self.depends[each]) for each in (path, *self.depends[path]))
        top = f"lib/modules/{self.top.name}"
        for path in chosen:
            content = (self.top / path).read_bytes()
            if path.endswith(".xz"):
                content = lzma.decompress(content)
            cpio.data(f"{top}/{plain(path)}", content)
        cpio.text(f"{top}/modules.dep", "".join(
            f"{plain(path)}: {' '.join(map(plain, needs))}\n" for path, needs in chosen.items()))


def name_of(path):
    return os.path.basename(path).split(".")[0].replace("-", "_")


def plain(path):
    return path.removesuffix(".xz")


def tool(name):
    """depmod and iw are where only root looks."""
    for folder in (*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/sbin"):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    return None
