#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings about what becomes of allocations, against a count over the text of `trace-cmd report -R`.

usage: findings_oracle.py KMEMSTAT TESTDATA

The rules are judged here a second time, plainly, from that text: the same call sites have to be
found, with the same numbers in the JSON report and in the messages. Each rule has a recorded trace
that shows it, and others that do not.
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import kmem  # noqa: E402
import readdat  # noqa: E402

SKIPPED = 77
RULES = ("high-order", "leak-suspect", "ping-pong", "short-lived", "accounted")
# trace -> call sites that a rule has to name, and rules that must not be there
TRACES = {
    "small/leak.dat": ({"leak-suspect": {"do_epoll_ctl+0x544"}}, {"ping-pong", "high-order"}),
    "small/ping-pong.dat": ({"ping-pong": {"__alloc_skb+0x160", "__alloc_skb+0x8c"}},
                            {"leak-suspect", "short-lived"}),
    "small/no-ping-pong.dat": ({"short-lived": {"__alloc_skb+0x160", "__alloc_skb+0x8c"}},
                               {"ping-pong", "leak-suspect"}),
    "small/short-lived.dat": ({"short-lived": {"getname_flags.part.0+0x2b"}},
                              {"ping-pong", "accounted", "high-order"}),
    "small/accounted.dat": ({"accounted": {"alloc_empty_file+0x4e"}}, {"leak-suspect"}),
    "small/high-order.dat": ({"high-order": {"pipe_resize_ring+0x31", "__alloc_skb+0x8c"}},
                             {"leak-suspect", "short-lived", "accounted"}),
    "mesh/trace.dat": ({"high-order": {"__sta_info_alloc+0x309", "wiphy_new_nm+0x1b4",
                                       "__alloc_skb+0x88"},
                        "short-lived": {"ieee802_11_parse_elems_full+0x3b",
                                        "mas_alloc_nodes+0x6f"}},
                       {"leak-suspect", "ping-pong", "accounted"}),
}
LINE = re.compile(r"\[(\d+)\]\s*(\d+)\.(\d{9}):\s+(\w+):\s+call_site=(\S+) ptr=(\S+)"
                  r"(?: bytes_req=(\d+) bytes_alloc=(\d+) gfp_flags=(\S+))?.*?(accounted=1)?$")


def run(command):
    done = subprocess.run(command, capture_output=True, timeout=240, check=True, text=True)
    return done.stdout


class Site:
    def __init__(self):
        self.hits = self.freed = self.replaced = self.live_bytes = self.live = 0
        self.pingpong = self.short = self.accounted = 0
        self.orders = collections.Counter()
        self.samples = []


def account_bit(path):
    """__GFP_ACCOUNT, from the print format of the trace's own kmalloc."""
    return next(form.account for system, texts in readdat.read(path).event_formats
                if system == "kmem" for form in (kmem.Format(t.decode()) for t in texts)
                if form.name == "kmalloc")


def events(path):
    account = account_bit(path)
    for line in run(["trace-cmd", "report", "-R", "-t", "-q", "-N", path]).splitlines():
        m = LINE.search(line)
        if m and m[4] in kmem.KINDS:
            pointer = 0 if m[6] in ("(nil)", "(null)") else int(m[6], 16)
            is_accounted = bool(m[10] or (m[9] and m[4] == "kmalloc" and int(m[9], 16) & account))
            yield (int(m[2] + m[3]), int(m[1]), m[4], m[5], pointer, int(m[8] or 0), is_accounted)


def count(path):
    """{(family, call site): Site} of a trace."""
    rows = list(events(path))
    first, last = rows[0][0], rows[-1][0]
    step = 8192
    while (last - first) // step >= 32:
        step *= 2
    sites, live, nr_samples = collections.defaultdict(Site), {}, 0
    for time, cpu, kind, where, pointer, size, is_accounted in rows:
        while time - first >= step * (1 + nr_samples):
            sample(sites, nr_samples)
            nr_samples += 1
        if pointer in live:
            site, born, cpu_then, old = live.pop(pointer)
            site.live -= 1
            site.live_bytes -= old
            if kind in kmem.ALLOCS:
                site.replaced += 1
            else:
                site.freed += 1
                site.pingpong += cpu_then != cpu
                site.short += time - born < 1000000
        if kind in kmem.ALLOCS and pointer:
            site = sites[kmem.FAMILY[kind], where]
            site.hits += 1
            site.live += 1
            site.live_bytes += size
            site.accounted += is_accounted
            if kmem.FAMILY[kind] == "kmalloc" and size > 8192:
                site.orders[size] += 1
            live[pointer] = site, time, cpu, size
    sample(sites, nr_samples)
    return sites


def sample(sites, number):
    """Live bytes now; `number` samples were taken before."""
    for site in sites.values():
        site.samples += [0] * (number - len(site.samples)) + [site.live_bytes]


