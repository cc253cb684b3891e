#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The formats collapsed, speedscope and pprof against the JSON report, row by row; and what
`go tool pprof` makes of the last. Speaks TAP.

usage: profiles.py KMEMSTAT TESTDATA

pprof is decoded by lib/profileproto.py, which knows nothing of kmemstat. Where Go is missing
(package golang-go), its tests skip themselves.
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import profileproto  # noqa: E402

KMEMSTAT, TESTDATA = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
LAYERS = ("slab", "percpu", "page")
# --value, what the JSON report calls it, and what pprof does
VALUES = (("bytes", "bytes_alloc", "alloc_space"), ("req", "bytes_req", None),
          ("waste", "bytes_waste", "waste_space"), ("hit", "hits", "alloc_objects"),
          ("live-bytes", "live_bytes", "inuse_space"), ("live-waste", "live_waste", None),
          ("live", "live_count", "inuse_objects"))
SHOWN = {"allocated": "bytes_alloc", "wasted": "bytes_waste", "allocations": "hits",
         "live": "live_bytes", "live waste": "live_waste"}


def run(*args):
    done = subprocess.run([KMEMSTAT, "-q", "--no-debug-search", *args], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120, check=False)
    assert done.returncode == 0, f"{args}: status {done.returncode}: {done.stderr[:300]}"
    return done.stdout


def expect(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}"[:700] + f", expected {wanted!r}"[:700]


def place(frame):
    """A frame's name where it is not a function's: symbol+offset."""
    if frame["symbol"] is None:
        return frame.get("address", "[unknown]")
    module = f" [{frame['module']}]" if "module" in frame else ""
    return f"{frame['symbol']}+{frame['offset']:#x}{module}"


def functions(frame):
    """(name, file, line, inlined) of a frame, innermost first."""
    plain = frame["symbol"] or place(frame)
    return [(one["function"] or plain, one["file"] or "", one["line"] or 0, one["inlined"])
            for one in frame.get("source", [])] or [(plain, "", 0, False)]


def path(row, frames, has_stacks):
    """The names from the root to the line of the call, with whether each is inlined."""
    rows = [frames[i] for i in row["frames"]]
    out = []
    if not rows:
        return [("(no stack)", False)]
    if not has_stacks:
        file = functions(rows[0])[-1][1]
        folder, slash, name = file.rpartition("/")
        out += [(name, False) for name in ([folder] if slash else []) + [name] if name] or \
            [(rows[0].get("module", "kernel"), False)]
    for frame in reversed(rows):
        names = [[name, inlined] for name, _, _, inlined in reversed(functions(frame))]
        if "module" in frame:
            names[0][0] += f" [{frame['module']}]"
        out += map(tuple, names)
    _, file, line, _ = functions(rows[0])[0]
    return out + [(f"{file}:{line}" if file else place(rows[0]), False)]


def first_layer(report):
    return next((row["layer"] for row in report["stacks"]), "slab")


def stacks_of(report, layer):
    rows = [row for row in report["stacks"] if row["layer"] == layer]
    return rows, any(len(row["frames"]) > 1 for row in rows)


def check_collapsed(report, args):
    frames = report["stack_frames"]
    for layer in (None, *LAYERS):
        rows, has_stacks = stacks_of(report, layer or first_layer(report))
        for value, key, _ in VALUES:
            if value.startswith("live") and "timeline" not in report:
                continue
            wanted = collections.Counter()
            for row in rows:
                name = ";".join(name.replace(";", ":") + ("_[i]" if inlined else "")
                                for name, inlined in path(row, frames, has_stacks))
                wanted[name] += row[key]
            text = run("--format", "collapsed", "--value", value,
                       *(["--layer", layer] if layer else []), *args).decode()
            lines = [line.rpartition(" ") for line in text.splitlines()]
            expect([line[0] for line in lines], sorted(n for n in wanted if wanted[n]),
                   f"{layer} {value}: stacks, once each, in order")
            expect({line[0]: int(line[2]) for line in lines}, dict(+wanted), f"{layer} {value}")


def check_speedscope(report, text):
    scope = json.loads(text)
    names = [frame["name"] for frame in scope["shared"]["frames"]]
    expect(len({json.dumps(frame) for frame in scope["shared"]["frames"]}), len(names), "frames")
    found = set()
    for profile in scope["profiles"]:
        layer, _, what = profile["name"].partition(": ")
        key = SHOWN[what.removesuffix(" (not sure)")]
        found.add((layer, key))
        rows, has_stacks = stacks_of(report, layer)
        wanted, got = collections.Counter(), collections.Counter()
        for row in rows:
            wanted[tuple(n for n, _ in path(row, report["stack_frames"], has_stacks))] += row[key]
        for sample, weight in zip(profile["samples"], profile["weights"], strict=True):
            got[tuple(names[i] for i in sample)] += weight
        expect(got, +wanted, profile["name"])
        expect((profile["startValue"], profile["endValue"], profile["type"]),
               (0, sum(got.values()), "sampled"))
        expect(profile["unit"], "none" if key == "hits" else "bytes")
    expect(found, {(layer, key) for layer in LAYERS for key in SHOWN.values()
                   if sum(row.get(key, 0) for row in stacks_of(report, layer)[0])}, "profiles")


