#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_live.py KMEMSTAT SHARE: kmemstat live with the real tracefs: what it counts, against another
instance that is read as text; how it ends, and what it leaves behind; what it says to users
without rights. Speaks TAP; skipped without root or tracefs.
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tracefs  # noqa: E402

KMEMSTAT = os.path.abspath(sys.argv[1])
SHARE = pathlib.Path(sys.argv[2])
TRACEFS = tracefs.of_this_run()
INSTANCES = TRACEFS and TRACEFS / "instances"
# many allocations of several kinds, by itself and by children
LOAD = "i=0; while [ $i -lt 40 ]; do ls -lR /proc/self /sys/class >/dev/null 2>&1; i=$((i+1)); done"


def environment(**more):
    kept = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")
    return {**{k: v for k, v in os.environ.items() if k in kept}, "LC_ALL": "C", **more}


def run(*args, **more):
    done = subprocess.run([KMEMSTAT, "live", *args], env=environment(**more),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def start(*args, **more):
    return subprocess.Popen([KMEMSTAT, "live", *args], env=environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **more)


def own(pid):
    """The instances of a process."""
    return [p.name for p in INSTANCES.glob(f"kmemstat-{pid}-*")]


def wait_for(condition, what):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"waited for {what}")


def is_recording(pid):
    # an instance comes with tracing_on 1, and without events
    return any((INSTANCES / name / "events/kmem/kmalloc/enable").read_text() == "1\n" and
               (INSTANCES / name / "tracing_on").read_text() == "1\n" for name in own(pid))


@contextlib.contextmanager
def instance(name):
    path = INSTANCES / name
    path.mkdir()
    try:
        yield path
    finally:
        (path / "tracing_on").write_text("0")
        path.rmdir()


