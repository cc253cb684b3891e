#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Time kmemstat beside its peers and beside what the machine itself can do.

A large trace is made out of a small real one (mkbench), as trace.dat without compression,
as trace.dat with zstd, and as perf.data: the same events. Then all programs run in turns,
several rounds; times are those of whole processes, from exec to exit, with the files in the
page cache. A figure is the median of the rounds; a ratio is the median of the ratios within
one round. Peers that are not installed are left out by name.

With --check nothing is timed: it is checked that kmemstat and the peers count the same events
and bytes in these files.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

SLOW_S = 15.0  # a program that takes longer than this runs in --slow-rounds rounds only
# the table without pairing, and with it: ping-pong, live bytes, lifetimes
CALL_SITES = ('--no-pairing', '--caller')
PAIRING = ('--caller',)
ALLOCS = ('kmalloc', 'kmalloc_node', 'kmem_cache_alloc', 'kmem_cache_alloc_node')


def die(message):
    sys.exit(f'bench: {message}')


def say(message):
    print(message, file=sys.stderr, flush=True)


def output_of(command):
    """Standard output of a command that has to succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        die(f'{" ".join(command)}: exit status {done.returncode}\n{done.stderr}')
    return done.stdout


class Files:
    """The generated files, made anew only if something they depend on has changed."""

    def __init__(self, args, copies):
        self.dir = os.path.join(args.dir, f'copies-{copies}')
        self.dat = os.path.join(self.dir, 'none.dat')
        self.zstd = os.path.join(self.dir, 'zstd.dat')
        self.perf = os.path.join(self.dir, 'perf.data')
        self.all = (self.dat, self.zstd, self.perf)
        self.counts = self.load(args, copies)

    def load(self, args, copies):
        manifest = os.path.join(self.dir, 'manifest.json')
        key = {'copies': copies, 'seed': args.seed}
        for name in (args.trace, args.mkbench):
            status = os.stat(name)
            key[os.path.basename(name)] = [status.st_size, status.st_mtime_ns]
        try:
            with open(manifest, encoding='utf-8') as file:
                old = json.load(file)
            if old['key'] == key and all(os.path.getsize(f) == old['sizes'][f] for f in self.all):
                return old['counts']
        except (OSError, ValueError, KeyError):
            pass
        os.makedirs(self.dir, exist_ok=True)
        self.remove((manifest,) + self.all)
        mkbench = [args.mkbench, '-n', str(copies), '-s', str(args.seed)]
        self.check_room(json.loads(output_of(mkbench + [args.trace])))
        try:
            counts = json.loads(output_of(mkbench + ['-d', self.dat, '-z', self.zstd,
                                                     '-p', self.perf, args.trace]))
        except BaseException:
            self.remove(self.all)
            raise
        sizes = {f: os.path.getsize(f) for f in self.all}
        with open(manifest, 'w', encoding='utf-8') as file:
            json.dump({'key': key, 'sizes': sizes, 'counts': counts}, file)
        return counts

    @staticmethod
    def remove(names):
        for name in names:
            if os.path.exists(name):
                os.remove(name)

    def check_room(self, counts):
        # uncompressed, compressed at worst as large, a perf sample of 128 bytes, metadata
        need = 2 * counts['page_bytes'] + 128 * counts['slab_events'] + (16 << 20)
        stat = os.statvfs(self.dir)
        have = stat.f_bavail * stat.f_frsize
        if counts['events'] > 1000000:
            say(f'bench: making traces of {counts["events"]:,} events in {self.dir}: at most '
                f'{need / 1e9:.1f} GB of the {have / 1e9:.1f} GB that are free there')
        if have < need + (256 << 20):
            die(f'{self.dir}: {need / 1e6:.0f} MB may be needed, {have / 1e6:.0f} MB are free; '
                'set KMEMSTAT_BENCH_COPIES to a smaller number')


class Program:
    """Something that is timed. `limit` names the program that is its limit."""

    def __init__(self, name, what, command, file, limit=None):
        self.name, self.what, self.command, self.file = name, what, command, file
        self.limit = limit
        self.seconds = {}  # by round
        self.cpu_seconds = {}  # user and system, of all threads
        self.peak_kib = 0

    def run(self, args, number):
        done = subprocess.run([args.timed, '/dev/null'] + self.command, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        fields = done.stdout.split()
        if done.returncode or len(fields) != 5 or fields[4] != '0':
            die(f'{" ".join(self.command)}: failed\n{done.stderr}')
        self.seconds[number] = float(fields[0])
        self.cpu_seconds[number] = float(fields[1]) + float(fields[2])
        self.peak_kib = max(self.peak_kib, int(fields[3]))

    def median(self):
        return statistics.median(self.seconds.values())

    def ratio_of(self, other):
        """How many times as long the other took, round by round."""
        if other is None:
            return None
        rounds = self.seconds.keys() & other.seconds.keys()
        return statistics.median(other.seconds[r] / self.seconds[r] for r in rounds)


def peers(skip):
    found = {name: shutil.which(name) for name in ('perf', 'trace-cmd')}
    for name, path in found.items():
        if name in skip:
            say(f'bench: {name}: left out as asked')
            found[name] = None
        elif not path:
            say(f'bench: {name} is not installed: left out')
    return found


def perf_command(found, file, *options):
    return [found['perf'], 'kmem', '-f', '-i', file, *options, '--caller', 'stat']


def kmemstat_command(args, file, threads, *options):
    return [args.kmemstat, '--quiet', '--no-debug-search', '--threads', str(threads), *options,
            file]


def programs(args, found, files):
    """In the order they run in: whatever is compared is close to each other."""
    dat, zstd = files.dat, files.zstd
    touch = Program('touch', 'read every cache line, 1 thread', [args.limit, 'touch', '1', dat],
                    dat)
    result = [
        touch,
    ]
    for threads in (1, 2):
        text = f'{threads} thread' + 's' * (threads > 1)
        result += [Program(f'k{threads}', f'kmemstat, call sites, {text}',
                           kmemstat_command(args, dat, threads, *CALL_SITES), dat, touch),
                   Program(f'f{threads}', f'kmemstat, pairing, {text}',
                           kmemstat_command(args, dat, threads, *PAIRING), dat, touch)]
    if found['perf']:
        result.append(Program('perf', 'perf kmem --caller stat', perf_command(found, files.perf),
                              files.perf))
    result += [Program('p1', 'kmemstat, call sites, 1 thread',
                       kmemstat_command(args, files.perf, 1, *CALL_SITES), files.perf),
               Program('pf1', 'kmemstat, pairing, 1 thread',
                       kmemstat_command(args, files.perf, 1, *PAIRING), files.perf),
               Program('pf2', 'kmemstat, pairing, 2 threads',
                       kmemstat_command(args, files.perf, 2, *PAIRING), files.perf)]
    for threads in (1, 2):
        text = f'{threads} thread' + 's' * (threads > 1)
        limit = Program(f'unzstd{threads}', f'unpack all chunks, {text}',
                        [args.limit, 'zstd', str(threads), zstd], zstd)
        result += [limit, Program(f'z{threads}', f'kmemstat, call sites, {text}',
                                  kmemstat_command(args, zstd, threads, *CALL_SITES), zstd,
                                  limit)]
    if found['trace-cmd']:
        for name, file in (('tc', dat), ('tcz', zstd)):
            result.append(Program(name, 'trace-cmd report',
                                  [found['trace-cmd'], 'report', '-i', file], file))
    return result


def warm(names):
    """Puts the files into the page cache."""
    for name in names:
        with open(name, 'rb', buffering=0) as file:
            while file.read(1 << 22):
                pass


def run_rounds(args, todo):
    for number in range(args.rounds):
        for program in todo:
            is_slow = program.seconds and max(program.seconds.values()) > SLOW_S
            if is_slow and number >= args.slow_rounds:
                continue
            program.run(args, number)
        say(f'bench: round {number + 1} of {args.rounds} done')


def times(value):
    return '' if value is None else f'{value:.1f}' if value < 100 else f'{value:.0f}'


def print_table(todo, files):
    by_name = {p.name: p for p in todo}
    events = files.counts['slab_events']
    titles = {files.dat: 'trace.dat, not compressed', files.zstd: 'trace.dat, zstd',
              files.perf: 'perf.data'}
    print(f'{"":32}{"seconds":>9}{"CPU s":>9}{"ns/event":>10}{"M events/s":>12}{"x perf":>8}'
          f'{"x trace-cmd":>13}{"of limit":>10}{"peak RSS":>11}')
    for file in files.all:
        rows = [p for p in todo if p.file == file]
        if not rows:
            continue
        print(f'{titles[file]}, {os.path.getsize(file) / 1e6:.0f} MB')
        report = by_name.get('tcz' if file == files.zstd else 'tc')
        for p in rows:
            limit = p.ratio_of(p.limit)
            share = f'{100 * limit:.0f}%' if limit else ''
            is_limit = p.name in ('touch', 'unzstd1', 'unzstd2')
            cpu = statistics.median(p.cpu_seconds.values())
            print(f'  {p.what:30}{p.median():9.3f}{cpu:9.3f}{p.median() / events * 1e9:10.1f}'
                  f'{events / p.median() / 1e6:12.1f}'
                  f'{times(None if is_limit else p.ratio_of(by_name.get("perf"))):>8}'
                  f'{times(None if is_limit else p.ratio_of(report)):>13}'
                  f'{share:>10}{p.peak_kib / 1024:7.1f} MiB')


def print_passes(args, files):
    passes = [float(x) for x in output_of([args.limit, 'touch', '5', files.dat]).split()]
    best = statistics.median(passes[1:]) / files.counts['slab_events'] * 1e9
    print(f'Reading every cache line of a file that is mapped already: {best:.1f} ns/event.')


TEXT_COPIES = 4
REPORT_LINE = re.compile(r' *(.*)-(\d+) +\[(\d+)\] +(\S+): (\w+): +(?:\(.*?\) )?(.*)')


def tracefs_line(match):
    """A line of trace-cmd report as the tracefs file `trace` has it, with hashed pointers."""
    comm, pid, cpu, stamp, event, fields = match.groups()
    fields = re.sub(r'ptr=0x[0-9a-f]*([0-9a-f]{8})', r'ptr=00000000\1', fields)
    fields = re.sub(r'(call_site=[^ +]+\+0x[0-9a-f]+)', r'\1/0x4c0', fields)
    fields = fields.replace('(nil)', '0' * 16)
    return f'{comm:>16}-{pid:<7} [{cpu}] d..1. {stamp:>12}: {event}: {fields}\n'


def make_text(args, found):
    """The trace as tracefs text, several times over, and how many events it has."""
    path = os.path.join(args.dir, 'tracefs.txt')
    text = output_of([found['trace-cmd'], 'report', '-i', args.trace])
    lines = [tracefs_line(m) for m in map(REPORT_LINE.fullmatch, text.splitlines()) if m]
    os.makedirs(args.dir, exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        for _ in range(TEXT_COPIES):
            file.writelines(lines)
    return path, TEXT_COPIES * len(lines)


def print_text(args, found):
    """kmemstat on text: a file, on one core."""
    if not found['trace-cmd']:
        say('bench: text is made by trace-cmd report: left out')
        return
    path, events = make_text(args, found)
    counted = kmemstat_counts(kmemstat_json_of_text(args, path))
    if counted['events'] != events:
        die(f'{path}: kmemstat sees {counted["events"]} events of {events}')
    todo = [Program('text', 'call sites', kmemstat_command(args, path, 1, *CALL_SITES), path),
            Program('textf', 'pairing', kmemstat_command(args, path, 1, *PAIRING), path)]
    warm([path])
    for number in range(max(args.rounds, 5)):
        for program in todo:
            program.run(args, number)
    size = os.path.getsize(path)
    for program in todo:
        best = min(program.seconds.values())
        print(f'tracefs text, {size / 1e6:.0f} MB, {events:,} events, {program.what}: '
              f'{program.median():.3f} s, {size / program.median() / 1e9:.2f} GB/s on one core '
              f'(best round {size / best / 1e9:.2f}), '
              f'{program.median() / events * 1e9:.1f} ns/event, '
              f'peak RSS {program.peak_kib / 1024:.1f} MiB.')
    os.remove(path)


def print_start(args, found):
    """What the programs take before the first event: symbols and formats."""
    files = Files(args, 0)
    todo = [p for p in programs(args, found, files) if p.name in ('k1', 'z1', 'perf', 'p1', 'tc')]
    warm(files.all)
    for number in range(max(args.rounds, 3)):
        for program in todo:
            program.run(args, number)
    names = {'k1': 'kmemstat', 'z1': 'kmemstat (zstd)', 'perf': 'perf kmem',
             'p1': 'kmemstat (perf.data)', 'tc': 'trace-cmd'}
    parts = ', '.join(f'{names[p.name]} {1000 * p.median():.0f} ms' for p in todo)
    print(f'Start and end alone (the same files with {files.counts["events"]} events): {parts}.')


def first_line(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return lines[0] if lines else 'unknown'


def machine(args, found):
    model = 'unknown CPU'
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        for line in file:
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    parts = [model, f'{len(os.sched_getaffinity(0))} cores', f'Linux {os.uname().release}',
             first_line([args.kmemstat, '--version'])]
    if found['perf']:
        parts.append(first_line([found['perf'], '--version']))
    if found['trace-cmd']:
        parts.append(first_line([found['trace-cmd'], '--version']))
    return '; '.join(parts)


def kmemstat_json(args, file, threads):
    return json.loads(output_of(kmemstat_command(args, file, threads, '--json', '--raw-ip')))


def kmemstat_json_of_text(args, file):
    return json.loads(output_of(kmemstat_command(args, file, 1, '--json')))


def kmemstat_counts(report):
    quality, slab = report['quality'], report['summary']['slab']
    return {'events': quality['events_total'], 'allocs': slab['allocs'],
            'slab_events': slab['allocs'] + slab['frees'] + quality['null_frees']
            + quality['zero_size_frees'] + quality['failed_allocs'],
            'bytes_req': slab['bytes_req'], 'bytes_alloc': slab['bytes_alloc']}


def trace_cmd_counts(found, file):
    counts = dict.fromkeys(('events', 'allocs', 'slab_events', 'bytes_req', 'bytes_alloc'), 0)
    event = re.compile(r'\]\s+[0-9.]+: (\w+): ')
    number = re.compile(r' (bytes_req|bytes_alloc)=(\d+)')
    with subprocess.Popen([found['trace-cmd'], 'report', '-i', file], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for line in process.stdout:
            match = event.search(line)
            if not match:
                continue
            counts['events'] += 1
            counts['slab_events'] += match[1] in ALLOCS + ('kfree', 'kmem_cache_free')
            if match[1] in ALLOCS:
                counts['allocs'] += 1
                for key, value in number.findall(line):
                    counts[key] += int(value)
    if process.returncode:
        die(f'trace-cmd report -i {file}: exit status {process.returncode}')
    return counts


def perf_sites(text):
    """perf kmem's rows: address -> (hits, bytes_req, bytes_alloc)."""
    sites = {}
    for line in text.splitlines():
        row = [cell.strip() for cell in line.split('|')]
        if len(row) == 6 and row[3].isdigit():
            sites[int(row[0], 16)] = (int(row[3]), int(row[2].split('/')[0]),
                                      int(row[1].split('/')[0]))
    return sites


