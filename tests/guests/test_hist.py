#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What hist triggers count in a real kernel is what the text of trace has of the same tasks, for
each call site, size, and kind of event; and which way to collect is chosen as it is told.

usage: test_hist.py KMEMSTAT CACHE SYSTEM
"""

import bisect
import collections
import json
import os
import pathlib
import re
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import guest  # noqa: E402

LINE = re.compile(r"\s\d+\.\d+: (\w+): (.*)$")
SITE = re.compile(r"call_site=(\S+?)\+0x([0-9a-f]+)/")
LEAST_EVENTS = 1000


def load(path):
    """A report, or the last of a file that has one a line."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text if text.startswith("{\n") else text.splitlines()[-1])


class Text:
    """What the text of trace has."""

    def __init__(self, path):
        self.kinds = collections.Counter()
        self.sizes = collections.Counter()  # (family, symbol, offset, requested, allocated)
        self.accounted = collections.Counter()  # (family, symbol, offset)
        self.null_frees = 0
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            found = None if line.startswith("#") else LINE.search(line)
            if found:
                self._add(*found.groups())

    def _add(self, kind, fields):
        self.kinds[kind] += 1
        if kind == "kfree" and re.search(r"ptr=(0+\b|\(null\)|\(nil\))", fields):
            self.null_frees += 1
        if kind not in ("kmalloc", "kmem_cache_alloc"):
            return
        number = {name: int(re.search(rf"\b{name}=(\d+)", fields)[1])
                  for name in ("bytes_req", "bytes_alloc")}
        symbol, offset = SITE.search(fields).groups()
        site = (kind, symbol, int(offset, 16))
        self.sizes[(*site, number["bytes_req"], number["bytes_alloc"])] += 1
        self.accounted[site] += "accounted=true" in fields


class Names:
    """All names that an address has."""

    def __init__(self, path):
        self.names = collections.defaultdict(set)
        for line in path.read_text(encoding="ascii").splitlines():
            address, _, name = line.split()[:3]
            self.names[int(address, 16)].add(name)
        self.addresses = sorted(self.names)

    def of(self, address):
        base = self.addresses[bisect.bisect_right(self.addresses, address) - 1]
        return {(name, address - base) for name in self.names[base]}


def check_counts(out):
    text, names = Text(out / "theirs.txt"), Names(out / "kallsyms")
    report = load(out / "counts.json")
    wrong = []
    if (out / "lost").read_text(encoding="ascii").strip() != "0":
        wrong.append("the text lost events")
    kinds = {event["name"]: event["count"] for event in report["input"]["events"]}
    if kinds != dict(text.kinds):
        wrong.append(f"kinds: counted {kinds}, in the text {dict(text.kinds)}")
    if sum(kinds.values()) < LEAST_EVENTS or not text.null_frees:
        wrong.append(f"only {sum(kinds.values())} events, {text.null_frees} frees of NULL")
    quality = report["quality"]
    if (quality["events_used"], quality["null_frees"]) != (sum(kinds.values()), text.null_frees):
        wrong.append(f"events_used {quality['events_used']}, null_frees {quality['null_frees']}")
    left, accounted = dict(text.sizes), collections.Counter(text.accounted)
    for site in report["callsites"]:
        sizes = collections.Counter()
        for size in site["sizes"]:
            sizes[size["bytes_req"], size["bytes_alloc"]] += size["hits"]
        places = [place for place in names.of(int(site["address"], 16))
                  if (site["event"], *place) in accounted]
        if len(places) != 1:
            wrong.append(f"{site['event']} at {site['address']}: {places} in the text")
            continue
        key = (site["event"], *places[0])
        if site["accounted_hits"] != accounted[key]:
            wrong.append(f"{key}: accounted {site['accounted_hits']}, not {accounted[key]}")
        for size, hits in sizes.items():
            if left.pop((*key, *size), 0) != hits:
                wrong.append(f"{key} {size}: {hits} counted, {text.sizes[(*key, *size)]} in text")
    wrong += [f"{key}: {hits} in the text, not counted" for key, hits in left.items()]
    print(f"{sum(kinds.values())} events, {len(text.sizes)} call sites and sizes")
    return wrong


def check_choice(out):
    wrong = []
    for name, collection, words in (
            ("auto", "hist", "hist triggers"), ("raw", "raw", "reading every event"),
            ("forced", "raw", ""), ("counts", "hist", None)):
        report = load(out / f"{name}.json")
        if report["input"].get("collection") != collection:
            wrong.append(f"{name}: collection {report['input'].get('collection')}")
        if ("leak-suspect" in str(report["findings"]) or "live_bytes" in str(report["summary"])) \
                and collection == "hist":
            wrong.append(f"{name}: tells what lives")
        if words is not None:
            said = (out / f"{name}.err").read_text(encoding="utf-8")
            if words not in said or bool(words) != bool(said):
                wrong.append(f"{name}: says {said!r}")
    if "bytes_live" not in str(load(out / "raw.json")["summary"]):
        wrong.append("raw: does not tell what lives")
    summary = (out / "summary.txt").read_text(encoding="utf-8")
    for words in ("tracing: hist, Linux", "note: counted by hist triggers in the kernel"):
        if words not in " ".join(summary.split()):
            wrong.append(f"summary: no '{words}' in {summary[:400]!r}")
    return wrong


def check_top(out):
    """Three frames of call sites by rate, without what pairs would tell."""
    frames = (out / "top.txt").read_text(encoding="utf-8").strip().split("\n\n")
    wrong = [] if len(frames) == 3 else [f"top: {len(frames)} frames, not 3"]
    for frame in frames:
        lines = frame.splitlines()
        header = next((line for line in lines if line.startswith("CALL SITE")), "")
        if "WASTE" not in header or "LIVE" in header or "live" in frame:
            wrong.append(f"top: {frame[:400]!r}")
        elif len(lines) - lines.index(header) < 10:
            wrong.append(f"top: few call sites in {frame[:400]!r}")
    return wrong


def check_raw_top(out):
    """Two frames of every event, with what lives."""
    frames = (out / "top-raw.txt").read_text(encoding="utf-8").strip().split("\n\n")
    wrong = [] if len(frames) == 2 else [f"top, raw: {len(frames)} frames, not 2"]
    for frame in frames:
        lines = frame.splitlines()
        header = next((line for line in lines if line.startswith("CALL SITE")), "")
        if "LIVE" not in header or len(lines) - lines.index(header) < 10:
            wrong.append(f"top, raw: {frame[:400]!r}")
    return wrong


def check_full(out):
    """Every event is counted or told as dropped."""
    full, roomy = load(out / "full.json"), load(out / "roomy.json")
    wrong = []
    dropped = full["quality"].get("hist_dropped", 0)
    if not 100 < dropped < 2000 or not full["quality"]["incomplete"]:
        wrong.append(f"full: {dropped} dropped")
    if "hist_dropped" in roomy["quality"] or roomy["quality"]["incomplete"]:
        wrong.append(f"roomy: {roomy['quality']}")
    # the same program, but for what differs from run to run
    counts = [report["quality"]["events_used"] for report in (full, roomy)]
    if abs(counts[0] + dropped - counts[1]) > counts[1] // 10:
        wrong.append(f"{counts[0]} events and {dropped} dropped, but {counts[1]} with more room")
    small = (out / "small.err").read_text(encoding="utf-8")
    if "room for 128 to 131072 entries, not for 127" not in small or not small.endswith("\n2\n"):
        wrong.append(f"127 entries: {small!r}")
    if (out / "instances").read_text(encoding="ascii"):
        wrong.append("an instance is left behind")
    return wrong


def main():
    kmemstat, cache, name = sys.argv[1:]
    system = guest.Guest(name, cache)
    out = system.run((HERE / "jobs/hist").read_text(encoding="ascii"),
                     pathlib.Path(cache) / f"hist-{name}", files=(HERE / "jobs/load",),
                     programs=(os.path.abspath(kmemstat),))
    return [*check_counts(out), *check_choice(out), *check_top(out),
            *check_raw_top(out), *check_full(out)]


if __name__ == "__main__":
    sys.exit(guest.main(main))
