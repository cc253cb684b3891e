# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes and reads trace.dat files, as trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5) describe them.

Knows the format by itself: the tests hold kmemstat's reader against what is written here, and
trace-cmd against the same.
"""

import ctypes
import ctypes.util
import struct
import zlib

MAGIC = b"\x17\x08\x44tracing"

(OPT_DONE, OPT_DATE, OPT_CPUSTAT, OPT_BUFFER, OPT_TRACECLOCK, OPT_UNAME, OPT_HOOK, OPT_OFFSET,
 OPT_CPUCOUNT, OPT_VERSION, OPT_PROCMAPS, OPT_TRACEID, OPT_TIME_SHIFT, OPT_GUEST,
 OPT_TSC2NSEC) = range(15)
SEC_STRINGS, SEC_HEADER_INFO, SEC_FTRACE, SEC_EVENTS, SEC_KALLSYMS, SEC_PRINTK, SEC_CMDLINES = \
    range(15, 22)

_zstd = None


def _libzstd():
    global _zstd
    if _zstd is None:
        _zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
        for name in ("ZSTD_compressBound", "ZSTD_compress", "ZSTD_decompress"):
            getattr(_zstd, name).restype = ctypes.c_size_t
        _zstd.ZSTD_isError.restype = ctypes.c_uint
    return _zstd


def compress(name, data):
    if name == "zlib":
        return zlib.compress(data)
    if name == "zstd":
        lib = _libzstd()
        bound = lib.ZSTD_compressBound(ctypes.c_size_t(len(data)))
        out = ctypes.create_string_buffer(bound)
        got = lib.ZSTD_compress(out, ctypes.c_size_t(bound), data, ctypes.c_size_t(len(data)), 3)
        assert not lib.ZSTD_isError(ctypes.c_size_t(got))
        return out.raw[:got]
    return data


def decompress(name, data, size):
    if name == "zlib":
        return zlib.decompress(data)
    if name == "zstd":
        lib = _libzstd()
        out = ctypes.create_string_buffer(max(size, 1))
        got = lib.ZSTD_decompress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
        if got != size:
            raise ValueError("zstd data does not unpack to its size")
        return out.raw[:size]
    return data


class Instance:
    """A buffer: name ("" is the top level), clock, {cpu: [page, ...]}, size of a page."""

    def __init__(self, name="", clock="local", cpus=None, page_bytes=4096):
        self.name = name
        self.clock = clock
        self.cpus = cpus or {}
        self.page_bytes = page_bytes


class Trace:
    """All there is in a trace.dat file; write() makes one, read() reads one."""

    def __init__(self, layout):
        self.layout = layout
        self.version = 7
        self.compression = "none"
        self.compression_version = "1.0"
        self.user_long_bytes = layout.long_bytes
        self.header_page = layout.header_page().encode()
        self.header_event = b""
        self.ftrace_formats = []  # texts
        self.event_formats = []  # (system, [texts])
        self.kallsyms = b""
        self.printk = b""
        self.cmdlines = b""
        self.nr_cpus = 1
        self.options = []  # (id, bytes), without those that write() makes itself
        self.instances = [Instance()]
        self.chunk_pages = 10
        self.is_metadata_packed = True
        self.align = layout.page_size  # of the data in the file

    # ---- writing

    def _u(self, value, size):
        return self.layout.uint(value, size)

    def _head(self):
        return (MAGIC + b"%d\0" % self.version
                + bytes([1 if self.layout.big_endian else 0, self.user_long_bytes])
                + self._u(self.layout.page_size, 4))

    def _header_info(self):
        return (b"header_page\0" + self._u(len(self.header_page), 8) + self.header_page
                + b"header_event\0" + self._u(len(self.header_event), 8) + self.header_event)

    def _formats(self, texts):
        return self._u(len(texts), 4) + b"".join(self._u(len(t), 8) + t for t in texts)

    def _events(self):
        out = self._u(len(self.event_formats), 4)
        for system, texts in self.event_formats:
            out += system.encode() + b"\0" + self._formats(texts)
        return out

    def _option(self, number, data):
        return self._u(number, 2) + self._u(len(data), 4) + data

    def write(self, path):
        data = self.to_bytes()
        with open(path, "wb") as file:
            file.write(data)

    def to_bytes(self):
        return self._to_v7() if self.version == 7 else self._to_v6()

    def _pad(self, out):
        out += bytes(-len(out) % self.align)

    def _to_v6(self):
        """The options come before the offsets of the data, so data is laid out first."""
        head = self._head() + self._header_info() + self._formats(self.ftrace_formats)
        head += self._events()
        for blob in (self.kallsyms, self.printk):
            head += self._u(len(blob), 4) + blob
        head += self._u(len(self.cmdlines), 8) + self.cmdlines
        head += self._u(self.nr_cpus, 4)
        top = self.instances[0]
        others = self.instances[1:]
        clock = f"[{top.clock}]".encode()
        has_clock = any(number == OPT_TRACECLOCK for number, _ in self.options)
        options = b"".join(self._option(number, data) for number, data in self.options)
        size = len(head) + 10 + len(options) + 2 + 10 + 16 * self.nr_cpus
        size += sum(6 + 8 + len(i.name) + 1 for i in others)
        if has_clock:
            size += 8 + len(clock)
        body = bytearray(size)  # becomes head + options + table
        self._pad(body)
        places = {}
        for index, instance in enumerate(self.instances):
            if index:
                # the instance's own table stands before its data
                places[index] = len(body)
                body += bytes(10 + 16 * self.nr_cpus + (8 + len(clock) if has_clock else 0))
                self._pad(body)
            table = b""
            for cpu in range(self.nr_cpus):
                pages = b"".join(instance.cpus.get(cpu, []))
                table += self._u(len(body), 8) + self._u(len(pages), 8)
                body += pages
            table = b"flyrecord\0" + table
            if has_clock:
                name = f"[{instance.clock}]".encode().ljust(len(clock))[:len(clock)]
                table += self._u(len(name), 8) + name
            if index:
                body[places[index]:places[index] + len(table)] = table
            else:
                top_table = table
        options += b"".join(
            self._option(OPT_BUFFER, self._u(places[i + 1], 8) + other.name.encode() + b"\0")
            for i, other in enumerate(others))
        head += b"options  \0" + options + self._u(0, 2) + top_table
        assert len(head) == size
        body[:size] = head
        return bytes(body)

    def _section(self, out, number, data, description, packed):
        """Appends a section; returns where it is."""
        start = len(out)
        if packed:
            small = compress(self.compression, data)
            data = self._u(len(small), 4) + self._u(len(data), 4) + small
        out += self._u(number, 2) + self._u(1 if packed else 0, 2) + self._u(description, 4)
        out += self._u(len(data), 8) + data
        return start

    def _chunks(self, instance, pages):
        step = self.chunk_pages
        chunks = [b"".join(pages[i:i + step]) for i in range(0, len(pages), step)]
        out = self._u(len(chunks), 4)
        for chunk in chunks:
            small = compress(self.compression, chunk)
            out += self._u(len(small), 4) + self._u(len(chunk), 4) + small
        return out

    def _to_v7(self):
        packs = self.compression != "none"
        packs_meta = packs and self.is_metadata_packed
        strings = bytearray()

        def string(text):
            at = len(strings)
            strings.extend(text.encode(errors="surrogateescape") + b"\0")
            return at

        out = bytearray(self._head())
        out += self.compression.encode() + b"\0" + self.compression_version.encode() + b"\0"
        options_at = len(out)
        out += bytes(8)
        pointers = []
        sections = [
            (SEC_HEADER_INFO, self._header_info(), "headers"),
            (SEC_FTRACE, self._formats(self.ftrace_formats), "ftrace events"),
            (SEC_EVENTS, self._events(), "events format"),
            (SEC_KALLSYMS, self._u(len(self.kallsyms), 4) + self.kallsyms, "kallsyms"),
            (SEC_PRINTK, self._u(len(self.printk), 4) + self.printk, "printk"),
            (SEC_CMDLINES, self._u(len(self.cmdlines), 8) + self.cmdlines, "command lines"),
        ]
        for number, data, name in sections:
            if number in (SEC_KALLSYMS, SEC_PRINTK) and len(data) == 4:
                continue
            if number == SEC_CMDLINES and len(data) == 8:
                continue
            pointers.append((number, self._section(out, number, data, string(name), packs_meta)))
        first = b"".join(self._option(number, self._u(at, 8)) for number, at in pointers)
        first += b"".join(self._option(number, data) for number, data in self.options)
        first += self._option(OPT_DONE, bytes(8))
        out[options_at:options_at + 8] = self._u(len(out), 8)
        at = self._section(out, 0, first, string("options"), False)
        done_at = at + 16 + len(first) - 8
        buffers = b""
        for instance in self.instances:
            buffers += self._option(OPT_BUFFER, self._buffer(out, instance, string, packs))
        buffers += self._option(OPT_DONE, bytes(8))
        at = self._section(out, 0, buffers, string("options"), False)
        out[done_at:done_at + 8] = self._u(at, 8)
        name = string("strings")
        self._section(out, SEC_STRINGS, bytes(strings), name, packs)
        return bytes(out)

    def _buffer(self, out, instance, string, packs):
        """Appends the data of an instance; returns its option."""
        start = len(out)
        out += self._u(OPT_BUFFER, 2) + self._u(1 if packs else 0, 2)
        out += self._u(string("buffer flyrecord " + instance.name), 4) + bytes(8)
        option = self._u(start, 8) + instance.name.encode(errors="surrogateescape") + b"\0"
        option += instance.clock.encode(errors="surrogateescape") + b"\0"
        option += self._u(instance.page_bytes, 4) + self._u(len(instance.cpus), 4)
        for cpu, pages in sorted(instance.cpus.items()):
            if pages:
                self._pad(out)
            data = b""
            if pages:
                data = self._chunks(instance, pages) if packs else b"".join(pages)
            option += self._u(cpu, 4) + self._u(len(out) if data else 0, 8)
            # as trace-cmd 3.1.6 has it, without the 4 bytes of the count of chunks
            option += self._u(len(data) - (4 if data and packs else 0), 8)
            out += data
        out[start + 8:start + 16] = self._u(len(out) - start - 16, 8)
        return option
