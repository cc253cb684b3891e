#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing that a trace names commands a terminal, a browser, a spreadsheet or a CI job.

usage: hostile.py KMEMSTAT TESTDATA

Traces whose every text is hostile (lib/hostile.py), and their twins whose texts are harmless, go
through every format, view and verb. Each output is valid UTF-8 without control characters, without
what turns text around or hides it; it is what a parser of its format reads; and it has the shape of
the twin's: as many lines, rows, cells, tags, annotations. Speaks TAP.
"""

import collections
import csv
import fcntl
import gzip
import html.parser
import io
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
import xml.etree.ElementTree

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))

import hostile  # noqa: E402
import profileproto  # noqa: E402
from tap import check, end  # noqa: E402

KMEMSTAT, TESTDATA = (os.path.abspath(path) for path in sys.argv[1:3])
VIEWS = ("--summary --caller --class --live --timeline --cache --task --alloc --locality --own-cache "
         "--models --model-class --model-caller --page --page-frame --percpu").split()
# Everything is a finding.
JUDGED = ("--min-severity low --waste-bytes 0 --waste-percent 0 --hot-hits 0 --hot-percent 0 "
          "--accounted 1 --short-time 1s").split()
# Cc but the newline, Bidi_Control, Default_Ignorable_Code_Point, noncharacters, separators.
UNSAFE = re.compile(
    "[\0-\x09\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U0001fffe\U0001ffff]")
BINARY = {"pprof"}
# One line for each thing, so that a name with a newline would make two.
LINED = {"csv", "jsonl", "openmetrics", "collapsed", "github", "dump", "views", "info", "types"}


def run(*args, status=(0,), stdin=None, **env):
    done = subprocess.run([KMEMSTAT, *args], input=stdin, capture_output=True, timeout=120,
                          check=False, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                                            "HOME": "/", "TERM": "xterm", **env})
    if done.returncode not in status:
        raise AssertionError(f"{args}: status {done.returncode}: {done.stderr[:400]}")
    said = done.stderr.decode()
    assert not UNSAFE.search(said), f"{args}: standard error: {UNSAFE.search(said)}"
    return done.stdout


def expect(got, wanted, what=""):
    assert got == wanted, f"{what}: got {str(got)[:500]}, expected {str(wanted)[:500]}"


# what each format is to its reader; -> the shape of it

def strings_in(value):
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_in(item)
    elif isinstance(value, str):
        yield value


def parse_json(text, is_lined=False):
    def once(pairs):
        expect(len(dict(pairs)), len(pairs), "keys that are there twice")
        return dict(pairs)
    value = json.loads(text, object_pairs_hook=once)
    for part in strings_in(value):
        # a line of source may be indented
        assert not UNSAFE.search(part.replace("\n", "").replace("\t", "")), repr(part)
    return value


def read_json(text):
    """Keys, and how long the lists are."""
    value = parse_json(text)
    return (len(value) if isinstance(value, list) else
            {key: len(item) if isinstance(item, list) else None for key, item in value.items()})


def read_jsonl(text):
    return collections.Counter(parse_json(line)["type"] for line in text.splitlines())


def read_csv(text):
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    expect({len(row) for row in rows}, {len(rows[0])}, "cells of rows")
    for row in rows:
        for cell in row:
            assert not re.match(r"[=+@\uff1d\uff0b\uff0d\uff20]", cell), f"a formula: {cell!r}"
            assert not cell.startswith("-") or re.fullmatch(r"-[\d.]+", cell), f"a formula: {cell!r}"
    return len(rows), len(rows[0])


class Page(html.parser.HTMLParser):
    """Tags and their attributes, without the text."""

    def __init__(self):
        super().__init__()
        self.tags, self.values = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]

    def handle_comment(self, data):
        self.tags.append(("comment", ()))

    def handle_decl(self, decl):
        self.tags.append((decl, ()))

    def handle_pi(self, data):
        self.tags.append(("instruction", ()))


def read_page(text):
    page = Page()
    page.feed(text)
    page.close()
    for value in page.values:
        assert not re.match(r"\s*(javascript:|data:text|//|https?://evil|www\.evil)", value), value
    return page.tags


def read_html(text):
    for part in re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script', text, re.DOTALL):
        assert "<" not in part and ">" not in part, "markup in the data"
        parse_json(part)
    return read_page(text)


def read_markdown(text):
    if not shutil.which("cmark-gfm"):
        return None
    done = subprocess.run(["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink", "-e",
                           "strikethrough"], input=text.encode(), capture_output=True, check=True,
                          timeout=60)
    # what is no name may be code or not, by its characters; a line of a cell ends at <br>
    return [tag for tag in read_page(done.stdout.decode()) if tag[0] not in ("code", "br")]


def read_xml(text):
    if shutil.which("xmllint"):
        done = subprocess.run(["xmllint", "--noout", "--nonet", "-"], input=text.encode(),
                              capture_output=True, check=False, timeout=60)
        expect(done.returncode, 0, done.stderr[:300])
    root = xml.etree.ElementTree.fromstring(text.encode())
    for element in root.iter():
        for part in [element.text or "", element.tail or "", *element.attrib.values()]:
            assert not UNSAFE.search(part.replace("\n", "")), repr(part)
    return collections.Counter((element.tag, *sorted(element.attrib)) for element in root.iter())


def read_github(text):
    """As the runner reads the log: both forms of commands, wherever a line begins or goes on."""
    found = []
    for line in text.splitlines():
        assert "##[" not in line.split("::", 2)[-1] or line.startswith("::"), line
        match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        if not match:
            assert re.fullmatch(r"kmemstat: \d+ findings?, \d+ suppressed", line), f"no command: {line}"
            continue
        names = [word.split("=", 1)[0] for word in match[2].split(",")]
        assert set(names) <= {"file", "line", "col", "title"}, names
        found.append((match[1], names))
    return found


def read_openmetrics(text):
    samples = set()
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.match(r"# (TYPE|HELP|UNIT) kmemstat_\w+ |# EOF$", line), line
            continue
        match = re.fullmatch(r'(\w+(?:\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*\})?) [0-9.eE+-]+', line)
        assert match and match[1] not in samples, line
        samples.add(match[1])
    expect(text.count("# EOF"), sum("# EOF" in label for label in samples) + 1)
    return len(samples)


def read_collapsed(text):
    """-> the number of frames of each line: a name with a ';' would be two."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"(\S.*) (\d+)", line)
        assert match, f"no stack and value: {line!r}"
        found.append(match[1].count(";"))
    return sorted(found)


