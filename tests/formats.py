#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""formats.py KMEMSTAT TESTDATA: every format of --format, of every small trace and of hostile ones:
what is written is what its readers can read, and what the JSON report says. Speaks TAP.

Readers are Python's json, csv and html.parser, cmark-gfm, prometheus_client and promtool, where they are there.
"""

import base64
import collections
import csv
import glob
import hashlib
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    from prometheus_client.openmetrics import parser as openmetrics_parser
    from prometheus_client import parser as prometheus_parser
except ImportError:
    openmetrics_parser = prometheus_parser = None

KMEMSTAT, TESTDATA = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
MESH = ["--debug-dir", f"{TESTDATA}/mesh", f"{TESTDATA}/mesh/trace.dat"]
MARKDOWN_BYTES = 1 << 20
MARKDOWN_TAGS = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "br", "ul",
                 "li", "strong", "details", "summary"}
# lists of the JSON report and what a row of them is called in JSON lines
LINES = {"callsites": "callsite", "classes": "class", "findings": "finding", "pages": "page",
         "page_orders": "page_order", "page_frames": "page_frame", "percpu": "percpu",
         "caches": "cache", "tasks": "task", "pointers": "pointer", "models": "model",
         "suppressions": "suppression",
         "stack_frames": "stack_frame", "stacks": "stack"}


class Skipped(Exception):
    pass


def run(*args):
    done = subprocess.run([KMEMSTAT, "-q", "--no-debug-search", *args], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120, check=False)
    assert done.returncode == 0, f"{args}: status {done.returncode}: {done.stderr[:300]}"
    return done.stdout.decode()


def formats():
    return [line.split()[0] for line in run("--format", "help").splitlines()]


def expect(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}"[:900] + f", expected {wanted!r}"[:900]


def without(item, *keys):
    return {key: value for key, value in item.items() if key not in keys}


# JSON lines

def check_jsonl(text, report, _):
    lines = [json.loads(line) for line in text.splitlines()]
    assert text.endswith("\n") and "\n\n" not in text
    by_type = collections.defaultdict(list)
    for line in lines:
        expect(next(iter(line)), "type")
        by_type[line["type"]].append(without(line, "type"))
    expected = {"schema_version": [{"schema_version": report["schema_version"]}],
                "generator": [report["generator"]], "quality": [report["quality"]],
                "input": [without(report["input"], "instances", "streams", "events")],
                "instance": report["input"]["instances"], "stream": report["input"]["streams"],
                "event": report["input"]["events"],
                "summary": [{"layer": k, **v} for k, v in report["summary"].items()]}
    if "timeline" in report:
        line = report["timeline"]
        unit = "ns" if "tick_ns" in line else "ticks"
        expected["timeline"] = [without(line, "ticks", "peak")]
        if "peak" in line:
            expected["peak"] = [without(line["peak"], "callsites")]
            expected["peak_callsite"] = line["peak"]["callsites"]
        expected["tick"] = [{**tick, f"from_{unit}": line[f"first_{unit}"] + i * line[f"tick_{unit}"]}
                            for i, tick in enumerate(line["ticks"])]
    known = {"schema_version", "generator", "input", "quality", "summary", "timeline"}
    for key in report.keys() - known:
        if isinstance(report[key], list):
            expected[LINES[key]] = report[key]
        else:
            expected[key] = [{key: report[key]}]
    for name in expected.keys() | by_type.keys():
        expect(by_type.get(name, []), expected.get(name, []), name)


# comma-separated values

def site_name(site, is_raw=False):
    if site.get("symbol") is None or is_raw:
        return site["address"]
    module = f" [{site['module']}]" if "module" in site else ""
    return f"{site['symbol']}+0x{site['offset']:x}{module}"


def check_csv(text, report, is_raw):
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    expect(len(rows), len(report["callsites"]))
    for row, site in zip(rows, report["callsites"]):
        name = site_name(site, is_raw)
        expect(row["callsite"], f"'{name}" if name[0] in "=+-@" else name)
        expect([int(row[k]) for k in ("hit", "bytes", "req", "waste")],
               [site[k] for k in ("hits", "bytes_alloc", "bytes_req", "bytes_waste")])
        expect(None in row or None in row.values(), False)


# Markdown

class Page(html.parser.HTMLParser):
    """What a browser would make of it: text and shape of tables, and nothing else."""

    def __init__(self):
        super().__init__()
        self.tables, self.heads, self.open, self.text = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        assert tag in MARKDOWN_TAGS, f"<{tag} {attrs}>"
        assert all(k == "align" for k, _ in attrs), f"<{tag} {attrs}>"
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag in ("h2", "h3"):
            self.heads.append("")
        elif tag == "br":
            self.tables[-1][-1][-1] += "\n"
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data
        if self.open and self.open[-1] in ("h2", "h3"):
            self.heads[-1] += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl):
        raise AssertionError(f"a declaration: {decl}")


def page_of(text):
    if not shutil.which("cmark-gfm"):
        raise Skipped("no cmark-gfm")
    done = subprocess.run(["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink", "-e",
                           "strikethrough"], input=text.encode(), capture_output=True, check=True,
                          timeout=60)
    page = Page()
    page.feed(done.stdout.decode())
    page.close()
    for table in page.tables:
        expect({len(row) for row in table}, {len(table[0])}, "cells")
    return page


def place_of(site, is_raw):
    """What a cell says of the place of a finding."""
    name = site_name(site, is_raw)
    frames = site.get("source", [])
    inlined = "".join(f"{f['function']} in " for f in frames[:-1] if f["function"] and f["inlined"])
    line = ""
    if frames and frames[0]["file"]:
        line = frames[0]["file"] + (f":{frames[0]['line']}" if frames[0]["line"] else "") + "\n"
    return f"{line}{inlined}{name}"


def plain(text):
    return text.replace("\u200b", "")


def check_markdown(text, report, is_raw):
    assert len(text.encode()) < MARKDOWN_BYTES
    assert not re.search(r"[^\n\x20-\x7e\u00a0-\uffff]", text)
    page = page_of(text)
    nr = len(report["findings"])
    assert page.heads[0].startswith(f"kmemstat: {nr or 'no'} finding"), page.heads
    rows = [row for table in page.tables if table[0][0] == "Severity" for row in table[1:]]
    expect(len(rows), nr)
    for row, finding in zip(rows, report["findings"]):
        expect(plain(row[0]), finding["severity"])
        expect(plain(row[1]).replace(" ", ""), place_of(finding["callsite"], is_raw).replace(" ", ""))
        expect(plain(row[2]), f"{finding['message']} ({finding['rule']})")
        expect(plain(row[3]), finding["advice"])
    sites = [table for table in page.tables if table[0][0] == "Call site"]
    for table in sites:
        expect([plain(row[0]) for row in table[1:]],
               [site_name(site, is_raw) for site in report["callsites"][:20]])
    expect(len(sites), int(bool(report["callsites"])))
    for key, count in report["quality"].items():
        if key in ("events_lost", "pages_damaged", "failed_allocs") and count:
            assert f"{count:,} " in page.text, key


# OpenMetrics

SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([0-9.]+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples_of(text):
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        labels = tuple(sorted((k, re.sub(r"\\(.)", r"\1", v)) for k, v in
                              LABEL.findall(match[2] or "")))
        assert (match[1], labels) not in found, f"twice: {line}"
        found[match[1], labels] = float(match[3])
    return found


def check_openmetrics(text, report, _):
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    found = samples_of(text)

    def total(name):
        return sum(v for (n, _), v in found.items() if n == f"kmemstat_{name}")

    slab = report["summary"]["slab"]
    for name, key in (("allocations", "allocs"), ("requested_bytes", "bytes_req"),
                      ("allocated_bytes", "bytes_alloc"), ("waste_bytes", "bytes_waste"),
                      ("live_bytes", "bytes_live")):
        if key in slab:
            expect(total(f"slab_{name}"), slab[key], name)
            expect(total(f"callsite_{name}"), slab[key], name)
    expect(total("findings"), len(report["findings"]))
    expect(total("incomplete"), int(report["quality"]["incomplete"]))
    for key, count in report["quality"].items():
        if ("kmemstat_quality", (("counter", key),)) in found:
            expect(found["kmemstat_quality", (("counter", key),)], count)
    assert len([1 for n, _ in found if n == "kmemstat_callsite_waste_bytes"]) <= 21
    if openmetrics_parser:
        for parser in (openmetrics_parser, prometheus_parser):
            families = list(parser.text_string_to_metric_families(text))
            got = {(s.name, tuple(sorted(s.labels.items()))): s.value
                   for f in families for s in f.samples}
            expect(got, found, parser.__name__)
            assert {f.type for f in families} == {"gauge"}


def check_promtool(text):
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin")
    promtool = shutil.which("promtool", path=os.environ.get("PATH", "") + os.pathsep + own)
    if not promtool:
        raise Skipped("no promtool (package prometheus)")
    done = subprocess.run([promtool, "check", "metrics"], input=text, text=True,
                          capture_output=True, timeout=60, check=False)
    expect((done.returncode, done.stdout + done.stderr), (0, ""))


# the page for browsers

class Html(html.parser.HTMLParser):
    """The tags of a page, the text of its scripts and styles, and its content security policy."""
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.policy, self.path = collections.Counter(), [], {}, []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags[tag] += 1
        self.path.append(tag)
        assert not {"style", "src", "srcset"} & attrs.keys(), (tag, attrs)
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        assert tag == "a" or "href" not in attrs, (tag, attrs)
        if attrs.get("http-equiv") == "Content-Security-Policy":
            assert not self.texts, "the policy comes after what it is for"
            self.policy = dict(part.split(" ", 1) for part in attrs["content"].split("; "))
        if tag in ("script", "style"):
            self.texts.append([tag, attrs, ""])

    def handle_data(self, data):
        if self.path and self.path[-1] in ("script", "style"):
            self.texts[-1][2] += data

    def handle_endtag(self, tag):
        while self.path and self.path.pop() != tag:
            pass


def hash_source(text):
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def data_of(text):
    """The data of a page, whose fixed parts are checked."""
    page = Html()
    page.feed(text)
    page.close()
    (style, _, css), (data, attrs, report), (script, _, code) = page.texts
    expect((style, data, script), ("style", "script", "script"))
    expect(attrs, {"type": "application/json", "id": "report"})
    expect(page.policy["default-src"], "'none'")
    expect(page.policy["script-src"], hash_source(code))
    expect(page.policy["style-src"], hash_source(css))
    expect((page.tags["html"], page.tags["body"], page.tags["script"]), (1, 1, 2))
    assert not re.search("[<>&\u0080-\U0010ffff]", report), "what an HTML parser could see"
    return json.loads(report)


def check_html(text, report, is_raw):
    data = data_of(text)
    left_out = data["page"]["left_out"]
    for key, value in report.items():
        if key == "pointers" and not is_raw:
            expect((data[key], left_out[key]), ([], len(value)), key)
        elif key in ("stacks", "stack_frames") and key not in data:
            # what the trace has no stacks of is told by call site
            expect({len(one["frames"]) for one in report["stacks"]}, {1}, key)
        elif key in ("stacks", "stack_frames"):
            expect([one for one in data[key] if one not in value], [], key)
            expect(len(data[key]) + left_out.get(key, 0), len(value), key)
        elif key == "page_frames":
            expect(data[key], value[:2000], key)
            expect(left_out.get(key, 0), max(0, len(value) - 2000), key)
        else:
            expect(data[key], value, key)
    # stacks have a picture, whether the JSON report was asked for them or not
    expect(sorted(data.keys() - report.keys() - {"types", "stacks", "stack_frames"}), ["page"])
    told = {one["key"]: one["count"] for one in data["page"]["counters"]}
    expect(told, {k: v for k, v in report["quality"].items() if v and k in told})
    expect({one["rule"] for one in report["findings"]} - data["page"]["rules"].keys(), set())
    for one in data["types"]:
        assert any(one["name"] == kind["name"] for site in report["callsites"]
                   for kind in site.get("types", [])), one["name"]


CHECKS = {"jsonl": check_jsonl, "csv": check_csv, "markdown": check_markdown,
          "openmetrics": check_openmetrics, "html": check_html}


def all_of(*args):
    """{format: text}, all written by one run; and each is what standard output has."""
    names = formats()
    with tempfile.TemporaryDirectory(prefix="kmemstat-formats-") as tmp:
        files = [word for name in names for word in ("--format", f"{name}={tmp}/{name}")]
        run(*files, *args)
        found = {}
        for name in names:
            with open(f"{tmp}/{name}", "rb") as file:
                data = file.read()
            # profiles.py is about the one that is binary
            if name != "pprof":
                found[name] = data.decode("utf-8")
    return found


def check_all(*args):
    found = all_of(*args)
    report = json.loads(found["json"])
    expect(report, json.loads(run("--json", *args)))
    skipped = None
    for name, check in CHECKS.items():
        try:
            check(found[name], report, "--raw-ip" in args)
        except Skipped as reason:
            skipped = reason
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
    for name, text in found.items():
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e]", text), \
            f"{name}: control characters"
    if skipped:
        raise skipped
    return found


# the tests

def made(kind, tmp):
    path = f"{tmp}/{kind}.dat"
    subprocess.run([f"{HERE}/lib/make-trace", kind, path], cwd=TESTDATA, check=True, timeout=60,
                   env={**os.environ, "PYTHONPATH": f"{HERE}/lib"})
    return path


def tests():
    for path in sorted(glob.glob(f"{TESTDATA}/small/*.dat") + glob.glob(f"{TESTDATA}/small/*.data")
                       + glob.glob(f"{TESTDATA}/text/*.txt")):
        yield os.path.basename(path), lambda tmp, path=path: check_all(path)
    for kind in ("hostile", "control", "names", "no-symbols", "lost", "broken-pages", "be32"):
        yield kind, lambda tmp, kind=kind: check_all(made(kind, tmp))
    yield "mesh", lambda tmp: check_all(*MESH)
    yield "mesh, unpaired", lambda tmp: check_all("--no-pairing", *MESH)
    yield "mesh, addresses", lambda tmp: check_all("--raw-ip", *MESH)
    yield "mesh, tables", lambda tmp: check_all("--cache", "--task", "--alloc", "--page-frame",
                                                "--by-stack", "--caller", "--per", "25", "--models", *MESH)
    yield "all findings of hostile", lambda tmp: check_all(
        "--waste-bytes", "0", "--waste-percent", "0", "--hot-hits", "0", "--hot-percent", "0",
        "--accounted", "1", "--short-time", "1s", made("hostile", tmp))
    for name in sorted(k[5:] for k in globals() if k.startswith("test_")):
        yield name.replace("_", " "), globals()[f"test_{name}"]


def test_stdout(_):
    """A format without a file is the file, with or without threads."""
    found = all_of(*MESH)
    for name, text in found.items():
        expect(run("--format", name, "--threads", "3", *MESH), text, name)


def test_promtool(tmp):
    for args in ([], ["--top", "0"], ["--raw-ip"]):
        check_promtool(run("--format", "openmetrics", *args, *MESH))
    check_promtool(run("--format", "openmetrics", "--top", "0", made("hostile", tmp)))


def test_top(_):
    """The first and the rest are all, whatever N is."""
    whole = samples_of(run("--format", "openmetrics", "--top", "0", *MESH))
    sites = {labels: v for (n, labels), v in whole.items() if n == "kmemstat_callsite_waste_bytes"}
    assert len(sites) > 100
    for nr in (1, 2, 20, len(sites) - 1, len(sites), 1000):
        found = samples_of(run("--format", "openmetrics", "--top", str(nr), *MESH))
        rows = {labels: v for (n, labels), v in found.items()
                if n == "kmemstat_callsite_waste_bytes"}
        expect(len(rows), nr + 1 if nr < len(sites) else len(sites))
        other = rows.pop((("event", "other"), ("function", "other"), ("module", "other")), 0)
        expect(sum(rows.values()) + other, sum(sites.values()))
        expect(sorted(rows.values()), sorted(sites.values())[-len(rows):])
    for nr in (1, 7):
        page = page_of(run("--format", "markdown", "--top", str(nr), *MESH))
        expect(len(page.tables[-1]), nr + 1)


def test_min_severity(_):
    text = run("--format", "markdown", "--min-severity", "high", *MESH)
    page = page_of(text)
    expect({row[0] for row in page.tables[1][1:]}, {"high"})
    assert "(56 of lower severity not shown)" in page.heads[0], page.heads
    expect(len(samples_of(run("--format", "openmetrics", *MESH))) > 50, True)


def test_check(tmp):
    """The page of check begins with its verdict and a row for each trip."""
    for path, gate in ((MESH, "any:high"), ([made("hostile", tmp)], "any")):
        args = ["check", "-q", "--no-debug-search", "--fail-on", gate, "--max-waste", "90%", "--format",
                f"markdown={tmp}/page", *path]
        done = subprocess.run([KMEMSTAT, *args], capture_output=True, timeout=60, check=False)
        expect(done.returncode, 1, done.stderr)
        with open(f"{tmp}/page", encoding="utf-8") as file:
            page = page_of(file.read())
        expect(page.heads[0], "kmemstat check: failed: 1 of 2 gates tripped")
        assert page.heads[1].startswith("kmemstat: "), page.heads
        lines = [line for line in done.stdout.decode().splitlines() if line.endswith("]")]
        rows = page.tables[0][1:]
        got = [f"{plain(row[1])}: {plain(row[2])} [{row[3]}]" for row in rows]
        # a cell has no space at its ends
        expect([line.replace(" ", "") for line in got], [line.replace(" ", "") for line in lines])
        assert rows and {row[0] for row in rows} == {"failed"}


def write_long(path):
    """6,000 call sites, which waste 2,040 to 2,047 bytes each."""
    event = ("  a-1 [000] ..... {}.{:06}: kmalloc: call_site={}+0x10/0x20 ptr=00000000{:08x} "
             "bytes_req={} bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 accounted=false\n")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(6000):
            file.write(event.format(i // 1000, i % 1000, f"f_{i}_" + "x" * 200, i + 1, 2049 + i % 8))


def test_html_long(tmp):
    """Those that findings are about and those that waste most are there, and how many are not."""
    path = f"{tmp}/long.txt"
    write_long(path)
    report = json.loads(run("--json", path))
    data = data_of(run("--format", "html", path))
    expect((len(data["callsites"]), data["page"]["left_out"]),
           (5000, {"callsites": 1000, "findings": 4000}))
    expect(data["findings"], report["findings"][:2000])
    named = {site["symbol"] for site in data["callsites"]}
    expect([one for one in data["findings"] if one["callsite"]["symbol"] not in named], [])
    left = {site["symbol"] for site in report["callsites"]} - named
    expect(len(left), 1000)
    most = max(site["bytes_waste"] for site in report["callsites"] if site["symbol"] in left)
    least = min(site["bytes_waste"] for site in data["callsites"])
    assert most <= least + 1, (most, least)
    row, = data["classes"]
    expect((len(row["callsites"]), row["callsites_left_out"]), (200, 5800))
    expect(row["callsites"], report["classes"][0]["callsites"][:200])


def test_markdown_long(tmp):
    """More findings and call sites than a page can have: it ends at a row, and says so."""
    path = f"{tmp}/long.txt"
    write_long(path)
    text = run("--format", "markdown", "--top", "0", path)
    report = json.loads(run("--json", path))
    assert 900000 < len(text.encode()) <= 1001000, len(text.encode())
    page = page_of(text)
    rows = [row for table in page.tables if table[0][0] == "Severity" for row in table[1:]]
    sites = [row for table in page.tables if table[0][0] == "Call site" for row in table[1:]]
    left = re.findall(r"([\d]+) more (finding|call site)s are left out: the page would be too long",
                      page.text)
    expect([(len(rows) + int(left[0][0]), left[0][1]), (len(sites) + int(left[1][0]), left[1][1])],
           [(len(report["findings"]), "finding"), (6000, "call site")])
    assert rows and sites


def main():
    failed, cases = 0, list(tests())
    print(f"1..{len(cases)}")
    for number, (name, test) in enumerate(cases, 1):
        with tempfile.TemporaryDirectory(prefix="kmemstat-formats-") as tmp:
            try:
                test(tmp)
                print(f"ok {number} - {name}", flush=True)
            except Skipped as reason:
                print(f"ok {number} - {name} # SKIP {reason}", flush=True)
            except Exception as error:  # whatever it is, the next test is to run
                failed += 1
                print(f"not ok {number} - {name}")
                print("# " + f"{type(error).__name__}: {error}"[:2000].replace("\n", "\n# "),
                      flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
