#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_output.py KMEMSTAT TESTDATA: where the result goes, and what becomes of it when it
cannot go there: files, closed and full outputs, pipes, terminals, pagers, signals. Speaks TAP.
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

KMEMSTAT = sys.argv[1]
TESTDATA = pathlib.Path(sys.argv[2])
MESH = str(TESTDATA / "mesh" / "trace.dat")
SMALL = str(TESTDATA / "small" / "v7-zstd.dat")


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS",
                                                        "UBSAN_OPTIONS")}
    return {**env, "LC_ALL": "C", **more}


def run(*args, shell=None, **more):
    """-> (status, stdout, stderr) of the program, or of a shell line in which $K is it."""
    command = ["sh", "-c", shell, "sh", *args] if shell else [KMEMSTAT, *args]
    done = subprocess.run(command, env=environment(K=KMEMSTAT, **more), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=60,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def lead_session(command, env, rows, columns, errors, ended, may_end):
    """On a terminal of its own: runs the program, tells its status, and stays until it may end,
    for what a terminal has not been read of is lost when the leader of its session ends."""
    pid = os.fork()
    if pid == 0:
        if not errors:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execve(command[0], command, env)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(ended, b"%d" % status)
    os.read(may_end, 1)
    os._exit(0)


def run_on_terminal(*args, rows=24, columns=80, errors=False, **more):
    """-> (status, all that the program writes to its terminal). Unless `errors`, its standard error
    goes elsewhere: on a slow machine it shows progress there."""
    env = environment(**{"TERM": "xterm", "KMEMSTAT_PAGER": "", **more})
    env = {k: v for k, v in env.items() if v is not None}
    has_ended, ended = os.pipe()
    may_end, lets_end = os.pipe()
    pid, fd = pty.fork()
    if pid == 0:
        lead_session([KMEMSTAT, *args], env, rows, columns, errors, ended, may_end)
    data, status = b"", None
    while True:
        ready = select.select([fd] if status else [fd, has_ended], [], [], 0.2 if status else None)[0]
        if fd in ready:
            data += os.read(fd, 65536)
        elif has_ended in ready:
            status = os.read(has_ended, 16)
        else:
            break
    os.write(lets_end, b"!")
    os.waitpid(pid, 0)
    for end in (fd, has_ended, ended, may_end, lets_end):
        os.close(end)
    return int(status), data.decode().replace("\r\n", "\n")


def expect(got, wanted):
    assert got == wanted, f"got {got!r}, expected {wanted!r}"


def expect_in(part, text):
    assert part in text, f"{part!r} is not in {text!r}"


# files and descriptors

def test_full():
    for args in ([SMALL], ["--caller", SMALL], ["--json", SMALL], ["dump", SMALL],
                 ["info", SMALL], ["--help"], ["--version"]):
        status, _, err = run(*args, shell='exec "$K" "$@" >/dev/full')
        expect(status, 5)
        expect(err, "kmemstat: standard output: cannot write: No space left on device; free some "
                    "space and run it again\n")


def test_closed():
    for args in ([SMALL], ["--json", SMALL], ["--version"]):
        status, _, err = run(*args, shell='exec "$K" "$@" >&-')
        expect(status, 5)
        expect(err, "kmemstat: standard output: is closed; give -o FILE or open it\n")


def test_closed_others():
    plain = run(SMALL)
    expect(run(SMALL, shell='exec "$K" "$@" <&-'), plain)
    expect(run(SMALL, shell='exec "$K" "$@" 2>&-')[:2], plain[:2])


def test_closed_with_output_file(tmp):
    status, _, err = run("-o", f"{tmp}/out", SMALL, shell='exec "$K" "$@" >&- <&-')
    expect((status, err), (0, ""))
    expect((tmp / "out").read_text(), run(SMALL)[1])


def test_reader_gone():
    """A reader that has had enough is no reason for words: status 5 and silence."""
    with subprocess.Popen([KMEMSTAT, "dump", MESH], env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        status = process.wait(timeout=60)
    expect_in("call_site=0x", first)
    expect((status, err), (5, ""))


def test_output_file(tmp):
    wanted = run("--json", SMALL)[1]
    status, out, err = run("--json", "-o", f"{tmp}/new", SMALL, shell='umask 027; exec "$K" "$@"')
    expect((status, out, err), (0, "", ""))
    expect((tmp / "new").read_text(), wanted)
    expect(oct((tmp / "new").stat().st_mode & 0o777), "0o640")
    expect(os.listdir(tmp), ["new"])


def test_output_file_replaced(tmp):
    """A link stays a link, the mode stays the mode."""
    (tmp / "real").write_text("old")
    (tmp / "real").chmod(0o600)
    (tmp / "link").symlink_to("real")
    expect(run("-o", f"{tmp}/link", SMALL)[0], 0)
    assert (tmp / "link").is_symlink()
    expect((tmp / "real").read_text(), run(SMALL)[1])
    expect(oct((tmp / "real").stat().st_mode & 0o777), "0o600")
    expect(sorted(os.listdir(tmp)), ["link", "real"])


def test_output_file_kept(tmp):
    """What fails leaves the old file as it was, and no other behind."""
    (tmp / "out").write_text("old")
    (tmp / "cut.dat").write_bytes(pathlib.Path(SMALL).read_bytes()[:100])
    for args, wanted in ((["--json", f"{tmp}/cut.dat"], 3), (["dump", f"{tmp}/cut.dat"], 3),
                         (["-s", "nonsense", SMALL], 2)):
        status, _, err = run("-o", f"{tmp}/out", *args)
        expect(status, wanted)
        assert err
        expect((tmp / "out").read_text(), "old")
        expect(sorted(os.listdir(tmp)), ["cut.dat", "out"])


def test_output_file_impossible(tmp):
    expect(run("-o", f"{tmp}/none/out", SMALL),
           (5, "", f"kmemstat: {tmp}/none/out: cannot create: No such file or directory\n"))
    expect(run("-o", str(tmp), SMALL)[0], 5)
    expect(run("-o", "/dev/full", SMALL)[0], 5)
    expect(run("-o", f"{tmp}/../{os.path.basename(tmp)}/none/../x", SMALL)[0], 5)


def test_output_over_trace(tmp):
    data = pathlib.Path(SMALL).read_bytes()
    (tmp / "trace.dat").write_bytes(data)
    os.link(tmp / "trace.dat", tmp / "other")
    status, _, err = run("-o", f"{tmp}/other", f"{tmp}/trace.dat")
    expect((status, err), (2, f"kmemstat: {tmp}/other: is the trace itself; choose another file "
                              "for --output\n"))
    expect((tmp / "trace.dat").read_bytes(), data)


def test_output_device():
    expect(run("-o", "/dev/stdout", SMALL), run(SMALL))


def test_interrupted(tmp):
    """Ctrl-C while a file is written: the file is not there, nor a part of it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen([KMEMSTAT, "dump", "-o", f"{tmp}/out", MESH],
                              env=environment()) as process:
            while process.poll() is None and not os.listdir(tmp):
                time.sleep(0.0002)
            process.send_signal(number)
            status = process.wait(timeout=60)
        # it may have been done before the signal came, but never half done
        if status == 0:
            (tmp / "out").unlink()
        else:
            expect(status, -number)
        expect(os.listdir(tmp), [])


# reports in files

def test_formats(tmp):
    """Several reports of one run: each is what it is alone, and the summary is shown as always."""
    got = run("--format", f"json={tmp}/a", "--format", f"csv={tmp}/b", "--format",
              f"json={tmp}/c", SMALL)
    expect(got, run(SMALL))
    wanted = run("--json", SMALL)[1]
    for name in "ac":
        expect((tmp / name).read_text(), wanted)
    expect((tmp / "b").read_text(), run("--csv", SMALL)[1])
    expect(sorted(os.listdir(tmp)), ["a", "b", "c"])
    expect(run("--format", "json", SMALL)[1], wanted)
    expect(run("--format=json=-", "--format", f"csv={tmp}/b", SMALL)[1], wanted)
    expect(run("-o", f"{tmp}/c", "--format", "csv", SMALL), (0, "", ""))
    expect((tmp / "c").read_text(), (tmp / "b").read_text())


def test_formats_whole(tmp):
    """Options of text do not change reports."""
    expect(run("--caller", "-s", "hit", "-l", "2", "-F", "hit", "--format", f"csv={tmp}/a",
               "--format", f"json={tmp}/b", SMALL)[0], 0)
    expect((tmp / "a").read_text(), run("--csv", SMALL)[1])
    expect((tmp / "b").read_text(), run("--json", SMALL)[1])


def test_formats_fail(tmp):
    """One that cannot be written leaves none of all."""
    (tmp / "old").write_text("old")
    for bad in (f"{tmp}/none/x", "/dev/full", str(tmp)):
        for order in (("old", bad, "new"), (bad, "old", "new"), ("old", "new", bad)):
            args = [word for path in order for word in ("--format", f"json={tmp / path}")]
            status, _, err = run(*args, SMALL)
            expect((status, err.count("\n")), (5, 1))
            expect((tmp / "old").read_text(), "old")
            expect(os.listdir(tmp), ["old"])


def test_formats_reader_gone(tmp):
    """A reader of the summary that goes away does not take the files with it."""
    status, _, err = run(f"{tmp}/a", SMALL, shell='{ "$K" --format "json=$1" --caller "$2"; '
                                                  'echo $? >&2; } | true')
    expect(status, 0)
    assert err.strip() in ("0", "5"), err
    expect((tmp / "a").read_text(), run("--json", SMALL)[1])


def test_formats_interrupted(tmp):
    """Ctrl-C while files are written removes them all."""
    pipe = tmp / "pipe"
    os.mkfifo(pipe)
    for number in (signal.SIGINT, signal.SIGTERM):
        # the third waits for a reader while two are open
        with subprocess.Popen([KMEMSTAT, "--format", f"json={tmp}/a", "--format", f"csv={tmp}/b",
                               "--format", f"json={pipe}", SMALL], env=environment(),
                              stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while len(os.listdir(tmp)) < 3 and time.monotonic() < deadline:
                time.sleep(0.005)
            expect(len(os.listdir(tmp)), 3)
            process.send_signal(number)
            expect(process.wait(timeout=60), -number)
        expect(os.listdir(tmp), ["pipe"])


def test_formats_refused(tmp):
    (tmp / "link").symlink_to(os.path.abspath(SMALL))
    os.mkdir(tmp / "sub")
    usage = [
        (["--format", f"json={tmp}/link"],
         f"{tmp}/link: is the trace itself; choose another file for --format"),
        (["--format", f"json={tmp}/x", "--format", f"csv={tmp}/sub/../x"],
         f"{tmp}/sub/../x: is the file of two reports, json and csv; choose another file for one"),
        (["--format", f"json={tmp}/x", "-o", f"{tmp}/x"],
         f"{tmp}/x: is the file of --output, too; choose another file for --format"),
        (sum((["--format", f"json={tmp}/{i}"] for i in range(33)), []),
         "--format: more than 32 files"),
    ]
    for args, message in usage:
        expect(run(*args, SMALL), (2, "", f"kmemstat: {message}\n"))
    expect(sorted(os.listdir(tmp)), ["link", "sub"])


def test_formats_manual():
    """--format help lists formats that are there, and kmemstat(1) describes these."""
    names = [line.split()[0] for line in run("--format", "help")[1].splitlines()]
    expect(names[:3], ["json", "jsonl", "csv"])
    for name in names:
        expect(run("--format", name, SMALL)[::2], (0, ""))
    manual = (TESTDATA.parent / "man" / "kmemstat.1.in").read_text(encoding="utf-8")
    section = re.search(r"^\.Sh REPORT FORMATS$.*?^\.Sh ", manual, re.DOTALL | re.MULTILINE)[0]
    expect(sorted(re.findall(r"^\.It Cm (\S+)", section, re.MULTILINE)), sorted(names))


def test_formats_interval(tmp):
    """With --interval each report replaces the file: it is there before the end, and whole."""
    line = ("          <idle>-0     [000] .....     %d.000000: kmalloc: call_site=foo+0x1/0x2 "
            "ptr=00000000%08x bytes_req=65 bytes_alloc=96 gfp_flags=GFP_KERNEL node=-1 "
            "accounted=false\n")
    out, nr = tmp / "report.json", 0
    with subprocess.Popen([KMEMSTAT, "-q", "--interval", "1", "--format", f"json={out}", "-"],
                          env=environment(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          text=True) as process:
        process.stdin.write("# tracer: nop\n#\n")
        deadline = time.monotonic() + 60
        while not out.exists() and time.monotonic() < deadline:
            nr += 1
            process.stdin.write(line % (nr, nr))
            process.stdin.flush()
            time.sleep(0.1)
        first = json.loads(out.read_text())["summary"]["slab"]["allocs"]
        nr += 1
        process.stdin.write(line % (nr, nr))
        process.stdin.close()
        expect(process.wait(timeout=60), 0)
    assert 0 < first < nr, (first, nr)
    expect(json.loads(out.read_text())["summary"]["slab"]["allocs"], nr)
    expect(os.listdir(tmp), ["report.json"])


# terminals

def test_width():
    for columns in (72, 80, 120, 200):
        for view in ("--caller", "--class", "--summary"):
            status, text = run_on_terminal(view, "--color=never", MESH, columns=columns)
            expect(status, 0)
            longest = max(map(len, text.splitlines()))
            assert longest <= columns, f"{view}: {longest} characters in {columns} columns"


def test_width_given():
    fitted = run_on_terminal("--caller", "--color=never", "-l", "5", MESH, columns=70)[1]
    expect(run("--caller", "-l", "5", "--width", "70", MESH)[1], fitted)
    expect(run_on_terminal("--caller", "--color=never", "-l", "5", "--width", "0", MESH)[1],
           run("--caller", "-l", "5", MESH)[1])


def test_color():
    escape = "\033["
    expect_in(escape, run_on_terminal(MESH)[1])
    expect_in(escape, run_on_terminal(MESH, NO_COLOR="")[1])
    expect_in(escape, run_on_terminal("--color", MESH, NO_COLOR="1")[1])
    expect_in(escape, run("--color=always", MESH)[1])
    for args, more in (([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"}), ([], {"TERM": None}),
                       (["--color=never"], {}), (["--json"], {})):
        assert escape not in run_on_terminal(*args, MESH, **more)[1], (args, more)
    assert escape not in run(MESH)[1]
    plain = run(MESH)[1]
    expect(re.sub("\033\\[[0-9;]*m", "", run("--color=always", MESH)[1]), plain)


def test_rows():
    """A terminal gets 30 rows of the table and the word that there are more; a pipe gets all."""
    everything = run("--caller", MESH)[1]
    shown = run_on_terminal("--caller", "--width", "0", "--color=never", MESH)[1]
    expect(shown.splitlines()[:31], everything.splitlines()[:31])
    assert len(everything.splitlines()) > 150
    assert len(shown.splitlines()) < 40
    expect_in("more call sites", shown)
    assert "more call sites" not in everything
    expect(run_on_terminal("--caller", "--width", "0", "--color=never", "-l", "0", MESH)[1],
           everything)


def test_pager():
    pager = "sed s/^/paged:/"
    plain = run_on_terminal("--caller", MESH)[1]
    paged = "".join("paged:" + line for line in plain.splitlines(keepends=True))
    expect(run_on_terminal("--caller", MESH, KMEMSTAT_PAGER=pager), (0, paged))
    expect(run_on_terminal("--caller", MESH, KMEMSTAT_PAGER=None, PAGER=pager), (0, paged))
    expect(run_on_terminal("--caller", MESH, KMEMSTAT_PAGER=pager, PAGER="false"), (0, paged))
    for args, more in ((["--no-pager"], {"KMEMSTAT_PAGER": pager}),
                       ([], {"KMEMSTAT_PAGER": "cat"}), ([], {"KMEMSTAT_PAGER": "", "PAGER": pager}),
                       ([], {"KMEMSTAT_PAGER": pager, "rows": 200})):
        expect(run_on_terminal(*args, "--caller", MESH, **more), (0, plain))
    expect_in("paged:", run_on_terminal("--pager", "-l", "1", "--caller", MESH,
                                        KMEMSTAT_PAGER=pager)[1])
    expect(run("--caller", MESH, KMEMSTAT_PAGER=pager), run("--caller", MESH))


def test_pager_fails():
    plain = run_on_terminal("--caller", MESH)[1]
    status, text = run_on_terminal("--caller", MESH, KMEMSTAT_PAGER="/nonexistent/pager",
                                   errors=True)
    expect(status, 0)
    expect_in(plain, text)
    # left early: fine
    expect(run_on_terminal("--caller", MESH, KMEMSTAT_PAGER="head -n 1")[0], 0)
    expect(run_on_terminal("dump", MESH, KMEMSTAT_PAGER="head -n 1")[0], 0)


def test_pager_of_dump():
    lines = run("dump", SMALL)[1].splitlines()
    text = run_on_terminal("dump", SMALL, KMEMSTAT_PAGER="sed s/^/paged:/")[1].splitlines()
    expect(text, ["paged:" + line for line in lines])


# what the result is

def test_views():
    """Views one after another are the views, with an empty line between them."""
    views = ["--class", "--summary", "--caller"]
    texts = [run(view, "-l", "3", SMALL)[1] for view in views]
    expect(run(*views, "-l", "3", SMALL)[1], "\n".join(texts))


def test_json_manual():
    """kmemstat-json(5) has every key of the report."""
    def keys(value):
        if isinstance(value, dict):
            for key, item in value.items():
                yield key
                yield from keys(item)
        elif isinstance(value, list):
            for item in value:
                yield from keys(item)
    manual = (TESTDATA.parent / "man" / "kmemstat-json.5").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z_]+", manual))
    report = json.loads(run("--json", "--raw-ip", "--debug-dir", str(TESTDATA / "mesh"), MESH)[1])
    expect(set(keys(report)) - words, set())


def test_threads():
    for args in (["--json"], ["--caller"], ["info"]):
        outputs = [run(*args, "--threads", n, MESH) for n in ("1", "2", "7")]
        expect(outputs[0][0], 0)
        expect(outputs[1], outputs[0])
        expect(outputs[2], outputs[0])


def test_dump_merged():
    """Every event that the report uses, in the order of time."""
    lines = run("dump", MESH)[1].splitlines()
    expect(len(lines), 543742)
    times = [line.split(" ")[1] for line in lines]
    pairs = [tuple(map(int, t.split("."))) for t in times]
    expect(pairs, sorted(pairs))
    expect(run("dump", "-l", "7", MESH)[1].splitlines(), lines[:7])


def test_quiet_and_verbose():
    status, out, err = run("-v", SMALL)
    expect((status, out), run(SMALL)[:2])
    expect_in("events read", err)
    assert all(line.startswith("kmemstat: ") for line in err.splitlines())
    err = run("-v", str(TESTDATA / "text" / "tracefs.txt"))[2]
    expect_in("text version 0, compression none", err)


def test_help(tmp):
    """Each verb's help names exactly the options that the verb takes."""
    pattern = re.compile(r"^  (?:-\w,|   ) --([\w-]+)", re.MULTILINE)
    everything = run("--help")[1] + run("dump", "--help")[1]
    all_names = set(pattern.findall(everything)) - {"help", "version", "output", "input"}
    # --cache without its argument is a view, and so of stat only
    with_argument = re.findall(r"--[\w-]+ (?=[A-Z])", everything) + ["--cache "]
    for verb in ("stat", "info", "dump"):
        status, text, err = run(verb, "--help")
        expect((status, err), (0, ""))
        names = pattern.findall(text)
        assert len(names) > 8
        for name in all_names:
            value = {"min-severity": "low", "color": "never", "short-time": "1ms",
                     "percpu-unit": "64k", "percpu-what-if": "8=4", "value": "bytes",
                     "layer": "slab", "key": "symbol"}.get(name, "1")
            option = f"--{name}={value}" if f"--{name} " in with_argument else f"--{name}"
            err = run(verb, option, f"{tmp}/none")[2]
            expect((verb, name, name in names), (verb, name, "does not go with" not in err))
        assert max(map(len, text.splitlines())) <= 80


def has_terminals():
    try:
        for fd in os.openpty():
            os.close(fd)
    except OSError:
        return False
    return True


def main():
    tests = [(name[5:], test) for name, test in globals().items() if name.startswith("test_")]
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        if "run_on_terminal" in test.__code__.co_names and not has_terminals():
            print(f"ok {number} - {name} # SKIP no pseudo-terminal can be opened", flush=True)
            continue
        try:
            if "tmp" in test.__code__.co_varnames[:test.__code__.co_argcount]:
                with tempfile.TemporaryDirectory(prefix="kmemstat-test-") as tmp:
                    test(pathlib.Path(tmp))
            else:
                test()
            print(f"ok {number} - {name}", flush=True)
        except Exception as error:  # whatever it is, the next test is to run
            failed += 1
            text = f"{type(error).__name__}: {error}"[:2000]
            print(f"not ok {number} - {name}")
            print("# " + text.replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


sys.exit(main())