def quarters(site):
    """Live bytes at the ends of the quarters since there were any; None: under half of the trace."""
    all_samples = site.samples
    since = [s for i, s in enumerate(all_samples) if any(all_samples[:i + 1])]
    if len(since) < len(all_samples) - len(all_samples) // 2:
        return None
    return [since[len(since) * i // 4 - 1] for i in (1, 2, 3, 4)]


def is_leak(site):
    if site.live_bytes < 65536 or 4 * (site.freed + site.replaced) > site.hits:
        return False
    ends = quarters(site)
    steps = [b - a for a, b in zip([0] + ends, ends)] if ends else [0]
    return min(steps) >= max(site.live_bytes // 16, 1)


def judge(sites):
    """{rule: {call site: (hits affected, bytes at stake)}}, by default thresholds."""
    total = sum(s.hits for s in sites.values())
    found = {rule: {} for rule in RULES}
    for (family, where), site in sites.items():
        key = family, where
        if where.startswith(("__kmalloc", "kvmalloc", "__kvmalloc")):
            continue  # not the caller
        if is_leak(site):
            found["leak-suspect"][key] = site.live, site.live_bytes
        for size, hits in site.orders.items():
            found["high-order"][key + (size,)] = hits, hits * size
        if site.hits < 1000 or 100 * site.hits < total:
            continue
        if site.freed >= 1000 and 4 * site.pingpong >= 3 * site.freed:
            found["ping-pong"][key] = site.pingpong, 0
        if 10 * site.short >= 9 * site.hits:
            found["short-lived"][key] = site.short, 0
        if 2 * site.accounted >= site.hits and site.accounted:
            found["accounted"][key] = site.accounted, 0
    return found


def named(finding):
    where = finding["callsite"]
    key = where["event"], f"{where['symbol']}+{where['offset']:#x}"
    if finding["rule"] == "high-order":
        key += (finding["bytes_alloc"] // finding["hits"],)
    return key


def human(size):
    """As the report writes bytes."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < (1024 if unit == "B" else 1023.95):
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def check_message(finding, site):
    """The numbers that stand in the sentence."""
    message, rule = finding["message"], finding["rule"]
    if rule == "leak-suspect":
        want = [f"{site.live:,} of {site.hits:,} objects live at the end",
                ", ".join(human(q) for q in quarters(site))]
    elif rule == "ping-pong":
        want = [f"{site.pingpong:,} of {site.freed:,} frees "
                f"({100 * site.pingpong / site.freed:.1f}%)"]
    elif rule == "short-lived":
        want = [f"{site.short:,} of {site.hits:,} objects"]
    elif rule == "accounted":
        want = [f"{site.accounted:,} of {site.hits:,} allocations"]
    else:
        size = finding["bytes_alloc"] // finding["hits"]
        want = [f"order {(size // 4096).bit_length() - 1}, {size // 4096} contiguous pages"]
    return [f"{rule}: {message!r} does not say {text!r}" for text in want if text not in message]


def test(kmemstat, testdata, name):
    path = os.path.join(testdata, name)
    report = json.loads(run([kmemstat, "--json", "--no-debug-search", path]))
    sites = count(path)
    want = judge(sites)
    shown, absent = TRACES[name]
    wrong = []
    for rule in RULES:
        found = [f for f in report["findings"] if f["rule"] == rule]
        got = {named(f): (f["hits_affected"], f["bytes_at_stake"]) for f in found}
        if got != want[rule]:
            wrong.append(f"{rule}: {got}, counted {want[rule]}")
        if len(got) != len(found):
            wrong.append(f"{rule}: a call site is named twice")
        missing = shown.get(rule, set()) - {key[1] for key in got}
        if missing:
            wrong.append(f"{rule}: not found: {missing}")
        if rule in absent and got:
            wrong.append(f"{rule}: found, though it should not be: {got}")
        for finding in found:
            wrong += check_message(finding, sites[named(finding)[:2]])
    return wrong + check_no_pairing(kmemstat, path)


def check_no_pairing(kmemstat, path):
    """Without pairing the rules that need it are silent, the others say the same."""
    reports = [json.loads(run([kmemstat, "--json", "--no-debug-search", *option, path]))
               for option in ([], ["--no-pairing"])]
    prints = [{(f["rule"], f["fingerprint"], f["hits_affected"]) for f in report["findings"]}
              for report in reports]
    lives = {"leak-suspect", "ping-pong", "short-lived"}
    expected = {f for f in prints[0] if f[0] not in lives}
    return [] if prints[1] == expected else [f"--no-pairing: {prints[1] ^ expected}"]


def main():
    kmemstat, testdata = sys.argv[1:]
    if not shutil.which("trace-cmd"):
        print("skipped: trace-cmd is not installed")
        return SKIPPED
    failed = 0
    for name in TRACES:
        wrong = test(kmemstat, testdata, name)
        print(f"{name}: {'FAILED' if wrong else 'ok'}")
        for line in wrong[:8]:
            print("    " + line[:600])
        failed += bool(wrong)
    seen = {rule for shown, _ in TRACES.values() for rule in shown}
    unseen = {rule for _, absent in TRACES.values() for rule in absent}
    return 1 if failed or seen != set(RULES) or unseen != set(RULES) else 0


if __name__ == "__main__":
    sys.exit(main())