def read_pprof(data):
    """The strings of its string_table (field 6), by the wire format of protobuf."""
    strings = [value.decode() for number, value in profileproto.fields(gzip.decompress(data))
               if number == 6]
    expect(strings[0], "")
    for text in strings:
        assert not UNSAFE.search(text), repr(text)
    return None


READERS = {"json": read_json, "sarif": read_json, "gitlab": read_json, "speedscope": read_json,
           "jsonl": read_jsonl, "csv": read_csv, "html": read_html, "markdown": read_markdown,
           "junit": read_xml, "checkstyle": read_xml, "github": read_github,
           "openmetrics": read_openmetrics, "collapsed": read_collapsed}


def read(name, data):
    """Checks an output of any kind. -> its shape"""
    if name in BINARY:
        return read_pprof(data)
    text = data.decode()
    plain = text.replace("\t", " ") if name in ("html", "json", "jsonl") else text
    assert not UNSAFE.search(plain), f"{UNSAFE.search(plain)} in {plain[:200]!r}"
    shape = READERS.get(name, lambda _: None)(text)
    return (shape, text.count("\n")) if name in LINED else shape


def compare(name, data, twin):
    assert data and twin, "nothing"
    got, wanted = read(name, data), read(name, twin)
    if isinstance(got, list) and got != wanted:
        differs = next(i for i, pair in enumerate(zip(got + [None], wanted + [None]))
                       if pair[0] != pair[1])
        raise AssertionError(f"another shape than its twin's: {len(got)} parts, not {len(wanted)}: "
                             f"{got[differs:differs + 2]}, not {wanted[differs:differs + 2]}")
    expect(got, wanted, "another shape than its twin's")


def attempt(name, test, *args):
    """One case; what is wrong is told."""
    try:
        test(*args)
        check(True, name)
    except (AssertionError, ValueError, subprocess.TimeoutExpired, OSError, StopIteration,
            xml.etree.ElementTree.ParseError, csv.Error, TypeError, KeyError) as error:
        check(False, name, f"{type(error).__name__}: {ascii(str(error))[:1500]}")


