# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a Debian kernel in QEMU, runs a shell script in it as root, and brings back what it left.

Kernels come out of Debian's archive, programs from this machine (or, for another architecture,
out of the archive as well); nothing is installed. With KVM where that works, else emulated: then
a guest takes some ten seconds to boot.

Emulated, a guest now and then dies or hangs without a fault of what runs in it: a static call that is
patched on one CPU is met half done by the other (int3 in ttwu_do_activate), or a CPU waits forever.
It is told from a failed job by what is on the console, and booted again, twice at most, which is said.
"""

import dataclasses
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import time

from debian import Archive, DebianError, say
from initramfs import Cpio, Modules, tool

SKIPPED = 77
MOST_BOOTS = 3
# How the kernel tells of what QEMU's emulation does to it; seconds that a CPU may be stuck
STUCK = re.compile(r"soft lockup - CPU#\d+ stuck for (\d+)s")
STUCK_SECONDS = 60
BROKEN = re.compile(r"soft lockup - CPU|hard LOCKUP|rcu: INFO: .* detected stall|Oops: int3|int3: 0000 "
                    r"|RIP: 0010:ttwu_do_activate|IO-APIC \+ timer doesn't work")
RESULT_BYTES = 4 << 30  # of a sparse file

INIT = """#!/bin/busybox sh
export PATH=/usr/bin:/bin LC_ALL=C
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t tmpfs -o size=80% tmpfs /out
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
ip link set lo up
for module in virtio_pci virtio_mmio virtio_blk; do
	modprobe $module 2>/dev/null
done
cd /out
sh -e /guest/job
echo $? >guest-status
for try in 1 2 3 4 5 6 7 8 9 10; do
	[ ! -b /dev/vda ] || break
	sleep 1
