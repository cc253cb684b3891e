#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What --json prints, against the JSON Schema that is installed with the program.

usage: schema.py KMEMSTAT TESTDATA SHARE

Valid is not enough: a schema that forgets a key lets it through. So every key that occurs must
be described, and the sums within a report must add up.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import kmem  # noqa: E402
import ringbuf  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

SKIPPED = 77


def closed(schema):
    """The schema with no key allowed that it does not describe."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()
           if (key, value) != ("additionalProperties", True)}
    if isinstance(out.get("properties"), dict):
        out["properties"] = {name: alone(value) for name, value in out["properties"].items()}
    if "items" in out:
        out["items"] = alone(out["items"])
    return out


def alone(schema):
    """A schema for a whole value: objects have the keys it describes, and no others."""
    return {"allOf": [schema], "unevaluatedProperties": False}


def some_of(report):
    """A few rows of each kind."""
    return {key: value[:8] + value[-8:] if isinstance(value, list) else value
            for key, value in report.items()}


def check_lives(report):
    """Every allocation is freed, replaced or live, in the totals as in each call site."""
    wrong = []
    slab = report["summary"]["slab"]
    for key in ("freed", "bytes_freed", "replaced", "bytes_replaced", "pingpong", "node_pingpong",
                "remote_allocs", "live_count"):
        if (got := sum(row[key] for row in report["callsites"])) != slab[key]:
            wrong.append(f"callsites: {key} sums up to {got}, the summary has {slab[key]}")
    if (got := sum(row["live_bytes"] for row in report["callsites"])) != slab["bytes_live"]:
        wrong.append(f"callsites: live_bytes sums up to {got}, not {slab['bytes_live']}")
    rows = [(slab, slab["allocs"])] + [(row, row["hits"]) for row in report["callsites"]]
    for row, allocs in rows:
        if row["freed"] + row["replaced"] + row["live_count"] != allocs:
            wrong.append(f"freed, replaced and live are not the {allocs} allocations: {row}")
        histogram = row["lifetime"]["histogram"]
        if sum(bucket["count"] for bucket in histogram) != row["freed"]:
            wrong.append(f"the lifetimes do not sum up to {row['freed']}")
        if "live_bytes" in row and row["live_samples"][-1:] not in ([], [row["live_bytes"]]):
            wrong.append(f"the last sample is not what is live: {row}")
    ticks = report["timeline"]["ticks"]
    for key, total in (("allocs", slab["allocs"]), ("frees", slab["freed"])):
        if sum(tick[key] for tick in ticks) != total:
            wrong.append(f"timeline: {key} do not sum up to {total}")
    if ticks and ticks[-1]["live_bytes"] != slab["bytes_live"]:
        wrong.append("timeline: it does not end with what is live")
    if max((tick["peak_bytes"] for tick in ticks), default=0) != slab["bytes_live_peak"]:
        wrong.append("timeline: its peak is another")
    return wrong


def check_sums(report):
    wrong = check_lives(report) if "timeline" in report else []
    quality = report["quality"]
    if quality["events_total"] != sum(quality[key] for key in (
            "events_used", "events_filtered", "events_other", "events_undecodable")):
        wrong.append("quality: events_total is not the sum of its parts")
    for key, total in report["summary"]["slab"].items():
        if key in ("bytes_req", "bytes_alloc", "bytes_waste", "accounted_hits"):
            for rows in ("callsites",) + (("classes",) if key != "accounted_hits" else ()):
                got = sum(row[key] for row in report[rows])
                if got != total:
                    wrong.append(f"{rows}: {key} sums up to {got}, the summary has {total}")
    hits = report["summary"]["slab"]["allocs"]
    for rows in ("callsites", "classes"):
        if sum(row["hits"] for row in report[rows]) != hits:
            wrong.append(f"{rows}: hits do not sum up to the allocations")
    for rows in ("caches", "tasks", "pointers"):
        for key in ("hits", "bytes_req", "bytes_alloc"):
            if rows in report:
                got = sum(row[key] for row in report[rows])
                want = sum(site[key] for site in report["callsites"])
                if got != want:
                    wrong.append(f"{rows}: {key} sums up to {got}, the call sites' to {want}")
    streams = sum(s["events_total"] for s in report["input"]["streams"])
    if streams != quality["events_total"]:
        wrong.append(f"streams: {streams} events, quality has {quality['events_total']}")
    for site in report["callsites"]:
        if site.get("symbol") is None and "address" not in site:
            wrong.append(f"a call site without symbol and address: {site}")
    return wrong


def check_stacks(report):
    """Stacks add up to the summary, and those of a call site to its row."""
    if "stacks" not in report:
        return []
    wrong = []
    frames = [json.dumps([row.get(key) for key in ("symbol", "offset", "module", "address")])
              for row in report["stack_frames"]]
    if [row["id"] for row in report["stack_frames"]] != list(range(len(frames))):
        wrong.append("stack_frames: ids are not their places")
    named = [row for row in frames if row != json.dumps([None] * 4)]
    if len(set(named)) != len(named):
        wrong.append("stack_frames: two are the same")
    for layer, summary in report["summary"].items():
        rows = [row for row in report["stacks"] if row["layer"] == layer]
        # other layers have stacks if they were paired
        if layer != "slab" and not rows and "live_count" not in report["summary"]["slab"]:
            continue
        wanted = {"hits": "allocs", "bytes_req": "bytes_req", "bytes_alloc": "bytes_alloc",
                  **({"bytes_waste": "bytes_waste"} if layer == "slab" else {}),
                  **{key: name for key, name in (("live_count", "live_count"),
                                                 ("live_bytes", "bytes_live"))
                     if name in summary}}
        for key, name in wanted.items():
            if (got := sum(row[key] for row in rows)) != summary[name]:
                wrong.append(f"stacks of {layer}: {key} sums up to {got}, not {summary[name]}")
    sites = {}
    for row in report["stacks"]:
        if row["layer"] == "slab":
            key = frames[row["frames"][0]], row["event"]
            sites.setdefault(key, [0, 0, 0])
            for i, name in enumerate(("hits", "bytes_alloc", "bytes_waste")):
                sites[key][i] += row[name]
    callsites = {(json.dumps([row.get(key) for key in ("symbol", "offset", "module", "address")]),
                  row["event"]): [row["hits"], row["bytes_alloc"], row["bytes_waste"]]
                 for row in report["callsites"]}
    if sites != callsites:
        wrong.append("stacks: their innermost frames are not the call sites")
    return wrong


def suppressions(tmp):
    """A file with one that is used, one that is not, and one that has expired."""
    path = os.path.join(tmp, "supp")
    with open(path, "w", encoding="utf-8") as file:
        file.write("rule: waste\nsymbol: *\nmodule: *\nreason: all of \"it\"\n\n"
                   "fingerprint: *x\nreason: none\n\n"
                   "file: *\nreason: long ago\nexpires: 2001-01-01\n")
    return path


def commands(testdata, tmp):
    """(what, arguments)"""
    for path in sorted(glob.glob(os.path.join(testdata, "small", "*.dat"))):
        yield os.path.basename(path), [path]
    mesh = os.path.join(testdata, "mesh", "trace.dat")
    yield "mesh", [mesh]
    yield "mesh with sources", ["--debug-dir", os.path.join(testdata, "mesh"), mesh]
    yield "raw addresses", ["--raw-ip", mesh]
    yield "no pairing", ["--no-pairing", mesh]
    yield "tasks, caches, pointers", ["--task", "--cache", "--alloc", "--slabinfo",
                                      os.path.join(testdata, "mesh", "slabinfo"), mesh]
    yield "the same unpaired", ["--task", "--cache", "--alloc", "--no-pairing", mesh]
    yield "stacks", ["--by-stack", os.path.join(testdata, "small", "page-stacks.dat")]
    yield "stacks unpaired", ["--by-stack", "--no-pairing", "--raw-ip",
                              os.path.join(testdata, "small", "stacks.dat")]
    yield "suppressions", ["--suppress", suppressions(tmp), "--debug-dir", os.path.dirname(mesh),
                           mesh]
    yield "models", ["--model", "all", "--model", "slub:min=128,page=64k", "--replay",
                     os.path.join(testdata, "replay", "trace.dat")]
    yield "caches of their own", ["--own-cache", mesh]
    yield "percpu replay", ["--percpu-replay", "--percpu-what-if", "296:8=288:64",
                            "--percpu-what-if", "8=4", mesh]
    yield "all findings", ["--waste-bytes", "0", "--waste-percent", "0", mesh]
    formats = kmem.load_formats(os.path.join(testdata, "formats", "6.18-x86_64"))
    load = kmem.Workload(ringbuf.Layout(), formats, seed=5, nr_cpus=3, losses=0.02)
    load.add(800)
    trace = load.trace()
    path = os.path.join(tmp, "names.dat")
    trace.write(path)
    yield "cache names and lost events", [path]
    trace.kallsyms = trace.cmdlines = b""
    trace.options = []
    path = os.path.join(tmp, "bare.dat")
    trace.write(path)
    yield "no symbols, no options", [path]
    path = os.path.join(tmp, "cut.dat")
    trace.version = 6
    with open(path, "wb") as file:
        file.write(trace.to_bytes()[:-5000])
    yield "cut short", [path]


def main():
    kmemstat, testdata, share = sys.argv[1:4]
    if jsonschema is None:
        print("skipped: no python3-jsonschema")
        return SKIPPED
    with open(os.path.join(share, "kmemstat-report-1.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validators = [("schema", jsonschema.Draft202012Validator(schema)),
                  ("keys", jsonschema.Draft202012Validator(
                      dict(closed(schema), unevaluatedProperties=False)))]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="kmemstat-schema-") as tmp:
        for what, args in commands(testdata, tmp):
            done = subprocess.run([kmemstat, "--json", "--no-debug-search", *args],
                                  capture_output=True, timeout=60, check=False)
            wrong = []
            if done.returncode:
                wrong.append(f"status {done.returncode}: {done.stderr.decode()[:200]}")
            else:
                report = json.loads(done.stdout)
                # the check of keys is slow: of the plain ones a few will do
                some = validators if not what.endswith(".dat") or "lost" in what else \
                    validators[:1]
                for (name, validator), what_of in zip(some, (report, some_of(report))):
                    wrong += [f"{name}: {'/'.join(map(str, e.absolute_path))}: {e.message}"
                              for e in validator.iter_errors(what_of)][:4]
                wrong += check_sums(report) + check_stacks(report)
                if ("timeline" in report) == ("--no-pairing" in args):
                    wrong.append("a timeline without pairing, or none with it")
            print(f"{what}: {'FAILED' if wrong else 'ok'}")
            for line in wrong[:8]:
                print("    " + line[:300])
            failed += bool(wrong)
        # a check that cannot fail is none
        report["quality"]["events_total"] = "many"
        report["surprise"] = 1
        if not any(validators[0][1].iter_errors(report)) or \
                not any("surprise" in e.message for e in validators[1][1].iter_errors(report)):
            print("the schema lets anything through: FAILED")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
