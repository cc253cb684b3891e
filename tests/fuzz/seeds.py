#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the seed corpora of the fuzz targets: seeds.py KMEMSTAT TESTDATA DIR

DIR/TARGET/ gets small files: recorded traces of testdata/ as they are, and tiny ones of machines
that none was recorded on, made by the generators of the tests.
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..")]

import damage  # noqa: E402
import kmem  # noqa: E402
import perfdata as pd  # noqa: E402
import readdat  # noqa: E402
import ringbuf  # noqa: E402

# the test, whose name is that of the generator
_spec = importlib.util.spec_from_file_location("perfdata_test",
                                               os.path.join(HERE, "..", "perfdata.py"))
perfdata = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(perfdata)

# A fuzzer gets through more small files than large ones.
MOST_BYTES = 45000

BE32 = {"big_endian": True, "long_bytes": 4}


def tiny_traces(testdata):
    """trace.dat files of some KB: with pages, stacks, names of caches, losses, two instances."""
    found = {name: data for name, (data, _) in damage.tiny_files(testdata).items()}
    for name, formats, layout, version, compression in (
            ("all-5.10", "5.10-x86_64", {}, 7, "zstd"),
            ("all-6.18", "6.18-x86_64", {}, 7, "none"),
            ("all-6.18-v6", "6.18-x86_64", {}, 6, "none"),
            ("all-i386", "6.1-i386", {"long_bytes": 4}, 7, "none"),
            ("all-be64", "6.12-x86_64", {"big_endian": True}, 7, "zlib"),
            ("all-be32", "6.1-i386", BE32, 7, "none")):
        layout = ringbuf.Layout(subbuf_bytes=512, **layout)
        forms = {system: damage.short_formats_of(events)
                 for system, events in kmem.load_formats(
                     os.path.join(testdata, "formats", formats)).items()}
        load = kmem.Workload(layout, forms, nr_sites=4, nr_cpus=2, others=0.3, losses=0.03,
                             hows=("auto", "long", "extend", "abs"), pointers=16)
        load.add(60)
        trace = load.trace()
        trace.version, trace.compression, trace.chunk_pages = version, compression, 2
        trace.align = 64
        trace.instances.append(load.instance("second"))
        found[name] = trace.to_bytes()
    return found


def seeds_tracedat(testdata, _):
    found = tiny_traces(testdata)
    for path in sorted((testdata / "small").glob("*.dat")):
        if path.stat().st_size <= MOST_BYTES:
            found[path.name] = path.read_bytes()
    return found


def seeds_perfdata(testdata, _):
    found = {name: perfdata.tiny(testdata, name)[0] for name in perfdata.TINY}
    for name, (formats, layout, options, more) in perfdata.VARIANTS.items():
        if name == "many-cpus":
            continue
        load = kmem.Workload(ringbuf.Layout(**layout), damage.short_formats(
            testdata, formats, ("kmalloc", "kfree", "kmem_cache_alloc", "mm_page_alloc")),
            **{"nr_sites": 3, "nr_cpus": 2, **more})
        pd.catch(load).add(30)
        found[name] = pd.PerfData(load, chain=2, **options).to_bytes()
    return found


def seeds_text(testdata, _):
    found = {}
    for path in sorted((testdata / "text").glob("*.txt")):
        lines = path.read_bytes().splitlines(keepends=True)
        found[path.name] = b"".join(lines[:40])
    found["kinds"] = b"".join(b"  sh-98  [001] d..1. 23.%06d: %s\n" % (i, event) for i, event in
                              enumerate(TEXT_EVENTS * 2))
    found["perf-kinds"] = b"".join(b"sh x 98/98 [001] 23.%06d: kmem:%s\n" % (i, event)
                                   for i, event in enumerate(TEXT_EVENTS))
    return found


TEXT_EVENTS = [
    b"kmalloc: call_site=f_one+0x1b/0x40 ptr=ffff888100012340 bytes_req=100 bytes_alloc=128 "
    b"gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO node=-1 accounted=true",
    b"kmem_cache_alloc_node: call_site=ffffffff8139a1b0 ptr=00000000019df0c1 bytes_req=8 "
    b"bytes_alloc=8 gfp_flags=GFP_ATOMIC node=1",
    b"kfree: call_site=f_two+0x1c/0x40 [mod] ptr=(null)",
    b"kmem_cache_free: call_site=f_one+0x1c/0x40 ptr=0xffff888100012340 name=a cache",
    b"mm_page_alloc: page=0000000012345678 pfn=0x1234 order=1 migratetype=1 gfp_flags=GFP_KERNEL",
    b"mm_page_free: page=0000000012345678 pfn=4660 order=1",
    b"percpu_alloc_percpu: call_site=f_two+0x2b/0x40 [mod] reserved=0 is_atomic=1 size=8 align=4 "
    b"base_addr=ffff888100012340 off=64 ptr=ffff888100012380 bytes_alloc=16 "
    b"gfp_flags=GFP_KERNEL|__GFP_ACCOUNT",
    b"percpu_free_percpu: base_addr=ffff888100012340 off=64 ptr=ffff888100012380",
    b"percpu_create_chunk: base_addr=ffff888100012340",
    b"percpu_destroy_chunk: base_addr=ffff888100012340",
    b"sched_switch: prev_comm=a: b prev_pid=5 ==> next_comm=c",
]


