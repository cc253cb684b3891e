#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--percpu-replay against the two percpu allocators written down a second time, with a byte for each
four bytes of a chunk, and lists of areas.

usage: percpu_oracle.py KMEMSTAT TESTDATA

The events are those of `kmemstat dump`, of a recorded trace and of texts made here.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile

PAGE, BLOCK = 4096, 1024


def up(value, align):
    return -(-value // align) * align


def alignment(start):
    return start & -start if start else 1 << 40


class Hint:
    def __init__(self, size):
        self.size, self.start = size, 0

    def note(self, start, end):
        size = end - start
        if size > self.size or (size == self.size and alignment(start) > alignment(self.start)):
            self.size, self.start = size, start

    def overlaps(self, start, end):
        return start < self.start + self.size and self.start < end


def words(start, end):
    return len({bit // 64 for bit in range(start, end)})


class Bitmap:
    least = 4

    def __init__(self, size):
        self.bits, self.used, self.objects = size // 4, bytearray(size // 4), {}
        self.size, self.whole = size, Hint(size // 4)
        self.blocks = [Hint(BLOCK) for _ in range(self.bits // BLOCK)]

    def areas(self, start, end):
        return [match.span() for match in re.compile(b"\0+").finditer(self.used, start, end)]

    def left(self, index):
        areas = self.areas(index * BLOCK, index * BLOCK + BLOCK)
        return areas[0][1] - areas[0][0] if areas and areas[0][0] == index * BLOCK else 0

    def right(self, index):
        end = index * BLOCK + BLOCK
        areas = self.areas(index * BLOCK, end)
        return areas[-1][1] - areas[-1][0] if areas and areas[-1][1] == end else 0

    def first_block(self):
        found = self.used.find(0)
        return found // BLOCK if found >= 0 else len(self.blocks)

    def refresh(self):
        steps = len(self.blocks) - self.first_block()
        self.whole.size = 0
        for span in self.areas(0, self.bits):
            # what lies within a block counts if it is that block's largest
            block = span[0] // BLOCK
            hint = self.blocks[block]
            inside = (span[1] - 1) // BLOCK == block and span[1] % BLOCK
            if not inside or span[0] % BLOCK == 0 or hint.start == span[0] - block * BLOCK:
                self.whole.note(*span)
        return steps

    def search(self, bits, align):
        """Where to begin, and steps."""
        open_bits, open_start, steps = 0, 0, 0
        for i in range(self.first_block(), len(self.blocks)):
            hint, base = self.blocks[i], i * BLOCK
            steps += 1
            if open_bits:
                open_bits += self.left(i)
                if open_bits >= bits:
                    return open_start, steps
                if self.left(i) == BLOCK:
                    continue
            if hint.size and up(hint.start, align) - hint.start + bits <= hint.size:
                return self.used.find(0, base), steps
            open_start = base + up(BLOCK - self.right(i), align)
            open_bits = base + BLOCK - open_start
            if open_bits >= bits:
                return open_start, steps
        return None, steps

    def alloc(self, size, align):
        bits, align = size // 4, align // 4
        if up(self.whole.start, align) - self.whole.start + bits > self.whole.size:
            return None, 0
        start, steps = self.search(bits, align)
        if start is None:
            return None, steps
        while True:
            steps += 1
            start = up(self.used.find(0, start), align)
            assert start + bits <= self.bits
            taken = self.used.find(1, start, start + bits)
            if taken < 0:
                break
            start = taken + 1
        return start * 4, steps + self.use(start, start + bits)

    def use(self, start, end):
        steps = 0
        assert not any(self.used[start:end]), "a place was given out twice"
        self.used[start:end] = b"\1" * (end - start)
        self.objects[start] = end
        for i in range(start // BLOCK, (end - 1) // BLOCK + 1):
            base, hint = i * BLOCK, self.blocks[i]
            if hint.overlaps(max(start - base, 0), min(end - base, BLOCK)):
                hint.size = 0
                for span in self.areas(base, base + BLOCK):
                    hint.note(span[0] - base, span[1] - base)
                    steps += 1
        if self.whole.overlaps(start, end):
            steps += self.refresh()
        return steps

    def free(self, offset):
        start = offset // 4
        end = self.objects.pop(start)
        # its end is the next bound
        steps = words(start + 1, min(end, self.bits) + 1)
        self.used[start:end] = bytes(end - start)
        first, last = start // BLOCK, (end - 1) // BLOCK
        low, high = first * BLOCK, (last + 1) * BLOCK
        hint, whole_start, whole_end = self.blocks[first], start, end
        while whole_start > low and not self.used[whole_start - 1]:
            whole_start -= 1
        while whole_end < high and not self.used[whole_end]:
            whole_end += 1
        if not (hint.size and start - low == hint.start + hint.size):
            steps += words(max(whole_start - 1, low), start)
        hint = self.blocks[last]
        if not (hint.size and end - last * BLOCK == hint.start):
            steps += words(end, min(whole_end + 1, high))
        for i in range(first, last + 1):
            base = i * BLOCK
            self.blocks[i].note(max(whole_start - base, 0), min(whole_end - base, BLOCK))
        if first != last or whole_end - whole_start == BLOCK:
            steps += self.refresh()
        else:
            self.whole.note(whole_start, whole_end)
        return steps

    def taken(self):
        return 4 * sum(self.used)

    def top(self):
        return 4 * (self.used.rfind(1) + 1)

    def slot_size(self):
        return 4 * self.whole.size if self.taken() < self.size else 0

    def skips(self, _):
        return False


class AreaMap:
    """Areas as [start, end, is it used]."""
    least = 2

    def __init__(self, size):
        self.size, self.areas, self.first, self.largest = size, [[0, size, False]], 0, size

    def alloc(self, size, align):
        seen, first, steps = 0, None, 0
        for i in range(self.first, len(self.areas)):
            steps += 1
            start, end, used = self.areas[i]
            if used:
                continue
            offset = up(start, align)
            if end < offset + size:
                first = i if first is None else first
                seen = max(seen, end - start)
                continue
            head = offset - start
            pieces = []
            if head and not self.areas[i - 1][2]:
                self.areas[i - 1][1] = offset
                seen = max(seen, offset - self.areas[i - 1][0])
            elif 0 < head < 4:
                self.areas[i - 1][1] = offset
            elif head:
                pieces.append([start, offset, False])
                first = i if first is None else first
                seen = max(seen, head)
            stop = end if end - offset - size < 4 else offset + size
            pieces.append([offset, stop, True])
            here = i + len(pieces) - 1
            if stop < end:
                pieces.append([stop, end, False])
                seen = max(seen, end - stop)
            self.areas[i:i + 1] = pieces
            self.first = here + 1 if first is None else first
            self.largest = seen if stop == self.size else max(self.largest, seen)
            return offset, steps
        if first is not None:
            self.first = first
        self.largest = seen
        return None, steps

    def free(self, offset):
        low, high, steps = 0, len(self.areas), 0
        while True:
            middle = (low + high) // 2
            steps += 1
            start = self.areas[middle][0]
            if start == offset:
                break
            low, high = (middle + 1, high) if start < offset else (low, middle)
        i = middle
        assert self.areas[i][2]
        self.areas[i][2] = False
        self.first = min(self.first, i)
        if i + 1 < len(self.areas) and not self.areas[i + 1][2]:
            self.areas[i][1] = self.areas.pop(i + 1)[1]
        if i and not self.areas[i - 1][2]:
            self.areas[i - 1][1] = self.areas.pop(i)[1]
            i -= 1
        self.largest = max(self.largest, self.areas[i][1] - self.areas[i][0])
        return steps

    def taken(self):
        return sum(end - start for start, end, used in self.areas if used)

    def top(self):
        return max((end for _, end, used in self.areas if used), default=0)

    def slot_size(self):
        free = self.size - self.taken()
        return free if free >= 4 and self.largest >= 4 else 0

    def skips(self, size):
        return size > self.largest


class Allocator:
    def __init__(self, kind, unit, first):
        self.kind, self.unit = kind, unit
        self.slots = [[] for _ in range(40)]
        self.pages, self.slot = {}, {}
        self.sums = dict.fromkeys(("hits", "frees", "unfit", "pages_peak", "chunks_made", "chunks_peak",
                                   "chunks_destroyed", "alloc_steps", "alloc_steps_max", "free_steps",
                                   "free_steps_max", "chunks_end"), 0)
        if first:
            self.add(first)

    def slot_of(self, size):
        if size == self.unit:
            return len(self.slots) - 1
        return max(size.bit_length() - 3, 1) if size else 0

    def add(self, size):
        chunk = self.kind(size)
        self.pages[chunk] = set()
        self.slot[chunk] = self.slot_of(chunk.slot_size())
        self.slots[self.slot[chunk]].insert(0, chunk)

    def move(self, chunk, slot=None):
        new = self.slot_of(chunk.slot_size()) if slot is None else slot
        old = self.slot[chunk]
        if new == old and slot is None:
            return
        self.slots[old].remove(chunk)
        self.slots[new].insert(0 if new > old or slot == 0 else len(self.slots[new]), chunk)
        self.slot[chunk] = new

    def search(self, size, align):
        steps = 0
        for slot in range(self.slot_of(size), len(self.slots)):
            for chunk in list(self.slots[slot]):
                steps += 1
                if chunk.skips(size):
                    continue
                offset, more = chunk.alloc(size, align)
                steps += more
                if offset is None and self.kind is Bitmap:
                    if slot < 3:
                        self.move(chunk, 0)
                        continue
                self.move(chunk)
                if offset is not None:
                    self.pages[chunk] |= set(range(offset // PAGE, (offset + size - 1) // PAGE + 1))
                    return (chunk, offset), steps
        return None, steps

    def alloc(self, size, align):
        sums = self.sums
        if not size or size > 32768 or align > PAGE or bin(align).count("1") != 1:
            sums["unfit"] += 1
            return None
        size, align = up(size, self.kind.least), max(align, self.kind.least)
        place, steps = self.search(size, align)
        if not place:
            self.add(self.unit)
            sums["chunks_made"] += 1
            sums["chunks_end"] += 1
            sums["chunks_peak"] = max(sums["chunks_peak"], sums["chunks_end"])
            place, more = self.search(size, align)
            steps += more
        sums["hits"] += 1
        sums["alloc_steps"] += steps
        sums["alloc_steps_max"] = max(sums["alloc_steps_max"], steps)
        sums["pages_peak"] = max(sums["pages_peak"], self.nr_pages())
        return place

    def nr_pages(self):
        return sum(map(len, self.pages.values()))

    def free(self, place):
        sums, (chunk, offset) = self.sums, place
        steps = chunk.free(offset)
        self.move(chunk)
        sums["frees"] += 1
        sums["free_steps"] += steps
        sums["free_steps_max"] = max(sums["free_steps_max"], steps)
        if self.slot[chunk] == len(self.slots) - 1 and len(self.slots[-1]) > 1:
            gone = self.slots[-1].pop(1)
            del self.pages[gone], self.slot[gone]
            sums["chunks_destroyed"] += 1
            sums["chunks_end"] -= 1

    def taken(self):
        return sum(chunk.taken() for chunk in self.slot)

    def holes(self):
        return sum(chunk.top() - chunk.taken() for chunk in self.slot)


def replay(events, kind, unit, first, changes):
    allocator, live, req = Allocator(kind, unit, first), {}, 0
    peak = (0, 0, 0)
    for what, ptr, size, align in events:
        if ptr in live:
            place, old = live.pop(ptr)
            if place:
                allocator.free(place)
                req -= old
        if what == "free":
            continue
        size, align = changes.get((size, align), (size, align))
        place = allocator.alloc(size, align)
        live[ptr] = place, size
        if place:
            req += size
            taken = allocator.taken()
            if taken > peak[0]:
                peak = taken, req, allocator.holes()
    return dict(allocator.sums, bytes_peak=peak[0], bytes_req_peak=peak[1], bytes_holes_peak=peak[2],
                bytes_end=allocator.taken(), bytes_req_end=req, bytes_holes_end=allocator.holes(),
                pages_end=allocator.nr_pages())


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def events_of(kmemstat, path):
    for line in run(kmemstat, "dump", path).decode().splitlines():
        match = re.search(r"percpu_(alloc|free)_percpu: (.*)", line)
        if match:
            fields = dict(word.split("=", 1) for word in match[2].split() if "=" in word)
            yield (match[1], fields["ptr"], int(fields.get("bytes_req", 0)),
                   int(fields.get("align", 0)))


def check(kmemstat, path, shape, change=None):
    """The differences."""
    unit, first = shape
    options = [f"--percpu-unit={unit}:{first}"]
    changes = {}
    if change:
        (size, align), (new_size, new_align) = change
        options.append(f"--percpu-what-if={size}:{align}={new_size}:{new_align}")
        changes = {(size, align): (new_size, new_align)}
    report = json.loads(run(kmemstat, "--no-debug-search", "--quiet", "--json", "--percpu-replay",
                            *options, path))["percpu_replay"]
    events = list(events_of(kmemstat, path))
    wrong = []
    if report["hits"] != sum(event[0] == "alloc" for event in events):
        wrong.append(f"hits {report['hits']}")
    if len(report["models"]) != (4 if change else 2):
        wrong.append(f"{len(report['models'])} models")
    for model in report["models"]:
        kind = {"bitmap": Bitmap, "area-map": AreaMap}[model["name"]]
        expected = replay(events, kind, unit, first, changes if model["what_if"] else {})
        wrong += [f"{model['name']}{' what if' * model['what_if']}: {key} {model[key]}, not {value}"
                  for key, value in expected.items() if model[key] != value]
    return len(events), wrong


def write_text(path, seed, kinds, count, keep):
    """Objects of these kinds, of which at most about `keep` live, then most freed."""
    rng, live, lines, ptr = random.Random(seed), [], ["# tracer: nop\n#\n"], 0x10000
    for i in range(count):
        head = f"            test-1       [000] ..... {100 + i / 1000:.6f}: "
        if live and (len(live) > keep or rng.random() < 0.35 or i > count * 0.8):
            old = live.pop(rng.randrange(len(live)))
            lines.append(f"{head}percpu_free_percpu: base_addr=0000000000000001 off=0 ptr={old:016x}\n")
            continue
        size, align = rng.choice(kinds)
        ptr += 0x100
        live.append(ptr)
        lines.append(f"{head}percpu_alloc_percpu: call_site=test_function+0x10/0x20 reserved=0 "
                     f"is_atomic=0 size={size} align={align} base_addr=0000000000000001 off=0 "
                     f"ptr={ptr:016x} bytes_alloc={2 * size} gfp_flags=GFP_KERNEL\n")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(lines)


def main():
    kmemstat, testdata = sys.argv[1:]
    mesh = os.path.join(testdata, "mesh/trace.dat")
    with tempfile.TemporaryDirectory() as folder:
        def text(name, *args):
            path = os.path.join(folder, name)
            write_text(path, *args)
            return path
        counters = text("counters", 1, [(4, 4)] * 20 + [(8, 8), (64, 64), (296, 8)], 3000, 2500)
        mixed = text("mixed", 2, [(4, 4), (12, 4), (40, 8), (100, 4), (256, 256), (1000, 64),
                                  (4096, 4096), (8200, 8), (6, 2), (3, 1)], 2500, 60)
        large = text("large", 3, [(32768, 8), (16384, 4096), (20000, 32), (4, 4)], 800, 12)
        cases = [
            ("mesh", mesh, (1 << 20, 28672), ((296, 8), (292, 64))),
            ("mesh, small chunks", mesh, (32768, 0), ((8, 8), (4, 4))),
            ("many counters", counters, (32768, 4096), ((4, 4), (8, 8))),
            ("many counters that ask for cache lines", counters, (65536, 28672), ((4, 4), (4, 64))),
            ("mixed sizes and alignments", mixed, (65536, 28672), ((100, 4), (97, 128))),
            ("mixed, small chunks", mixed, (32768, 8192), None),
            ("chunks come and go", large, (32768, 0), ((20000, 32), (8000, 32))),
            ("chunks of several objects", large, (131072, 28672), None),
        ]
        print(f"1..{len(cases)}")
        failed = 0
        for number, (name, path, shape, change) in enumerate(cases, 1):
            count, wrong = check(kmemstat, path, shape, change)
            good = not wrong and count > 300
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}: {count} events")
            for line in wrong[:20]:
                print(f"# {line}")
    return 1 if failed else 0


sys.exit(main())
