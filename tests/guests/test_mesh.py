#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Radios join a mesh in a real kernel, and kmemstat and trace-cmd record it at the same time.

usage: test_mesh.py KMEMSTAT CACHE SYSTEM

Both are told to record the same events into buffers of their own. Between a time soon after both
began and one shortly before they ended, at which nothing happened, all events of the one are in the
other's file, so neither lost or made up any; and findings and call sites are the same. kmemstat's
file says what text trace-cmd report makes of it, and has what a mesh of so many radios is known to
allocate.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "lib")]

import guest  # noqa: E402
import oracle_counts  # noqa: E402
import pairing_oracle  # noqa: E402

RADIOS = 6
MODULES = ("ccm", "ctr", "cfg80211", "mac80211", "mac80211_hwsim")
# "000 8.064612342 123 kmalloc: call_site=..."
LINE = re.compile(r"^(\d+) (\d+)\.(\d{9}) (\d+) (.*)$", re.MULTILINE)
# What depends on when the one and the other recorder looked at its clock, or in which order they
# recorded: an interrupt can come when one of them already has an event that the other has not.
# Findings about short lives have lifetimes in their sentences.
TIMES = re.compile(r"_ns$|lifetime|waste_byte_seconds|peak|samples|timeline")


def dump(kmemstat, path, *options):
    """(time in ns, all else) of each event."""
    done = subprocess.run([kmemstat, "dump", "--quiet", *options, path], capture_output=True,
                          text=True, timeout=240, check=True)
    return [(int(seconds) * 10**9 + int(nanos), (cpu, pid, rest))
            for cpu, seconds, nanos, pid, rest in LINE.findall(done.stdout)]


