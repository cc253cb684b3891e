# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a (sound) trace.dat file into a tracedat.Trace, to be cut down and written again."""

import re
import struct

from ringbuf import Layout
from tracedat import (MAGIC, OPT_BUFFER, OPT_DONE, SEC_CMDLINES, SEC_EVENTS, SEC_FTRACE,
                      SEC_HEADER_INFO, SEC_KALLSYMS, SEC_PRINTK, Instance, Trace, decompress)


class Cursor:
    def __init__(self, data, order, pos=0):
        self.data, self.order, self.pos = data, order, pos

    def bytes(self, size):
        got = self.data[self.pos:self.pos + size]
        if len(got) != size:
            raise ValueError(f"cut short at {self.pos}")
        self.pos += size
        return got

    def uint(self, size):
        spec = {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
        return struct.unpack(self.order + spec, self.bytes(size))[0]

    def string(self):
        end = self.data.index(b"\0", self.pos)
        got = self.data[self.pos:end]
        self.pos = end + 1
        return got


def _formats(cur):
    return [cur.bytes(cur.uint(8)) for _ in range(cur.uint(4))]


def _header_info(trace, cur):
    assert cur.string() == b"header_page"
    trace.header_page = cur.bytes(cur.uint(8))
    assert cur.string() == b"header_event"
    trace.header_event = cur.bytes(cur.uint(8))
    fields = {m[1].decode(): (int(m[2]), int(m[3])) for m in re.finditer(
        rb"(\w+);\s*offset:(\d+);\s*size:(\d+)", trace.header_page)}
    trace.layout.long_bytes = fields["commit"][1]
    trace.layout.data_offset = fields["data"][0]
    trace.layout.subbuf_bytes = fields["data"][0] + fields["data"][1]


def _events(cur):
    return [(cur.string().decode(), _formats(cur)) for _ in range(cur.uint(4))]


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(MAGIC):
        raise ValueError("not a trace.dat file")
    cur = Cursor(data, "<", len(MAGIC))
    version = int(cur.string())
    big = cur.uint(1) == 1
    user_long = cur.uint(1)
    layout = Layout(big_endian=big, long_bytes=user_long)
    cur.order = layout.order
    layout.page_size = cur.uint(4)
    trace = Trace(layout)
    trace.version, trace.user_long_bytes = version, user_long
    trace.instances = []
    (_read_v7 if version == 7 else _read_v6)(trace, cur)
    return trace


def _split(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


def _read_v6(trace, cur):
    _header_info(trace, cur)
    trace.ftrace_formats = _formats(cur)
    trace.event_formats = _events(cur)
    trace.kallsyms = cur.bytes(cur.uint(4))
    trace.printk = cur.bytes(cur.uint(4))
    trace.cmdlines = cur.bytes(cur.uint(8))
    trace.nr_cpus = cur.uint(4)
    buffers = []
    kind = cur.bytes(10)
    if kind == b"options  \0":
        while True:
            number = cur.uint(2)
            if not number:
                break
            data = cur.bytes(cur.uint(4))
            if number == OPT_BUFFER:
                buffers.append(data)
            else:
                trace.options.append((number, data))
        kind = cur.bytes(10)
    assert kind == b"flyrecord\0", kind

    def table(at, name):
        at = Cursor(cur.data, cur.order, at)
        cpus = {}
        for cpu in range(trace.nr_cpus):
            offset, size = at.uint(8), at.uint(8)
            cpus[cpu] = _split(cur.data[offset:offset + size], trace.layout.subbuf_bytes)
        clock = "local"
        if any(number == 4 for number, _ in trace.options):
            clock = at.bytes(at.uint(8)).decode().strip("[] \0")
        trace.instances.append(Instance(name, clock, cpus, trace.layout.subbuf_bytes))

    table(cur.pos, "")
    for data in buffers:
        at = Cursor(data, cur.order)
        offset = at.uint(8)
        table(offset + 10, at.string().decode())


def _read_v7(trace, cur):
    trace.compression = cur.string().decode()
    trace.compression_version = cur.string().decode()

    def section(at):
        head = Cursor(cur.data, cur.order, at)
        number, flags, _, size = head.uint(2), head.uint(2), head.uint(4), head.uint(8)
        body = Cursor(head.bytes(size), cur.order)
        if flags & 1 and number != OPT_BUFFER:
            small, big = body.uint(4), body.uint(4)
            body = Cursor(decompress(trace.compression, body.bytes(small), big), cur.order)
        return flags, body

    places, buffers = {}, []
    at = cur.uint(8)
    while at:
        _, body = section(at)
        at = 0
        while body.pos < len(body.data):
            number, size = body.uint(2), body.uint(4)
            data = body.bytes(size)
            if number == OPT_DONE:
                at = Cursor(data, cur.order).uint(8)
                break
            if number == OPT_BUFFER:
                buffers.append(data)
            elif number >= SEC_HEADER_INFO:
                places[number] = Cursor(data, cur.order).uint(8)
            else:
                trace.options.append((number, data))
    _header_info(trace, section(places[SEC_HEADER_INFO])[1])
    trace.ftrace_formats = _formats(section(places[SEC_FTRACE])[1])
    trace.event_formats = _events(section(places[SEC_EVENTS])[1])
    for number, name, size in ((SEC_KALLSYMS, "kallsyms", 4), (SEC_PRINTK, "printk", 4),
                               (SEC_CMDLINES, "cmdlines", 8)):
        if number in places:
            body = section(places[number])[1]
            setattr(trace, name, body.bytes(body.uint(size)))
    for data in buffers:
        trace.instances.append(_read_buffer(trace, Cursor(data, cur.order), cur))
    trace.nr_cpus = max([c + 1 for i in trace.instances for c in i.cpus], default=1)


def _read_buffer(trace, body, file):
    start = body.uint(8)
    flags = Cursor(file.data, file.order, start + 2).uint(2)
    name, clock = body.string().decode(), body.string().decode()
    page_bytes = body.uint(4)
    cpus = {}
    for _ in range(body.uint(4)):
        cpu, offset, size = body.uint(4), body.uint(8), body.uint(8)
        data = file.data[offset:offset + size]
        if flags & 1 and size:
            # trace-cmd 3.1.6 leaves the count of chunks out of `size`
            at = Cursor(file.data, file.order, offset)
            data = b""
            for _ in range(at.uint(4)):
                small, big = at.uint(4), at.uint(4)
                data += decompress(trace.compression, at.bytes(small), big)
        cpus[cpu] = _split(data, page_bytes)
    return Instance(name, clock, cpus, page_bytes)
