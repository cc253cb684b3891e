#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kmemstat diff against a plain model of what kmemstat-diff(1) says.

usage: diff_oracle.py KMEMSTAT TESTDATA SHARE WHAT

WHAT is
  random   random JSON reports of one to five traces a side, all units and measures
  traces   recorded traces, given as traces and as their JSON reports
  hostile  names that markdown, CSV, terminals and GitHub would take for their own
  large    100,000 call sites: time and memory
"""

import collections
import csv
import glob
import html
import io
import itertools
import json
import math
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time

try:
    import jsonschema
except ImportError:
    jsonschema = None

SKIPPED = 77
UNITS = ("total", "second", "hit", "unit", "callsite")
MEASURES = {"waste": "bytes_waste", "hits": "hits", "bytes": "bytes_alloc", "req": "bytes_req",
            "live": "live_bytes", "objects": "live_count"}
SUMS = ("hits", "bytes_req", "bytes_alloc", "bytes_waste")
# what compilers append, and since v6.10 allocation profiling
SUFFIX = re.compile(r"(?<=.)\.(isra|constprop|part|cold|lto_priv|llvm|__uniq|cfi_jt|cfi)(\..*)?$")


# ---- the model ----

def stable(name):
    name = SUFFIX.sub("", name)
    return name[:-len("_noprof")] if name.endswith("_noprof") and name != "_noprof" else name


def inlined(site):
    return [stable(f["function"] or "?") for f in site.get("source", []) if f["inlined"]]


Site = collections.namedtuple("Site", "trace group chain event symbol module has_source file "
                                      "numbers")


def sites_of(report, trace):
    """Rows of a report, one for each call site."""
    for row in report["callsites"]:
        symbol = row["symbol"] and stable(row["symbol"])
        group = (row["event"], row.get("module") if symbol else None, symbol)
        source = row.get("source", [])
        yield Site(trace, group, tuple(inlined(row)) if symbol else (), row["event"], symbol,
                   row.get("module"), bool(source), source[0]["file"] if source else None,
                   {key: row.get(key, 0) for key in set(SUMS) | set(MEASURES.values())})


def fold(sites):
    """Where some trace has no source lines of a function, all its call sites are one."""
    mixed = set()
    # a report's call sites with the same key have source lines if all have
    keys = collections.defaultdict(lambda: True)
    for site in sites:
        keys[site.trace, site.group, site.chain] &= site.has_source
    by_group = collections.defaultdict(set)
    for (_, group, _), has_source in keys.items():
        by_group[group].add(has_source)
    mixed = {group for group, seen in by_group.items() if len(seen) > 1 and group[2]}
    rows = collections.defaultdict(list)
    for site in sites:
        rows[site.group, () if site.group in mixed else site.chain].append(site)
    return rows, mixed


def join_moved(rows, mixed):
    """A function of a .c file that is inlined elsewhere than before is the same."""
    lonely = collections.defaultdict(list)
    for (group, chain), sites in rows.items():
        sides = {site.trace[0] for site in sites}
        # the file that waste is most of; in these tests call sites of a key are of one file
        file = sites[0].file or ""
        if len(sides) == 1 and group not in mixed and group[2] and file.endswith(".c"):
            lonely[group[0], group[1], chain[0] if chain else group[2], file].append(
                (sides.pop(), (group, chain)))
    for found in lonely.values():
        if sorted(side for side, _ in found) == ["base", "new"]:
            by_side = dict(found)
            rows[by_side["new"]] = rows[by_side["new"]] + rows.pop(by_side["base"])


def chance(n, m):
    if n == m == 1:
        return 100.0
    return 100 * 2 / math.comb(n + m, m)


def stats(numbers):
    mean = 0.0
    for number in numbers:
        mean += number
    mean = mean / len(numbers) if numbers else 0.0
    squares = 0.0
    for number in numbers:
        squares += (number - mean) * (number - mean)
    return {"mean": mean, "min": min(numbers, default=0.0), "max": max(numbers, default=0.0),
            "sd": math.sqrt(squares / (len(numbers) - 1)) if len(numbers) > 1 else 0.0,
            "n": len(numbers)}


class Model:
    def __init__(self, reports, by, unit, per=None, pattern=None, noise=None):
        self.reports = reports
        self.by = MEASURES[by]
        self.unit = unit
        self.divisors = {}
        for side, trace, report in self.traces():
            hits = sum(row["hits"] for row in report["callsites"]
                       if row["symbol"] and pattern and
                       any(re.fullmatch(pattern, name)
                           for name in [stable(row["symbol"])] + inlined(row)))
            self.divisors[side, trace] = {
                "total": 1, "hit": 1, "second": (report["input"]["duration_ns"] or 0) / 1e9,
                "unit": per and per[side == "new"], "callsite": hits}[unit]
        self.chance = chance(len(reports["base"]), len(reports["new"]))
        self.noise = noise
        if noise is None:
            self.noise = 5.0 if unit not in ("total", "hit") and self.chance > 5 else 0.0
        sites = [site for side, trace, report in self.traces()
                 for site in sites_of(report, (side, trace))]
        rows, mixed = fold(sites)
        join_moved(rows, mixed)
        self.rows = {self.key(row): self.judge(sites) for row, sites in rows.items()}

    def traces(self):
        for side in ("base", "new"):
            for trace, report in enumerate(self.reports[side]):
                yield side, trace, report

    @staticmethod
    def key(row):
        (event, module, symbol), chain = row
        if not symbol:
            return f"{event} - (no symbol)"
        return "<".join((f"{event} {module or '-'} {symbol}",) + chain)

    def value(self, side, sums):
        """sums: {trace: {key: sum}}"""
        numbers = []
        for trace in range(len(self.reports[side])):
            of_trace = sums.get(trace, {})
            number = float(of_trace.get(self.by, 0))
            if self.unit == "hit":
                if not of_trace.get("hits"):
                    continue
                number /= of_trace["hits"]
            else:
                number /= self.divisors[side, trace]
            numbers.append(number)
        return dict(stats(numbers), traces=sum(1 for s in sums.values() if s["hits"]),
                    **{key: sum(s[key] for s in sums.values()) for key in SUMS})

    def judge(self, sites):
        sums = {"base": {}, "new": {}}
        for site in sites:
            side, trace = site.trace
            into = sums[side].setdefault(trace, collections.Counter())
            into.update(site.numbers)
        base, new = (self.value(side, sums[side]) for side in ("base", "new"))
        delta = new["mean"] - base["mean"]
        if not base["traces"]:
            state = "added"
        elif not new["traces"]:
            state = "removed"
        else:
            state = "grown" if delta > 0 else "shrunk" if delta < 0 else "same"
        noise = False
        if state in ("added", "removed") and \
                (new if state == "added" else base)["traces"] < \
                len(self.reports["new" if state == "added" else "base"]):
            noise = True
        elif delta:
            if (base["n"] > 1 or new["n"] > 1) and base["min"] <= new["max"] and \
                    new["min"] <= base["max"]:
                noise = True
            else:
                noise = 100 * abs(delta) < self.noise * max(abs(base["mean"]), abs(new["mean"]))
        return {"state": state, "noise": noise, "delta": delta, "base": base, "new": new}

    def findings(self):
        """(new, gone): of fingerprints; without source lines on one side by function alone."""
        seen = {"base": {}, "new": {}}
        for side, _, report in self.traces():
            for finding in report["findings"]:
                mark = finding["fingerprint"]
                old = seen[side].get(mark)
                if old is None or "suppressed" in old and "suppressed" not in finding:
                    seen[side][mark] = finding
        everywhere = {side: set.intersection(*({f["fingerprint"] for f in report["findings"]}
                                               for report in self.reports[side]))
                      for side in seen}

        def left(side, other):
            return {mark: f for mark, f in seen[side].items() if mark not in seen[other]}

        lonely = {"base": left("base", "new"), "new": left("new", "base")}

        def is_known(finding, others):
            return any(o["fingerprint_symbol"] == finding["fingerprint_symbol"] and
                       bool(o["callsite"].get("source")) !=
                       bool(finding["callsite"].get("source")) for o in others.values())
        return tuple({mark for mark, f in lonely[side].items()
                      if "suppressed" not in f and not is_known(f, lonely[other]) and
                      mark in everywhere[side]}
                     for side, other in (("new", "base"), ("base", "new")))


def near(a, b):
    return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


def compare_value(got, want):
    if got is None:
        return [] if not want["traces"] else ["there is a side, and none is told"]
    wrong = [f"{key} is {got[key]}, not {want[key]}"
             for key in ("mean", "min", "max", "traces") + SUMS if not near(got[key], want[key])]
    if want["n"] > 1 and not near(got.get("sd", -1), want["sd"]):
        wrong.append(f"sd is {got.get('sd')}, not {want['sd']}")
    if ("sd" in got) != (want["n"] > 1):
        wrong.append("sd of one number, or none of more")
    return wrong


def check(diff, model):
    wrong = []
    rows = {row["key"]: row for row in diff["callsites"]}
    if len(rows) != len(diff["callsites"]):
        wrong.append("a key is there twice")
    for key in set(rows) ^ set(model.rows):
        wrong.append(f"{key}: " + ("made up" if key in rows else "missing"))
    for key in set(rows) & set(model.rows):
        got, want = rows[key], model.rows[key]
        bad = [f"{name} is {got[name]}, not {want[name]}" for name in ("state", "noise")
               if got[name] != want[name]]
        if not near(got["delta"], want["delta"]):
            bad.append(f"delta is {got['delta']}, not {want['delta']}")
        for side in ("base", "new"):
            bad += [f"{side}: {text}" for text in compare_value(got[side], want[side])]
        wrong += [f"{key}: {text}" for text in bad]
    summary = diff["summary"]
    counted = collections.Counter("noise" if row["noise"] else row["state"]
                                  for row in model.rows.values())
    for name in ("same", "added", "removed", "grown", "shrunk", "noise"):
        if summary[name] != counted[name]:
            wrong.append(f"summary: {summary[name]} {name}, not {counted[name]}")
    if model.unit != "hit":
        good = [row["delta"] for row in model.rows.values() if not row["noise"]]
        for name, want in (("up", sum(d for d in good if d > 0)),
                           ("down", sum(d for d in good if d < 0))):
            if not near(summary[name], want):
                wrong.append(f"summary: {name} is {summary[name]}, not {want}")
        net = summary["up"] + summary["down"] + summary["noise_net"]
        if abs(net - summary["delta"]) > 1e-6 * max(1, summary["new"]["mean"],
                                                    summary["base"]["mean"]):
            wrong.append(f"summary: the deltas add up to {net}, the total's is {summary['delta']}")
    ranks = [(2 if row["state"] == "same" and not row["noise"] else int(row["noise"]),
              -abs(row["delta"]), row["function"], row["key"]) for row in diff["callsites"]]
    for one, two in zip(ranks, ranks[1:]):
        # the 15 digits of JSON make deltas equal that are not quite
        tied = one[0] == two[0] and near(one[1], two[1])
        if one > two and not (tied and (one[1] != 0 or one[2:] < two[2:])):
            wrong.append(f"rows are not in order: {one}, {two}")
    for key in ("noise_percent", "chance_percent"):
        if not near(diff["method"][key], getattr(model, key.split("_", maxsplit=1)[0])):
            wrong.append(f"{key} is {diff['method'][key]}")
    new, gone = model.findings()
    for change, want in (("new", new), ("gone", gone)):
        got = {f["fingerprint"] for f in diff["findings"] if f["change"] == change and
               not f["noise"]}
        if got != want:
            wrong.append(f"findings: {change} are {got}, not {want}")
    return wrong


# ---- running it ----

class Runner:
    def __init__(self, kmemstat, share):
        self.kmemstat = kmemstat
        with open(os.path.join(share, "kmemstat-diff-1.schema.json"), encoding="utf-8") as file:
            self.schema = json.load(file)
        self.failed = 0

    def run(self, *args, status=0):
        done = subprocess.run([self.kmemstat, *map(str, args)], capture_output=True, timeout=300,
                              check=False)
        if done.returncode != status:
            raise RuntimeError(f"{args}: status {done.returncode}: {done.stderr.decode()[:300]}")
        return done.stdout.decode()

    def diff(self, *args):
        out = json.loads(self.run("diff", "--format", "json", *args))
        if jsonschema:
            error = jsonschema.exceptions.best_match(
                jsonschema.Draft202012Validator(strict(self.schema)).iter_errors(out))
            if error:
                raise RuntimeError(f"{args}: {list(error.absolute_path)}: {error.message[:300]}")
        return out

    def tell(self, what, wrong):
        print(f"{what}: {'FAILED' if wrong else 'ok'}")
        for line in wrong[:8]:
            print("    " + str(line)[:300])
        self.failed += bool(wrong)


def strict(schema):
    """With no key allowed that is not described."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: strict(value) for key, value in schema.items()}
    if out.get("additionalProperties") is True:
        out["additionalProperties"] = False
    return out


