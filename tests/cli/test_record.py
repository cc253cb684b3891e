#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_record.py KMEMSTAT: kmemstat record on this machine's kernel. Speaks TAP.

What is recorded is held against trace-cmd, which shares no code with it, against the kernel's own
counts, and against a load whose allocations are known: keys of 41 bytes. Needs root and tracefs,
and leaves them as they were.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import tracefs  # noqa: E402

KMEMSTAT = sys.argv[1]
NR_KEYS = 300
KEY_BYTES = 41
# struct user_key_payload (include/keys/user-type.h): rcu_head, a length, and the data behind
PAYLOAD_BYTES = 24 + KEY_BYTES
# add_key(2) by its number, which is another on other machines
KEYS = f"""
import ctypes, platform
libc = ctypes.CDLL(None)
call = {{"x86_64": 248, "aarch64": 217}}[platform.machine()]
for i in range({NR_KEYS}):
    libc.syscall(call, b"user", b"kmemstat-%d" % i, b"x" * {KEY_BYTES}, {KEY_BYTES}, -2)
"""
SUMMARY = re.compile(r"kmemstat: (\S+): ([\d,]+) events? of (\d+) CPUs?, ")


def environment(**more):
    keep = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")
    return {**{k: v for k, v in os.environ.items() if k in keep}, "LC_ALL": "C", **more}


def run(*command, variables=None, **more):
    """-> (status, stdout, stderr)."""
    done = subprocess.run(command, env=environment(**(variables or {})), stdin=subprocess.DEVNULL, text=True,
                          errors="replace", capture_output=True, timeout=120, check=False, **more)
    return done.returncode, done.stdout, done.stderr


def record(*args, **more):
    return run(KMEMSTAT, "record", *args, **more)


def summary(text):
    """-> (events, CPUs) of the line at the end."""
    found = SUMMARY.search(text)
    assert found, f"no summary: {text}"
    return int(found[2].replace(",", "")), int(found[3])


def report(path):
    status, out, err = run(KMEMSTAT, "--json", str(path))
    assert status == 0, err
    return json.loads(out)


def site(data, symbol):
    return [row for row in data["callsites"] if (row["symbol"] or "").startswith(symbol)]


def instances(folder):
    return [name for name in os.listdir(os.path.join(folder, "instances"))
            if name.startswith("kmemstat-")]


def is_clean(folder):
    """No instance is left; the guardian may need a moment after a SIGKILL."""
    for _ in range(100):
        if not instances(folder):
            return True
        time.sleep(0.1)
    return False


def read_by_trace_cmd(path):
    """-> the number of events; it must have nothing to complain of."""
    status, out, err = run("trace-cmd", "report", "-i", str(path))
    assert status == 0 and not err.strip(), f"trace-cmd: {status}: {err[:300]}"
    lines = [line for line in out.splitlines() if not line.startswith(("cpus=", "CPU "))]
    assert not [line for line in lines if "FAILED" in line or "UNKNOWN" in line.upper()
                and "event" in line], "trace-cmd does not understand an event"
    return len(lines)


