#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_merge.py KMEMSTAT TOP: reports read back, and added up. Speaks TAP.

The sums are held against those that this file makes of the same JSON, by a few lines of its own.
"""

import collections
import gzip
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

TOP = pathlib.Path(sys.argv[2]).resolve()
sys.dont_write_bytecode = True
sys.path[:0] = [str(TOP / "tests/lib"), str(TOP / "tests")]

import sanitized  # noqa: E402
import tap  # noqa: E402

try:
    import jsonschema
    import schema as schema_of_reports
except ImportError:
    jsonschema = None

KMEMSTAT = str(pathlib.Path(sys.argv[1]).resolve())
TESTDATA = TOP / "testdata"
SUFFIX = re.compile(r"(\.(isra|constprop|part|cold|lto_priv|llvm|__uniq|cfi|cfi_jt)(\.\w+)*)+$")
SUMS = ("hits", "bytes_req", "bytes_alloc", "bytes_waste", "accounted_hits", "freed", "bytes_freed",
        "replaced", "bytes_replaced", "pingpong", "node_pingpong", "remote_allocs", "live_count",
        "live_bytes", "live_bytes_req", "live_bytes_peak")


def run(*args, stdin=None, status=0):
    done = subprocess.run([KMEMSTAT, *map(str, args)], input=stdin, capture_output=True, text=True,
                          timeout=120, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode != status:
        raise RuntimeError(f"{args}: status {done.returncode}: {done.stderr}")
    return done.stdout, done.stderr


def report_of(trace, path, *args):
    run("-q", "--no-debug-search", "--json", "-o", path, *args, TESTDATA / trace)
    return json.loads(path.read_text())


def stable(name):
    """A symbol without what compilers append, and without _noprof."""
    name = SUFFIX.sub("", name)
    return name[:-len("_noprof")] if name.endswith("_noprof") and name != "_noprof" else name


def key_of(row, key):
    if row["symbol"] is None:
        return row["event"], row["address"]
    place = (row["event"], row.get("module"))
    if key == "offset":
        return place + (row["symbol"], row["offset"])
    inlined = tuple(stable(f["function"] or "?") for f in row.get("source", ()) if f["inlined"])
    return place + (stable(row["symbol"]), inlined if key == "fingerprint" else ())


def add_up(reports, key):
    """Rows by key: sums, sizes, histograms; and how many reports had each."""
    rows = collections.defaultdict(collections.Counter)
    for number, report in enumerate(reports):
        for row in report["callsites"]:
            into = rows[key_of(row, key)]
            into.update({name: row.get(name, 0) for name in SUMS})
            into.update({("size", s["bytes_req"], s["bytes_alloc"], s.get("cache")): s["hits"]
                         for s in row["sizes"]})
            into.update({("life", bucket["from_ns"]): bucket["count"]
                         for bucket in row.get("lifetime", {}).get("histogram", ())})
            into["reports", number] = 1
    for into in rows.values():
        into["hosts"] = sum(1 for name in into if name[0] == "reports")
        for name in [name for name in into if name[0] == "reports"]:
            del into[name]
    return rows


def rows_of(report, key):
    rows = add_up([report], key)
    for row in report["callsites"]:
        rows[key_of(row, key)]["hosts"] = row["spread"]["hosts"]
    return rows


def nearly(a, b):
    """Equal, but for the last digit of real numbers that were added up in another order."""
    if isinstance(a, float) and isinstance(b, (int, float)):
        return abs(a - b) <= 2e-5 * max(abs(a), abs(b), 1)
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(nearly(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(nearly, a, b))
    return a == b and type(a) is type(b)


def check_round_trip(tmp, names):
    """A report that is read back and written again is the same, but for what is said."""
    for name in names:
        path = tmp / f"{name}.json"
        again, said = run(path, "--json")
        old, new = json.loads(path.read_text()), json.loads(again)
        gone = set(old) - set(new)
        for report in (old, new):
            report["summary"] = {"slab": report["summary"]["slab"]}
            for key in gone:
                report.pop(key, None)
        tap.check(old == new, f"{name}: read back it is the same")
        tap.check(all(key in said for key in gone) and bool(gone) == bool(said),
                  f"{name}: what is not read back is told", f"{gone} {said}")
    first = tmp / f"{names[0]}.json"
    trace = TESTDATA / "mesh/trace.dat"
    for options in (["--caller"], ["--class", "--lines", "5"], ["--timeline"], ["--live"],
                    ["--format", "markdown"], ["--format", "sarif"],
                    ["--csv", "-F", "callsite,hit,bytes,frag,lifetime,peak"],
                    ["--format", "openmetrics"]):
        ours = run("-q", first, *options)[0]
        of_trace = run("-q", "--no-debug-search", trace, *options)[0]
        ours = ours.replace(str(first), str(trace))
        tap.check(drop_layers(ours) == drop_layers(of_trace),
                  f"{' '.join(options)}: of the report as of the trace",
                  "\n".join(sorted(set(ours.splitlines()) ^ set(of_trace.splitlines()))))


def drop_layers(text):
    """Without what is said of percpu objects and pages, of which the report tells sums only."""
    return [line for line in text.splitlines()
            if not re.search(r"percpu|\bpage\b|uriFormat|debug information", line)]


def check_sums(tmp, names):
    paths = [tmp / f"{name}.json" for name in names]
    reports = [json.loads(path.read_text()) for path in paths]
    for key in ("fingerprint", "symbol", "offset"):
        text, _ = run("merge", "-q", "--key", key, *paths)
        merged = json.loads(text)
        ours, theirs = add_up(reports, key), rows_of(merged, key)
        wrong = [(k, dict(ours[k] - theirs[k]), dict(theirs[k] - ours[k]))
                 for k in set(ours) | set(theirs) if ours[k] != theirs[k]]
        tap.check(not wrong and len(ours) > 100, f"--key {key}: rows are the sums", wrong[:5])
        tap.check(len(theirs) == len(merged["callsites"]), f"--key {key}: each row once")
        back, _ = run("merge", "-q", "--key", key, *reversed(paths))
        tap.check(back == text, f"--key {key}: the order of files is nothing")
        run("merge", "-q", "--key", key, "-o", tmp / "part.json", *paths[:2])
        again, _ = run("merge", "-q", "--key", key, tmp / "part.json", *paths[2:])
        tap.check(nearly(json.loads(again), merged), f"--key {key}: a sum adds up like its parts")
    return merged, reports


def check_head(merged, reports, names):
    slab = merged["summary"]["slab"]
    tap.check(all(slab[k] == sum(r["summary"]["slab"][k] for r in reports)
                  for k in ("allocs", "frees", "bytes_req", "bytes_alloc", "freed", "bytes_live",
                            "bytes_live_peak", "pingpong")), "totals are the sums")
    tap.check(all(merged["quality"].get(k) == sum(r["quality"].get(k, 0) for r in reports)
                  for k in merged["quality"] if k != "incomplete"), "so are counts of events")
    tap.check(merged["merged"]["live_bytes_peak_most"] ==
              max(r["summary"]["slab"]["bytes_live_peak"] for r in reports),
              "the highest peak is that of one report")
    tap.check([h["name"] for h in merged["hosts"]] == sorted(names), "hosts are called as files")
    tap.check(all(h["duration_ns"] == (r["input"]["duration_ns"] or None) and
                  h["bytes_waste"] == r["summary"]["slab"]["bytes_waste"]
                  for h, (_, r) in zip(merged["hosts"], sorted(zip(names, reports)))),
              "and have their own numbers")
    kernels = collections.Counter(r["input"].get("kernel_release") for r in reports)
    tap.check({k["kernel_release"]: k["hosts"] for k in merged["kernels"]} == kernels,
              "kernels are counted")


def check_rates(merged, reports, names):
    """Bytes an hour, in whole numbers; the median is the lower edge of an eighth of an octave."""
    wrong = []
    for row in merged["callsites"]:
        rates = {}
        for name, report in zip(names, reports):
            waste = sum(r["bytes_waste"] for r in report["callsites"]
                        if key_of(r, "offset") == key_of(row, "offset"))
            if any(key_of(r, "offset") == key_of(row, "offset") for r in report["callsites"]):
                rates[name] = waste * 3600 * 10**9 // report["input"]["duration_ns"]
        told, ours = row["spread"]["waste_per_hour"], sorted(rates.values())
        middle = ours[(len(ours) + 1) // 2 - 1]
        most = min(name for name in rates if rates[name] == ours[-1])
        if (told["least"], told["most"], told["hosts"], told["most_host"]) != \
                (ours[0], ours[-1], len(ours), most) or not middle * 7 / 8 <= told["median"] <= middle:
            wrong.append((row["symbol"], told, ours))
    tap.check(not wrong, "rates of call sites are those of hosts", wrong[:3])


def check_schema(tmp, merged):
    if not jsonschema:
        print("# no jsonschema: the schema is not checked", flush=True)
        return
    text = (TOP / "share/kmemstat-report-1.schema.json").read_text()
    strict = dict(schema_of_reports.closed(json.loads(text)), unevaluatedProperties=False)
    for name, report in (("merged", merged), ("read back", json.loads(run(
            "-q", "--json", tmp / "merged.json")[0]))):
        small = schema_of_reports.some_of(report)
        errors = [e.message for e in jsonschema.Draft202012Validator(strict).iter_errors(small)]
        tap.check(not errors, f"the schema has every key of it: {name}", errors[:3])


def check_use(tmp, merged):
    """A merged report in a trace's place."""
    path = tmp / "merged.json"
    path.write_text(json.dumps(merged))
    read, _ = run("-q", "--json", path)
    tap.check(nearly(json.loads(read), merged), "a merged report read back is the same")
    for name in ("markdown", "csv", "jsonl", "openmetrics", "sarif", "junit", "gitlab", "github",
                 "checkstyle", "html", "collapsed", "speedscope"):
        text, _ = run("-q", "--format", name, path)
        tap.check(len(text) > 100, f"--format {name} of a merged report")
    out, _ = run("diff", "--total", path, path)
    tap.check("0/0" in out, "it compares with itself: no difference", out)
    out, _ = run("check", "--max-waste", "1k", path, status=1)
    tap.check("over 1k" in out, "check judges it", out)
    prints = {f["fingerprint_symbol"] for f in merged["findings"]}
    theirs = {f["fingerprint_symbol"] for f in json.loads((tmp / "mesh.json").read_text())[
        "findings"] if f["severity"] == "high"}
    tap.check(theirs <= prints and theirs, "what is high in one report is found in the sum, too")


