# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes perf.data files, file and pipe mode, of any machine and with any sample_type.

Knows the format by itself (include/uapi/linux/perf_event.h, tools/perf/util/header.c, v6.1): the
tests hold kmemstat's reader against what is written here.
"""

import ctypes
import ctypes.util

import ringbuf

(IP, TID, TIME, ADDR, READ, CALLCHAIN, ID, CPU, PERIOD, STREAM_ID, RAW, BRANCH_STACK, REGS_USER,
 STACK_USER, WEIGHT, DATA_SRC, IDENTIFIER) = (1 << i for i in range(17))
PLAIN = IDENTIFIER | IP | TID | TIME | CPU | PERIOD | RAW
READ_ENABLED, READ_RUNNING, READ_ID, READ_GROUP, READ_LOST = (1 << i for i in range(5))

MMAP, LOST, COMM, THROTTLE, SAMPLE, LOST_SAMPLES = 1, 2, 3, 5, 9, 13
(ATTR, TRACING_DATA, FINISHED_ROUND, ID_INDEX, AUXTRACE, FEATURE, COMPRESSED, COMPRESSED2) = \
    64, 66, 68, 69, 71, 80, 81, 83
(F_TRACING_DATA, F_BUILD_ID, F_OSRELEASE, F_VERSION, F_ARCH, F_NRCPUS, F_NUMA_TOPOLOGY,
 F_COMPRESSED) = 1, 2, 4, 5, 6, 7, 14, 27
KERNEL_MARK = (1 << 64) - 128
USER_MARK = (1 << 64) - 512


class Catcher:
    """In the place of a ring buffer of kmem.Workload: keeps the records."""

    def __init__(self):
        self.events = []  # (time, payload), and (None, number) for lost ones
        self.now = 0

    def add(self, time, payload, _how="auto"):
        self.now = time
        self.events.append((time, payload))

    def lose(self, count=None):
        self.events.append((None, count))


def catch(load):
    """Makes a workload (without pages) write for this module."""
    load.buffers = {cpu: Catcher() for cpu in load.buffers}
    return load


class ZstdStream:
    """One zstd stream, flushed after each piece."""

    class Buffer(ctypes.Structure):
        _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t),
                    ("pos", ctypes.c_size_t)]

    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
        self.lib.ZSTD_createCCtx.restype = ctypes.c_void_p
        self.lib.ZSTD_compressStream2.restype = ctypes.c_size_t
        self.context = ctypes.c_void_p(self.lib.ZSTD_createCCtx())

    def piece(self, data):
        out = ctypes.create_string_buffer(len(data) + 4096)
        source = ctypes.create_string_buffer(data, len(data))
        to = self.Buffer(ctypes.addressof(out), len(out), 0)
        of = self.Buffer(ctypes.addressof(source), len(data), 0)
        left = self.lib.ZSTD_compressStream2(self.context, ctypes.byref(to), ctypes.byref(of),
                                             1)  # ZSTD_e_flush
        assert left == 0 and of.pos == len(data)
        return out.raw[:to.pos]


class PerfData:
    """What the recorder decides. `load` is a workload that went through catch()."""

    def __init__(self, load, sample_types=(PLAIN,), read_format=0, is_pipe=False, compression=None,
                 sample_ids=True, round_events=40, extras=True, chain=5, user_long=None,
                 release="6.1.0-test", kernel_text=None, build_id=None, numa=(),
                 is_attr_per_event=False):
        self.load, self.layout = load, load.layout
        self.sample_types = sample_types
        self.read_format = read_format
        self.is_pipe, self.compression = is_pipe, compression
        self.sample_ids = sample_ids
        self.round_events = round_events
        self.extras = extras
        self.chain = chain
        self.user_long = user_long or self.layout.long_bytes
        self.release = release
        self.kernel_text = kernel_text
        self.build_id = build_id
        self.numa = numa  # (node, "0-3,8") each
        self.boundaries = set()  # of records of the file, in pipe mode
        self.formats = [(s, f) for s, events in load.formats.items() for f in events.values()]
        # as perf record does it, and other programs of perf than script want it
        self.event_ids = [f.id for _, f in self.formats] if is_attr_per_event else []
        if is_attr_per_event:
            self.sample_types = self.sample_types[:1] * len(self.formats)

    def u(self, value, size=8):
        return self.layout.uint(value & ((1 << 8 * size) - 1), size)

    def attr_of(self, event_id):
        if self.event_ids:
            return self.event_ids.index(event_id)
        return event_id % len(self.sample_types)

    def id_of(self, attr, cpu):
        return 1000 + attr * 500 + cpu

    # ---- records

    def record(self, kind, body, misc=1):
        return self.u(kind, 4) + self.u(misc, 2) + self.u(8 + len(body), 2) + body

    def text(self, text):
        data = text.encode() + b"\0"
        return data + bytes(-len(data) % 8)

    def trail(self, cpu, time, attr=0):
        if not self.sample_ids:
            return b""
        bits = self.sample_types[attr]
        fields = ((TID, self.u(7, 4) + self.u(7, 4)), (TIME, self.u(time)),
                  (ID, self.u(self.id_of(attr, cpu))), (STREAM_ID, self.u(1)),
                  (CPU, self.u(cpu, 4) + self.u(0, 4)), (IDENTIFIER, self.u(self.id_of(attr, cpu))))
        return b"".join(data for bit, data in fields if bits & bit)

    def read_values(self):
        form = self.read_format
        times = self.u(5) * bool(form & READ_ENABLED) + self.u(6) * bool(form & READ_RUNNING)
        each = self.u(77) + self.u(1) * bool(form & READ_ID) + self.u(0) * bool(form & READ_LOST)
        return self.u(3) + times + 3 * each if form & READ_GROUP else (
            self.u(77) + times + each[8:])

    def stack(self, time):
        return [0xFFFFFFFF81000000 + (time + i) % 4096 for i in range(self.chain)]

    def sample(self, cpu, time, payload):
        event_id = int.from_bytes(payload[:2], "big" if self.layout.big_endian else "little")
        pid = int.from_bytes(payload[4:8], "big" if self.layout.big_endian else "little")
        attr = self.attr_of(event_id)
        bits = self.sample_types[attr]
        number = self.u(self.id_of(attr, cpu))
        addresses = [KERNEL_MARK] + self.stack(time) + [USER_MARK, 0x400000, 0x400010]
        raw_size = len(payload) + (-len(payload) - 4) % 8
        fields = (
            (IDENTIFIER, number), (IP, self.u(0x1234)), (TID, self.u(pid, 4) + self.u(pid, 4)),
            (TIME, self.u(time)), (ADDR, self.u(9)), (ID, number), (STREAM_ID, self.u(2)),
            (CPU, self.u(cpu, 4) + self.u(0, 4)), (PERIOD, self.u(1)),
            (READ, self.read_values()),
            (CALLCHAIN, self.u(len(addresses)) + b"".join(map(self.u, addresses))),
            (RAW, self.u(raw_size, 4) + payload + bytes(raw_size - len(payload))),
            (BRANCH_STACK, self.u(1) + bytes(24)), (REGS_USER, self.u(0)),
            (STACK_USER, self.u(0)), (WEIGHT, self.u(3)), (DATA_SRC, self.u(4)))
        return self.record(SAMPLE, b"".join(data for bit, data in fields if bits & bit))

    def lost(self, cpu, time, count):
        if count is None:
            return self.record(THROTTLE, self.u(time) + self.u(1) + self.u(1)
                               + self.trail(cpu, time))
        return self.record(LOST, self.u(1) + self.u(count) + self.trail(cpu, time))

    def opening(self):
        """Records before the first sample: tasks, the kernel's map, ids."""
        out = []
        ids = [(self.id_of(a, cpu), cpu) for a in range(len(self.sample_types))
               for cpu in self.load.buffers]
        out.append(self.record(ID_INDEX, self.u(len(ids)) + b"".join(
            self.u(i) + self.u(0) + self.u(cpu) + self.u(-1) for i, cpu in ids)))
        if self.kernel_text:
            out.append(self.record(MMAP, self.u(-1, 4) + self.u(0, 4) + self.u(self.kernel_text)
                                   + self.u(1 << 24) + self.u(self.kernel_text)
                                   + self.text("[kernel.kallsyms]_text") + self.trail(0, 0)))
        if self.extras:
            for pid in range(1, 5):
                out.append(self.record(COMM, self.u(pid, 4) + self.u(pid, 4)
                                       + self.text(f"task-{pid}") + self.trail(0, 0)))
        return out

    def records(self):
        """All records in the order a recorder writes them: rounds, CPU after CPU in each."""
        out = self.opening()
        queues = {cpu: list(b.events) for cpu, b in self.load.buffers.items()}
        order = sorted(e[0] for q in queues.values() for e in q if e[0] is not None)
        while any(queues.values()):
            until = order[min(self.round_events, len(order)) - 1] if order else None
            order = order[self.round_events:]
            for cpu, queue in queues.items():
                now = 0
                while queue and (queue[0][0] is None or until is None or queue[0][0] <= until):
                    time, what = queue.pop(0)
                    now = time or now
                    out.append(self.lost(cpu, now, what) if time is None
                               else self.sample(cpu, time, what))
            if self.round_events:
                out.append(self.record(FINISHED_ROUND, b"", 0))
        if self.extras:
            if not self.compression:  # perf does not pack it
                out.insert(len(out) // 2,
                           self.record(AUXTRACE, self.u(24) + bytes(32)) + b"A" * 24)
            out.insert(len(out) // 3, self.record(11, self.u(0) * 3 + self.trail(0, 0)))
        return out

    def packed(self, records):
        """zstd pieces of a size that cuts records."""
        stream, data, out = ZstdStream(), b"".join(records), []
        for at in range(0, len(data), 1777):
            piece = stream.piece(data[at:at + 1777])
            if self.compression == 2:
                body = self.u(len(piece)) + piece
                out.append(self.record(COMPRESSED2, body + bytes(-len(body) % 8), 0))
            else:
                out.append(self.record(COMPRESSED, piece, 0))
        return out

    # ---- what describes them

    def attr(self, index):
        data = bytearray(128)
        flags = (1 << 18 if self.sample_ids else 0) | 1
        if self.layout.big_endian:
            flags = int(f"{flags:064b}"[::-1], 2)
        event_id = self.event_ids[index] if self.event_ids else 0
        for at, value, size in ((0, 2, 4), (4, 128, 4), (8, event_id, 8), (16, 1, 8),
                                (24, self.sample_types[index], 8), (32, self.read_format, 8),
                                (40, flags, 8)):
            data[at:at + size] = self.u(value, size)
        return bytes(data)

    def ids(self, index):
        return b"".join(self.u(self.id_of(index, cpu)) for cpu in self.load.buffers)

    def tracing_data(self):
        page = self.layout.header_page().encode()
        event = ringbuf.HEADER_EVENT.encode()
        out = (b"\x17\x08\x44tracing0.6\0" + bytes([self.layout.big_endian, self.user_long])
               + self.u(self.layout.page_size, 4))
        out += b"header_page\0" + self.u(len(page)) + page
        out += b"header_event\0" + self.u(len(event)) + event
        systems = {}
        for system, form in self.formats:
            systems.setdefault(system, []).append(form.text.encode())
        ftrace = systems.pop("ftrace", [])
        out += self.u(len(ftrace), 4) + b"".join(self.u(len(t)) + t for t in ftrace)
        out += self.u(len(systems), 4)
        for system, texts in systems.items():
            out += system.encode() + b"\0" + self.u(len(texts), 4)
            out += b"".join(self.u(len(t)) + t for t in texts)
        return out + self.u(0, 4) + self.u(0, 4) + self.u(0)

    def features(self):
        def text(value):
            return self.u(64, 4) + value.encode().ljust(64, b"\0")

        nr = len(self.load.buffers)
        found = {F_OSRELEASE: text(self.release), F_VERSION: text("6.1.test"),
                 F_ARCH: text("x86_64"), F_NRCPUS: self.u(nr, 4) + self.u(nr, 4)}
        if self.build_id:
            body = self.u(-1, 4) + self.build_id.ljust(24, b"\0") + self.text("[kernel.kallsyms]")
            found[F_BUILD_ID] = self.record(0, body)
        if self.numa:
            found[F_NUMA_TOPOLOGY] = self.u(len(self.numa), 4) + b"".join(
                self.u(node, 4) + self.u(1 << 22) + self.u(1 << 21) + text(cpus)
                for node, cpus in self.numa)
        if self.compression:
            found[F_COMPRESSED] = b"".join(self.u(v, 4) for v in (1, 1, 1, 3, 4096))
        return found

    # ---- files

    def to_bytes(self):
        records = self.records()
        if self.compression:
            records = self.packed(records)
        return self.to_pipe(records) if self.is_pipe else self.to_file(records)

    def magic(self):
        return b"2ELIFREP" if self.layout.big_endian else b"PERFILE2"

    def to_pipe(self, records):
        blob = self.tracing_data()
        blob += bytes(-len(blob) % 8)
        head = [self.magic() + self.u(16)]
        head += [self.record(ATTR, self.attr(i) + self.ids(i), 0)
                 for i in range(len(self.sample_types))]
        head += [self.record(FEATURE, self.u(number) + data, 0)
                 for number, data in sorted(self.features().items())]
        head.append(self.record(TRACING_DATA, self.u(len(blob), 4), 0) + blob)
        at = 0
        for piece in head + records:
            at += len(piece)
            self.boundaries.add(at)
        return b"".join(head + records)

    def to_file(self, records):
        nr = len(self.sample_types)
        ids_at = 104
        ids = b"".join(self.ids(i) for i in range(nr))
        attrs_at = ids_at + len(ids)
        attrs = b""
        for i in range(nr):
            size = len(self.ids(i))
            attrs += self.attr(i) + self.u(ids_at + i * size) + self.u(size)
        data = b"".join(records)
        data_at = attrs_at + len(attrs)
        features = dict(self.features())
        features[F_TRACING_DATA] = self.tracing_data()
        at = data_at + len(data) + 16 * len(features)
        table = body = b""
        for number in sorted(features):
            table += self.u(at) + self.u(len(features[number]))
            body += features[number]
            at += len(features[number])
        bits = sum(1 << number for number in features)
        head = (self.magic() + self.u(104) + self.u(144) + self.u(attrs_at) + self.u(len(attrs))
                + self.u(data_at) + self.u(len(data)) + self.u(0) + self.u(0))
        head += b"".join(self.u(bits >> 64 * i) for i in range(4))
        return head + ids + attrs + data + table + body