# the cases

def formats(verb=()):
    return [line.split()[0] for line in run(*verb, "--format", "help").decode().splitlines()]


def reports(folder, verb, args):
    """{format: bytes}, all written by one run"""
    names = formats(verb[:1])
    files = [word for name in names for word in ("--format", f"{name}={folder}/out.{name}")]
    found = {"table": run(*verb, *files, *args, status=(0, 1))}
    for name in names:
        with open(f"{folder}/out.{name}", "rb") as file:
            found[name] = file.read()
    return found


def show(verb):
    return f"{' '.join(verb[:3])}{' ...' if len(verb) > 3 else ''}"


def by_stack():
    return ["--by-stack"] if b"--by-stack" in run("--help") else []


def all_formats(what, folder, pairs, has_shape=True):
    """`pairs`: arguments for the hostile one and for its twin."""
    for verb in ((), ("check", "--fail-on", "any", "--max-waste", "1%")):
        more = JUDGED[:2] if verb else JUDGED + by_stack()
        pair = [reports(folder, verb, [*more, *args]) for args in pairs]
        for name, data in pair[0].items():
            attempt(f"{what}: {' '.join(verb[:1]) or 'stat'} --format {name}",
                    compare if has_shape else lambda name, data, _: read(name, data), name, data,
                    pair[1][name])


def all_views(what, pairs, has_shape=True):
    for name, verb in (("views", VIEWS), ("dump", ["dump"]), ("info", ["info"]), ("types", ["types"]),
                       ("top", ["top", "--batch", "--width", "0", "-i", "100"]),
                       ("top", ["top", "--batch", "--width", "79", "--view", "findings"]),
                       ("views", ["--color=always", "--summary"])):
        def test(name=name, verb=verb):
            # dump and info have no symbols
            pair = [run(*verb, *(args[-1:] if name in ("dump", "info") else args)) for args in pairs]
            if "--color=always" in verb:
                pair = [re.sub(rb"\x1b\[[0-9;]*m", b"", data) for data in pair]
            if has_shape and name != "top":
                compare(name, *pair)
            else:
                read(name, pair[0])
        attempt(f"{what}: {show(verb)}", test)


def csv_views(what, args):
    for view in VIEWS[1:]:
        if view != "--class":
            attempt(f"{what}: {view} --csv", lambda view=view: read("csv", run(view, "--csv", *args)))