# ---- random reports ----

def source_of(rng, symbol):
    """A call site in `symbol`: sometimes of functions inlined there."""
    chain = [rng.choice("abc") for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    return [{"function": name, "file": "net/x.c" if rng.random() < .7 else "include/x.h",
             "line": rng.randint(1, 999), "inlined": i < len(chain)}
            for i, name in enumerate(chain + [symbol])]


def make_site(rng, symbol, module, event):
    hits = rng.randint(1, 50)
    waste = rng.choice((0, 8, rng.randint(0, 64))) * hits
    alloc = 64 * hits + rng.choice((0, waste))
    waste = min(waste, alloc)
    site = {"layer": "slab", "event": event, "symbol": symbol, "hits": hits, "bytes_req":
            alloc - waste, "bytes_alloc": alloc, "bytes_waste": waste, "frag_percent": 0,
            "accounted_hits": 0, "size_class": "kmalloc-64", "sizes": [],
            "live_count": rng.randint(0, hits), "live_bytes": rng.randint(0, alloc)}
    if symbol is None:
        site["address"] = f"0xffff{rng.randint(0, 9)}"
    else:
        site["offset"] = rng.randint(0, 99)
        if module:
            site["module"] = module
    return site


def vary(rng, site):
    """The same call site in another trace."""
    site = dict(site)
    factor = rng.choice((1, 1, 1, 2, rng.uniform(.9, 1.1), rng.uniform(.5, 2)))
    for key in SUMS + ("live_count", "live_bytes"):
        site[key] = int(site[key] * factor)
    site["hits"] = max(site["hits"], 1)
    site["bytes_waste"] = site["bytes_alloc"] - site["bytes_req"]
    if site["bytes_waste"] < 0:
        site["bytes_req"], site["bytes_waste"] = site["bytes_alloc"], 0
    if site["symbol"] and rng.random() < .2:
        site["symbol"] += rng.choice((".isra.0", ".constprop.0.cold", ".part.1.llvm.77"))
    return site


def finish(rng, sites, findings):
    total = collections.Counter()
    for site in sites:
        total.update({key: site[key] for key in SUMS})
    used = rng.randint(10, 10**6)
    return {"schema_version": 1, "generator": {"name": "kmemstat", "version": "1"},
            "input": {"path": "x", "kernel_release": rng.choice(("6.1", "6.12")), "cpus": 2,
                      "page_size": 4096, "duration_ns": rng.randint(10**8, 10**10),
                      "events": [{"system": "kmem", "name": "kmalloc", "count": 1}]},
            "quality": {"events_total": used, "events_used": used, "events_lost": 0,
                        "events_filtered": 0, "incomplete": False},
            "summary": {"slab": {"allocs": total["hits"],
                                 **{key: total[key] for key in SUMS[1:]}}},
            "callsites": sites, "findings": findings}


def finding_of(rng, number, has_source):
    """Of function 0 to 3; with source lines its fingerprint tells what is inlined."""
    function = number % 4
    mark = f"{number if has_source else 100 + function:016x}"
    finding = {"rule": "waste", "severity": rng.choice(("low", "medium", "high")),
               "fingerprint": mark, "fingerprint_symbol": f"{function:016x}", "message": "m",
               "advice": "a", "hits": 1, "bytes_waste": rng.randint(0, 5),
               "callsite": {"layer": "slab", "event": "kmalloc", "symbol": "f", "offset": 1}}
    if has_source:
        finding["callsite"]["source"] = [{"function": "f", "file": "f.c", "line": 3,
                                          "inlined": False}]
    if rng.random() < .2:
        finding["suppressed"] = "known"
    return finding


def make_reports(rng, nr):
    """nr[side] reports: variations of one set of call sites."""
    pool = []
    for _ in range(rng.randint(0, 12)):
        symbol = rng.choice((None,) + tuple("fghijk"))
        site = make_site(rng, symbol, rng.choice((None, "mod")), rng.choice(
            ("kmalloc", "kmem_cache_alloc")))
        if symbol:
            site["source"] = source_of(rng, symbol)
        pool.append(site)
    pool.append(make_site(rng, "ref", None, "kmalloc"))
    reports = {"base": [], "new": []}
    for side in reports:
        has_source = rng.random() < .7
        for _ in range(nr[side]):
            sites = [vary(rng, site) for site in pool
                     if site["symbol"] == "ref" or rng.random() < .8]
            for site in sites:
                if not has_source:
                    site.pop("source", None)
            marks = [finding_of(rng, n, has_source) for n in range(8) if rng.random() < .5]
            # a report is ordered by waste
            sites.sort(key=lambda s: -s["bytes_waste"])
            reports[side].append(finish(rng, sites, marks))
    return reports


def one_file_a_key(reports):
    """The model takes any file of a key: so let there be one."""
    files = {}
    for report in itertools.chain(*reports.values()):
        for site in report["callsites"]:
            if "source" in site:
                key = (site["event"], site.get("module"), stable(site["symbol"]),
                       tuple(inlined(site)))
                files.setdefault(key, site["source"][0]["file"])
                site["source"][0]["file"] = files[key]


def test_random(runner, _):
    for seed in range(300):
        rng = random.Random(seed)
        nr = {side: rng.choice((1, 1, 2, 3, 5)) for side in ("base", "new")}
        reports = make_reports(rng, nr)
        one_file_a_key(reports)
        unit = rng.choice(UNITS)
        by = rng.choice(list(MEASURES))
        if (unit, by) == ("hit", "hits") or (unit == "second" and by in ("live", "objects")):
            by = "waste"
        args, per, pattern, noise = ["--by", by], None, None, None
        if unit == "unit":
            per = (rng.randint(1, 30), rng.randint(1, 30))
            args += ["--per", f"{per[0]}:{per[1]}"]
        elif unit == "callsite":
            pattern = rng.choice(("ref", "re.", ".*"))
            args += ["--per-callsite", pattern.replace(".*", "*").replace(".", "?")]
        else:
            args += [{"total": "--total", "second": "--per-second", "hit": "--per-hit"}[unit]]
        if rng.random() < .4:
            noise = rng.choice((0.0, 1.5, 10.0, 100.0))
            args += ["--noise", noise]
        with tempfile.TemporaryDirectory(prefix="kmemstat-diff-") as tmp:
            for side in reports:
                for number, report in enumerate(reports[side]):
                    path = os.path.join(tmp, f"{side}{number}.json")
                    with open(path, "w", encoding="utf-8") as file:
                        json.dump(report, file)
                    args += [f"--{side}", path]
            diff = runner.diff(*args)
        model = Model(reports, by, unit, per, pattern, noise)
        wrong = check(diff, model)
        if wrong or seed % 50 == 49:
            runner.tell(f"{seed}: by {by} per {unit} of {nr}", wrong)


# ---- recorded traces ----

def without_paths(diff):
    for side in ("base", "new"):
        for trace in diff[side]:
            trace["path"] = None
    for note in diff["notes"]:
        note["text"] = None
    diff["notes"].sort(key=lambda note: (not note["warning"], note["kind"]))
    return diff


def test_traces(runner, testdata):
    traces = sorted(glob.glob(os.path.join(testdata, "small", "*.dat")))
    pairs = list(zip(traces, traces[1:])) + [(os.path.join(testdata, "mesh", "trace.dat"),) * 2]
    with tempfile.TemporaryDirectory(prefix="kmemstat-diff-") as tmp:
        for base, new in pairs:
            files = []
            for number, path in enumerate((base, new)):
                files.append(os.path.join(tmp, f"{number}.json"))
                runner.run("-q", "--no-debug-search", "--json", "-o", files[-1], path)
            reports = {side: [json.load(open(path, encoding="utf-8"))]
                       for side, path in zip(("base", "new"), files)}
            wrong = []
            has_time = all(r[0]["input"]["duration_ns"] for r in reports.values())
            for args, by, unit in ((("--total",), "waste", "total"),
                                   ((), "waste", "second" if has_time else "total"),
                                   (("--per-callsite=*", "--by=bytes"), "bytes", "callsite"),
                                   (("--by", "live"), "live", "total")):
                diffs = [runner.diff("-q", "--no-debug-search", *args, *pair) for pair in (
                    (base, new), (files[0], new))] + [runner.diff(*args, *files)]
                if any(without_paths(diff) != without_paths(diffs[0]) for diff in diffs[1:]):
                    wrong.append(f"{args}: traces and reports of them differ")
                model = Model(reports, by, unit, pattern=".*" if unit == "callsite" else None)
                wrong += check(diffs[0], model)
            runner.tell(f"{os.path.basename(base)} {os.path.basename(new)}", wrong)


# ---- names ----

HOSTILE = ["a|b", "`c`", "<script>alert(1)</script>", "[x](http://evil)", "*b*", "__d__", "=1+1",
           "@here", "#123", "::error::x", "%0A::error::", "\x1b[31mred", "new\nline", "\u202egnp",
           "http://evil.example", "www.evil.example", "&amp;", "\\|", "a,\"b\"", "~~s~~", "- x",
           "x" * 300, "ünï", "$(id)", "'q'", "{{x}}", "!-", ":smile:"]


def cells_of(line):
    """The cells of a row of a Markdown table."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_hostile(runner, _):
    rng = random.Random(1)
    sites = []
    for number, name in enumerate(HOSTILE):
        site = make_site(rng, name, name if number % 2 else None, "kmalloc")
        site["bytes_waste"], site["bytes_req"], site["bytes_alloc"] = 64, 64, 128
        site["size_class"] = name
        site["source"] = [{"function": name, "file": name + ".c", "line": 1, "inlined": False}]
        sites.append(site)
    marks = [dict(finding_of(rng, n, True), message=name, advice=name, rule=name,
                  fingerprint=f"{n:016x}") for n, name in enumerate(HOSTILE)]
    for mark in marks:
        mark.pop("suppressed", None)
    for mark, site in zip(marks, sites):
        mark["callsite"] = {key: site[key] for key in ("layer", "event", "symbol", "offset",
                                                       "source")}
    reports = {"base": finish(rng, [], []), "new": finish(rng, sites, marks)}
    with tempfile.TemporaryDirectory(prefix="kmemstat-diff-") as tmp:
        paths = []
        for side, report in reports.items():
            paths.append(os.path.join(tmp, f"|{side}`<b>@x.json"))
            with open(paths[-1], "w", encoding="utf-8") as file:
                json.dump(report, file)
        text = runner.run("diff", *paths)
        markdown = runner.run("diff", "--format", "markdown", *paths)
        table = list(csv.reader(io.StringIO(runner.run("diff", "--csv", *paths))))
        diff = runner.diff(*paths)
    wrong = []
    for what, output in (("text", text), ("markdown", markdown)):
        if re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", output):
            wrong.append(f"{what}: control characters")
    body = [line for line in markdown.splitlines() if line.startswith("| ")][1:]
    if len(body) != len(HOSTILE) or any(len(cells_of(line)) != 6 for line in body):
        wrong.append("markdown: rows or cells are torn")
    shown = {html.unescape(cells_of(line)[0]) for line in body}
    names = {row["function"] for row in diff["callsites"]}
    if shown != names:
        wrong.append(f"markdown: names are not the same: {shown ^ names}")
    raw = re.sub(r"&#\d+;", "", "\n".join(body))
    if re.search(r"[<>`*_\[\]@#~\\$:]|www\.", raw.replace("|:--", "")):
        wrong.append("markdown: a name has characters of its own")
    for line in markdown.splitlines():
        if line.startswith(("::", "<", "#")) and not line.startswith("### kmemstat"):
            wrong.append(f"markdown: {line}")
    if any(len(row) != len(table[0]) for row in table) or len(table) != len(HOSTILE) + 1:
        wrong.append("csv: rows or cells are torn")
    for row in table[1:]:
        if row[0][:1] in "=+-@":
            wrong.append(f"csv: a formula: {row[0]}")
    got = {row[0][1:] if row[0][:1] == "'" else row[0] for row in table[1:]}
    if got != {n[1:] if n[:1] == "'" else n for n in names}:
        wrong.append(f"csv: names are not the same: {got ^ names}")
    runner.tell("hostile names", wrong)


# ---- much ----

def test_large(runner, _):
    rng = random.Random(2)
    nr = 100_000
    with tempfile.TemporaryDirectory(prefix="kmemstat-diff-") as tmp:
        paths = []
        for side in ("base", "new"):
            sites = [make_site(rng, f"function_{i + (side == 'new')}", None, "kmalloc")
                     for i in range(nr)]
            paths.append(os.path.join(tmp, side))
            report = finish(rng, sites, [])
            with open(paths[-1], "w", encoding="utf-8") as file:
                json.dump(report, file)
        start = time.monotonic()
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = subprocess.run([runner.kmemstat, "diff", "--format", "markdown", *paths],
                              capture_output=True, timeout=300, check=False)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = sum(os.path.getsize(path) for path in paths)
        print(f"{nr} call sites a side, {size >> 20} MiB of JSON: "
              f"{time.monotonic() - start:.1f} s, {usage.ru_utime - before:.1f} s of CPU, "
              f"at most {usage.ru_maxrss >> 10} MiB")
        wrong = []
        if done.returncode:
            wrong.append(done.stderr.decode()[:300])
        # address sanitizers take more
        if usage.ru_maxrss > 700 << 10 and "ASAN_OPTIONS" not in os.environ:
            wrong.append("much memory")
        if len(done.stdout) >= 1 << 20 or b"more call sites are left out" not in done.stdout:
            wrong.append(f"markdown of {len(done.stdout)} bytes, or nothing is told of the rest")
        diff = runner.run("diff", "--json", *paths)
        if json.loads(diff)["summary"]["added"] != 1 or len(json.loads(diff)["callsites"]) != \
                nr + 1:
            wrong.append("one call site is new, one is gone, others are the same")
        runner.tell("large", wrong)


def main():
    kmemstat, testdata, share, what = sys.argv[1:5]
    if jsonschema is None:
        print("no python3-jsonschema: the schema is not tested")
    runner = Runner(kmemstat, share)
    {"random": test_random, "traces": test_traces, "hostile": test_hostile,
     "large": test_large}[what](runner, testdata)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