def kmemstat_sites(report):
    """The same of kmemstat's report; perf does not keep event families apart."""
    sites = {}
    for row in (row for row in report['callsites'] if row['layer'] == 'slab'):
        address = int(row['address'], 16)
        new = (row['hits'], row['bytes_req'], row['bytes_alloc'])
        sites[address] = tuple(map(sum, zip(sites.get(address, (0, 0, 0)), new)))
    return sites


def perf_counts(text):
    """perf counts the allocations only. Its totals are counted apart from its rows."""
    total = {key: int(re.search(rf'Total bytes {word}:\s*(\d+)', text)[1])
             for key, word in (('bytes_req', 'requested'), ('bytes_alloc', 'allocated'))}
    return {'allocs': sum(site[0] for site in perf_sites(text).values()), **total}


def sites_differ(theirs, ours):
    print(f'call sites: perf kmem {len(theirs)}, kmemstat {len(ours)}')
    different = [a for a in sorted(theirs.keys() | ours.keys()) if theirs.get(a) != ours.get(a)]
    for address in different:
        print(f'{address:#x}: hits, bytes_req, bytes_alloc: perf kmem {theirs.get(address)}, '
              f'kmemstat {ours.get(address)}')
    return bool(different)


def check(args, found):
    """Everyone counts the same, or this fails."""
    files = Files(args, args.copies)
    made = files.counts
    want = {'events': made['events'], 'slab_events': made['slab_events'],
            'allocs': sum(made.get(name, 0) for name in ALLOCS)}
    reports = {(file, threads): kmemstat_json(args, file, threads)
               for file in (files.dat, files.zstd) for threads in (1, 2)}
    counted = {f'kmemstat --threads {threads} {os.path.basename(file)}': kmemstat_counts(report)
               for (file, threads), report in reports.items()}
    if found['trace-cmd']:
        for file in (files.dat, files.zstd):
            counted[f'trace-cmd report {os.path.basename(file)}'] = trace_cmd_counts(found, file)
    rows = [report['callsites'] for report in reports.values()]
    failed = any(row != rows[0] for row in rows)
    if failed:
        print('kmemstat: the call sites differ between files or numbers of threads')
    # a perf.data has no symbols, and of the events only those of the slab allocator
    perf_report = kmemstat_json(args, files.perf, 1)
    counted['kmemstat perf.data'] = dict(kmemstat_counts(perf_report))
    counted['kmemstat perf.data']['events'] += made['events'] - made['slab_events']
    if kmemstat_sites(perf_report) != kmemstat_sites(reports[files.dat, 1]):
        print('kmemstat: the call sites of perf.data and trace.dat differ')
        failed = True
    if found['perf']:
        text = output_of(perf_command(found, files.perf, '--raw-ip'))
        counted['perf kmem'] = perf_counts(text)
        failed |= sites_differ(perf_sites(text), kmemstat_sites(reports[files.dat, 1]))
    for who, counts in counted.items():
        print(f'{who}: ' + ', '.join(f'{key} {value}' for key, value in counts.items()))
        for key, value in counts.items():
            expected = want.setdefault(key, value)
            if value != expected:
                print(f'{who}: {key} {value}, expected {expected}')
                failed = True
    return 1 if failed else 0


