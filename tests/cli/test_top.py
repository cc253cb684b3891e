#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_top.py KMEMSTAT TESTDATA: kmemstat top, driven with keys in a terminal (tmux), and its
batches, held against what stat says of the same events. Speaks TAP.
"""

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

KMEMSTAT = os.path.abspath(sys.argv[1])
DATA = pathlib.Path(sys.argv[2]).absolute()
MESH = DATA / "mesh/trace.dat"
WIDTHS = {"WASTE/s": 7, "ALLOC/s": 7, "BYTES/s": 7, "WASTE": 7, "LIVE": 7, "GROWTH": 7, "FRAG": 6,
          "LIFETIME": 8, "SINCE": 7, "HITS": 7, "CLASS": 12}
ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/"}
RESULTS = []


def check(name, is_good, more=""):
    RESULTS.append(bool(is_good))
    print(f"{'ok' if is_good else 'not ok'} {len(RESULTS)} - {name}", flush=True)
    if not is_good:
        print("# " + str(more).replace("\n", "\n# "))


def run(*args, **kwargs):
    return subprocess.run([KMEMSTAT, *map(str, args)], env=ENV, capture_output=True, text=True,
                          timeout=120, check=False, **kwargs)


# Batches.

def frames_of(*args):
    """The frames as (time, {call site: {column: cell}})."""
    frames = []
    for text in run("top", "--batch", "--width", 0, "--no-debug-search", *args).stdout.split("\n\n"):
        lines = text.rstrip("\n").split("\n")
        at = float(re.search(r"  ([0-9.]+) s  ", lines[0])[1])
        header = next(i for i, line in enumerate(lines) if line.startswith("CALL SITE"))
        start = lines[header].index("WASTE/s") - 1
        rows = {}
        for line in lines[header + 1:]:
            cells, pos = {}, start
            for column, width in WIDTHS.items():
                cells[column] = line[pos + 1:pos + 1 + width].strip()
                pos += 1 + width
            rows[line[:start].rstrip()] = cells
        frames.append((at, rows))
    return frames


def scaled(number, step, letters):
    """As the program writes numbers, told anew."""
    if number < 9999.5:
        whole = number >= 99.95 or number == int(number)
        return f"{number:.{0 if whole else 1}f}"
    power = -1
    while number >= 999.5:
        number /= step
        power += 1
    return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f}{letters[power]}"


def as_bytes(number):
    return scaled(number, 1024, "KMGT")


def as_count(number):
    return scaled(number, 1000, "kMGT")


def growth(number):
    return "0" if not number else ("-" if number < 0 else "+") + as_bytes(abs(number))


def sites_of(*args):
    done = run("stat", "--json", "--no-debug-search", *args)
    sites = {}
    for site in json.loads(done.stdout)["callsites"]:
        if site["layer"] != "slab":
            continue
        name = f"{site['symbol']}+0x{site['offset']:x}" + \
            (f" [{site['module']}]" if site.get("module") else "")
        sites.setdefault(name, []).append(site)
    return sites


def wrong_cells(rows, sites, before, period):
    """Cells that are not what stat says of the same events."""
    for name, now in sites.items():
        # two event families may have a call site of the same name
        if len(now) > 1:
            continue
        now, old = now[0], (before.get(name) or [{"hits": 0, "bytes_alloc": 0, "bytes_waste": 0,
                                                  "live_bytes": 0}])[0]
        cells = rows.get(name)
        if not cells:
            yield f"{name} is missing"
            continue
        wanted = {
            "WASTE/s": as_bytes((now["bytes_waste"] - old["bytes_waste"]) / period),
            "ALLOC/s": as_count((now["hits"] - old["hits"]) / period),
            "BYTES/s": as_bytes((now["bytes_alloc"] - old["bytes_alloc"]) / period),
            "WASTE": as_bytes(now["bytes_waste"]), "LIVE": as_bytes(now["live_bytes"]),
            "GROWTH": growth(now["live_bytes"] - old["live_bytes"]),
            "FRAG": f"{now['frag_percent']:.1f}%", "HITS": as_count(now["hits"]),
            "CLASS": now["size_class"],
        }
        for column, cell in wanted.items():
            if cells[column] != cell:
                yield f"{name}: {column} is {cells[column]}, should be {cell}"


def test_batch():
    interval = 4
    frames = frames_of("-i", interval, MESH)
    first = run("dump", "-l", 1, MESH).stdout
    start = re.search(r"\s(\d+)\.(\d{9})[:\s]", first)
    check("dump tells when it began", start, first)
    start = int(start[1]) * 10**9 + int(start[2])
    check("frames: all of the recording", [at for at, _ in frames][:-1] == [4, 8, 12], frames[0])
    before = {}
    for number, (_, rows) in enumerate(frames):
        is_last = number == len(frames) - 1
        end = start + (number + 1) * interval * 10**9 - 1
        span = [] if is_last else ["--time", f",{end // 10**9}.{end % 10**9:09}"]
        sites = sites_of(*span, MESH)
        if is_last:
            events = run("dump", "-l", 0, MESH).stdout.rstrip("\n").split("\n")
            last = re.search(r"\s(\d+)\.(\d{9})[:\s]", events[-1])
            period = (int(last[1]) * 10**9 + int(last[2]) - start) / 1e9 - number * interval
        else:
            period = interval
        wrong = list(wrong_cells(rows, sites, before, period))
        check(f"frame {number + 1}: {len(sites)} call sites as stat has them", not wrong and
              len(rows) == sum(map(len, sites.values())), "\n".join(wrong[:5]))
        before = sites
    check("-n ends it", len(frames_of("-i", 1, "-n", 3, MESH)) == 3)
    twice = [run("top", "--batch", "-i", 0.5, MESH).stdout for _ in range(2)]
    check("batches are the same each time", twice[0] == twice[1] and twice[0].count("\n\n") > 20)


def test_pipe():
    """A writer that goes on: frames come all the same, and a signal ends it."""
    text = (DATA / "text/6.12-report.txt").read_text(encoding="utf-8")
    with subprocess.Popen([KMEMSTAT, "top", "--batch", "-i", "0.1", "--no-exclude-self", "-"],
                          env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as top:
        lines = text.splitlines(keepends=True)
        for line in lines:
            top.stdin.write(line)
            top.stdin.flush()
            time.sleep(0.005)
        top.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        out = top.stdout.read()
        top.wait(timeout=10)
        took = time.monotonic() - begin
        check("a pipe that stays open: frames, and SIGTERM ends it",
              out.count("lost 0") >= 2 and top.returncode == -signal.SIGTERM and took < 5,
              f"{top.returncode} {took} {out}")
        top.stdin.close()
    done = run("top", "--batch", "-i", "100", "--no-exclude-self", "-", input=text)
    check("a pipe that ends", done.returncode == 0 and "END" in done.stdout, done.stderr)


# The screen.

class Terminal:
    """A shell in a terminal."""

    def __init__(self, folder, width=80, height=24, env=""):
        self.folder = folder
        self.socket = str(folder / f"tmux{time.monotonic_ns()}")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height,
                  f"env -i PATH='{ENV['PATH']}' TERM=$TERM LC_ALL=C.UTF-8 {env} PS1='$ ' sh")
        self.wait(r"^\$")

    def tmux(self, *args):
        return subprocess.run(["tmux", "-u", "-S", self.socket, *map(str, args)],
                              env={**ENV, "TERM": "xterm-256color"}, capture_output=True,
                              text=True, timeout=30, check=False).stdout

    def screen(self, *args):
        return self.tmux("capture-pane", "-p", *args)

    def wait(self, pattern, seconds=20):
        """Whether the screen comes to look like that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if re.search(pattern, self.screen(), re.MULTILINE):
                return True
            time.sleep(0.05)
        return False

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def sees(self, name, pattern, seconds=20):
        check(name, self.wait(pattern, seconds), self.screen())

    def lacks(self, name, pattern):
        end = time.monotonic() + 10
        while time.monotonic() < end and re.search(pattern, self.screen(), re.MULTILINE):
            time.sleep(0.05)
        check(name, not re.search(pattern, self.screen(), re.MULTILINE), self.screen())

    def start(self, *args):
        """Runs it between two looks at the terminal's settings."""
        command = " ".join(f"'{a}'" for a in map(str, args))
        self.type(f"cd '{self.folder}'; stty -g > before; '{KMEMSTAT}' top --no-debug-search "
                  f"{command}; echo \"rc=$?\"; stty -g > after; touch done")
        (self.folder / "done").unlink(missing_ok=True)
        self.press("Enter")

    def check_end(self, name, status):
        seen = self.wait(rf"^rc={status}$")
        for _ in range(100):
            if (self.folder / "done").exists():
                break
            time.sleep(0.05)
        flags = self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").strip()
        same = seen and (self.folder / "before").read_text() == (self.folder / "after").read_text()
        check(f"{name}: status {status}, the terminal as before", same and flags == "0 1",
              f"{flags}\n{self.screen()}")
        self.type("clear")
        self.press("Enter")
        self.wait(r"\A\$")

    def pid(self):
        panes = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        done = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", panes], capture_output=True,
                              text=True, check=False).stdout
        return int(next(line.split()[0] for line in done.splitlines() if "kmemstat" in line))

    def close(self):
        self.tmux("kill-server")