def quiet_times(events, first, last):
    """The middles of the longest times between these without an event, longest first."""
    times = sorted(time for time, _ in events if first <= time <= last)
    gaps = sorted(((b - a, (a + b) // 2) for a, b in zip(times, times[1:])), reverse=True)
    return [middle for _, middle in gaps[:4]]


def between(events, span):
    return collections.Counter(event for time, event in events if span[0] < time < span[1])


def common_span(ours, theirs):
    """Two quiet times between which both have the same events; or None, and how many differ."""
    first = max(min(ours)[0], min(theirs)[0])
    last = min(max(ours)[0], max(theirs)[0])
    part = (last - first) // 8
    least = None
    for start in quiet_times(ours + theirs, first, first + part):
        for end in quiet_times(ours + theirs, last - part, last):
            mine, other = between(ours, (start, end)), between(theirs, (start, end))
            differ = list(((mine - other) + (other - mine)).elements())
            if not differ:
                return (start, end), []
            if least is None or len(differ) < len(least):
                least = differ
    return None, least


def without_times(value):
    """All of it but what one can expect to differ."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if not TIMES.search(key)}
    if isinstance(value, list):
        return [without_times(item) for item in value
                if not isinstance(item, dict) or item.get("rule") != "short-lived"]
    return value


def report(kmemstat, path, *options):
    return json.loads(pairing_oracle.run_kmemstat(kmemstat, str(path), *options))


def compare_reports(kmemstat, ours, theirs, span):
    seconds = ",".join(f"{time // 10**9}.{time % 10**9:09}" for time in span)
    mine = report(kmemstat, ours, "--time", seconds)
    other = report(kmemstat, theirs, "--time", seconds, "--instance", "theirs")
    wrong = []
    for key in ("findings", "callsites", "classes", "summary"):
        pair = without_times(mine[key]), without_times(other[key])
        if pair[0] != pair[1]:
            wrong.append(f"{key} between {seconds} differ:")
            wrong.append(first_difference(*pair))
    print(f"{mine['quality']['events_used']} events, {len(mine['findings'])} findings between "
          f"{seconds} as with trace-cmd")
    if len(mine["findings"]) < 3 or mine["quality"]["events_used"] < 10000:
        wrong.append(f"only {len(mine['findings'])} findings, "
                     f"{mine['quality']['events_used']} events")
    return wrong


def first_difference(mine, other, where=""):
    """A sentence about the first value that differs."""
    if isinstance(mine, dict) and isinstance(other, dict):
        for key in sorted({*mine, *other}):
            if mine.get(key) != other.get(key):
                return first_difference(mine.get(key), other.get(key), f"{where}.{key}")
    if isinstance(mine, list) and isinstance(other, list) and len(mine) == len(other):
        for number, (a, b) in enumerate(zip(mine, other)):
            if a != b:
                return first_difference(a, b, f"{where}[{number}]")
    return f"  {where}: {str(mine)[:200]}, trace-cmd's file: {str(other)[:200]}"


def check_mesh(whole):
    """Every radio has a table of the mesh, and a station for every other radio."""
    sites = {}
    for site in whole["callsites"]:
        if site.get("symbol"):
            sites.setdefault(site["symbol"], []).append(site)
    wrong = []
    for symbol, hits in (("ieee80211_mesh_init_sdata", RADIOS),
                         ("__sta_info_alloc", RADIOS * (RADIOS - 1))):
        if hits not in [site["hits"] for site in sites.get(symbol, ())]:
            wrong.append(f"{symbol}: {[site['hits'] for site in sites.get(symbol, ())]} hits, "
                         f"expected {hits}")
    tables = [size for site in sites.get("ieee80211_mesh_init_sdata", ()) for size in site["sizes"]]
    # struct mesh_rmc: 8 bytes more than kmalloc-2k has, Linux 6.1 to 6.12
    if {"bytes_req": 2056, "bytes_alloc": 4096, "hits": RADIOS} not in tables:
        wrong.append(f"ieee80211_mesh_init_sdata: {tables}")
    if not any("ieee80211_mesh_init_sdata" in json.dumps(finding)
               for finding in whole["findings"]):
        wrong.append("no finding about struct mesh_rmc")
    return wrong


def check_live(path):
    """A report every two seconds, of all until then; the last has the whole mesh."""
    text, decoder, reports, at = path.read_text(encoding="utf-8"), json.JSONDecoder(), [], 0
    while text[at:].strip():
        found, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        reports.append(found)
    used = [one["quality"]["events_used"] for one in reports]
    print(f"kmemstat live: {len(used)} reports, the last of {used[-1:]} events")
    if len(used) < 3 or used != sorted(used):
        return [f"kmemstat live: reports of {used} events"]
    lost = reports[-1]["quality"]["events_lost"]
    return [f"kmemstat live: {sentence}" for sentence in
            check_mesh(reports[-1]) + ([f"{lost} events lost"] if lost else [])]


def main():
    kmemstat, cache, name = sys.argv[1:]
    kmemstat = os.path.abspath(kmemstat)
    system = guest.Guest(name, cache)
    out = system.run((HERE / "jobs/mesh").read_text(encoding="ascii"),
                     pathlib.Path(cache) / f"mesh-{name}", files=(("settings", f"RADIOS={RADIOS}\n"),),
                     programs=(kmemstat, "trace-cmd", "iw"), modules=MODULES)
    wrong = []
    for file, want in (("recorder-status", "0"), ("live-status", "0"), ("instances", "theirs"),
                       ("peers", str(RADIOS - 1))):
        left = (out / file).read_text(encoding="ascii").strip()
        if left != want:
            wrong.append(f"{file}: {left!r}, expected {want!r}")
    ours, theirs = out / "ours.dat", out / "theirs.dat"
    whole = report(kmemstat, ours)
    for key in ("events_lost", "gaps_unknown", "events_undecodable"):
        if whole["quality"][key]:
            wrong.append(f"{key}: {whole['quality'][key]}")
    print(f"{system.release}: {whole['quality']['events_total']} events of {RADIOS} radios")
    wrong += check_mesh(whole)
    wrong += check_live(out / "live.json")
    span, differ = common_span(dump(kmemstat, ours), dump(kmemstat, theirs, "--instance", "theirs"))
    if span:
        wrong += compare_reports(kmemstat, ours, theirs, span)
    else:
        wrong.append(f"{len(differ)} events are in one file only: {differ[:5]}")
    wrong += oracle_counts.test(kmemstat, str(ours))
    wrong += pairing_oracle.check_recorded(kmemstat, str(ours))
    return wrong


if __name__ == "__main__":
    sys.exit(guest.main(main))