def seeds_formats(testdata, _):
    found = {}
    for folder in sorted((testdata / "formats").iterdir()):
        if not folder.is_dir():
            continue
        page = (folder / "header_page").read_bytes() + b"\0"
        for path in sorted(folder.glob("*/*/format")):
            text = path.read_bytes()
            event = path.parent
            name = f"{folder.name}-{event.name}"
            whole = page + event.parent.name.encode() + b"\n" + text + b"\0"
            found[name] = whole
            # the long tables of flags leave a fuzzer little else to change
            found[name + "-short"] = re.sub(rb"(\{[^{}]*\}, ){4,}", b"", whole)
    return found


def seeds_kallsyms(testdata, _):
    found = {"perf.kallsyms": (testdata / "small" / "perf.kallsyms").read_bytes(),
             "mesh": (testdata / "mesh" / "kallsyms").read_bytes()[:6000],
             "mesh-end": (testdata / "mesh" / "kallsyms").read_bytes()[-6000:]}
    for name in ("6.12.dat", "6.1-i386.dat"):
        found[name] = readdat.read(testdata / "small" / name).kallsyms[:5000]
    return found


def seeds_slabinfo(testdata, _):
    return {str(path.relative_to(testdata)).replace("/", "-"):
            b"".join(path.read_bytes().splitlines(keepends=True)[:20])
            for path in sorted(testdata.glob("*/slabinfo*"))}


def seeds_topology(_testdata, _):
    return {"list": b"0:0-3,8-11,1:4-7,12-15",
            "lscpu": b"# The following is the parsable format\n# CPU,Core,Socket,Node,,L1d\n"
                     b"0,0,0,0,,0\n1,1,0,0,,1\n2,2,1,1,,2\n3,3,1,-,,3\n4,4,1,,,4\n",
            "crlf": b"# CPU,Node\r\n0,0\r\n1,1\r\n"}


def seeds_stanzas(_testdata, _):
    return {"suppressions": b"# scratch space\nrule: waste\nsymbol: parse_*\nmodule: mac80211\n"
                            b"reason: freed at once\n\nfile: net/mac80211/mesh.c\nstruct: mesh_*\n"
                            b"fingerprint: 0123456789abcdef\nreason: to be mended\n"
                            b"expires: 2026-11-20\n",
            "crlf": b"rule: just-over\r\nmodule: -\r\nreason: of the kernel itself\r\n",
            "budget": b"file: net/mac80211/*\nwaste: 4M\nhits: 8000\nlive: 1.5M\n\n"
                      b"symbol: mesh_rmc_*\nwaste: 50%\n\nmodule: -\nwaste: 1G\n"}


def seeds_model(_testdata, _):
    return {"file": b"# classes\nname mine\nclass 8 16 32\nstep 16 to 128\nclass 256 512 1k 8k\n"
                    b"slabs pages\n",
            "directives": b"page 4096\nheader 8\nlarge pages\nclass 64 96\r\nslabs slub\n",
            "names": b"slub:min=128,page=64k,no96,no384,nocg",
            "more-names": b"netbsd-2009:mid,jemalloc:quantum=16,slob,tcmalloc:page=8k",
            "all": b"all"}


def seeds_report(testdata, kmemstat):
    found = {}
    with_tmp = os.path.join(sys.argv[3], "tiny.dat")
    for name, data in tiny_traces(testdata).items():
        pathlib.Path(with_tmp).write_bytes(data)
        done = subprocess.run([kmemstat, "--json", "--no-debug-search", "--quiet", with_tmp],
                              stdout=subprocess.PIPE, check=True)
        # without the indentation, which is nothing to change
        found[name] = re.sub(rb"\n\s+", b"\n", done.stdout)
    os.unlink(with_tmp)
    found["least"] = b'{"schema_version":1}'
    return found


def seeds_pipe(testdata, kmemstat):
    """Of each format a few."""
    found = seeds_text(testdata, kmemstat)
    for name, data in seeds_perfdata(testdata, kmemstat).items():
        found[f"{name}.data"] = data
    for name in ("all-6.18", "all-be64"):
        found[f"{name}.dat"] = tiny_traces(testdata)[name]
    return found


def seeds_stored(testdata, kmemstat):
    """Reports of one machine, and of several added up."""
    found = seeds_report(testdata, kmemstat)
    whole = sorted(name for name in found if name != "least")[:2]
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / f"{name}.json" for name in whole]
        for path, name in zip(paths, whole):
            path.write_bytes(found[name])
        done = subprocess.run([kmemstat, "merge", "--quiet", *paths], stdout=subprocess.PIPE,
                              check=True)
    found["merged"] = re.sub(rb"\n\s+", b"\n", done.stdout)
    return found


def main():
    kmemstat, testdata, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    for name, make in globals().copy().items():
        if not name.startswith("seeds_"):
            continue
        folder = out / name.removeprefix("seeds_")
        folder.mkdir(exist_ok=True)
        for seed, data in make(testdata, kmemstat).items():
            (folder / seed).write_bytes(data)


if __name__ == "__main__":
    main()