def test_table(terminal):
    terminal.start("-i", 1, "--speed", 0, MESH)
    terminal.sees("the end of the recording", r"^call sites 202  END  14\.8 s")
    terminal.sees("losses and events", r"^lost 0  events \S+/s, 543,742 in all")
    screen = terminal.screen().split("\n")
    check("80x24: rows by waste a second", screen[4].startswith("ieee802_11_parse_e..+0x3b") and
          screen[22].strip() and "q quit" in screen[23], "\n".join(screen))
    terminal.press("L")
    terminal.sees("L sorts by live bytes", r"(?s)\A.*LIVE.*\n__sta_info_alloc\+0x309.*\nkvmalloc_node")
    terminal.press("L")
    terminal.sees("L again: the other way round", r"(?s)CALL SITE[^\n]*\n[^\n]*\s0\s")
    terminal.press("N")
    terminal.sees("N sorts by name", r"(?s)CALL SITE[^\n]*\n____ip_mc_inc_group")
    terminal.press("Tab")
    terminal.sees("Tab: size classes", r"^size classes 40 ")
    terminal.press("3")
    terminal.sees("3: caches", r"(?s)^caches 50 .*^skbuff_head_cache ")
    terminal.press("4")
    terminal.sees("4: live", r"(?s)^live 123 .*OBJECTS.*^__sta_info_alloc\+0x309 ")
    terminal.press("5")
    terminal.sees("5: findings", r"(?s)^findings 62 .*^high     waste ")
    terminal.press("1")
    terminal.type("/mesh_")
    terminal.sees("/ filters while it is typed", r"^call sites 4  .*filter: mesh_")
    terminal.press("BSpace", "C-u")
    terminal.type("mesh_*")
    terminal.press("Enter")
    terminal.sees("a glob", r"(?s)^call sites 2  .*^mesh_rmc_check\+0xf3 .*^mesh_sta_info_get")
    terminal.press("Escape")
    terminal.sees("Escape: all rows", r"^call sites 202 ")