def broken_files(tmp):
    text = (tmp / "mesh.json").read_text()
    old = json.loads(text)

    def changed(change):
        report = json.loads(text)
        change(report)
        return json.dumps(report)

    return {
        "cut": (text[:5000], "line"),
        "later": (changed(lambda r: r.update(schema_version=2)), "schema_version 2"),
        "foreign": ('{"name": "package"}', 'has no "schema_version"'),
        "text": ("no report", "expected"),
        "empty": ("", "expected"),
        "words": (changed(lambda r: r["callsites"][2].update(hits="many")),
                  "callsites[2].hits"),
        "negative": (changed(lambda r: r["callsites"][2].update(hits=-1)), "callsites[2].hits"),
        "huge": (changed(lambda r: r["callsites"][0]["sizes"][0].update(bytes_alloc=1 << 40)),
                 "bytes_alloc"),
        "sum": (changed(lambda r: r["quality"].update(events_total=1)), "sum of its parts"),
        "pages": (changed(lambda r: r["input"].update(page_size=65536)), "pages of 65536 bytes"),
        "short": (changed(lambda r: r["summary"]["slab"]["lifetime"].update(short_ns=5)),
                  "short-lived"),
        "ticks": (changed(lambda r: r["summary"]["slab"].update(live_samples=[0] * 33)),
                  "at most 32"),
        "spaces": (changed(lambda r: r["callsites"][0].update(sizes=None)), "expected a list"),
    } if old else {}