def forged(value):
    """A report with hostile names, as kmemstat would not write it."""
    if isinstance(value, dict):
        return {key: forged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [forged(item) for item in value]
    match = isinstance(value, str) and re.search(r"(?:word|text)(\d+)", value)
    if not match:
        return value
    texts = hostile.STRINGS + hostile.SPACED
    # surrogates are no characters that JSON could have
    text = texts[int(match[1]) % len(texts)].encode(errors="surrogateescape").decode(errors="replace")
    return value.replace(match[0], text)


def comparisons(folder, args, twin):
    names = formats(("diff",))
    forgery = f"{folder}/forged.json"
    with open(forgery, "w", encoding="utf-8") as file:
        json.dump(forged(json.loads(run("--json", *twin))), file)

    def one(name):
        options = ["--format", name] if name in names else []
        other = f"{folder}/other.json"
        with open(other, "wb") as file:
            file.write(run("--json", *args))
        for sides in ((args[-1], twin[-1]), (twin[-1], args[-1]), (other, twin[-1]),
                      (forgery, twin[-1]), (twin[-1], forgery)):
            read(name, run("diff", "--no-debug-search", "--total", *options, *sides))
    for name in [*names, "table"]:
        attempt(f"diff: {name}", one, name)

    def baseline():
        base, suppress = f"{folder}/base.json", f"{folder}/suppress"
        run("check", "--write-baseline", base, "--write-suppressions", suppress, *args, status=(0, 1))
        for path in (base, suppress):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            assert text and not UNSAFE.search(text.replace("\t", "")), path
        for options in (["--baseline", base, "--max-waste-growth", "0%"], ["--suppress", suppress],
                        ["--baseline", args[-1], "--fail-on", "new"],
                        ["--baseline", forgery, "--fail-on", "new"]):
            for name in ("table", "markdown", "junit"):
                form = ["--format", name] if name != "table" else []
                data = run("check", *options, *form, *twin, status=(0, 1, 4))
                read(name, data)
    attempt("check: a baseline and suppressions of it, written and read", baseline)


def merged(folder, args, twin):
    """Reports of many hosts, whose names are those of files."""
    if b"kmemstat merge" not in run("--help"):
        return
    evil = os.fsencode(folder) + b"/" + hostile.encode(
        "\x1b]0;t\x07\u202e<!script>`|\n::error::\udcff\u200b=1.json")
    for path, report in ((evil, args), (f"{folder}/harmless.json", twin)):
        with open(path, "wb") as file:
            file.write(run("--json", *report))
    result = f"{folder}/merged.json"
    run("merge", "-o", result, evil, f"{folder}/harmless.json", f"{folder}/forged.json")
    with open(result, "rb") as file:
        attempt("merge", read, "json", file.read())
    for name in formats():
        attempt(f"merged: {name}", lambda name=name: read(name, run("--format", name, result)))
    for verb in (["--caller", "--summary", "--class"], ["diff", twin[-1]]):
        attempt(f"merged: {verb[0]}", lambda verb=verb: read("table", run(*verb, result)))


def screens(args):
    """The whole screen: what top itself commands is known, and nothing else is there."""
    ours = re.compile(rb"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78M])|[\r\t\x0e\x0f]")

    def one(view):
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
            os.execve(KMEMSTAT, [KMEMSTAT, "top", "--view", view, "-i", "0.1", *args],
                      {"TERM": "xterm", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]})
        data, is_told, limit = b"", False, time.monotonic() + 20
        while time.monotonic() < limit:
            if select.select([fd], [], [], 0.3)[0]:
                try:
                    data += os.read(fd, 65536)
                except OSError:
                    break
            elif not is_told and len(data) > 500:
                os.write(fd, b"\r" if len(data) < 1000 else b"q")
                is_told = True
            elif is_told:
                os.write(fd, b"q")
        os.close(fd)
        os.waitpid(pid, 0)
        assert len(data) > 500, data
        for part in hostile.FORBIDDEN:
            assert part.encode() not in data, repr(part)
        text = ours.sub(b"", data).decode(errors="strict")
        assert not UNSAFE.search(text.replace("\b", "")), UNSAFE.search(text)
    for view in ("callers", "classes", "caches", "live", "findings"):
        attempt(f"top on a terminal: {view}", one, view)


def messages(folder, args):
    """What it says of file names and of arguments."""
    evil = hostile.encode("\x1b]0;t\x07\u202e</script>`|\n::error::\udcff\u200b=1")
    name = os.fsencode(folder) + b"/" + evil.replace(b"/", b"!")
    shutil.copy(args[-1], name)
    for verb in (["--json"], ["--format", "markdown"], ["--format", "sarif"], ["info"], ["--summary"],
                 ["top", "--batch", "-i", "100"], ["check"], ["-v"]):
        kind = verb[-1] if verb[0] == "--format" else "json" if "--json" in verb else "table"
        attempt(f"a file with such a name: {' '.join(verb)}",
                lambda verb=verb, kind=kind: read(kind, run(*verb, name)))
    attempt("a file with such a name: diff",
            lambda: read("table", run("diff", "--no-debug-search", name, args[-1])))
    with open(name + b".bad", "wb") as file:
        file.write(evil * 9)
    wrong = [[name + b".none"], [name + b".bad"], ["-o", name + b"/x", args[-1]],
             ["--format", b"json=" + name + b"/x", args[-1]], [b"--" + evil], [evil, evil],
             ["--format", evil, args[-1]], ["--instance", evil, args[-1]]]
    wrong += [[option, value, args[-1]] for value in (evil, name + b".bad", name + b".none")
              for option in ("--kallsyms", "--suppress", "--model-file", "--topology", "--vmlinux",
                             "--source-root", "--model", "--sort", "--fields", "--time", "--cpu",
                             "--event", "--slabinfo", "--width", "--percpu-what-if", "--color")]
    wrong += [["check", "--baseline", name + b".bad", args[-1]], ["check", "--fail-on", evil, args[-1]],
              ["check", "--config", name + b".bad", args[-1]],
              ["diff", name + b".bad", args[-1]], ["diff", "--by", evil, args[-1], args[-1]],
              ["top", "--batch", "--view", evil, args[-1]], ["types", evil + b".none"],
              ["dump", name + b".bad"], ["live", "--duration", evil], ["record", "--filter", evil]]
    silent = []

    def one():
        for words in wrong:
            done = subprocess.run([KMEMSTAT, *words], capture_output=True, timeout=60, check=False,
                                  stdin=subprocess.DEVNULL)
            said = done.stderr.decode()
            assert not UNSAFE.search(said) and done.returncode in (0, 2, 3, 5), \
                f"{words}: {done.returncode} {said!r}"
            if done.returncode and said.count("\n") != 1:
                silent.append((words, said))
    attempt(f"{len(wrong)} messages about arguments and files", one)
    check(not silent, "each of them is one line", silent[:3])


