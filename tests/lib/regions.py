# SPDX-License-Identifier: GPL-2.0-or-later
"""Which bytes of a trace are what: [(start, end, name)], in order, without gaps.

Knows trace.dat as readdat does (trace-cmd.dat.v6(5), v7(5)), and perf.data and texts a little; of
compressed data it knows only that it is that.
"""

import re

import readdat
import ringbuf
from ringbuf import DELTA_BITS, MISSED_EVENTS, MISSED_STORED
from tracedat import (MAGIC, OPT_BUFFER, OPT_DONE, OPT_TRACECLOCK, SEC_CMDLINES, SEC_EVENTS,
                      SEC_FTRACE, SEC_HEADER_INFO, SEC_KALLSYMS, SEC_PRINTK)


class Map:
    def __init__(self, data):
        self.data = data
        self.names = ["other"] * len(data)

    def mark(self, start, end, name):
        for at in range(start, min(end, len(self.names))):
            self.names[at] = name

    def name_of(self, byte):
        return self.names[byte]


class TraceDat(Map):
    def __init__(self, data):
        super().__init__(data)
        cur = readdat.Cursor(data, "<", len(MAGIC))
        self.version = int(cur.string())
        self.is_big = cur.uint(1) == 1
        self.user_long = cur.uint(1)
        cur.order = ">" if self.is_big else "<"
        cur.uint(4)
        self.mark(0, cur.pos, "file head")
        self.cur = cur
        self.layout = ringbuf.Layout(big_endian=self.is_big)
        self.fields = {}  # event id -> {offset: name}
        (self._v7 if self.version == 7 else self._v6)()

    def _text(self, name, size):
        start = self.cur.pos
        self.cur.bytes(size)
        self.mark(start, self.cur.pos, name)
        return self.data[start:self.cur.pos]

    def _number(self, size, name="length"):
        start = self.cur.pos
        value = self.cur.uint(size)
        self.mark(start, self.cur.pos, name)
        return value

    def _header_info(self):
        for name in (b"header_page", b"header_event"):
            self._text("tag", len(name) + 1)
            text = self._text(name.decode(), self._number(8))
            if name == b"header_page":
                found = {m[1].decode(): (int(m[2]), int(m[3])) for m in re.finditer(
                    rb"(\w+);\s*offset:(\d+);\s*size:(\d+)", text)}
                self.layout.long_bytes = found["commit"][1]
                self.layout.data_offset = found["data"][0]
                self.layout.subbuf_bytes = sum(found["data"])

    def _format(self):
        size = self._number(8)
        start = self.cur.pos
        text = self._text("format", size)
        at = start
        number, fields = 0, {}
        for line in text.splitlines(keepends=True):
            match = re.match(rb"\s*(name|ID|format|field|print fmt)", line)
            name = match[1].decode() if match else "blank"
            self.mark(at, at + len(line), f"format {name}")
            if name == "ID":
                number = int(line.split()[1])
            if name == "field":
                match = re.search(rb"(\w+)(\[\w*\])?;\s*offset:(\d+);\s*size:(\d+)", line)
                self.mark(at + match.start(1), at + match.end(1), "format field name")
                self.mark(at + match.start(3), at + match.end(3), "format field offset")
                self.mark(at + match.start(4), at + match.end(4), "format field size")
                for byte in range(int(match[4])):
                    fields[int(match[3]) + byte] = match[1].decode()
            at += len(line)
        self.fields[number] = fields

    def _formats(self):
        for _ in range(self._number(4)):
            self._format()

    def _events(self):
        for _ in range(self._number(4)):
            start = self.cur.pos
            self.cur.string()
            self.mark(start, self.cur.pos, "system name")
            self._formats()

    def _option(self):
        number = self._number(2, "option number")
        size = self._number(4)
        if number == OPT_BUFFER:
            return number, self._text("buffer option", size)
        name = {OPT_TRACECLOCK: "option clock", OPT_DONE: "option done"}.get(number, "option")
        if number >= SEC_HEADER_INFO:
            name = "section offset"
        return number, self._text(name, size)

    def _v6(self):
        self._header_info()
        self._formats()
        self._events()
        self._text("kallsyms", self._number(4))
        self._text("printk", self._number(4))
        self._text("cmdlines", self._number(8))
        cpus = self._number(4, "CPU count")
        tables = []
        if self._text("tag", 10) == b"options  \0":
            while True:
                at = self.cur.pos
                if self.cur.uint(2) == 0:
                    self.mark(at, at + 2, "options end")
                    break
                self.cur.pos = at
                number, data = self._option()
                if number == OPT_BUFFER:
                    tables.append(readdat.Cursor(data, self.cur.order).uint(8) + 10)
            self._text("tag", 10)
        for at in [self.cur.pos] + tables:
            self.cur.pos = at
            for _ in range(cpus):
                offset, size = self._number(8, "data offset"), self._number(8, "data size")
                self._pages(offset, size)
            self._text("option clock", self._number(8))

    def _section(self, at):
        self.cur.pos = at
        self._number(2, "section id")
        self._number(2, "section flags")
        self._number(4, "section description")
        return self._number(8, "section size")

    def _v7(self):
        for name in ("compression", "compression version"):
            start = self.cur.pos
            self.cur.string()
            self.mark(start, self.cur.pos, name)
        at = self._number(8, "options offset")
        places, buffers = {}, []
        while at:
            end = self._section(at) + self.cur.pos
            at = 0
            while self.cur.pos < end:
                number, data = self._option()
                value = readdat.Cursor(data, self.cur.order)
                if number == OPT_DONE:
                    at = value.uint(8)
                    break
                if number == OPT_BUFFER:
                    buffers.append((self.cur.pos - len(data), data))
                elif number >= SEC_HEADER_INFO:
                    places[number] = value.uint(8)
        for number, at in places.items():
            self._section(at)
            if number == SEC_HEADER_INFO:
                self._header_info()
            elif number in (SEC_FTRACE, SEC_EVENTS):
                (self._formats if number == SEC_FTRACE else self._events)()
            else:
                name = {SEC_KALLSYMS: "kallsyms", SEC_PRINTK: "printk",
                        SEC_CMDLINES: "cmdlines"}[number]
                self._text(name, self._number(8 if number == SEC_CMDLINES else 4))
        for at, data in buffers:
            self._buffer(at)

    def _buffer(self, at):
        self.cur.pos = at
        start = self._number(8, "buffer offset")
        for name in ("buffer name", "option clock"):
            begin = self.cur.pos
            self.cur.string()
            self.mark(begin, self.cur.pos, name)
        self.layout.subbuf_bytes = self._number(4, "buffer page size")
        tables = []
        for _ in range(self._number(4, "CPU count")):
            self._number(4, "CPU number")
            tables.append((self._number(8, "data offset"), self._number(8, "data size")))
        self._section(start)
        for offset, size in tables:
            self._pages(offset, size)

    def _uint(self, at, size):
        return int.from_bytes(self.data[at:at + size], "big" if self.is_big else "little")

    def _pages(self, offset, size):
        for page in range(offset, offset + size, self.layout.subbuf_bytes):
            self._page(page)

    def _page(self, page):
        layout = self.layout
        self.mark(page, page + layout.subbuf_bytes, "page rest")
        self.mark(page, page + 8, "page time")
        self.mark(page + 8, page + layout.data_offset, "page commit")
        commit = self._uint(page + 8, layout.long_bytes)
        at = page + layout.data_offset
        end = at + (commit & 0x3FFFFFFF)
        if commit & MISSED_EVENTS and commit & MISSED_STORED:
            self.mark(end, end + layout.long_bytes, "page lost")
        while at < end:
            at = self._event(at)

    def _event(self, at):
        """One event; returns where the next is."""
        word = self._uint(at, 4)
        type_len = word >> DELTA_BITS if self.layout.big_endian else word & 31
        self.mark(at, at + 4, "event head")
        at += 4
        if type_len >= 29:
            # whatever else: a second word
            more = self._uint(at, 4)
            self.mark(at, at + 4, "event time" if type_len > 29 else "event padding")
            return at + (more if type_len == 29 else 4)
        size = 4 * type_len
        if not type_len:
            size = self._uint(at, 4) - 4
            self.mark(at, at + 4, "event length")
            at += 4
        self.mark(at, at + size, "event padding")
        for offset, name in self.fields.get(self._uint(at, 2), {}).items():
            self.mark(at + offset, at + offset + 1, f"field {name}")
        return at + size