def check_pprof(report, data, has_addresses):
    profile = profileproto.decode(data)
    frames, rows = report["stack_frames"], stacks_of(report, first_layer(report))[0]
    wanted, got = collections.Counter(), collections.Counter()
    for row in rows:
        values = tuple((name, row[key]) for _, key, name in VALUES if name and key in row)
        chain = tuple((f"[{frames[i].get('module', 'kernel')}]",
                       int(frames[i]["address"], 16) if has_addresses else 0,
                       tuple(one[:3] for one in functions(frames[i]))) for i in row["frames"])
        wanted[chain, row["layer"], row["event"], row.get("size_class"), row["object_bytes"],
               tuple(sorted(values))] += 1
    for sample in profile["samples"]:
        labels = sample["labels"]
        chain = tuple((one["mapping"]["file"], one["address"],
                       tuple((line["function"]["name"], line["function"]["file"], line["line"])
                             for line in one["lines"])) for one in sample["locations"])
        got[chain, labels["layer"], labels["event"], labels.get("size_class"), labels["bytes"],
            tuple(sorted(sample["values"].items()))] += 1
    expect(got, wanted, "samples")
    expect(profile["default"], "alloc_space")
    expect(profile["duration"], report["input"]["duration_ns"] or 0)
    lost = report["quality"]["events_lost"]
    expect(any(comment.startswith(f"{lost:,} ") for comment in profile["comments"]), lost > 0)
    for kind in ("functions", "locations"):
        rows = [json.dumps({k: v for k, v in row.items() if k != "id"}, sort_keys=True)
                for row in profile[kind].values()]
        expect(len(set(rows)), len(rows), f"{kind}: each once")


def check(*args):
    report = json.loads(run("--json", "--by-stack", *args))
    check_collapsed(report, args)
    check_speedscope(report, run("--format", "speedscope", *args))
    check_pprof(report, run("--format", "pprof", *args), "--raw-ip" in args)


def go(*args):
    with tempfile.TemporaryDirectory(prefix="kmemstat-pprof-") as tmp:
        done = subprocess.run(["go", "tool", "pprof", *args], capture_output=True, text=True,
                              timeout=60, check=False, env={**os.environ, "HOME": tmp,
                                                            "PPROF_TMPDIR": tmp})
    assert done.returncode == 0, done.stderr[:500]
    return done.stdout


def check_go(*args):
    report = json.loads(run("--json", "--by-stack", *args))
    rows = stacks_of(report, "slab")[0]
    with tempfile.TemporaryDirectory(prefix="kmemstat-profiles-") as tmp:
        file = f"{tmp}/a.pb.gz"
        run("--format", f"pprof={file}", *args)
        for _, key, name in VALUES:
            if not name:
                continue
            # flat values are those of the innermost function
            wanted = collections.Counter()
            for row in rows:
                frame = report["stack_frames"][row["frames"][0]]
                wanted[functions(frame)[0][0]] += row[key]
            got = collections.Counter()
            for line in go("-top", "-nodecount=0", "-nodefraction=0", "-unit=B",
                           f"-sample_index={name}", file).splitlines():
                found = re.match(r"\s*(\d+)B?\s+[\d.]+%\s+[\d.]+%\s+\d+B?\s+[\d.]+%\s+(.*?)"
                                 r"( \(inline\))?$", line)
                if found and found[1] != "0":
                    got[found[2]] += int(found[1])
            expect(got, +wanted, name)
        top = go("-top", "-diff_base", file, file)
        assert re.search(r"0, 0% of", top), top
        raw = go("-raw", file)
        # it makes one of those that differ in nothing but offsets
        alike = {(row["event"], row["object_bytes"],
                  *(tuple(functions(report["stack_frames"][i])) for i in row["frames"]))
                 for row in rows}
        expect(len(re.findall(r"layer:\[slab\]", raw)), len(alike), "samples of -raw")


def tests():
    small = f"{TESTDATA}/small"
    for name in ("page-stacks.dat", "6.1-i386-stacks.dat", "6.12-lost.dat"):
        yield name, lambda name=name: check(f"{small}/{name}")
    yield "perf.data", lambda: check("--kallsyms", f"{small}/perf.kallsyms",
                                     f"{small}/perf-kmem.data")
    yield "text", lambda: check(f"{TESTDATA}/text/perf-script-stacks.txt")
    yield "unpaired", lambda: check("--no-pairing", f"{small}/stacks.dat")
    yield "lines and addresses", lambda: check("--raw-ip", "--debug-dir", f"{TESTDATA}/mesh",
                                               f"{TESTDATA}/mesh/trace.dat")
    yield "go tool pprof", lambda: check_go(f"{small}/page-stacks.dat")


def main():
    failed = number = 0
    for number, (name, test) in enumerate(tests(), 1):
        try:
            if name.startswith("go ") and not shutil.which("go"):
                print(f"ok {number} - {name} # SKIP no Go (package golang-go)", flush=True)
                continue
            test()
        except (AssertionError, KeyError, ValueError, IndexError) as error:
            failed += 1
            print(f"not ok {number} - {name}\n# " + f"{type(error).__name__}: {error}".replace(
                "\n", "\n# "), flush=True)
        else:
            print(f"ok {number} - {name}", flush=True)
    print(f"1..{number}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
