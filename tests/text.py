#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces as text against what else is known of them.

usage: text.py KMEMSTAT TESTDATA CASE

CASE is one of
    report   a trace.dat and its own trace-cmd report, in each of its forms, give one table
    count    tables against a count by regular expressions
    layouts  the same events in every layout that the kernel and trace-cmd print
    slow     a pipe fed byte by byte, and the two ways of reading (a file, a pipe)
    damage   cut at every byte, bits flipped, very long lines, NULs, CRLF
"""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

KMEMSTAT, TESTDATA = sys.argv[1], pathlib.Path(sys.argv[2])
SHARED = os.environ.get('KMEMSTAT_TRACES')
ALLOCS = ('kmalloc', 'kmalloc_node', 'kmem_cache_alloc', 'kmem_cache_alloc_node')
failures = 0


def fail(what):
    global failures
    failures += 1
    print('FAIL:', what)


def run(args, data=None, path=None):
    """The exit status, JSON report (or None) and standard error."""
    command = [KMEMSTAT, '--json', '--quiet', '--no-exclude-self', *args, path or '-']
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60)
    report = json.loads(done.stdout) if done.stdout else None
    return done.returncode, report, done.stderr.decode(errors='replace')


def table(report, with_accounted=True):
    """(family, symbol+offset) -> hits, requested, allocated, accounted."""
    return {(c['layer'], c['event'], c['symbol'], c.get('offset')):
            (c['hits'], c['bytes_req'], c['bytes_alloc'],
             c['accounted_hits'] if with_accounted else 0) for c in report['callsites']}


def totals(report):
    quality = report['quality']
    return {key: quality[key] for key in ('events_used', 'events_other', 'null_frees',
                                          'failed_allocs', 'zero_size_frees', 'events_lost',
                                          'gaps_unknown', 'unparsed_lines')}


def traces():
    names = sorted((TESTDATA / 'small').glob('*.dat'))
    if SHARED:
        names += sorted(pathlib.Path(SHARED).glob('cloud/*.dat'))
    return names


def case_report():
    if not shutil.which('trace-cmd'):
        print('trace-cmd is not installed')
        sys.exit(77)
    for path in traces():
        if 'instances' in path.name or 'v6' in path.name:
            continue  # reports of all instances in one; v6: the same events as others
        status, want, err = run([], path=str(path))
        if status:
            fail(f'{path}: {err}')
            continue
        for form in ([], ['-R'], ['-t'], ['-l'], ['-R', '-l', '-t']):
            text = subprocess.run(['trace-cmd', 'report', *form, str(path)],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            if not text:
                continue  # packed in a way that this trace-cmd cannot unpack
            if 'tsc' in path.name and '-R' in form and '-l' in form:
                continue  # the time is close to a number: "1-0x0171774035666"
            status, got, err = run([], data=text)
            name = f'{path.name} {" ".join(form)}'
            if status:
                fail(f'{name}: exit status {status}: {err}')
                continue
            # with -R kmalloc's gfp_flags are a number, whose bits only the binary knows
            if table(got, '-R' not in form) != table(want, '-R' not in form):
                fail(f'{name}: the tables differ')
            ours, theirs = totals(got), totals(want)
            if ours != theirs and 'lost' not in path.name:
                fail(f'{name}: {ours}, of the binary {theirs}')
            if (ours['events_lost'] + ours['gaps_unknown'] > 0) != \
                    (theirs['events_lost'] + theirs['gaps_unknown'] > 0):
                fail(f'{name}: losses {ours}, of the binary {theirs}')
    print('trace-cmd report compared')


EVENT = re.compile(r'\[\d{3}\].*? [\d.]+: +(?:kmem:)?(\w+): (?:.*?)call_site=(\S+) ptr=(\S+)(.*)')


def count(text):
    sites = collections.defaultdict(lambda: [0, 0, 0, 0])
    for line in text.splitlines():
        match = EVENT.search(line)
        if not match or match[1] not in ALLOCS:
            continue
        family = 'kmalloc' if match[1].startswith('kmalloc') else 'kmem_cache_alloc'
        fields = dict(re.findall(r'(\w+)=(\S+)', match[4]))
        name, _, offset = match[2].partition('+')
        offset = int(offset.split('/')[0], 16) if offset else None
        if name.startswith('0x'):
            name, offset = None, match[2]
        site = sites[family, name, offset]
        site[0] += 1
        site[1] += int(fields['bytes_req'])
        site[2] += int(fields['bytes_alloc'])
        site[3] += fields.get('accounted') in ('true', '1')
    return {key: tuple(value) for key, value in sites.items()}


def case_count():
    texts = {path.name: path.read_bytes() for path in sorted((TESTDATA / 'text').glob('*.txt'))}
    if SHARED and shutil.which('zstd'):
        name = pathlib.Path(SHARED) / 'cloud/trace.txt.zst'
        texts[name.name] = subprocess.run(['zstd', '-dc', str(name)], check=True,
                                          stdout=subprocess.PIPE).stdout
    for name, data in texts.items():
        if '-l' in name:
            continue  # other columns: case layouts
        status, report, err = run([], data=data)
        if status:
            fail(f'{name}: {err}')
            continue
        got = {(c['event'], c['symbol'], c['offset'] if c['symbol'] else c['address']):
               (c['hits'], c['bytes_req'], c['bytes_alloc'], c['accounted_hits'])
               for c in report['callsites'] if c['layer'] == 'slab'}
        want = count(data.decode())
        if got != want:
            fail(f'{name}: {sorted(set(got.items()) ^ set(want.items()), key=str)[:4]}')
        if report['quality']['unparsed_lines']:
            fail(f'{name}: lines that do not parse')
        if not want:
            fail(f'{name}: nothing in it')
    print(f'{len(texts)} texts counted')


FIELDS = [
    'kmalloc: call_site=f_one+0x1b/0x40 ptr={p1} bytes_req=100 bytes_alloc=128 '
    'gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO',
    'kmalloc: call_site=f_two+0x2b/0x40 [mod] ptr={p2} bytes_req=100 bytes_alloc=128 '
    'gfp_flags=GFP_KERNEL node=-1 accounted=false',
    'kmem_cache_alloc_node: call_site=ffffffff8139a1b0 ptr={p3} bytes_req=8 bytes_alloc=8 '
    'gfp_flags=GFP_ATOMIC node=1',
    'kfree: call_site=f_one+0x1c/0x40 ptr={p1}',
    'kmem_cache_free: call_site=f_one+0x1c/0x40 ptr={p3} name=a cache',
    'kfree: call_site=f_one+0x1c/0x40 ptr={nil}',
    'kmalloc: call_site=f_one+0x1b/0x40 ptr={nil} bytes_req=100 bytes_alloc=0 '
    'gfp_flags=GFP_KERNEL',
    'mm_page_alloc: page={p1} pfn=0x1234 order=1 migratetype=1 gfp_flags=GFP_KERNEL',
    'mm_page_free: page={p1} pfn=4660 order=1',
    'percpu_alloc_percpu: call_site=f_two+0x2b/0x40 [mod] reserved=0 is_atomic=1 size=8 align=4 '
    'base_addr={p2} off=64 ptr={p3} bytes_alloc=16 gfp_flags=GFP_KERNEL|__GFP_ACCOUNT',
    'percpu_alloc_percpu: reserved=1 is_atomic=0 size=8 align=4 base_addr={p2} off=64 ptr={p3}',
    'percpu_free_percpu: base_addr={p2} off=64 ptr={p3}',
    'percpu_create_chunk: base_addr={p2}',
    'percpu_destroy_chunk: base_addr={p2}',
    'sched_switch: prev_comm=a: b prev_pid=5 ==> next_comm=c',
]

LAYOUTS = {
    'tracefs': '          a [0] b-98      [{c:03}] d..1. {s:5}.{u:06}: {e}',
    'without irq-info': '          a: 1: b-98      [{c:03}] {s:5}.{u:06}: {e}',
    'TGID': '             sh-98      (     98) [{c:03}] d..1. {s:5}.{u:06}: {e}',
    'TGID unknown': '           <...>-98      (-------) [{c:03}] .N.1. {s:5}.{u:06}: {e}',
    'counter': '             sh-98      [{c:03}] d..1. {s}{u:06}: {e}',
    'latency': '      sh-98      {c:3}d..1. {s:4}{u:06}us+: {e}',
    'latency, no mark': '      sh-98      {c:3}..... {s:4}{u:06}us : {e}',
    'trace-cmd report': '              sh-98    [{c:03}] {s:5}.{u:06}: {e}',
    'trace-cmd report -t': '              sh-98    [{c:03}] {s:5}.{u:06}123: {e}',
    'trace-cmd report -l': '      sh-98      {c:3}..... {s:5}.{u:06}: {e}',
    'perf script': 'a b  98 [{c:03}] {s:5}.{u:06}: {k}:{e}',
    'perf script with pid/tid': 'a b  90/98 [{c:03}] {s:5}.{u:06}:        {k}:{e}',
}

POINTERS = {
    'real': {'p1': 'ffff888100012340', 'p2': 'ffff888100012350', 'p3': 'ffff888100012360',
             'nil': '0000000000000000'},
    'hashed': {'p1': '00000000019df0c1', 'p2': '00000000029df0c1', 'p3': '00000000039df0c1',
               'nil': '(null)'},
    'early': {'p1': '(____ptrval____)', 'p2': '(____ptrval____)', 'p3': '(____ptrval____)',
              'nil': '(null)'},
    '0x': {'p1': '0xffff888100012340', 'p2': '0xffff888100012350', 'p3': '0xffff888100012360',
           'nil': '(nil)'},
    'short': {'p1': 'c1234560', 'p2': 'c1234570', 'p3': 'c1234580', 'nil': '0x0'},
}


def make(layout, pointers, repeats=3):
    lines = []
    for i in range(repeats * len(FIELDS)):
        event = FIELDS[i % len(FIELDS)].format(**pointers)
        kind = 'percpu' if event.startswith('percpu') else 'kmem'
        lines.append(layout.format(c=i % 3, s=23, u=100 + i, e=event, k=kind))
    return '\n'.join(lines).encode() + b'\n'


def case_layouts():
    first = None
    for name, layout in LAYOUTS.items():
        for kind, pointers in POINTERS.items():
            status, report, err = run([], data=make(layout, pointers))
            if status:
                fail(f'{name}, {kind}: {err}')
                continue
            got = (table(report), totals(report), len(report.get('streams', [])))
            first = first or got
            if got != first:
                fail(f'{name}, pointers {kind}: {got} instead of {first}')
    want = {('slab', 'kmalloc', 'f_one', 0x1b): (3, 300, 384, 3),
            ('slab', 'kmalloc', 'f_two', 0x2b): (3, 300, 384, 0),
            ('slab', 'kmem_cache_alloc', None, None): (3, 24, 24, 0)}
    if {k: v for k, v in first[0].items() if k[0] == 'slab'} != want:
        fail(f'{first[0]}')
    counts = first[1]
    if (counts['events_used'], counts['events_other'], counts['null_frees'],
            counts['failed_allocs'], counts['unparsed_lines']) != (42, 3, 3, 3, 0):
        fail(f'{counts}')
    print(f'{len(LAYOUTS)} layouts, {len(POINTERS)} kinds of pointers')


def fed_slowly(data, step):
    command = [KMEMSTAT, '--json', '--quiet', '--no-exclude-self', '-']
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          bufsize=0) as process:
        for i in range(0, len(data), step):
            os.write(process.stdin.fileno(), data[i:i + step])
        process.stdin.close()
        return json.loads(process.stdout.read())


def case_slow():
    small = (TESTDATA / 'text' / 'tracefs.txt').read_bytes()
    want = run([], data=small)[1]
    for step in (1, 7, 4096):
        got = fed_slowly(small, step)
        if (table(got), totals(got)) != (table(want), totals(want)):
            fail(f'{step} bytes at a time: another table')
    # larger than what is mapped and read at once
    body = make(LAYOUTS['tracefs'], POINTERS['hashed'], 4000)
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        mapped = run([], path=file.name)[1]
    piped = run([], data=body)[1]
    if len(body) < 5 << 20:
        fail('the large text is not large')
    if (table(mapped), totals(mapped)) != (table(piped), totals(piped)):
        fail('a file and a pipe differ')
    if piped['quality']['events_used'] != 14 * 4000:
        fail(f'{piped["quality"]}')
    print('slow pipes')


def case_damage():
    text = (TESTDATA / 'text' / 'tracefs.txt').read_bytes()
    lines = text.split(b'\n')
    small = b'\n'.join(lines[:20]) + b'\n'
    nr_header = sum(line.startswith(b'#') for line in lines[:20])
    for size in range(len(small)):
        status, report, err = run([], data=small[:size])
        whole = max(0, small[:size].count(b'\n') - nr_header)
        if status not in (0, 3) or (status == 3 and not err) or status < 0:
            fail(f'cut at {size}: exit status {status}')
        elif whole and (not report or report['quality']['events_used'] != whole):
            fail(f'cut at {size}: {whole} lines are whole: {report and report["quality"]}')
        elif whole and small[:size].rsplit(b'\n', 1)[-1].strip() and \
                report['quality']['unparsed_lines'] != 1:
            fail(f'cut at {size}: the last line is not counted')
    for i in range(0, 8 * len(small), 37):
        data = bytearray(small)
        data[i // 8] ^= 1 << i % 8
        status, report, err = run([], data=bytes(data))
        if status or report['quality']['events_total'] not in range(7, 15):
            fail(f'bit {i}: exit status {status}: {report and report["quality"]}')
    want = table(run([], data=text)[1])
    for name, data in {
            'CRLF': text.replace(b'\n', b'\r\n'),
            'a long line': text + b'x' * (3 << 20) + b'\n' + text.splitlines()[0] + b'\n',
            'NULs': text + b'\0' * 100 + b'\n',
            'a long line of NULs': text + b'\0' * (1 << 20) + b'\n'}.items():
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            for args in ({'data': data}, {'path': file.name}):
                status, report, err = run([], **args)
                if status or table(report) != want:
                    fail(f'{name}: exit status {status}, another table')
                elif report['quality']['unparsed_lines'] != (name != 'CRLF'):
                    fail(f'{name}: {report["quality"]}')
    done = subprocess.run([KMEMSTAT, '--caller', '-'], input=text + b'evil \x1b[31m line\n',
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if b'\x1b' in done.stdout or b'"evil .[31m line"' not in done.stdout.replace(b'\n  ', b' '):
        fail(f'the bad line is not quoted: {done.stdout[-300:]}')
    print('damaged texts')


{'report': case_report, 'count': case_count, 'layouts': case_layouts, 'slow': case_slow,
 'damage': case_damage}[sys.argv[3]]()
sys.exit(1 if failures else 0)