def test_detail(terminal):
    terminal.press("W", "Home", "Enter")
    terminal.sees("Enter opens a call site",
                  r"(?s)^ieee802_11_parse_elems_full\+0x3b \[mac80211\].*allocations: 8,178, "
                  r"requested .*611 to 614 bytes out of kmalloc-1k")
    terminal.sees("its source is looked up", r"^source: not known")
    terminal.press("End")
    terminal.sees("sizes and lifetimes", r"(?s)^ *611 +1024 +\S+.*Lifetimes.*under .*█")
    terminal.press("Escape")
    terminal.sees("Escape: back", r"^CALL SITE ")
    terminal.press("?")
    terminal.sees("help", r"(?s)^Keys.*freeze the screen")
    terminal.press("q")
    terminal.sees("and back", r"^CALL SITE ")


def test_resize(terminal):
    terminal.tmux("resize-window", "-x", 150, "-y", 30)
    terminal.sees("wider: more columns, whole names",
                  r"(?s)CALL SITE.*SINCE.*CLASS +FILE:LINE\n"
                  r"ieee802_11_parse_elems_full\+0x3b .*kmalloc-1k")
    terminal.tmux("resize-window", "-x", 30, "-y", 6)
    terminal.sees("30x6: losses, rows", r"(?s)\A[^\n]*\nlost 0\b.*ieee802.*\+0x3b +\d")
    terminal.tmux("resize-window", "-x", 80, "-y", 24)
    terminal.sees("as before", r"(?s)GROWTH   FRAG$.*q quit")


