# SPDX-License-Identifier: GPL-2.0-or-later
"""kmem events: format files, records made from them, and a workload that knows its own sums."""

import collections
import os
import random
import re

import ringbuf
from tracedat import (OPT_CPUCOUNT, OPT_CPUSTAT, OPT_TRACECLOCK, OPT_UNAME, OPT_VERSION, Instance,
                      Trace)

KINDS = ("kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node", "kfree",
         "kmem_cache_free")
ALLOCS = KINDS[:4]
PAGE_KINDS = ("mm_page_alloc", "mm_page_free")
FAMILY = {"kmalloc": "kmalloc", "kmalloc_node": "kmalloc",
          "kmem_cache_alloc": "kmem_cache_alloc", "kmem_cache_alloc_node": "kmem_cache_alloc"}
ZERO_SIZE_PTR = 16

Field = collections.namedtuple("Field", "type name offset size signed")


class Format:
    """A `format` file of tracefs."""

    def __init__(self, text):
        self.text = text
        self.name = re.search(r"name: (\S+)", text)[1]
        self.id = int(re.search(r"ID: (\d+)", text)[1])
        self.fields = {}
        for m in re.finditer(r"field:(.*?)(\w+)(?:\[\w*\])?;\s*offset:(\d+);\s*size:(\d+);"
                             r"\s*signed:(\d);", text):
            self.fields[m[2]] = Field(m[1].strip(), m[2], int(m[3]), int(m[4]), m[5] == "1")
        # the bit of __GFP_ACCOUNT, from the table of flags in the print format
        account = re.search(r'([^{}]*), "__GFP_ACCOUNT"', text)
        self.account = 0
        if account:
            shift = re.search(r"<< \((\d+)\)", account[1])
            literal = re.search(r"0x([0-9a-f]+)u", account[1])
            self.account = 1 << int(shift[1]) if shift else int(literal[1], 16)
        self.size = max(f.offset + f.size for f in self.fields.values())

    def record(self, layout, values, string=None):
        """The bytes of a record; `string` is the value of the event's __data_loc field."""
        data = bytearray(self.size)
        values = dict(values, common_type=self.id)
        if string is not None:
            (loc,) = (f for f in self.fields.values() if f.type.startswith("__data_loc"))
            tail = string.encode(errors="surrogateescape") + b"\0"
            # the ring buffer stores whole words; the string starts right after the fields
            values[loc.name] = len(tail) << 16 | len(data)
            data += tail
        for name, value in values.items():
            field = self.fields.get(name)
            if field is None:
                continue
            mask = (1 << 8 * field.size) - 1
            data[field.offset:field.offset + field.size] = layout.uint(value & mask, field.size)
        return bytes(data)


def load_formats(directory):
    """{system: {event: Format}} of a folder testdata/formats/VERSION."""
    found = {}
    for root, _, files in sorted(os.walk(directory)):
        if "format" in files:
            system, event = root.split("/")[-2:]
            with open(os.path.join(root, "format"), encoding="utf-8") as file:
                found.setdefault(system, {})[event] = Format(file.read())
    if not found:
        raise FileNotFoundError(f"{directory}: no formats")
    return found


class Oracle:
    """What a reader must find."""

    def __init__(self):
        # (event, call site, bytes_req, bytes_alloc) -> hits
        self.groups = collections.Counter()
        self.accounted = collections.Counter()  # (event, call site) -> hits
        self.frees = collections.Counter()  # event -> hits
        self.pages = collections.Counter()  # page event -> hits
        self.page_bytes = 0
        self.counters = collections.Counter()  # as in the JSON report's "quality"
        self.per_cpu = collections.Counter()  # cpu -> events
        self.names = collections.Counter()  # cache name -> hits
        self.first_ns = None
        self.last_ns = None
        # (time, cpu, pid, event, call site, pointer, bytes_req, bytes_alloc, node)
        self.events = []

    @property
    def used(self):
        return sum(self.groups.values()) + self.counters["failed_allocs"] + sum(
            self.frees.values())

    def sites(self):
        """(family, call site) -> [hits, bytes_req, bytes_alloc], as the report groups them."""
        out = {}
        for (event, site, req, alloc), hits in self.groups.items():
            row = out.setdefault((FAMILY[event], site), [0, 0, 0])
            row[0] += hits
            row[1] += hits * req
            row[2] += hits * alloc
        return out


def kmalloc_class(size, page_size=4096):
    """SLUB's rounding: 8 to two pages with 96 and 192, then whole page orders."""
    for name in (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768,
                 65536, 131072):
        if size <= name and name <= 2 * page_size:
            return name
    order = page_size
    while order < size:
        order *= 2
    return order