def check_errors(tmp, names):
    good = [tmp / f"{name}.json" for name in names]
    for name, (text, said) in broken_files(tmp).items():
        bad = tmp / f"z-{name}.json"
        bad.write_text(text)
        _, err = run("merge", "-o", tmp / "none.json", *good, bad, status=3)
        tap.check(said in err and str(bad) in err and not (tmp / "none.json").exists(),
                  f"{name}: an error that names the file, and no result", err)
        out, err = run("merge", "--skip-damaged", *good, bad)
        without, _ = run("merge", "-q", *good)
        left, whole = json.loads(out), json.loads(without)
        skipped = left["merged"].pop("skipped")
        whole["merged"].pop("skipped")
        tap.check(left == whole and [s["path"] for s in skipped] == [str(bad)] and str(bad) in err,
                  f"{name}: --skip-damaged leaves it out, whole, and lists it", err)
        run("merge", "--skip-damaged", "--strict", "-o", tmp / "some.json", *good, bad, status=4)
        bad.unlink()
    _, err = run("merge", good[0], good[0], status=2)
    tap.check("twice" in err, "a file that is named twice", err)
    run("merge", "-q", "-o", tmp / "sum.json", *good)
    _, err = run("merge", tmp / "sum.json", good[0], status=2)
    tap.check("host mesh" in err, "a host that is in a merged report already", err)
    _, err = run("merge", "--key", "offset", tmp / "sum.json", status=3)
    tap.check("merged by fingerprint" in err, "reports merged by another key", err)
    _, err = run("merge", status=2)
    tap.check("no report is named" in err, "no report at all", err)
    for option in ("--cache", "--waste-bytes=1", "--kallsyms=x", "--cpu=1", "--raw-ip"):
        _, err = run(option, good[0], status=2)
        tap.check("is a report already" in err, f"{option} of a report", err)


