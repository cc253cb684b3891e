#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Live text of this machine's kernel: an instance of tracefs of our own, read in several ways.

usage: text_live.py KMEMSTAT

The same buffer as text with real pointers, and as the binary that trace-cmd extract makes of it,
has to give one table. trace_pipe through a pipe ends with a report at Ctrl-C. tracefs is left as it
was found. Without root, tracefs or trace-cmd the test skips itself (77).
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))

import tracefs  # noqa: E402

KMEMSTAT = os.path.abspath(sys.argv[1])
NAME = f'kmemstat-test-{os.getpid()}'
EVENTS = ('kmalloc', 'kmalloc_node', 'kmem_cache_alloc', 'kmem_cache_alloc_node', 'kfree',
          'kmem_cache_free')


def skip(why):
    print(f'skipped: {why}')
    sys.exit(77)


def set_events(instance, value):
    for name in EVENTS:
        enable = instance / 'events/kmem' / name / 'enable'
        if enable.exists():
            enable.write_text(value)


def work():
    for _ in range(30):
        subprocess.run(['ls', '-l', '/proc/self'], stdout=subprocess.DEVNULL, check=True)


def report(args, path):
    done = subprocess.run([KMEMSTAT, '--json', '--quiet', *args, path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f'FAIL: {path}: exit status {done.returncode}: {done.stderr.decode()}')
    return json.loads(done.stdout)


def table(data):
    return {(c['event'], c['symbol'], c.get('offset')):
            (c['hits'], c['bytes_req'], c['bytes_alloc'], c['accounted_hits'])
            for c in data['callsites']}


def dump_of(path):
    """Event, pointer, pid of each slab event, by time."""
    text = subprocess.run([KMEMSTAT, 'dump', '--quiet', '--no-pager', path], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    rows = []
    for line in text.splitlines():
        words = line.split()
        rows.append((words[0], words[2], words[3],
                     next(w for w in words if w.startswith('ptr='))))
    return sorted(rows)


def check_same(instance, folder):
    """The buffer at rest: as text, and as trace-cmd takes it out."""
    hash_ptr = instance / 'options/hash-ptr'
    if hash_ptr.exists():
        hash_ptr.write_text('0')
    (instance / 'buffer_size_kb').write_text('4096')
    set_events(instance, '1')
    work()
    (instance / 'tracing_on').write_text('0')
    set_events(instance, '0')
    text, binary = folder / 'trace.txt', folder / 'trace.dat'
    text.write_bytes((instance / 'trace').read_bytes())
    subprocess.run(['trace-cmd', 'extract', '-B', NAME, '-o', str(binary)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    ours, theirs = report([], str(text)), report(['--instance', NAME], str(binary))
    if ours['quality']['unparsed_lines']:
        sys.exit('FAIL: lines of this kernel do not parse')
    if not ours['quality']['events_used']:
        sys.exit('FAIL: no events')
    for key in ('events_used', 'null_frees', 'failed_allocs'):
        if ours['quality'][key] != theirs['quality'][key]:
            sys.exit(f'FAIL: {key}: text {ours["quality"][key]}, binary {theirs["quality"][key]}')
    if table(ours) != table(theirs):
        different = set(table(ours).items()) ^ set(table(theirs).items())
        sys.exit(f'FAIL: the tables differ: {sorted(different, key=str)[:4]}')
    if hash_ptr.exists() and dump_of(str(text)) != dump_of(str(binary)):
        sys.exit('FAIL: the events differ')
    print(f'{ours["quality"]["events_used"]} events as text and as binary')


def check_pipe(instance):
    """cat trace_pipe | kmemstat --interval 1 -, ended by SIGINT."""
    instance.mkdir(exist_ok=True)  # trace-cmd extract takes it away
    with subprocess.Popen(['cat', str(instance / 'trace_pipe')], stdout=subprocess.PIPE) as cat, \
            subprocess.Popen([KMEMSTAT, '--json', '--quiet', '--interval', '1', '-'],
                             stdin=cat.stdout, stdout=subprocess.PIPE, text=True) as program:
        cat.stdout.close()
        time.sleep(0.5)
        set_events(instance, '1')
        for _ in range(5):
            work()
            time.sleep(0.3)
        program.send_signal(signal.SIGINT)
        out = program.communicate(timeout=30)[0]
        cat.kill()
    set_events(instance, '0')
    if program.returncode:
        sys.exit(f'FAIL: exit status {program.returncode}')
    reports, at, decoder = [], 0, json.JSONDecoder()
    while at < len(out.rstrip()):
        data, at = decoder.raw_decode(out, at)
        reports.append(data)
        while at < len(out) and out[at].isspace():
            at += 1
    used = [r['quality']['events_used'] for r in reports]
    if len(reports) < 2 or sorted(used) != used or used[-1] < 1000:
        sys.exit(f'FAIL: reports of {used} events')
    if not reports[-1]['quality']['events_filtered']:
        sys.exit("FAIL: the reader's own events are not left out")
    print(f'{len(reports)} reports, of {used} events')


def main():
    if os.geteuid() != 0:
        skip('not root')
    if not shutil.which('trace-cmd'):
        skip('trace-cmd is not installed')
    with tracefs.mounted() as folder:
        if not folder:
            skip('no tracefs that can be written to')
        run_in(pathlib.Path(folder) / 'instances' / NAME)


def run_in(instance):
    try:
        instance.mkdir()
    except OSError as error:
        skip(f'no instance can be made: {error}')
    try:
        if not (instance / 'events/kmem/kmalloc/enable').exists():
            skip('this kernel has no kmem events')
        with tempfile.TemporaryDirectory() as folder:
            check_same(instance, pathlib.Path(folder))
        check_pipe(instance)
    finally:
        for _ in range(50):
            try:
                if not instance.exists():
                    break
                set_events(instance, '0')
                instance.rmdir()
                break
            except OSError:
                time.sleep(0.1)  # a reader is still there


main()