class Load:
    """A process that waits until it is told to do something."""

    def __init__(self, command=LOAD):
        self.process = subprocess.Popen(["sh", "-c", f"read go; {command}"],
                                        stdin=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def go(self):
        self.process.communicate("go\n", timeout=60)


def tally(text):
    """Events by kind, and by call site: bytes; of tracefs' text."""
    kinds = collections.Counter()
    sites = collections.Counter()
    for line in text.splitlines():
        found = re.search(r": (k\w+|percpu_\w+): (.*)", line)
        if not found:
            continue
        kinds[found[1]] += 1
        more = re.match(r"call_site=(\S+) ptr=\S+ .*?bytes_req=(\d+) bytes_alloc=(\d+)", found[2])
        if more and found[1] in ("kmalloc", "kmem_cache_alloc"):
            family = "kmalloc" if found[1] == "kmalloc" else "kmem_cache_alloc"
            site = re.sub(r"/0x[0-9a-f]+$", "", more[1])
            sites[family, site] += int(more[2])
    return kinds, sites


def pair(text):
    """What pairing comes to, event by event in the order of the text: frees of what was not seen
    allocated, allocations of what was not seen freed, and objects and bytes live at the end."""
    alive = {}
    counts = collections.Counter()
    for found in re.finditer(r": (kmalloc|kfree|kmem_cache_\w+): call_site=\S+ ptr=(\S+)"
                             r"(?:.* bytes_alloc=(\d+))?", text):
        kind, ptr, size = found.groups()
        if kind in ("kmalloc", "kmem_cache_alloc"):
            counts["implied_frees"] += ptr in alive
            alive[ptr] = int(size)
        elif not re.fullmatch("0+|[(]null[)]", ptr) and int(ptr, 16) != 16:
            if ptr in alive:
                del alive[ptr]
            else:
                counts["unknown_frees"] += 1
    return {**counts, "live_count": len(alive), "live_bytes": sum(alive.values())}


def test_counts():
    """The same events as another instance has, to the byte, and in the same order."""
    load = Load()
    with instance("kmemstat-test-counts") as other:
        for name, value in (("tracing_on", "0"), ("buffer_size_kb", "16384"),
                            ("options/event-fork", "1"), ("set_event_pid", str(load.pid)),
                            ("options/hash-ptr", "0"),
                            ("events/kmem/kmalloc/enable", "1"), ("events/kmem/kfree/enable", "1"),
                            ("events/kmem/kmem_cache_alloc/enable", "1"),
                            ("events/kmem/kmem_cache_free/enable", "1")):
            (other / name).write_text(value)
        live = start("-p", str(load.pid), "-e", "slab", "--json", "-b", "16384")
        wait_for(lambda: is_recording(live.pid), "the recording")
        (other / "tracing_on").write_text("1")
        load.go()
        (other / "tracing_on").write_text("0")
        live.send_signal(signal.SIGINT)
        out, errors = live.communicate(timeout=60)
        text = (other / "trace").read_text()
        kinds, sites = tally(text)
        overrun = sum(int(re.search(r"overrun: (\d+)", p.read_text())[1])
                      for p in other.glob("per_cpu/cpu*/stats"))
    assert live.returncode == 0, errors
    assert not overrun, f"the other instance lost {overrun} events"
    report = json.loads(out)
    quality = report["quality"]
    assert sum(kinds.values()) > 20000, kinds
    # our buffers are switched on before those of the other, and off after them
    assert quality["events_total"] == quality["events_used"] == sum(kinds.values()), \
        (quality, kinds)
    assert quality["events_lost"] == 0
    mine = collections.Counter()
    for site in report["callsites"]:
        offset = f"+0x{site['offset']:x}" if site["symbol"] else ""
        mine[site["event"], f"{site['symbol']}{offset}"] += site["bytes_req"]
    wrong = {k: (v, mine[k]) for k, v in sites.items() if mine[k] != v}
    assert not wrong and len(sites) == len(mine) > 20, (wrong, len(sites), len(mine))
    slab = report["summary"]["slab"]
    assert slab["frees"] == kinds["kfree"] + kinds["kmem_cache_free"] - quality["null_frees"] - \
        quality.get("zero_size_frees", 0), (slab, kinds)
    assert slab["bytes_req"] == sum(sites.values())
    # lives depend on the order of events on different CPUs
    expected = pair(text)
    sums = {"implied_frees": quality["implied_frees"], "unknown_frees": quality["unknown_frees"],
            "live_bytes": sum(site["live_bytes"] for site in report["callsites"]),
            "live_count": sum(site["live_count"] for site in report["callsites"])}
    assert sums == expected, (sums, expected)


def test_reader_gone():
    """A reader that has enough ends it, without a word, and nothing is left."""
    live = start("-i", "1", "--json")
    assert json.loads(live.stdout.readline())
    live.stdout.close()
    assert live.wait(30) == 5
    assert not live.stderr.read() and not own(live.pid)


def test_ends():
    """SIGINT, SIGTERM, and a duration: status 0, a report, and nothing is left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        live = start()
        wait_for(lambda p=live: is_recording(p.pid), "the recording")
        live.send_signal(number)
        out, errors = live.communicate(timeout=30)
        assert live.returncode == 0 and "allocations" in out, (out, errors)
        assert not own(live.pid)
    begun = time.monotonic()
    status, out, errors = run("--duration", "700ms")
    assert status == 0 and "allocations" in out, errors
    assert 0.7 <= time.monotonic() - begun < 10


def test_command():
    """A command: recorded is what it does, and its status is passed on."""
    status, out, errors = run("--json", "-p", "command", "--", "sh", "-c", LOAD + "; exit 7")
    assert status == 7, (status, errors)
    report = json.loads(out)
    assert report["quality"]["events_used"] > 10000
    status, out, errors = run("--", "/nonexistent/x")
    assert status == 2 and "cannot run '/nonexistent/x': No such file" in errors, (status, errors)
    status, out, errors = run("-q", "--", "sh", "-c", "kill -9 $$")
    assert status == 137, (status, errors)
    # one that does not end by itself is ended, and that is no failure
    status, out, errors = run("--duration", "300ms", "--", "sleep", "100")
    assert status == 0, (status, errors)


def test_killed():
    """SIGKILL: the guardian removes the instance. Of both: the next run does."""
    live = start()
    wait_for(lambda: is_recording(live.pid), "the recording")
    live.kill()
    live.wait(10)
    wait_for(lambda: not own(live.pid), "the guardian")
    live = start()
    wait_for(lambda: is_recording(live.pid), "the recording")
    children = pathlib.Path(f"/proc/{live.pid}/task/{live.pid}/children").read_text().split()
    assert len(children) == 1, children
    os.kill(int(children[0]), signal.SIGKILL)
    live.kill()
    live.wait(10)
    assert own(live.pid)
    with instance("kmemstat-test-other") as other:
        (other / "events/kmem/kmalloc/enable").write_text("1")
        neighbour = start()
        wait_for(lambda: is_recording(neighbour.pid), "the recording")
        status, _, errors = run("--duration", "200ms")
        assert status == 0, errors
        assert not own(live.pid)
        # what is of others, and of a kmemstat that runs, stays
        assert own(neighbour.pid) and is_recording(neighbour.pid)
        assert (other / "events/kmem/kmalloc/enable").read_text() == "1\n"
    neighbour.terminate()
    neighbour.communicate(timeout=30)
    assert neighbour.returncode == 0


def test_group_killed():
    """SIGKILL of the whole process group does not reach the guardian."""
    live = start(start_new_session=True)
    wait_for(lambda: is_recording(live.pid), "the recording")
    os.killpg(live.pid, signal.SIGKILL)
    live.wait(10)
    wait_for(lambda: not own(live.pid), "the guardian")


def test_intervals():
    """One line of JSON each second, whether there are events or not; all fit the schema."""
    idle = Load("true")
    begun = time.monotonic()
    live = start("-p", str(idle.pid), "-i", "1", "--json")
    times, lines = [], []
    for line in live.stdout:
        times.append(time.monotonic() - begun)
        lines.append(line)
        if len(lines) == 3:
            live.send_signal(signal.SIGINT)
    live.wait(30)
    idle.go()
    errors = live.stderr.read()
    assert live.returncode == 0, errors
    assert len(lines) == 4, len(lines)
    for i in range(3):
        # begun is before the recording, and the machine may have more to do
        assert i + 1 <= times[i] < i + 8, times
    # in step with the first, so that time does not drift away
    assert times[2] - times[0] < 2 + 5, times
    reports = [json.loads(line) for line in lines]
    assert all(report["quality"]["events_total"] < 100 for report in reports)
    try:
        import jsonschema
    except ImportError:
        return
    schema = json.loads((SHARE / "kmemstat-report-1.schema.json").read_text())
    for report in reports:
        jsonschema.validate(report, schema)


def test_interval_sums():
    """Reports in between count what they tell of, no more."""
    status, out, errors = run("-i", "1", "--json", "--duration", "2500ms", "--", "sh", "-c",
                              "while :; do ls -lR /proc/self >/dev/null 2>&1; done")
    assert status == 0, errors
    reports = [json.loads(line) for line in out.splitlines()]
    # a busy machine may be late for the last of them
    assert len(reports) in (2, 3), len(reports)
    last = 0
    for report in reports:
        quality = report["quality"]
        assert quality["events_total"] > last
        last = quality["events_total"]
        hits = sum(site["hits"] for site in report["callsites"] if site["layer"] == "slab")
        assert hits == report["summary"]["slab"]["allocs"]
        sums = report["summary"]["slab"]
        ignored = quality["null_frees"] + quality.get("zero_size_frees", 0)
        rest = quality["events_used"] - sums["allocs"] - sums["frees"] - ignored - \
            quality.get("failed_allocs", 0)
        percpu = report["summary"].get("percpu", {})
        assert rest == percpu.get("allocs", 0) + percpu.get("frees", 0) + \
            percpu.get("chunks_created", 0) + percpu.get("chunks_destroyed", 0), (rest, percpu)


def test_openmetrics():
    """The file is there after each period, whole."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "kmemstat.prom"
        live = start("-q", "-i", "1", "--format", f"openmetrics={path}")
        seen = set()
        for _ in range(3):
            wait_for(lambda: path.exists() and path.stat().st_ino not in seen, "the file")
            text = path.read_text()
            seen.add(path.stat().st_ino)
            assert text.endswith("# EOF\n") and "kmemstat_" in text
        live.send_signal(signal.SIGINT)
        live.communicate(timeout=30)
        assert live.returncode == 0
        assert [p.name for p in pathlib.Path(folder).iterdir()] == ["kmemstat.prom"]


def test_losses():
    """A buffer that is too small: what is lost is told, and with what was read it is all."""
    load = Load("i=0; while [ $i -lt 60 ]; do ls -lR /proc/self /sys/class >/dev/null 2>&1; "
                "i=$((i+1)); done")
    live = start("-p", str(load.pid), "-e", "slab", "--json", "-b", "8", "--strict")
    wait_for(lambda: is_recording(live.pid), "the recording")
    # while it stands still, nothing is read
    live.send_signal(signal.SIGSTOP)
    load.go()
    (stats,) = [p for name in own(live.pid) for p in [INSTANCES / name]]
    lost = sum(int(re.search(r"^overrun: (\d+)", p.read_text(), re.M)[1])
               for p in stats.glob("per_cpu/cpu*/stats"))
    live.send_signal(signal.SIGCONT)
    live.send_signal(signal.SIGINT)
    out, errors = live.communicate(timeout=30)
    assert lost > 1000
    assert live.returncode == 4 and "events lost" in errors, (live.returncode, errors)
    quality = json.loads(out)["quality"]
    assert quality["events_lost"] == lost, (quality, lost)
    assert quality["gaps_unknown"] == 0


def test_filter():
    """The kernel's filter; what it leaves out is told."""
    status, out, errors = run("--json", "-e", "slab", "--filter", "bytes_req >= 1024", "--", "sh",
                              "-c", LOAD)
    assert status == 0, errors
    assert re.search(r"--filter: kmem:kfree, kmem:kmem_cache_free$", errors, re.M), errors
    assert "nothing is said of what is live" in errors, errors
    report = json.loads(out)
    sizes = [size["bytes_req"] for site in report["callsites"] for size in site["sizes"]]
    assert sizes and min(sizes) >= 1024
    for args, message in (
            (["--filter", "bytes_req >="], "the kernel does not take the filter 'bytes_req >='"),
            (["--filter", "byte > 1"], "no event has the fields of the filter 'byte > 1'"),
            (["-e", "kmalloc,nothing"], "this kernel has no event 'nothing'"),
            (["-e", "kmalloc", "--live"], "--live needs frees, which are not recorded"),
            (["-p", "2147483632"], "there is no task 2147483632"),
            (["-p", "command"], "--pid command: there is none"),
            (["trace.dat"], "'live' reads no file: 'trace.dat'"),
            (["--duration", "0"], "--duration: '0' is not a time"),
            (["--time", "10%", "--duration", "1s"], "the time span of a live input is not known"),
            (["--"], "no command is behind --")):
        status, out, errors = run(*args)
        assert status in (2, 3) and message in errors and not out, (args, status, errors)
        assert not list(INSTANCES.glob(f"kmemstat-{os.getpid()}-*"))


def test_stacks():
    """Pages come with stacks, and those name their callers."""
    status, out, errors = run("--json", "--page", "--", "sh", "-c", LOAD)
    assert status == 0, errors
    report = json.loads(out)
    callers = [row for row in report["pages"] if row["callsite"] and row["callsite"]["symbol"]]
    assert len(callers) > 5, report["pages"][:3]


def test_hist():
    """What counts cannot tell is refused; where the kernel has no hist triggers that is said."""
    has_hist = (TRACEFS / "events/kmem/kmalloc/hist").exists()
    for args, message in (
            (["--hist", "--raw"], "--hist and --raw; choose one"),
            (["--hist", "--live"], "--live needs allocations paired with frees; leave out --hist"),
            (["--hist", "--leak-bytes", "1"], "--leak-bytes needs allocations paired with frees"),
            (["--hist", "--task"], "--task needs every event, and --hist has counts"),
            (["--hist", "--cache"], "--cache needs every event, and --hist has counts"),
            (["--hist", "--callsite", "x*"], "counts of --hist cannot be filtered afterwards")):
        status, out, errors = run(*args, "--duration", "1")
        assert status == 2 and message in errors and not out, (args, status, errors)
    status, out, errors = run("--hist", "--json", "--", "sh", "-c", LOAD)
    if has_hist:
        assert status == 0 and json.loads(out)["input"]["collection"] == "hist", errors
    else:
        assert status == 3 and not out and "this kernel has no hist triggers " \
            "(CONFIG_HIST_TRIGGERS is off); leave out --hist" in errors, errors
    # by itself: only where the kernel has them
    status, out, errors = run("--no-pairing", "--json", "--", "sh", "-c", LOAD)
    assert status == 0, errors
    assert json.loads(out)["input"]["collection"] == ("hist" if has_hist else "raw")
    assert ("hist triggers" in errors) == has_hist, errors


def test_own_events():
    """Nothing that kmemstat does itself is in it."""
    live = start("--task", "--csv", "-F", "pid", "--duration", "1s")
    wait_for(lambda: is_recording(live.pid), "the recording")
    children = pathlib.Path(f"/proc/{live.pid}/task/{live.pid}/children").read_text().split()
    out, errors = live.communicate(timeout=30)
    assert live.returncode == 0, errors
    pids = {int(line) for line in out.split()[1:]}
    assert pids and not pids & {live.pid, *map(int, children)}, (pids, live.pid, children)


def test_plain_user():
    """Without rights: what to run is said, and nothing is left."""
    def become():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    with tempfile.TemporaryDirectory() as folder:
        # where that user can run it
        os.chmod(folder, 0o755)
        program = pathlib.Path(folder) / "kmemstat"
        program.write_bytes(pathlib.Path(KMEMSTAT).read_bytes())
        program.chmod(0o755)
        done = subprocess.run([program, "live"], env=environment(), preexec_fn=become, cwd="/",
                              capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 3, done
        # that of debugfs is in a folder where only root can look
        whose = (rf"{TRACEFS} is of user \d+ and group \d+, mode 0\d+: "
                 if TRACEFS.parent.stat().st_mode & 0o001 else "")
        assert re.fullmatch(
            rf"kmemstat: {TRACEFS}/instances: cannot open: Permission denied; {whose}"
            r"run it with sudo, or once as root: setcap "
            rf"cap_dac_override,cap_syslog\+ep {program}\n", done.stderr), done.stderr
        try:
            subprocess.run(["setcap", "cap_dac_override,cap_syslog+ep", program], check=True,
                           capture_output=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            return
        # a machine with nothing to do need not allocate anything in that time
        with subprocess.Popen(["sh", "-c", f"while :; do {LOAD}; done"]) as load:
            try:
                done = subprocess.run([program, "live", "--json", "--duration", "500ms"],
                                      env=environment(), preexec_fn=become, cwd="/",
                                      capture_output=True, text=True, timeout=30, check=False)
            finally:
                load.kill()
        assert done.returncode == 0, done.stderr
        assert any(site["symbol"] for site in json.loads(done.stdout)["callsites"]), done.stdout


def test_sudo():
    """With sudo the caller's rights are enough for all but tracefs, and files are the caller's."""
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 65534, 65534)
        path = pathlib.Path(folder) / "report.json"
        status, _, errors = run("--json", "-o", str(path), "--duration", "300ms",
                                SUDO_UID="65534", SUDO_GID="65534")
        assert status == 0, errors
        assert path.stat().st_uid == 65534
        os.chown(folder, 0, 0)
        path.unlink()
        status, _, errors = run("--json", "-o", str(path), "--duration", "300ms",
                                SUDO_UID="65534", SUDO_GID="65534")
        assert status == 0, errors
        assert path.stat().st_uid == 0
    live = start()
    wait_for(lambda: is_recording(live.pid), "the recording")
    text = pathlib.Path(f"/proc/{live.pid}/status").read_text()
    live.terminate()
    live.communicate(timeout=30)
    assert re.search(r"^CapEff:\t0+$", text, re.M) and re.search(r"^NoNewPrivs:\t1$", text, re.M)


def main():
    if os.geteuid() != 0 or not TRACEFS or not (TRACEFS / "events/kmem").is_dir():
        print("1..0 # SKIP needs root, and tracefs with kmem events")
        return 0
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        before = {p.name for p in INSTANCES.iterdir() if not p.name.startswith("kmemstat-")}
        try:
            test()
            after = {p.name for p in INSTANCES.iterdir() if not p.name.startswith("kmemstat-")}
            assert after == before, (before, after)
        except Exception as problem:  # pylint: disable=broad-except
            failed += 1
            print(f"# {type(problem).__name__}: {str(problem)[:2000]}")
            print(f"not ok {number} - {test.__name__}")
        else:
            print(f"ok {number} - {test.__name__}")
        sys.stdout.flush()
    return 1 if failed else 0


sys.exit(main())