def test_write(terminal, folder):
    for name, looks in (("a.json", '"generator"'), ("a.md", "# "), ("a.sarif", '"2.1.0"')):
        terminal.press("w")
        terminal.press("C-u")
        terminal.type(str(folder / name))
        terminal.press("Enter")
        terminal.sees(f"w: {name}", rf"{name} written, \d+ bytes")
        check(f"{name} is that", looks in (folder / name).read_text(encoding="utf-8"))
    of_stat = json.loads(run("stat", "--json", "--no-debug-search", MESH).stdout)
    of_top = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    check("the report has what stat has", all(
        of_top[key] == of_stat[key] for key in ("callsites", "classes")) and
        of_top["summary"]["slab"] == of_stat["summary"]["slab"])
    terminal.press("w")
    terminal.press("Enter")
    terminal.sees("no file is overwritten", r"a\.sarif: is there: give another name")
    terminal.press("w", "C-u")
    terminal.type("x.nonsense")
    terminal.press("Enter")
    terminal.sees("the name tells the format", r"the name's end tells no format")


def test_screen(folder):
    terminal = Terminal(folder)
    try:
        test_table(terminal)
        test_detail(terminal)
        test_resize(terminal)
        test_write(terminal, folder)
        terminal.press("q")
        terminal.check_end("q", 0)
        test_replay(terminal)
        test_ends(terminal)
        test_keys_beside_pipe(terminal, folder)
    finally:
        terminal.close()


def time_of(screen):
    found = re.search(r"^.*?([0-9.]+) s  ", screen)
    return float(found[1]) if found else -1


def test_replay(terminal):
    terminal.start("-i", 0.2, MESH)
    begin = time.monotonic()
    terminal.sees("a replay begins at once", r"^call sites \d+  0\.[2468]00 s")
    terminal.press("Space")
    terminal.sees("Space freezes", r"^call sites \d+  FROZEN")
    frozen = terminal.screen()
    time.sleep(1)
    check("and it stays so", terminal.screen() == frozen, terminal.screen())
    terminal.press("0", "Space")
    terminal.sees("it goes on", r"^call sites \d+  [1-9]")
    at, passed = time_of(terminal.screen()), time.monotonic() - begin
    check("as fast as it was recorded", abs(at - passed) < 2, f"{at} s after {passed} s")
    begin = time.monotonic()
    terminal.press("q")
    terminal.check_end("q in the middle of a replay", 0)
    check("at once", time.monotonic() - begin < 3)


def test_ends(terminal):
    for name, number in (("SIGTERM", signal.SIGTERM), ("SIGHUP", signal.SIGHUP)):
        terminal.start("-i", 0.5, MESH)
        terminal.wait(r"^call sites \d+  ")
        os.kill(terminal.pid(), number)
        terminal.check_end(name, 128 + number)
    terminal.start("-i", 0.5, MESH)
    terminal.wait(r"^call sites \d+  ")
    terminal.press("C-c")
    terminal.check_end("Ctrl-C", 0)
    terminal.start("-n", 2, "-i", 0.5, MESH)
    terminal.check_end("-n 2", 0)
    terminal.start(DATA / "mesh/kallsyms")
    terminal.check_end("no trace", 3)
    terminal.start("-i", 0.5, "--event", "mm_page_alloc", MESH)
    terminal.check_end("a trace without events", 3)


def test_keys_beside_pipe(terminal, folder):
    """The trace is standard input: keys come from the terminal all the same, also while the
    reader waits for more."""
    os.mkfifo(folder / "fifo")
    terminal.type(f"'{KMEMSTAT}' top -i 0.2 --no-exclude-self - < '{folder}/fifo'; echo \"rc=$?\"; "
                  "stty -g > after; touch done")
    (folder / "done").unlink(missing_ok=True)
    terminal.press("Enter")
    with open(folder / "fifo", "w", encoding="utf-8") as fifo:
        for line in (DATA / "text/6.12-report.txt").read_text().splitlines(keepends=True):
            fifo.write(line)
            fifo.flush()
            time.sleep(0.01)
        terminal.sees("a pipe: rows while it is open", r"(?s)^call sites \d+.*\+0x")
        terminal.press("4")
        terminal.sees("keys from the terminal", r"^live \d+ ")
        terminal.press("q")
        terminal.check_end("q while the reader waits", 0)


