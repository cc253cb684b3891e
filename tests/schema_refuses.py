#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON Schema of the report has to refuse reports that break the contract.

usage: schema_refuses.py SCHEMA KMEMSTAT TESTDATA

Needs python3-jsonschema; exits with 77 (skipped) without it. That good reports pass is the
matter of schema.py.
"""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("skipped: no python3-jsonschema")
    sys.exit(77)

REMOVE = object()

ONLY_WITH_PAIRING = ("unknown_frees", "implied_frees")
ONLY_WITH_EVENTS = ("pages", "page_orders", "page_frames", "percpu")


# Lists that are there only if they are asked for.
ONLY_WHEN_ASKED = ("caches", "tasks", "pointers", "suppressions", "stacks", "stack_frames")


def changes(good):
    """(path, new value): what readers rely on, broken."""
    for key in good:
        # absent without pairing, or without such events
        if key not in ONLY_WHEN_ASKED + ONLY_WITH_EVENTS + ("timeline",):
            yield [key], REMOVE
    for key in good["percpu"][0]:
        yield ["percpu", 0, key], REMOVE
    yield ["percpu", 0, "callsite", "layer"], "heap"
    yield ["percpu", 0, "bytes_extra"], -1
    yield ["summary", "percpu", "possible_cpus"], "2"
    for key in ("path", "format", "cpus", "page_size", "duration_ns", "clock"):
        yield ["input", key], REMOVE
    for key in good["quality"]:
        if key not in ONLY_WITH_PAIRING:
            yield ["quality", key], REMOVE
    yield ["schema_version"], 2
    yield ["quality", "events_total"], "1"
    yield ["summary", "slab", "bytes_waste"], -1
    yield ["summary", "slab"], REMOVE
    yield ["callsites", 0, "hits"], 1.5
    yield ["callsites", 0, "symbol"], REMOVE
    yield ["callsites", 0, "symbol"], None  # and no address
    yield ["callsites", 0, "offset"], REMOVE
    yield ["callsites", 0, "frag_percent"], 101
    yield ["callsites", 0, "sizes", 0, "bytes_req"], REMOVE
    yield ["callsites", 0, "address"], "ffff"
    for key in ("freed", "bytes_live", "bytes_live_peak", "pingpong", "lifetime", "live_unsure"):
        yield ["summary", "slab", key], REMOVE
    for key in ("freed", "replaced", "pingpong", "live_bytes", "live_bytes_peak", "live_samples"):
        yield ["callsites", 0, key], REMOVE
    yield ["callsites", 0, "waste_byte_seconds"], -1
    yield ["callsites", 0, "lifetime", "histogram"], [{"from_ns": 1}]
    yield ["timeline", "ticks"], REMOVE
    yield ["timeline", "ticks", 0, "live_bytes"], REMOVE
    yield ["classes", 0, "callsites", 0, "layer"], "heap"
    yield ["caches", 0, "named_by"], "rumour"
    yield ["caches", 0, "hits"], REMOVE
    yield ["caches", 0, "slabinfo", "objs_per_slab"], REMOVE
    yield ["caches", 0, "slabinfo", "tail_percent"], 101
    yield ["tasks", 0, "pid"], "1"
    yield ["tasks", 0, "comm"], REMOVE
    yield ["tasks", 0, "live_bytes"], -1
    yield ["pointers", 0, "ptr"], "ffff"
    yield ["pointers", 0, "callsite"], {}
    yield ["suppressions", 0, "reason"], REMOVE
    yield ["suppressions", 0, "state"], "tired"
    yield ["suppressions", 0, "line"], 0
    yield ["suppressions", 0, "expires"], "soon"
    yield ["findings", 0, "suppressed"], True
    yield ["findings", 0, "severity"], "fatal"
    yield ["findings", 0, "fingerprint"], "xyz"
    yield ["findings", 0, "fingerprint_symbol"], "xyz"
    yield ["findings", 0, "callsite", "event"], REMOVE


def changed(good, path, value):
    bad = copy.deepcopy(good)
    *way, last = path
    item = bad
    for step in way:
        item = item[step]
    if value is REMOVE:
        del item[last]
    else:
        item[last] = value
    return bad


def main():
    schema_path, kmemstat, testdata = sys.argv[1:]
    schema = json.loads(pathlib.Path(schema_path).read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    mesh = pathlib.Path(testdata) / "mesh" / "trace.dat"
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as supp:
        supp.write("rule: *\nreason: x\nexpires: 2099-12-31\n")
        supp.flush()
        done = subprocess.run([kmemstat, "--no-debug-search", "--json", "--task", "--alloc",
                               "--cache", "--slabinfo", str(mesh.parent / "slabinfo"),
                               "--suppress", supp.name, str(mesh)],
                              capture_output=True, check=True, timeout=60)
    good = json.loads(done.stdout)
    # a few rows are as good as all, and faster
    for key, value in good.items():
        if isinstance(value, list):
            good[key] = value[:3]
    validator.validate(good)
    nr, let_through = 0, 0
    for path, value in changes(good):
        nr += 1
        if validator.is_valid(changed(good, path, value)):
            print(f"let through: {path} {'removed' if value is REMOVE else repr(value)}")
            let_through += 1
    print(f"{nr} broken reports, {let_through} let through")
    return 1 if let_through else 0


if __name__ == "__main__":
    sys.exit(main())