def check_files(tmp, names):
    """Lists of files, packed ones, directories, several reports in a file."""
    paths = [tmp / f"{name}.json" for name in names]
    plain, _ = run("merge", "-q", *paths)
    listed = "\n".join(map(str, paths))
    tap.check(run("merge", "-q", "--files-from", "-", stdin=listed)[0] == plain,
              "--files-from: lines")
    tap.check(run("merge", "-q", "--files-from", "-", paths[0],
                  stdin="\0".join(map(str, paths[1:])) + "\0")[0] == plain,
              "--files-from: with NULs, beside an argument")
    packed = tmp / "packed"
    packed.mkdir()
    for path in paths:
        (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    tap.check(run("merge", "-q", *packed.iterdir())[0] == plain, "reports that gzip packed")
    out, _ = run("merge", "-q", "--host-dirs", *packed.iterdir())
    hosts = json.loads(out)["hosts"]
    tap.check([(h["name"], h["reports"]) for h in hosts] == [("packed", len(paths))],
              "--host-dirs: several reports of a host", hosts)
    tap.check(all(r["spread"]["hosts"] == 1 for r in json.loads(out)["callsites"]),
              "which is one host at each call site")


def check_lines(tmp):
    """A live view's lines: the last of a recording has what is in those before."""
    one = json.loads((tmp / "mesh.json").read_text())
    half = json.loads(json.dumps(one))
    half["input"]["duration_ns"] //= 2
    half["quality"]["events_total"] -= 1000
    half["quality"]["events_used"] -= 1000
    lines = tmp / "host.jsonl"
    lines.write_text("".join(json.dumps(r) + "\n" for r in (half, one)))
    out = json.loads(run("merge", "-q", lines)[0])
    alone = json.loads(run("merge", "-q", tmp / "mesh.json")[0])
    tap.check(out["merged"]["superseded"] == 1 and out["merged"]["reports"] == 1 and
              out["callsites"] and out["summary"] == alone["summary"],
              "of a recording's reports the last counts")
    lines.write_text("".join(json.dumps(r) + "\n" for r in (half, one, half, one)))
    out = json.loads(run("merge", "-q", lines)[0])
    tap.check(out["merged"]["superseded"] == 2 and out["merged"]["reports"] == 2 and
              out["summary"]["slab"]["allocs"] == 2 * alone["summary"]["slab"]["allocs"],
              "numbers that go back begin another recording")


def small_report(number):
    """A made-up report of one host: 40 call sites, of them one of its own."""
    rows, total = [], collections.Counter()
    for i in range(40):
        name = f"only_{number}" if i == 39 else f"function_{i}"
        hits = 1 + (number * 7 + i) % 50
        row = {"hits": hits, "bytes_req": 40 * hits, "bytes_alloc": 64 * hits,
               "bytes_waste": 24 * hits}
        total.update(row)
        rows.append({"layer": "slab", "event": "kmalloc", "symbol": name, "offset": 16 + i, **row,
                     "frag_percent": 37.5, "accounted_hits": 0, "size_class": "kmalloc-64",
                     "sizes": [{"bytes_req": 40, "bytes_alloc": 64, "hits": hits}]})
    allocs = total.pop("hits")
    return {"schema_version": 1, "generator": {"name": "kmemstat", "version": "0"},
            "input": {"path": "t", "format": "trace.dat", "format_version": 7, "file_bytes": 1,
                      "cpus": 2, "page_size": 4096, "subbuf_bytes": 4096, "long_bytes": 8,
                      "big_endian": False, "clock": "local", "duration_ns": 10**9,
                      "instances": [], "streams": [],
                      "events": [{"system": "kmem", "name": "kmalloc", "count": allocs}]},
            "quality": {"events_total": allocs, "events_undecodable": 0, "events_used": allocs,
                        "incomplete": False},
            "summary": {"slab": {"allocs": allocs, "frees": 0, "accounted_hits": 0, **total}},
            "callsites": rows, "classes": [], "findings": []}


def check_many(tmp):
    """Memory grows with call sites, not with reports."""
    many = tmp / "many"
    many.mkdir()
    for i in range(300):
        # as large as real ones are: what is not read of them
        report = small_report(i)
        report["classes"] = [{"name": "x" * 2000}] * 100
        (many / f"h{i:03}.json").write_text(json.dumps(report))
    peaks = []
    for nr in (30, 300):
        paths = sorted(many.iterdir())[:nr]
        pid = os.posix_spawn(KMEMSTAT, [KMEMSTAT, "merge", "-o", str(tmp / "all.json"),
                                        *map(str, paths)], os.environ)
        _, status, usage = os.wait4(pid, 0)
        peaks.append(usage.ru_maxrss)
        if status:
            raise RuntimeError(f"merge of {nr}: status {status}")
    merged = json.loads((tmp / "all.json").read_text())
    tap.check(len(merged["callsites"]) == 339 and len(merged["hosts"]) == 300,
              "300 hosts: their call sites")
    shared = [r for r in merged["callsites"] if r["symbol"].startswith("function_")]
    tap.check(len(shared) == 39 and all(r["spread"]["hosts"] == 300 for r in shared),
              "all hosts have the shared ones")
    # 270 reports more are 55 MB of text; a sanitizer keeps what was freed
    tap.check(sanitized.is_on() or peaks[1] < peaks[0] + 4096,
              f"memory: {peaks[0]} KiB of 30, {peaks[1]} KiB of 300" +
              (" # SKIP under sanitizers" if sanitized.is_on() else ""))


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        tmp = pathlib.Path(name)
        names = ["mesh", "other", "third"]
        report_of("mesh/trace.dat", tmp / "mesh.json")
        report_of("small/6.12.dat", tmp / "other.json")
        report_of("small/5.10.dat", tmp / "third.json")
        check_round_trip(tmp, names)
        merged, reports = check_sums(tmp, names)
        check_head(merged, reports, names)
        check_rates(merged, reports, names)
        check_use(tmp, merged)
        check_schema(tmp, merged)
        check_errors(tmp, names)
        check_files(tmp, names)
        check_lines(tmp)
        check_many(tmp)
    return tap.end()


sys.exit(main())