def test_colors(folder):
    for env, is_colored in (("", True), ("NO_COLOR=1", False)):
        terminal = Terminal(folder, 100, 20, env)
        try:
            terminal.start("--view", "findings", "--speed", 0, MESH)
            terminal.wait(r"^findings 62  END")
            found = re.search(r"\x1b\[[0-9;]*3[136]", terminal.screen("-e"))
            check(f"colours with '{env}'", bool(found) == is_colored, terminal.screen("-e"))
            terminal.press("q")
            terminal.check_end(f"q with '{env}'", 0)
        finally:
            terminal.close()


# The running kernel.

TRACEFS = tracefs.of_this_run()


def own_instances(pid):
    return [p.name for p in (TRACEFS / "instances").iterdir() if p.name.startswith(f"kmemstat-{pid}-")]


def wait_gone(pid):
    for _ in range(100):
        if not own_instances(pid):
            return True
        time.sleep(0.05)
    return False


def test_live(terminal_folder):
    if os.geteuid() or not TRACEFS:
        check("the running kernel # SKIP needs root and tracefs", True)
        return
    load = subprocess.Popen(["sh", "-c", "while :; do /bin/true; done"])
    try:
        with subprocess.Popen([KMEMSTAT, "top", "--batch", "-i", "0.3", "-n", "3"], env=ENV,
                              stdout=subprocess.PIPE, text=True) as top:
            out, _ = top.communicate(timeout=60)
        frames = out.split("\n\n")
        check("the running kernel: frames with call sites", top.returncode == 0 and
              len(frames) == 3 and all("lost " in f and "buffer " in f for f in frames) and
              re.search(r"^\w+\+0x[0-9a-f]+ .*\d", frames[2], re.MULTILINE), out)
        check("its own CPU time is told", "own CPU " in frames[2], out)
        check("its instance is gone", wait_gone(top.pid))
        begin = time.monotonic()
        done = run("top", "--batch", "-i", "100", "--duration", "300ms")
        check("--duration ends it", done.returncode == 0 and done.stdout.count("END") == 1 and
              time.monotonic() - begin < 20, done.stderr)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with subprocess.Popen([KMEMSTAT, "top", "--batch", "-i", "0.2"], env=ENV,
                                  stdout=subprocess.PIPE, text=True) as top:
                top.stdout.readline()
                there = own_instances(top.pid)
                top.send_signal(number)
                top.stdout.read()
                check(f"{number.name}: nothing stays", there and top.wait(20) == -number and
                      wait_gone(top.pid), f"{there} {top.returncode}")
        if terminal_folder:
            test_live_screen(terminal_folder)
    finally:
        load.kill()
        load.wait()


def test_live_screen(folder):
    terminal = Terminal(folder)
    try:
        terminal.start("-i", 0.3)
        terminal.sees("live: call sites and losses", r"(?s)^call sites \d+ .*^lost \d.*^\w+\+0x")
        at = time_of(terminal.screen())
        terminal.press("Enter")
        terminal.sees("live: an open call site", r"^allocations: ")
        terminal.press("Escape")
        terminal.wait(r"^call sites ")
        time.sleep(1)
        check("live: time goes on", time_of(terminal.screen()) > at, terminal.screen())
        terminal.press("w", "C-u")
        terminal.type(str(folder / "live.json"))
        terminal.press("Enter")
        terminal.sees("live: a report", r"live\.json written")
        report = json.loads((folder / "live.json").read_text(encoding="utf-8"))
        check("live: it has call sites", len(report["callsites"]) > 5)
        pid = terminal.pid()
        terminal.press("q")
        terminal.check_end("live: q", 0)
        check("live: its instance is gone", wait_gone(pid))
    finally:
        terminal.close()


def main():
    test_batch()
    test_pipe()
    if shutil.which("tmux"):
        # sockets have short names
        with tempfile.TemporaryDirectory(prefix="kmt") as name:
            folder = pathlib.Path(name)
            test_screen(folder)
            test_colors(folder)
            test_live(folder)
    else:
        print("# no tmux: the screen is not tested")
        check("screen # SKIP no tmux", True)
        test_live(None)
    print(f"1..{len(RESULTS)}")
    return 0 if all(RESULTS) else 1


sys.exit(main())