def bench(args, found):
    files = Files(args, args.copies)
    counted = kmemstat_counts(kmemstat_json(args, files.dat, 1))
    if counted['events'] != files.counts['events']:
        die(f'{files.dat}: kmemstat sees {counted["events"]} events of {files.counts["events"]}')
    todo = programs(args, found, files)
    warm(files.all)
    run_rounds(args, todo)
    print(f'\n{files.counts["slab_events"]:,} slab events ({files.counts["events"]:,} in all), '
          f'{args.rounds} rounds, medians; programs over {SLOW_S:.0f} s: {args.slow_rounds}\n')
    print_table(todo, files)
    print('\nRatios are medians of those within one round. "of limit": the time of the first row,\n'
          'or of unpacking with as many threads, as a share of the program\'s time. The peak has\n'
          'the pages of mapped files in it.')
    print_text(args, found)
    print_start(args, found)
    print_passes(args, files)
    print(machine(args, found))
    with open(os.path.join(args.dir, 'result.json'), 'w', encoding='utf-8') as file:
        json.dump({'machine': machine(args, found), 'counts': files.counts,
                   'seconds': {p.name: p.seconds for p in todo},
                   'cpu_seconds': {p.name: p.cpu_seconds for p in todo},
                   'peak_kib': {p.name: p.peak_kib for p in todo}}, file, indent=1)
        file.write('\n')
    return 0