def streams(folder, args):
    """What comes through a pipe, and reports that are shown again and again."""
    hostile.trace_text(f"{folder}/pipe.txt", True)
    with open(f"{folder}/pipe.txt", "rb") as file:
        data = file.read()
    for verb in (["--interval", "1", "--summary"], ["--interval", "1", "--format", "jsonl"],
                 ["top", "--batch", "-i", "100"], ["dump"]):
        attempt(f"a pipe: {' '.join(verb)}", lambda verb=verb: read(
            "jsonl" if "jsonl" in verb else "table", run(*verb, "--no-exclude-self", "-", stdin=data)))


def types(folder):
    """Names out of debug information: types, members, functions, files."""
    texts = hostile.STRINGS[:24] + hostile.SPACED[:6]
    made = []
    texts = ("harmless", *texts[::4], hostile.Texts(True).one)
    for index, text in enumerate(texts):
        path = f"{folder}/module{index}"
        os.mkdir(path)
        made.append(hostile.module_of(path, text))
    if made[0] is None:
        check(True, "names out of debug information # SKIP no gcc, or not of x86-64")
        return
    twin, is_seen = run("--json", *made[0]), set()
    check(twin.count(b"harmlessxxxxxxx") > 2, "names of debug information are shown", twin[:300])
    for index, (text, args) in enumerate(zip(texts[1:], made[1:])):
        def one(text=text, args=args):
            for name, data in reports(folder, (), [*JUDGED, *args]).items():
                read(name, data)
                is_seen.add(data)
            read("json", run("types", "--json", *args))
            for words in (["types"], ["types", "--csv"], ["--caller", "--summary"]):
                read("csv" if "--csv" in words else "types", run(*words, *args))
            read("table", run("types", *args, "--type", b"struct " + hostile.type_name(text)))
        attempt(f"debug information {index}: every format, types", one)
    check(len(is_seen) > 5 * len(texts), "they are told apart")


def main():
    with tempfile.TemporaryDirectory(prefix="kmemstat-hostile-") as folder:
        pairs = {}
        for is_hostile in (True, False):
            path = f"{folder}/{'evil' if is_hostile else 'twin'}"
            hostile.trace_dat(TESTDATA, f"{path}.dat", is_hostile)
            hostile.trace_dat(TESTDATA, f"{path}6.dat", is_hostile, version=6)
            symbols = hostile.perf_data(TESTDATA, f"{path}.data", is_hostile)
            with open(f"{path}.kallsyms", "wb") as file:
                file.write(symbols)
            hostile.trace_text(f"{path}.txt", is_hostile)
            for what, args in (("trace.dat", [f"{path}.dat"]), ("version 6", [f"{path}6.dat"]),
                               ("perf.data", ["--kallsyms", f"{path}.kallsyms", f"{path}.data"]),
                               ("text", [f"{path}.txt"])):
                pairs.setdefault(what, []).append(["--no-debug-search", *args])
        for what, pair in pairs.items():
            # of text, what no line can have is damage
            if what != "version 6":
                all_formats(what, folder, pair, what != "text")
            all_views(what, pair, what != "text")
        csv_views("trace.dat", pairs["trace.dat"][0])
        comparisons(folder, *pairs["trace.dat"])
        merged(folder, *pairs["trace.dat"])
        screens(pairs["trace.dat"][0])
        messages(folder, pairs["trace.dat"][0])
        streams(folder, pairs["trace.dat"][0])
        types(folder)
    return end()


sys.exit(main())