done
tar cf /dev/vda -C /out .
sync
poweroff -f
"""


class GuestError(Exception):
    """What went wrong, with the end of the console; is_late: it was stopped, as it did not end."""

    is_late = False


class Missing(Exception):
    """Something that this machine does not have, as a sentence."""


@dataclasses.dataclass(frozen=True)
class System:
    """A kernel of Debian and how QEMU runs it."""

    name: str
    suite: str
    arch: str
    kernel: str  # package that depends on that of the newest kernel
    qemu: str
    machine: tuple
    console: str
    disk: str
    programs: tuple = ()  # packages with what other architectures run
    max_memory: int = 1 << 20  # MiB
    icount: tuple = ()


# cx16: QEMU 7.2's emulation of cmpxchg16b makes kernels crash that use it in the slab allocator.
X86 = ("-cpu", "max,cx16=off")
# The guest's time goes by its instructions, and does not wait when it is idle: so its timers do not
# run away from it on a machine with other work to do. On x86 not every boot comes through with that:
# the kernel finds its timer not working.
ICOUNT = ("-icount", "shift=1,sleep=off")
USERLAND = ("busybox-static", "trace-cmd", "libtracefs1", "libtraceevent1", "libzstd1", "libc6",
            "libgcc-s1", "libbz2-1.0", "libdw1", "libelf1", "libjansson4", "liblzma5", "libncursesw6",
            "libtinfo6", "zlib1g")
SYSTEMS = {system.name: system for system in (
    System("6.1", "bookworm", "amd64", "linux-image-amd64", "qemu-system-x86_64", X86, "ttyS0",
           "virtio-blk-pci"),
    System("6.12", "bookworm-backports", "amd64", "linux-image-amd64", "qemu-system-x86_64", X86,
           "ttyS0", "virtio-blk-pci"),
    System("s390x", "bookworm", "s390x", "linux-image-s390x", "qemu-system-s390x",
           ("-M", "s390-ccw-virtio", "-cpu", "max"), "ttysclp0", "virtio-blk-ccw", USERLAND,
           icount=ICOUNT),
    # without LPAE, so that an address has 32 bits
    System("armhf", "bookworm", "armhf", "linux-image-armmp", "qemu-system-arm",
           ("-M", "virt,highmem=off", "-cpu", "cortex-a15"), "ttyAMA0", "virtio-blk-device",
           USERLAND, 2048),
)}


def has_kvm():
    """/dev/kvm may be there, and make a VM, where no processor stands behind it."""
    kvm_create_vm = 0xAE01  # include/uapi/linux/kvm.h
    try:
        flags = pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
        if not re.search(r"^flags\b.*\b(vmx|svm)\b", flags, re.MULTILINE):
            return False
        with open("/dev/kvm", "rb+", buffering=0) as kvm:
            os.close(fcntl.ioctl(kvm, kvm_create_vm, 0))
        return True
    except OSError:
        return False


def need(*programs):
    """Raises Missing if one of these programs is not there."""
    missing = [name for name in programs if not tool(name)]
    if missing:
        raise Missing(f"no {', '.join(missing)}: ./check --guests installs what is needed")


class Guest:
    """A system whose kernel is unpacked below the folder `cache`; made once, then used again."""

    def __init__(self, name, cache):
        self.system = SYSTEMS[name]
        need(self.system.qemu, "busybox", "depmod", "apt-get", "dpkg-deb")
        self.cache = pathlib.Path(cache).resolve()
        self.cache.mkdir(parents=True, exist_ok=True)
        self.archive = Archive(self.cache, self.system.suite, self.system.arch)
        self.root = self._unpacked("kernel", lambda: self.archive.depends(self.system.kernel)[:1])
        self.release = next((self.root / "lib/modules").iterdir()).name
        self.modules = Modules(self.root, self.release)
        self.userland = None
        if self.system.programs:
            self.userland = self._unpacked("programs", lambda: self.system.programs)

    @property
    def kernel(self):
        return self.root / "boot" / f"vmlinuz-{self.release}"

    def _unpacked(self, what, packages):
        folder = self.cache / f"{self.system.name}-{what}"
        with open(self.cache / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                self.archive.unpack(packages(), folder)
        return folder

    def headers(self):
        """The folder to build modules against, as /lib/modules/RELEASE/build is."""
        name = f"linux-headers-{self.release}"
        top = self._unpacked("headers", lambda: [name] + [
            package for package in self.archive.depends(name)
            if package.startswith(("linux-headers", "linux-kbuild", "linux-compiler"))])
        build = top / "usr/src" / name
        # it names its other half from the root on
        makefile = build / "Makefile"
        text = makefile.read_text(encoding="utf-8")
        makefile.write_text(text.replace("include /usr/src/", f"include {top}/usr/src/"),
                            encoding="utf-8")
        return build

    def run(self, job, out, files=(), programs=(), modules=(), **limits):
        """Runs the script `job` in the guest's folder /out; what it leaves there comes to `out`.

        files: paths on this machine, or (name, text): they are in /guest.
        programs: names of programs of this machine, or paths of them: they are in the PATH. For
            another architecture: paths of programs that were built for it.
        modules: their names; the job loads them with modprobe.
        limits: see _boot().
        """
        out = pathlib.Path(out)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        cpio = self._initramfs(job, files, programs, modules)
        for boot in range(1, MOST_BOOTS + 1):
            try:
                return self._run_once(cpio, out, **limits)
            except GuestError as error:
                why = self._emulation_fault(out, error)
                if not why or boot == MOST_BOOTS:
                    raise
            os.replace(out / "console.log", self.cache / f"{out.name}-console-{boot}.log")
            shutil.rmtree(out)
            out.mkdir()
            say(f"{self.system.name}: {why}: booted again, boot {boot + 1} of at most {MOST_BOOTS}; "
                f"its console is in {out.name}-console-{boot}.log")
        raise AssertionError

    def _emulation_fault(self, out, error):
        """What the emulation did to the guest, or None."""
        if not self.is_emulated:
            return None
        console = (out / "console.log").read_text(encoding="utf-8", errors="replace")
        found = BROKEN.search(console)
        if found:
            return f"the kernel was broken by the emulation ({found[0].strip()})"
        return "it did not end in time" if error.is_late else None

    def _run_once(self, cpio, out, **limits):
        with tempfile.TemporaryDirectory(prefix="kmemstat-guest-", dir=self.cache) as tmp:
            tmp = pathlib.Path(tmp)
            with open(tmp / "initramfs", "wb") as file:
                cpio.write(file)
            with open(tmp / "result", "wb") as file:
                file.truncate(RESULT_BYTES)
            status = self._boot(tmp, out / "console.log", **limits)
            try:
                with tarfile.open(tmp / "result", "r:") as tar:
                    tar.extractall(out)
            except tarfile.TarError:
                raise self._error(out, f"it brought nothing back, {status}") from None
        try:
            left = (out / "guest-status").read_text(encoding="ascii").strip()
        except OSError:
            raise self._error(out, f"it brought no exit status back, {status}") from None
        if left != "0":
            raise self._error(out, f"the job ended with status {left}")
        return out

    def _error(self, out, what):
        lines = (out / "console.log").read_text(encoding="utf-8", errors="replace").splitlines()
        error = GuestError("\n".join([f"{self.system.name} ({self.release}): {what}; "
                                      f"{out}/console.log ends with", *lines[-40:]]))
        error.is_late = "QEMU was stopped" in what
        return error

    @property
    def is_emulated(self):
        return self.system.arch != "amd64" or not has_kvm()

    def _initramfs(self, job, files, programs, modules):
        cpio = Cpio()
        for folder in ("proc", "sys", "dev", "tmp", "out", "guest", "bin", "usr/bin", "etc"):
            cpio.folder(folder)
        cpio.text("init", INIT)
        cpio.text("guest/job", job)
        cpio.text("etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        if self.userland:
            self._add_userland(cpio)
            for program in programs:
                cpio.file(f"usr/bin/{os.path.basename(program)}", program)
        else:
            cpio.file("bin/busybox", tool("busybox"))
            for program in programs:
                cpio.program(f"usr/bin/{os.path.basename(program)}", tool_path(program))
        for file in files:
            if isinstance(file, tuple):
                cpio.text(f"guest/{file[0]}", file[1])
            else:
                cpio.file(f"guest/{os.path.basename(file)}", file)
        self.modules.add(cpio, ("virtio_pci", "virtio_mmio", "virtio_blk", *modules))
        return cpio

    def _add_userland(self, cpio):
        for path in sorted(self.userland.rglob("*")):
            inside = path.relative_to(self.userland)
            if str(inside).startswith(("usr/share", "etc", "usr/lib/systemd")):
                continue
            if path.is_symlink():
                cpio.link(inside, os.readlink(path))
            elif path.is_file():
                cpio.file(inside, path)

    def _boot(self, tmp, console, cpus=2, memory=3072, seconds=None, append=""):
        """Runs QEMU until the guest is done, at most so many seconds. Says how it ended."""
        system = self.system
        # it takes a fourth of that at most; with counted instructions now and then it does not end
        seconds = seconds or 300
        if not self.is_emulated:
            machine = ("-accel", "kvm", "-cpu", "host")
        else:
            machine = ("-accel", "tcg,thread=single" if system.icount else "tcg,thread=multi",
                       *system.icount, *system.machine)
        command = [system.qemu, *machine, "-m", str(min(memory, system.max_memory)),
                   "-smp", str(cpus), "-nographic", "-no-reboot", "-nic", "none",
                   "-kernel", self.kernel, "-initrd", tmp / "initramfs",
                   "-append", f"console={system.console} panic=-1 quiet {append}",
                   "-drive", f"file={tmp}/result,format=raw,if=none,id=result",
                   "-device", f"{system.disk},drive=result"]
        with open(console, "wb") as log:
            qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=subprocess.STDOUT)
        try:
            late = self._wait(qemu, console, seconds)
        finally:
            if qemu.poll() is None:
                qemu.kill()
                qemu.wait()
        return late or f"QEMU ended with status {qemu.returncode}"

    @staticmethod
    def _wait(qemu, console, seconds):
        """Until QEMU ends. Says why it was stopped, if it was: a CPU that is stuck stays so."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                qemu.wait(timeout=2)
                return None
            except subprocess.TimeoutExpired:
                pass
            text = console.read_text(encoding="utf-8", errors="replace")
            stuck = max(map(int, STUCK.findall(text)), default=0)
            if stuck >= STUCK_SECONDS or time.monotonic() > deadline:
                return (f"QEMU was stopped, a CPU was stuck for {stuck} s"
                        if stuck >= STUCK_SECONDS else f"QEMU was stopped after {seconds} s")


def tool_path(program):
    path = program if "/" in str(program) else tool(program)
    if not path or not os.path.exists(path):
        raise Missing(f"no {program}: ./check --guests installs what is needed")
    return str(path)


def main(test):
    """Runs a test, a function that returns sentences of what is wrong. Returns the exit status."""
    try:
        wrong = test()
    except Missing as error:
        print(f"skipped: {error}")
        return SKIPPED
    except (GuestError, DebianError) as error:
        wrong = str(error).splitlines()
    for line in wrong[:60]:
        print(f"FAILED: {line[:600]}")
    return 1 if wrong else 0


__all__ = ["Guest", "GuestError", "Missing", "SYSTEMS", "main", "need", "say"]