def main():
    env = os.environ.get
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0],
                                     epilog='KMEMSTAT_BENCH_COPIES, _ROUNDS, _SKIP and _TRACE in '
                                     'the environment come before the options.')
    parser.add_argument('--kmemstat', required=True)
    parser.add_argument('--mkbench', required=True)
    parser.add_argument('--limit', required=True)
    parser.add_argument('--timed', required=True)
    parser.add_argument('--dir', required=True, help='where the traces are made')
    parser.add_argument('--trace', required=True, help='the trace.dat they are made of')
    parser.add_argument('--copies', type=int, default=20)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--slow-rounds', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0, help='other pointers in every copy')
    parser.add_argument('--skip', default='', metavar='PEER[,PEER]', help='leave peers out')
    parser.add_argument('--check', action='store_true')
    args = parser.parse_args()
    if not args.check:
        args.copies = int(env('KMEMSTAT_BENCH_COPIES', args.copies))
        args.rounds = int(env('KMEMSTAT_BENCH_ROUNDS', args.rounds))
        args.skip = env('KMEMSTAT_BENCH_SKIP', args.skip)
    args.trace = env('KMEMSTAT_BENCH_TRACE', args.trace)
    if args.copies < 1 or args.rounds < 1:
        die('the numbers of copies and rounds have to be 1 or more')
    if not os.path.isfile(args.trace):
        die(f'{args.trace}: not there; KMEMSTAT_BENCH_TRACE can name another trace.dat')
    os.environ['LC_ALL'] = 'C'
    found = peers(args.skip.split(','))
    return check(args, found) if args.check else bench(args, found)


if __name__ == '__main__':
    sys.exit(main())
