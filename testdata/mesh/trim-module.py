#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts a kernel module's debug file down to the source files that are named.

usage: trim-module.py IN OUT SOURCE...

IN comes from 'eu-strip --reloc-debug-sections -f IN MODULE.ko': 64 bit, little endian, DWARF 5,
references between debug sections already resolved. OUT keeps of .debug_info and .debug_aranges
the units whose name is among SOURCE, with their relocations, and whole: .debug_abbrev,
.debug_line, .debug_str, .debug_line_str, .debug_rnglists, .symtab. Of .debug_loclists what other
units have is zeros: offsets into it stay. Section numbers stay, too.
"""
import re
import struct
import subprocess
import sys

SHT_NULL, SHT_NOBITS = 0, 8
KEEP = {'.debug_info', '.debug_abbrev', '.debug_line', '.debug_str', '.debug_line_str',
        '.debug_rnglists', '.debug_loclists', '.debug_aranges', '.symtab', '.strtab', '.shstrtab',
        '.note.gnu.build-id', '.rela.debug_info', '.rela.debug_line', '.rela.debug_aranges',
        '.rela.debug_rnglists', '.rela.debug_loclists'}


def units(path):
    """(start, end, source) of each unit in .debug_info."""
    text = subprocess.run(['readelf', '--debug-dump=info', '--dwarf-depth=1', path],
                          capture_output=True, text=True, check=True).stdout
    pat = re.compile(r'Compilation Unit @ offset (\w+):\s+Length:\s+(\w+) \(32-bit\)'
                     r'.*?DW_AT_name\s+: \([^)]*\): (\S+)', re.S)
    for m in pat.finditer(text):
        start = int(m[1], 16)
        yield start, start + 4 + int(m[2], 16), m[3]


def loclists(path, data, kept):
    """Blanks the location lists of units that are not kept; where those of the others are."""
    text = subprocess.run(['readelf', '--debug-dump=info', path],
                          capture_output=True, text=True, check=True).stdout
    used, starts = set(), {start for start, _ in kept}
    pat = re.compile(r'Compilation Unit @ offset (\w+):|(\w+) \(location list\)')
    is_kept = False
    for m in pat.finditer(text):
        if m[1]:
            is_kept = int(m[1], 16) in starts
        elif is_kept:
            used.add(int(m[2], 16))
    ranges, at, offsets = [], 0, sorted(used)
    while at < len(data):
        length, = struct.unpack_from('<I', data, at)
        end = at + 4 + length
        if any(at <= offset < end for offset in offsets):
            ranges.append((at, end))
        else:
            data[at + 12:end] = bytes(end - at - 12)
        at = end
    return ranges


def aranges(data):
    """(start, end, unit) of each set in .debug_aranges."""
    at = 0
    while at < len(data):
        length, _, unit = struct.unpack_from('<IHI', data, at)
        yield at, at + 4 + length, unit
        at += 4 + length


def cut(data, relas, pieces):
    """Keeps the pieces (start, end) of a section and the relocations in them."""
    out, moved = bytearray(), bytearray()
    entries = sorted(struct.iter_unpack('<QQq', relas))
    for start, end in pieces:
        for offset, info, addend in entries:
            if start <= offset < end:
                moved += struct.pack('<QQq', offset - start + len(out), info, addend)
        out += data[start:end]
    return out, moved


def main():
    path, out_path, *sources = sys.argv[1:]
    elf = open(path, 'rb').read()
    shoff, = struct.unpack_from('<Q', elf, 40)
    nr, strndx = struct.unpack_from('<HH', elf, 60)
    headers = [list(struct.unpack_from('<IIQQQQIIQQ', elf, shoff + 64 * i)) for i in range(nr)]
    data = [bytearray() if h[1] in (SHT_NULL, SHT_NOBITS) else bytearray(elf[h[4]:h[4] + h[5]])
            for h in headers]
    names = [data[strndx][h[0]:].split(b'\0')[0].decode() for h in headers]
    number = {name: i for i, name in enumerate(names)}

    kept = [(s, e) for s, e, source in units(path) if source in sources]
    if len(kept) != len(sources):
        sys.exit(f'{len(kept)} units found of {len(sources)}')
    new_start, at = {}, 0
    for start, end in kept:
        new_start[start] = at
        at += end - start

    sets = [(s, e, unit) for s, e, unit in aranges(data[number['.debug_aranges']])
            if unit in new_start]
    for start, _, unit in sets:
        struct.pack_into('<I', data[number['.debug_aranges']], start + 6, new_start[unit])
    for name, pieces in (('.debug_info', kept), ('.debug_aranges', [s[:2] for s in sets])):
        i, r = number[name], number['.rela' + name]
        data[i], data[r] = cut(data[i], data[r], pieces)

    lists = loclists(path, data[number['.debug_loclists']], kept)
    relas = data[number['.rela.debug_loclists']]
    data[number['.rela.debug_loclists']] = bytearray().join(
        struct.pack('<QQq', *rela) for rela in struct.iter_unpack('<QQq', relas)
        if any(start <= rela[0] < end for start, end in lists))

    out = bytearray(elf[:64])
    for i, h in enumerate(headers):
        # code and data are without contents (NOBITS) by now; their addresses are needed
        if names[i] not in KEEP and (h[1] != SHT_NOBITS or names[i].startswith('.rela')):
            h[1], data[i] = SHT_NULL, bytearray()
        if h[1] != SHT_NOBITS:
            out += bytes(-len(out) % max(h[8], 1))
            h[5] = len(data[i])
        h[4] = len(out)
        out += data[i]
    out += bytes(-len(out) % 8)
    struct.pack_into('<Q', out, 40, len(out))
    for h in headers:
        if h[1] == SHT_NULL:
            h[1:] = [0] * 9
        out += struct.pack('<IIQQQQIIQQ', *h)
    open(out_path, 'wb').write(out)


main()
