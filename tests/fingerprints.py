#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same finding in two builds has the same fingerprint: two real kernels and two builds of a
module, each at its own addresses.

usage: fingerprints.py KMEMSTAT TESTDATA

What is expected is named here; fingerprints are computed again from what the report says of each
finding.
"""

import json
import pathlib
import subprocess
import sys

# rule, symbol, size class: found in 6.1 and in 6.12, and alike. Other findings are of functions
# that the two kernels do not have in common, or of what only one of them did.
IN_BOTH = {
    ("just-over", "peers_join", "kmalloc-2k"),
    ("just-over", "load_elf_phdrs", "kmalloc-1k"),
    ("just-over", "kernfs_fop_open", "kmalloc-96"),
    ("just-over", "kernfs_fop_open", "kmalloc-192"),
    ("just-over", "tomoyo_find_next_domain", "kmalloc-512"),
    ("waste", "proc_self_get_link", "kmalloc-16"),
    ("waste", "kernfs_fop_write_iter", "kmalloc-8"),
}
GROWN = ("just-over", "peers_join", "kmalloc-2k")
WHOLE_SITE = {"leak-suspect", "ping-pong", "short-lived", "accounted"}


def report(kmemstat, peers, name, with_debug=True):
    debug = ["--debug-dir", peers / name] if with_debug else []
    done = subprocess.run([kmemstat, "--no-debug-search", "--json", "--raw-ip", "--just-over", "20",
                           "--waste-bytes", "0", *debug, peers / f"{name}.dat"],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def what(finding):
    return finding["rule"], finding["callsite"]["symbol"], finding["size_class"]


def by_what(report):
    """The findings by rule, symbol and class, those alike in code order."""
    found = {}
    for finding in sorted(report["findings"], key=lambda f: f["callsite"]["offset"]):
        found.setdefault(what(finding), []).append(finding)
    return found


def fnv(texts):
    value = 0xcbf29ce484222325
    for text in texts:
        for byte in text.encode() + b"\xff":
            value = ((value ^ byte) * 0x100000001b3) & (1 << 64) - 1
    return f"{value:016x}"


def stable(name):
    """No other suffixes are in these traces."""
    return name.split(".")[0].removesuffix("_noprof")


def hashed(report, finding, with_inlined):
    site = finding["callsite"]
    sizes = next(s["sizes"] for s in report["callsites"]
                 if (s["address"], s["event"]) == (site["address"], site["event"]))
    is_of_class = finding["rule"] not in WHOLE_SITE or len(sizes) == 1
    inlined = [frame["function"] for frame in site.get("source", [])[:-1]] if with_inlined else []
    return fnv([finding["rule"], site.get("module") or "", *map(stable, inlined),
                stable(site["symbol"]), site["event"],
                finding["size_class"] if is_of_class else ""])


def check_values(report):
    """The first of findings alike has the hash itself, the others have their own."""
    wrong = []
    prints = [finding["fingerprint"] for finding in report["findings"]]
    if len(set(prints)) != len(prints):
        wrong.append("two findings have the same fingerprint")
    alike = {}
    for finding in report["findings"]:
        alike.setdefault(hashed(report, finding, True), []).append(finding)
        if finding["fingerprint_symbol"] != hashed(report, finding, False):
            wrong.append(f"fingerprint_symbol of {what(finding)}")
    for value, findings in alike.items():
        firsts = [f for f in findings if f["fingerprint"] == value]
        if len(firsts) != 1:
            wrong.append(f"fingerprint of {what(findings[0])}: {len(firsts)} have the hash")
    return wrong


def check_pair(first, second, expected):
    """What both have has the same fingerprints, at other addresses."""
    wrong = []
    one, other = by_what(first), by_what(second)
    for key in expected - (one.keys() & other.keys()):
        wrong.append(f"{key}: not in both")
    for key in one.keys() & other.keys():
        for a, b in zip(one[key], other[key]):
            for name in ("fingerprint", "fingerprint_symbol"):
                if a[name] != b[name]:
                    wrong.append(f"{key}: {name} {a[name]} and {b[name]}")
            if a["callsite"]["address"] == b["callsite"]["address"]:
                wrong.append(f"{key}: at the same address, which shows nothing")
    shared = {f["fingerprint"] for f in first["findings"]} & \
        {f["fingerprint"] for f in second["findings"]}
    for finding in first["findings"]:
        if finding["fingerprint"] in shared and what(finding) not in other:
            wrong.append(f"{what(finding)}: something else has its fingerprint")
    return wrong


def check_no_debug(grown, plain):
    """Without debug information: the function alone, as fingerprint_symbol always is."""
    wrong = []
    one, other = by_what(grown)[GROWN][0], by_what(plain)[GROWN][0]
    if one["fingerprint"] == other["fingerprint"]:
        wrong.append("inlined functions are not in the fingerprint")
    if [frame["function"] for frame in one["callsite"]["source"]] != ["peer_table_alloc",
                                                                     "peers_join"]:
        wrong.append(f"frames: {one['callsite']['source']}")
    for finding in plain["findings"]:
        twin = by_what(grown)[what(finding)]
        if finding["fingerprint_symbol"] not in [f["fingerprint_symbol"] for f in twin]:
            wrong.append(f"{what(finding)}: fingerprint_symbol is another without debug info")
    return wrong


def main():
    kmemstat, peers = sys.argv[1], pathlib.Path(sys.argv[2]) / "peers"
    reports = {name: report(kmemstat, peers, name) for name in ("6.1", "6.1-grown", "6.12-grown")}
    plain = report(kmemstat, peers, "6.1-grown", with_debug=False)
    results = {f"values of {name}": check_values(reports[name]) for name in reports}
    results["values without debug information"] = check_values(plain)
    results["two kernels"] = check_pair(reports["6.1-grown"], reports["6.12-grown"], IN_BOTH)
    results["two builds"] = check_pair(reports["6.1"], reports["6.1-grown"], IN_BOTH - {GROWN})
    if GROWN in by_what(reports["6.1"]):
        results["two builds"].append(f"{GROWN} is in the first")
    results["without debug information"] = check_no_debug(reports["6.1-grown"], plain)
    for name, wrong in results.items():
        print(f"{name}: {'FAILED' if wrong else 'ok'}")
        for line in wrong:
            print(f"    {line}")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
