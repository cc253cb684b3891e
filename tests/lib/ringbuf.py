# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of the kernel's ring buffer (kernel/trace/ring_buffer.c, v6.1), written by hand.

A page: u64 time stamp, `commit` (long of the kernel: length of the data in its low 30 bits;
bit 31: events were lost before this page; bit 30: their number, a long, follows the data;
since the kernel adds `1 << 31`, an int, the high half of a 64-bit long is all ones then), then
events from offset 8 + long on. An event is a 32-bit word and its data:

    little endian: type_len in bits 0-4, time delta in bits 5-31
    big endian:    type_len in bits 27-31, time delta in bits 0-26

    type_len 1-28: that many words of data follow
    type_len 0:    a word `array[0]` follows: its own 4 bytes plus the data
    type_len 29:   padding: delta 0 ends the page, else array[0] bytes follow that word's start
    type_len 30:   time extend: delta += next word << 27
    type_len 31:   absolute time stamp: (delta | next word << 27), 59 bits
"""

import struct

MISSED_EVENTS = 1 << 31
MISSED_STORED = 1 << 30
DELTA_BITS = 27
DELTA_MAX = (1 << DELTA_BITS) - 1
TYPE_PADDING, TYPE_TIME_EXTEND, TYPE_TIME_STAMP = 29, 30, 31
MAX_SHORT_BYTES = 28 * 4


class Layout:
    """What the traced machine decides: byte order, size of long, size of a sub-buffer."""

    def __init__(self, big_endian=False, long_bytes=8, subbuf_bytes=4096, page_size=4096):
        self.big_endian = big_endian
        self.long_bytes = long_bytes
        self.subbuf_bytes = subbuf_bytes
        self.page_size = page_size
        self.order = ">" if big_endian else "<"
        self.data_offset = 8 + long_bytes

    def uint(self, value, size):
        return value.to_bytes(size, "big" if self.big_endian else "little")

    def pack(self, spec, *values):
        return struct.pack(self.order + spec, *values)

    def header_page(self):
        """The text of events/header_page, as v6.1 prints it."""
        size = self.long_bytes
        return (
            "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
            f"\tfield: local_t commit;\toffset:8;\tsize:{size};\tsigned:1;\n"
            f"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
            f"\tfield: char data;\toffset:{self.data_offset};"
            f"\tsize:{self.subbuf_bytes - self.data_offset};\tsigned:1;\n"
        )


HEADER_EVENT = (
    "# compressed entry header\n"
    "\ttype_len    :    5 bits\n"
    "\ttime_delta  :   27 bits\n"
    "\tarray       :   32 bits\n"
    "\n"
    "\tpadding     : type == 29\n"
    "\ttime_extend : type == 30\n"
    "\ttime_stamp : type == 31\n"
    "\tdata max type_len  == 28\n"
)


class CpuBuffer:
    """The pages of one CPU. Events are added in time order; pages are begun as they fill up.

    always_long: every event in the type_len 0 form, as kernels with RB_FORCE_8BYTE_ALIGNMENT do.
    dirt: the byte behind the data of a page, which readers must not look at.
    is_missed_signed: bit 31 of `commit` is extended, as real kernels do.
    """

    def __init__(self, layout, always_long=False, dirt=0, is_missed_signed=True):
        self.layout = layout
        self.always_long = always_long
        self.dirt = dirt
        self.is_missed_signed = is_missed_signed
        self.pages = []
        self._data = bytearray()
        self._start = None  # time stamp of the page being filled
        self._now = 0
        self._missed = None  # of the page being filled: None, "unknown" or a number

    def _word(self, type_len, delta):
        if self.layout.big_endian:
            return self.layout.uint(type_len << DELTA_BITS | delta, 4)
        return self.layout.uint(delta << 5 | type_len, 4)

    def _room(self):
        room = self.layout.subbuf_bytes - self.layout.data_offset - len(self._data)
        if isinstance(self._missed, int):
            room -= self.layout.long_bytes
        return room

    def _begin(self, time):
        self._start = self._now = time

    def end_page(self, pad=None):
        """Ends the page in hand. pad: "null" or "event" fills it up with a padding event; as the
        kernel does it, a null event where no other has room (rb_reset_tail(), ring_buffer.c)."""
        if self._start is None:
            return
        layout = self.layout
        room = self._room()
        if pad == "null" and room >= 12:
            self._data += self._word(TYPE_PADDING, 1) + layout.uint(room - 8, 4) + bytes(room - 12)
            self._data += self._word(TYPE_PADDING, 0)
        elif pad == "null" and room >= 4:
            self._data += self._word(TYPE_PADDING, 0) + bytes(room - 4)
        elif pad == "event" and room >= 8:
            self._data += self._word(TYPE_PADDING, 1) + layout.uint(room - 4, 4) + bytes(room - 8)
        commit = len(self._data)
        tail = b""
        if self._missed is not None:
            commit |= MISSED_EVENTS
            if self._missed != "unknown":
                commit |= MISSED_STORED
                tail = layout.uint(self._missed, layout.long_bytes)
            if self.is_missed_signed:
                commit |= (1 << 8 * layout.long_bytes) - MISSED_EVENTS
        page = layout.uint(self._start, 8) + layout.uint(commit, layout.long_bytes)
        page += bytes(self._data) + tail
        page += bytes([self.dirt]) * (layout.subbuf_bytes - len(page))
        assert len(page) == layout.subbuf_bytes
        self.pages.append(page)
        self._data = bytearray()
        self._start = None
        self._missed = None

    def lose(self, count=None):
        """Events are missing before the next one: `count` of them, or None: nobody knows."""
        self.end_page()
        self._missed = "unknown" if count is None else count

    def add(self, time, payload, how="auto"):
        """Adds an event at a time in ns. `how` chooses among the ways to write it:
        auto, long (type_len 0), extend (a time extend before it), abs (an absolute time stamp
        before it), discard (discarded: readers pass over it)."""
        payload = payload + bytes(-len(payload) % 4)
        need = 8 + 8 + len(payload)
        if self._start is not None and need > self._room():
            self.end_page()
        if self._start is None:
            self._begin(time)
        if need > self._room():
            raise ValueError("event larger than a page")
        delta = time - self._now
        assert delta >= 0
        if how == "abs":
            self._data += self._word(TYPE_TIME_STAMP, time & DELTA_MAX)
            self._data += self.layout.uint(time >> DELTA_BITS & 0xFFFFFFFF, 4)
            delta = 0
        elif how == "extend" or delta > DELTA_MAX:
            self._data += self._word(TYPE_TIME_EXTEND, delta & DELTA_MAX)
            self._data += self.layout.uint(delta >> DELTA_BITS, 4)
            delta = 0
        self._now = time
        is_long = how == "long" or self.always_long or len(payload) > MAX_SHORT_BYTES
        if how == "discard":
            # rb_event_discard(): array[0] is the length of the data less nothing; a delta of 0
            # would read as the end of the page, so it becomes 1
            if delta == 0:
                delta = 1
                self._now += 1
            self._data += self._word(TYPE_PADDING, delta)
            self._data += self.layout.uint(len(payload), 4) + payload[4:]
        elif is_long:
            self._data += self._word(0, delta) + self.layout.uint(len(payload) + 4, 4) + payload
        else:
            self._data += self._word(len(payload) // 4, delta) + payload

    def add_raw(self, data):
        """Appends bytes to the page in hand as they are."""
        self._data += data

    @property
    def now(self):
        return self._now

    def finish(self):
        self.end_page()
        return self.pages


def read_page(layout, page):
    """The events of a sound page: (time, data) each; and what was lost before it: None,
    "unknown" or a number."""

    def uint(at, size):
        return int.from_bytes(page[at:at + size], "big" if layout.big_endian else "little")

    now = uint(0, 8)
    commit = uint(8, layout.long_bytes)
    pos = layout.data_offset
    end = pos + (commit & 0x3FFFFFFF)
    missed = None
    if commit & MISSED_EVENTS:
        missed = uint(end, layout.long_bytes) if commit & MISSED_STORED else "unknown"
    events = []
    while pos < end:
        word = uint(pos, 4)
        pos += 4
        if layout.big_endian:
            type_len, delta = word >> DELTA_BITS, word & DELTA_MAX
        else:
            type_len, delta = word & 31, word >> 5
        if type_len == TYPE_PADDING:
            if delta == 0:
                break
            now += delta
            pos += uint(pos, 4)
        elif type_len == TYPE_TIME_EXTEND:
            now += delta | uint(pos, 4) << DELTA_BITS
            pos += 4
        elif type_len == TYPE_TIME_STAMP:
            # 59 bits; the rest is that of the page (rb_fix_abs_ts(), ring_buffer.c, v5.16)
            now = delta | uint(pos, 4) << DELTA_BITS | now >> 59 << 59
            pos += 4
        else:
            now += delta
            size = 4 * type_len
            if type_len == 0:
                size = uint(pos, 4) - 4
                pos += 4
            events.append((now, page[pos:pos + size]))
            pos += size
    return events, missed
