#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where objects lie (--locality) against a plain count over the text of `trace-cmd report -R`.

usage: locality_oracle.py KMEMSTAT TESTDATA [TRACE...]

Sets of pages and lines are made anew from all live objects of a call site whenever it has more
bytes live than before: slow, and nothing to get out of step.
"""

import collections
import json
import os
import re
import shutil
import sys

from oracle_tally import SKIPPED, events_of, run

PAGE, LINE = 4096, 64


class Site:
    def __init__(self):
        self.live = {}
        self.bytes_alloc = self.peak = 0
        self.last = {}
        self.found = collections.Counter(pairs=0, neighbours=0)

    def add(self, event):
        last = self.last.get(event.cpu)
        self.last[event.cpu] = event.ptr
        if last is not None:
            self.found["pairs"] += 1
            self.found["neighbours"] += abs(last - event.ptr) == event.alloc
        self.live[event.ptr] = event
        self.bytes_alloc += event.alloc
        if self.bytes_alloc > self.peak:
            self.peak = self.bytes_alloc
            self.best = dict(self.live)

    def remove(self, event):
        del self.live[event.ptr]
        self.bytes_alloc -= event.alloc

    def numbers(self):
        pages, lines, large_pages = set(), set(), 0
        for ptr, event in self.best.items():
            end = ptr + max(event.req, 1)
            lines.update(range(ptr // LINE, (end - 1) // LINE + 1))
            if event.req > PAGE:
                large_pages += len(range(ptr // PAGE, (ptr + event.alloc - 1) // PAGE + 1))
            else:
                pages.update(range(ptr // PAGE, (end - 1) // PAGE + 1))
        req = sum(event.req for event in self.best.values())
        return {"objects": len(self.best), "bytes_req": req, "bytes_alloc": self.peak,
                "pages": len(pages) + large_pages, "least_pages": -(-self.peak // PAGE),
                "lines": len(lines), "least_lines": -(-req // LINE), **self.found}


def count(events):
    sites = collections.defaultdict(Site)
    live = {}
    for event in events:
        if event.is_alloc and not event.ptr or event.frees_nothing:
            continue
        old = live.pop(event.ptr, None)
        if old:
            sites[old.family, old.site].remove(old)
        if event.is_alloc:
            live[event.ptr] = event
            sites[event.family, event.site].add(event)
    return {key: site.numbers() for key, site in sites.items()}


def check(kmemstat, path, arguments, want):
    report = json.loads(run(kmemstat, "--json", "--no-debug-search", "--locality", *arguments,
                            path))
    got = {(site["event"], f"{site['symbol']}+{site['offset']:#x}"): site["locality"]
           for site in report["callsites"]}
    crowds = {item["name"]: len(item["callsites"]) for item in report["classes"]}
    wrong = [f"only in one: {key}" for key in set(got) ^ set(want)]
    for site in report["callsites"]:
        if site["locality"].pop("class_callsites") != crowds[site["size_class"]]:
            wrong.append(f"{site['symbol']}: call sites of {site['size_class']}")
    wrong += [f"{key}: {got[key]}, counted {want[key]}" for key in set(got) & set(want)
              if got[key] != want[key]]
    return wrong


# trace -> call site -> whether it is scattered
SCATTERED = {
    "small/keys-40.dat": {"user_preparse+0x2f": True, "key_alloc+0x131": True,
                          "assoc_array_insert+0x6f": False},
    "small/keys-32.dat": {"user_preparse+0x2f": False, "key_alloc+0x131": True},
    "mesh/trace.dat": {"___neigh_create+0x9f": True, "__sta_info_alloc+0x309": False,
                       "__alloc_skb+0x88": False},
}


def check_findings(kmemstat, path, expected, counted):
    """The rule scattered, judged a second time from the counts; and those that have to be so."""
    want = {site: numbers for (family, site), numbers in counted.items()}
    report = json.loads(run(kmemstat, "--json", "--no-debug-search", "--locality", path))
    size = {f"{site['symbol']}+{site['offset']:#x}": max(s["bytes_alloc"] for s in site["sizes"])
            for site in report["callsites"]}
    judged = {site for site, numbers in want.items() if size[site] <= PAGE // 2 and
              numbers["pages"] - numbers["least_pages"] >= 16 and
              numbers["pages"] >= 4 * numbers["least_pages"]}
    found = {}
    for finding in report["findings"]:
        if finding["rule"] == "scattered":
            place = finding["callsite"]
            found[f"{place['symbol']}+{place['offset']:#x}"] = finding
    wrong = [f"found or judged only: {site}" for site in set(found) ^ judged]
    wrong += [f"{site}: {'not ' * is_found}found" for site, is_found in expected.items()
              if (site in found) != is_found]
    for site in set(found) & judged:
        told = [int(n.replace(",", "")) for n in
                re.findall(r"[\d,]+(?= (?:live|pages|would))", found[site]["message"])]
        numbers = want[site]
        if told != [numbers["objects"], numbers["pages"], numbers["least_pages"]]:
            wrong.append(f"{found[site]['message']}: counted {numbers}")
    return wrong


def main():
    kmemstat, testdata, *paths = sys.argv[1:]
    if not shutil.which("trace-cmd"):
        print("skipped: trace-cmd is not installed")
        return SKIPPED
    failed = 0
    for path in paths or [os.path.join(testdata, name) for name in SCATTERED]:
        events = list(events_of(path))
        middle = events[len(events) // 2].time
        whole = count(events)
        later = count(event for event in events if event.time >= middle)
        for arguments, want in (([], whole), (["--threads", "1"], whole),
                                (["--time", f"{middle},"], later)):
            wrong = check(kmemstat, path, arguments, want)
            # a trace that has nothing to compare would let everything pass
            if sum(site["pages"] > 2 and site["neighbours"] > 0 for site in want.values()) < 2:
                wrong.append("too little to compare")
            if not arguments:
                wrong += check_findings(kmemstat, path,
                                        SCATTERED.get(os.path.relpath(path, testdata), {}), whole)
            print(f"{os.path.basename(path)} {' '.join(arguments)}: {len(want)} call sites: "
                  f"{'FAILED' if wrong else 'ok'}")
            for line in wrong[:10]:
                print("    " + line[:300])
            failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