class Workload:
    """Random kmem events of a machine, with their sums; the same seed gives the same events."""

    def __init__(self, layout, formats, seed=1, nr_cpus=1, nr_sites=40, start=10**9,
                 step_ns=2000, hows=("auto",), others=0.1, buffer=None, clock="local",
                 to_ns=lambda cpu, raw: raw, discards=0.0, losses=0.0,
                 cache_name=lambda index: f"cache_{index}", pointers=1 << 18, same_time=0.0,
                 bulk_frees=0.0):
        self.layout = layout
        self.formats = formats
        self.random = random.Random(seed)
        self.oracle = Oracle()
        self.nr_cpus = nr_cpus
        self.buffers = {cpu: ringbuf.CpuBuffer(layout, **(buffer or {})) for cpu in
                        range(nr_cpus)}
        self.now = start
        self.step_ns = step_ns
        self.hows = hows
        self.others = others
        self.discards = discards
        self.losses = losses
        self.clock = clock
        self.to_ns = to_ns
        self.cache_name = cache_name
        self.pointers = pointers  # how many there are
        self.same_time = same_time  # the share of events at the time of the one before
        self.bulk_frees = bulk_frees  # the share of frees that have no event
        base = 0xFFFFFFFF81000000 if layout.long_bytes == 8 else 0xC1000000
        self.text_base = base
        self.symbols = [(base + 0x1000 * (i + 1), f"test_function_{i}") for i in range(nr_sites)]
        self.kinds = [k for k in KINDS if k in formats["kmem"]]
        self.sites = [address + 0x10 + self.random.randrange(0xF00) for address, _ in
                      self.symbols]
        self.live = []

    def _pointer(self):
        if self.layout.long_bytes == 8:
            return 0xFFFF888000000000 + self.random.randrange(self.pointers * 4) * 64
        return 0xC2000000 + self.random.randrange(self.pointers) * 64

    def _count(self, cpu, kind, values, name):
        oracle = self.oracle
        ns = self.to_ns(cpu, self.now)
        oracle.first_ns = ns if oracle.first_ns is None else min(oracle.first_ns, ns)
        oracle.last_ns = ns if oracle.last_ns is None else max(oracle.last_ns, ns)
        oracle.per_cpu[cpu] += 1
        if kind in PAGE_KINDS:
            oracle.counters["events_used"] += 1
            oracle.pages[kind] += 1
            if kind == "mm_page_alloc":
                oracle.page_bytes += 4096 << values["order"]
            return
        if kind not in KINDS:
            oracle.counters["events_other"] += 1
            return
        oracle.counters["events_used"] += 1
        oracle.events.append((ns, cpu, values["common_pid"], kind, values["call_site"],
                              values["ptr"], values.get("bytes_req"), values.get("bytes_alloc"),
                              values["node"] if "node" in self.formats["kmem"][kind].fields
                              else -1))
        if kind not in ALLOCS:
            oracle.frees[kind] += 1
            if values["ptr"] == 0:
                oracle.counters["null_frees"] += 1
            elif values["ptr"] == ZERO_SIZE_PTR:
                oracle.counters["zero_size_frees"] += 1
            return
        if values["ptr"] == 0:
            oracle.counters["failed_allocs"] += 1
            return
        oracle.groups[kind, values["call_site"], values["bytes_req"], values["bytes_alloc"]] += 1
        form = self.formats["kmem"][kind]
        is_accounted = (values["accounted"] if "accounted" in form.fields
                        else bool(values["gfp_flags"] & form.account))
        if is_accounted:
            oracle.accounted[FAMILY[kind], values["call_site"]] += 1
        if name is not None:
            oracle.names[name] += 1

    def _alloc(self, kind):
        rand = self.random
        index = rand.randrange(len(self.sites))
        size = (index * 37 + rand.choice((0, 0, 0, 8, 300))) % 20000 + 1
        if kind.startswith("kmem_cache"):
            size = 40 + index * 8
            alloc = (size + 63) // 64 * 64
        else:
            alloc = kmalloc_class(size, self.layout.page_size)
        form = self.formats["kmem"][kind]
        flags = 0xCC0 | (form.account if rand.random() < 0.3 else 0)
        pointer = 0 if rand.random() < 0.01 else self._pointer()
        name = None
        if any(f.type.startswith("__data_loc") for f in form.fields.values()):
            name = self.cache_name(index)
        values = {"call_site": self.sites[index], "ptr": pointer, "bytes_req": size,
                  "bytes_alloc": alloc, "gfp_flags": flags, "node": index % 4 - 1,
                  "accounted": int(rand.random() < 0.3)}
        if pointer:
            self.live.append((pointer, kind))
        return values, name

    def _free(self, kind):
        rand = self.random
        pointer = self._pointer()
        if self.live and rand.random() < 0.8:
            while self.bulk_frees and rand.random() < self.bulk_frees and len(self.live) > 1:
                self.live.pop(rand.randrange(len(self.live)))
            pointer = self.live.pop(rand.randrange(len(self.live)))[0]
        elif kind == "kfree":
            pointer = rand.choice((0, ZERO_SIZE_PTR, pointer))
        form = self.formats["kmem"][kind]
        name = None
        if any(f.type.startswith("__data_loc") for f in form.fields.values()):
            name = self.cache_name(0)
        return {"call_site": rand.choice(self.sites) + 4, "ptr": pointer}, name

    def _other(self):
        """An event that is not of the slab allocator, and its fields."""
        choices = [(s, e) for s, e in (("ftrace", "kernel_stack"), ("sched", "sched_switch"),
                                       ("kmem", "mm_page_alloc"), ("kmem", "mm_page_free"))
                   if e in self.formats.get(s, {})]
        system, event = self.random.choice(choices)
        values = {}
        if event in PAGE_KINDS:
            values = {"pfn": self.random.randrange(1, 1 << 20), "order": self.random.randrange(4),
                      "migratetype": self.random.randrange(3)}
        return self.formats[system][event], values

    def add(self, count):
        """Adds that many events, spread over the CPUs."""
        rand = self.random
        for _ in range(count):
            cpu = rand.randrange(self.nr_cpus)
            buffer = self.buffers[cpu]
            if not self.same_time or rand.random() >= self.same_time:
                self.now += rand.randrange(1, 2 * self.step_ns)
            how = rand.choice(self.hows)
            if rand.random() < self.losses:
                lost = rand.choice((None, 1, 17, 4000))
                buffer.lose(lost)
                if lost is None:
                    self.oracle.counters["gaps_unknown"] += 1
                else:
                    self.oracle.counters["events_lost"] += lost
            common = {"common_pid": rand.randrange(1, 50), "common_flags": 1}
            if rand.random() < self.others:
                form, values = self._other()
                values.update(common)
                buffer.add(self.now, form.record(self.layout, values), how)
                self._count(cpu, form.name, values, None)
                continue
            kind = rand.choice(self.kinds)
            values, name = self._alloc(kind) if kind in ALLOCS else self._free(kind)
            values.update(common)
            data = self.formats["kmem"][kind].record(self.layout, values, name)
            if rand.random() < self.discards:
                buffer.add(self.now, data, "discard")
                self.now = max(self.now, buffer.now)
                continue
            buffer.add(self.now, data, how)
            self._count(cpu, kind, values, name if kind in ALLOCS else None)

    def end_pages(self, pad=None):
        for buffer in self.buffers.values():
            buffer.end_page(pad)

    def instance(self, name=""):
        return Instance(name, self.clock, {cpu: b.finish() for cpu, b in self.buffers.items()},
                        self.layout.subbuf_bytes)

    def kallsyms(self):
        digits = 2 * self.layout.long_bytes
        lines = [(self.text_base, "_stext")] + self.symbols
        lines.append((self.text_base + 0x1000 * (len(self.symbols) + 2), "_etext"))
        return "".join(f"{a:0{digits}x} T {n}\n" for a, n in lines).encode()

    def trace(self, release="6.1.0-test", machine="x86_64"):
        """A trace.dat of all that was added, with one buffer."""
        trace = Trace(self.layout)
        trace.header_event = ringbuf.HEADER_EVENT.encode()
        trace.ftrace_formats = [f.text.encode() for f in self.formats.get("ftrace",
                                                                          {}).values()]
        trace.event_formats = [(s, [f.text.encode() for f in events.values()])
                               for s, events in self.formats.items() if s != "ftrace"]
        trace.kallsyms = self.kallsyms()
        trace.cmdlines = "".join(f"{pid} task-{pid}\n" for pid in range(1, 50)).encode()
        trace.nr_cpus = self.nr_cpus
        trace.options = [
            (OPT_TRACECLOCK, f"[{self.clock}] global counter\n".encode() + b"\0"),
            (OPT_UNAME, f"Linux host {release} {machine}".encode() + b"\0"),
            (OPT_VERSION, b"3.1.6\0"),
        ]
        for cpu in range(self.nr_cpus):
            text = (f"CPU: {cpu}\nentries: 0\noverrun: 0\ncommit overrun: 0\nbytes: 0\n"
                    "dropped events: 0\nread events: 0\n")
            trace.options.append((OPT_CPUSTAT, text.encode() + b"\0"))
        trace.options.append((OPT_CPUCOUNT, self.layout.uint(self.nr_cpus, 4)))
        trace.instances = [self.instance()]
        return trace