def load(seconds):
    """Something that allocates all the time."""
    return subprocess.Popen(["sh", "-c", f"end=$(($(date +%s) + {seconds})); "
                             "while [ $(date +%s) -lt $end ]; do ls -R /etc >/dev/null; done"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def small_disk(folder, size):
    os.mkdir(folder)
    status, _, err = run("mount", "-t", "tmpfs", "-o", f"size={size}", "nodev", folder)
    assert status == 0, err
    try:
        yield pathlib.Path(folder)
    finally:
        run("umount", folder)


class Tests:
    def __init__(self, folder, tracefs_folder):
        self.folder = pathlib.Path(folder)
        self.tracefs = tracefs_folder
        self.nr = 0

    def file(self):
        self.nr += 1
        place = self.folder / str(self.nr)
        place.mkdir()
        return place / "t.dat"

    def leaves_nothing(self, path):
        left = os.listdir(path.parent)
        assert not left, f"left behind: {left}"
        assert is_clean(self.tracefs), f"left in tracefs: {instances(self.tracefs)}"

    # each: a sentence, and what raises if it is not so

    def command(self):
        """a command's allocations are in the file, each of them, and its status is passed on"""
        path = self.file()
        status, _, err = record("-o", str(path), "--", sys.executable, "-c", KEYS + "exit(7)")
        assert status == 7, f"{status} {err}"
        events, cpus = summary(err)
        data = report(path)
        assert data["quality"]["events_total"] == events, data["quality"]
        assert data["quality"]["events_lost"] == 0, data["quality"]
        assert data["input"]["cpus"] == os.sysconf("SC_NPROCESSORS_CONF") >= cpus
        found = site(data, "user_preparse")
        sizes = [(s["bytes_req"], s["hits"]) for row in found for s in row["sizes"]]
        assert (PAYLOAD_BYTES, NR_KEYS) in sizes, sizes
        assert os.listdir(path.parent) == [path.name], os.listdir(path.parent)
        assert is_clean(self.tracefs)

    def trace_cmd(self):
        """trace-cmd reads as many events, without a warning, also compressed"""
        if not shutil.which("trace-cmd"):
            return "trace-cmd is not installed"
        for options in ([], ["--compress"]):
            path = self.file()
            status, _, err = record("-o", str(path), *options, "--", "ls", "-R", "/etc")
            assert status == 0, err
            events, _ = summary(err)
            assert events > 100
            assert read_by_trace_cmd(path) == events, options
            quality = report(path)["quality"]
            assert quality["events_used"] + quality["events_other"] == events, quality
        return None

    def kernel_counts(self):
        """the kernel counts as many, CPU by CPU"""
        path = self.file()
        status, _, err = record("-o", str(path), "--", "ls", "-R", "/etc")
        assert status == 0, err
        data = path.read_bytes()
        counts = {int(cpu): int(events) for cpu, events in
                  re.findall(rb"CPU: (\d+)\n(?:[^\0]*\n)?read events: (\d+)", data)}
        info = run(KMEMSTAT, "info", str(path))[1]
        rows = re.findall(r"^ +(\d+) +[\d.]+ (?:B|[KMG]iB) +(\d+) ", info, re.MULTILINE)
        assert {int(cpu): int(events) for cpu, events in rows} == counts, (rows, counts)

    def pid(self):
        """--pid command records that process and its children alone"""
        path = self.file()
        busy = load(3)
        status, _, err = record("-o", str(path), "-p", "command", "--", "sh", "-c",
                                f"{sys.executable} -c '{KEYS}'; true")
        busy.kill()
        busy.wait()
        assert status == 0, err
        out = run(KMEMSTAT, "dump", str(path))[1]
        assert not {line.split()[2] for line in out.splitlines()} & {str(busy.pid)}
        assert site(report(path), "user_preparse")

    def not_itself(self):
        """events of the recorder are left out, whose threads come before the load"""
        path = self.file()
        busy = load(3)
        recorder = subprocess.Popen([KMEMSTAT, "record", "-q", "-o", str(path), "--duration", "2"],
                                    env=environment())
        tasks, nices = set(), set()
        while recorder.poll() is None:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{recorder.pid}/task"):
                    tasks.add(task)
                    if task != str(recorder.pid):
                        nices.add(os.getpriority(os.PRIO_PROCESS, int(task)))
            time.sleep(0.05)
        busy.wait()
        assert recorder.returncode == 0 and len(tasks) > 1
        assert nices == {-20}, f"threads of nice {nices}"
        seen = {line.split()[2] for line in run(KMEMSTAT, "dump", str(path))[1].splitlines()}
        assert seen and not seen & tasks, seen & tasks

    def signals(self):
        """SIGINT, SIGTERM and SIGHUP end the recording, and the file is whole"""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            path = self.file()
            recorder = subprocess.Popen([KMEMSTAT, "record", "-o", str(path)], env=environment(),
                                        stderr=subprocess.PIPE, text=True)
            while not instances(self.tracefs) and recorder.poll() is None:
                time.sleep(0.05)
            time.sleep(1)
            assert not os.listdir(path.parent), "a file is there before its time"
            recorder.send_signal(number)
            err = recorder.communicate(timeout=60)[1]
            assert recorder.returncode == 0, f"{number}: {recorder.returncode} {err}"
            assert report(path)["quality"]["events_total"] == summary(err)[0]
            assert is_clean(self.tracefs)

    def script(self):
        """SIGINT ends it also in a script, whose shell has it ignored; nohup's SIGHUP does not"""
        path = self.file()
        status, out, err = run("sh", "-c", """trap '' HUP
            "$1" record -o "$2" & recorder=$!
            while ! grep -qs 1 "$3"/instances/kmemstat-$recorder-*/tracing_on; do sleep 0.1; done
            kill -HUP $recorder; sleep 0.5; kill -0 $recorder && echo runs
            kill -INT $recorder; wait $recorder""", "sh", KMEMSTAT, str(path), self.tracefs)
        assert status == 0 and out == "runs\n", f"{status} {out} {err}"
        assert report(path)

    def killed(self):
        """after a SIGKILL there is neither a file nor an instance"""
        path = self.file()
        recorder = subprocess.Popen([KMEMSTAT, "record", "-o", str(path)], env=environment())
        while not instances(self.tracefs) and recorder.poll() is None:
            time.sleep(0.05)
        time.sleep(0.5)
        recorder.kill()
        recorder.wait()
        self.leaves_nothing(path)

    def command_killed(self):
        """a command that a signal ends has the status 128 and its number"""
        path = self.file()
        status, _, err = record("-o", str(path), "--", "sh", "-c", "kill -9 $$")
        assert status == 128 + signal.SIGKILL, f"{status} {err}"
        assert report(path)

    def disk_full(self):
        """on a full disk what was recorded till then is kept, and that is said"""
        path = self.file()
        with small_disk(str(path.parent / "disk"), "27m") as disk:
            busy = load(30)
            status, _, err = record("-o", str(disk / "t.dat"), "-e", "all", "--stacks",
                                    "--duration", "60")
            busy.kill()
            busy.wait()
            assert status == 5, f"{status} {err}"
            assert "No space left on device" in err and "holds what came before" in err, err
            assert os.listdir(disk) == ["t.dat"]
            assert report(disk / "t.dat")["quality"]["events_total"] > 1000
            if shutil.which("trace-cmd"):
                assert read_by_trace_cmd(disk / "t.dat") > 1000

    def disk_too_small(self):
        """a disk without room for a file is refused at once"""
        path = self.file()
        with small_disk(str(path.parent / "disk"), "4m") as disk:
            status, _, err = record("-o", str(disk / "t.dat"), "--duration", "5")
            assert status == 5 and "cannot reserve" in err, f"{status} {err}"
            assert not os.listdir(disk)

    def replaces(self):
        """a file that is there is replaced, through a symbolic link, and not before the end"""
        path = self.file()
        path.write_text("old")
        link = path.parent / "link"
        link.symlink_to(path.name)
        status, _, err = record("-o", str(link), "--", "sh", "-c", f"cat {path} >&2; true")
        assert status == 0 and "old" in err, err
        assert link.is_symlink() and report(path)

    def refuses(self):
        """wrong events, filters, lists, commands and files are refused, and leave nothing"""
        path = self.file()
        for args, wanted, words in ((["-e", "nothing"], 2, "no event"),
                                    (["--filter", "nothing > 1"], 2, "fields"),
                                    (["--filter", "bytes_req >"], 2, "filter"),
                                    (["-p", "1,x"], 2, "no list of processes"),
                                    (["-p", "command"], 2, "there is none"),
                                    (["--", "/nonexistent"], 2, "No such file"),
                                    (["file"], 2, "reads no file")):
            status, _, err = record("-o", str(path), *args)
            assert status == wanted and words in err, f"{args}: {status} {err}"
            self.leaves_nothing(path)
        for name, words in (("/dev/null", "no regular file"), ("/nonexistent/t", "directory"),
                            (str(path.parent), "no regular file")):
            status, _, err = record("-o", name, "--duration", "1")
            assert status == 5 and words in err, f"{name}: {status} {err}"
        self.leaves_nothing(path)

    def no_rights(self):
        """without rights it says what to run, and leaves nothing"""
        path = self.file()
        os.chmod(path.parent, 0o777)
        os.chmod(self.folder, 0o755)

        def become_nobody():
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)

        program = shutil.copy(KMEMSTAT, path.parent.parent / "kmemstat")
        try:
            status, _, err = run(program, "record", "-o", str(path), "--duration", "1",
                                 preexec_fn=become_nobody)
        except PermissionError:
            return "another user cannot run the program here"
        assert status == 3, f"{status} {err}"
        assert re.search("sudo|mount|chmod|chgrp|setcap|root", err), err
        self.leaves_nothing(path)
        return None

    def sudo(self):
        """with sudo the file is the calling user's where that user may write, else root's"""
        caller = {"SUDO_UID": "65534", "SUDO_GID": "65534"}
        os.chmod(self.folder, 0o755)
        for owner in (65534, 0):
            path = self.file()
            os.chown(path.parent, owner, owner)
            status, _, err = record("-o", str(path), "--", "sh", "-c", "id -u; true",
                                    variables=caller)
            assert status == 0, err
            assert path.stat().st_uid == owner and path.stat().st_mode & 0o777 == 0o600
            assert report(path)["quality"]["events_used"]
            if owner:
                assert b"slabinfo-end\0" in path.read_bytes()
            assert os.listdir(path.parent) == [path.name] and is_clean(self.tracefs)

    def filters(self):
        """--filter is the kernel's; events without its fields are left out, and that is said"""
        path = self.file()
        status, _, err = record("-o", str(path), "-e", "kmem:kmalloc,kmem:kfree", "--filter",
                                f"bytes_req == {PAYLOAD_BYTES}", "--", sys.executable, "-c", KEYS)
        assert status == 0 and "not recorded" in err and "kmem:kfree" in err, err
        rows = run(KMEMSTAT, "dump", str(path))[1].splitlines()
        assert len(rows) >= NR_KEYS
        assert not [row for row in rows if f"bytes_req={PAYLOAD_BYTES} " not in row], rows[:3]

    def stacks(self):
        """--stacks: a stack comes with each event"""
        path = self.file()
        status, _, err = record("-o", str(path), "--stacks", "-e", "kmem:kmalloc", "--",
                                sys.executable, "-c", KEYS)
        assert status == 0, err
        data = report(path)["quality"]
        assert data["events_other"] >= data["events_used"] > NR_KEYS, data

    def machine(self):
        """slabinfo and build id of the machine are in it, and used"""
        path = self.file()
        assert record("-q", "-o", str(path), "--", "ls")[0] == 0
        status, out, err = run(KMEMSTAT, "--cache", "--fields", "cache,slab,objs", str(path))
        assert status == 0 and "Slabinfo" in out, err
        known = {line.split()[0] for line in open("/proc/slabinfo", encoding="utf-8")}
        shown = [line.split()[1] for line in out.splitlines()[1:] if len(line.split()) == 3]
        assert shown and set(shown) <= known, set(shown) - known
        data = path.read_bytes()
        for name in (b"slabinfo-start\0", b"slabinfo-end\0", b"build-ids\0", b"cpus-online\0"):
            assert name in data, name
        notes = pathlib.Path("/sys/kernel/notes").read_bytes()
        at = notes.index(b"GNU\0") + 4
        assert b"vmlinux " + notes[at:at + 20].hex().encode() in data

    def losses(self):
        """losses are counted, and a buffer is named that would have held all"""
        path = self.file()
        for _ in range(5):
            busy = load(4)
            status, _, err = record("-o", str(path), "-b", "8", "--stacks", "-e", "all",
                                    "--duration", "3")
            busy.wait()
            assert status == 0, err
            found = re.search(r"([\d,]+) events were lost: (\d+) KiB .* --buffer-size (\d+)", err)
            if found:
                break
        assert found, err
        quality = report(path)["quality"]
        lost = int(found[1].replace(",", ""))
        # a page that is full has no room to tell how many were lost before it
        assert quality["gaps_unknown"] or quality["events_lost"] == lost, (quality, err)
        assert 0 < quality["events_lost"] <= lost, (quality, err)
        assert int(found[3]) > int(found[2])

    def quiet(self):
        """-q says nothing"""
        path = self.file()
        assert record("-q", "-o", str(path), "--", "true") == (0, "", "")


TESTS = ("command", "trace_cmd", "kernel_counts", "pid", "not_itself", "signals", "script",
         "killed", "command_killed", "disk_full", "disk_too_small", "replaces", "refuses",
         "no_rights", "sudo", "filters", "stacks", "machine", "losses", "quiet")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can record")
        return 0
    names = sys.argv[2:] or TESTS
    failed = 0
    with tracefs.mounted() as folder, tempfile.TemporaryDirectory() as scratch:
        if not folder or not os.path.isdir(os.path.join(folder, "events/kmem")):
            print("1..0 # SKIP there is no tracefs with kmem events")
            return 0
        tests = Tests(scratch, folder)
        print(f"1..{len(names)}")
        for number, name in enumerate(names, 1):
            test = getattr(tests, name)
            skipped = None
            try:
                skipped = test()
                good = True
            except (AssertionError, subprocess.TimeoutExpired, OSError, KeyError) as error:
                good = False
                for line in str(error).splitlines()[:10]:
                    print(f"# {line[:300]}")
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {test.__doc__}"
                  f"{' # SKIP ' + skipped if skipped else ''}", flush=True)
    return 1 if failed else 0


sys.exit(main())
