#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What recording costs: kmemstat record beside perf kmem record and trace-cmd record.

Each records the same loads of stress-ng, with its default buffer: two processes that make kmem
events as fast as they can, a fixed number of operations. All take turns, round by round, with a
run in which nobody records. Of each:

kept, lost  events in the file and events that it says were lost, as kmemstat reads them (that it
            reads them right is tested elsewhere); the round with the greatest loss
recorder    seconds of CPU time, user and system, of the recorder without the load; the least
load        seconds of CPU time of the load; the least, and how much longer it is than without

The events of the whole machine are recorded, so what else runs there counts, too. With --guest
all this is done in a guest, for which see tests/guests; trace-cmd cannot record everywhere.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / 'guests'), str(HERE.parent / 'lib')]

import guest  # noqa: E402
import tracefs  # noqa: E402

SKIPPED = 77
# stressor: operations; few for --check and in a guest, whose CPU is slow
LOADS = {'mq': (600000, 20000), 'sockpair': (24000, 100)}
# the few of this one, some 7 events each, fit in kmemstat's buffer: it loses none on any machine
FITS = 'mq'
EVENTS = ('kmalloc', 'kfree', 'kmem_cache_alloc', 'kmem_cache_free')
# as many events as an operation makes at the very least
EVENTS_PER_OP = 2

MEASURE = '''
# measure NAME LOAD ROUND FILE COMMAND...: two lines of timed, that of all and that of the load
measure()
{
	name=$1 load=$2 round=$3 file=$4
	shift 4
	all=$("$TIMED" out "$@" 2>err) || all="0 0 0 0 1"
	echo "$name $load $round $all $(tail -n 1 out)" >>results
	cp err "err-$name"
	if [ "$file" != - ] && [ -e "$file" ]; then
		"$KMEMSTAT" --json --no-pairing -q "$file" >"$name-$load-$round.json" || :
		rm -f "$file"
	fi
}
'''


def stress(load, ops):
    return f'"$TIMED" /dev/null stress-ng -q --{load} 2 --{load}-ops {ops}'


def recorders(found):
    """Name -> file and the command that goes before the load's."""
    all_of_them = {
        'none': ('-', ''),
        'kmemstat': ('k.dat', '"$KMEMSTAT" record -q -e slab -o k.dat --'),
        'perf': ('p.data', 'perf kmem record -o p.data'),
        'trace-cmd': ('t.dat', 'trace-cmd record -q -o t.dat '
                      + ' '.join(f'-e kmem:{event}' for event in EVENTS)),
    }
    return {name: all_of_them[name] for name in all_of_them if name in found}


def script(args, names):
    """What is run, here or in a guest."""
    lines = [MEASURE]
    few = args.check or args.guest
    for number in range(args.rounds):
        for load, ops in LOADS.items():
            for name, (file, command) in recorders(names).items():
                lines.append(f'measure {name} {load} {number} {file} {command} '
                             f'{stress(load, ops[bool(few)])}')
    return '\n'.join(lines) + '\n'


def run_here(args, names, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    env = dict(os.environ, KMEMSTAT=args.kmemstat, TIMED=args.timed, LC_ALL='C')
    subprocess.run(['sh', '-c', script(args, names)], cwd=folder, env=env, check=True)


def run_in_guest(args, names, folder):
    system = guest.Guest(args.guest, args.cache)
    system.run('KMEMSTAT=kmemstat TIMED=timed\n' + script(args, names), folder, memory=6144,
               seconds=1800, programs=(args.kmemstat, args.timed, 'stress-ng', 'perf', 'trace-cmd'))


class Run:
    """One line of the results, and the counts of the file."""

    def __init__(self, line, folder):
        words = line.split()
        self.name, self.load, self.round = words[:3]
        numbers = [float(word) for word in words[3:]]
        if len(numbers) != 10 or numbers[4] or numbers[9]:
            raise ValueError(f'{self.name}: ' + (folder / f'err-{self.name}').read_text(
                encoding='utf-8', errors='replace').strip()[-300:])
        self.cpu, self.load_cpu = sum(numbers[1:3]) - sum(numbers[6:8]), sum(numbers[6:8])
        self.load_seconds = numbers[5]
        self.kept = self.lost = 0
        if self.name != 'none':
            with open(folder / f'{self.name}-{self.load}-{self.round}.json',
                      encoding='utf-8') as file:
                quality = json.load(file)['quality']
            self.kept = quality['events_total']
            self.lost = quality['events_lost'] + quality['gaps_unknown']


def read_runs(folder):
    """Runs by (load, name), and a sentence for each program that failed."""
    runs, failed = {}, {}
    for line in (folder / 'results').read_text(encoding='ascii').splitlines():
        try:
            run = Run(line, folder)
        except ValueError as error:
            failed[line.split()[0]] = str(error)
            continue
        runs.setdefault((run.load, run.name), []).append(run)
    return runs, failed


def print_table(runs, rounds):
    print(f'{"load":10}{"recorder":12}{"kept":>11}{"lost":>11}{"lost %":>8}'
          f'{"recorder s":>12}{"ns/event":>10}{"load s":>9}{"longer":>8}')
    for (load, name), all_of_it in runs.items():
        worst = max(all_of_it, key=lambda run: run.lost)
        cpu = min(run.cpu for run in all_of_it)
        load_cpu = min(run.load_cpu for run in all_of_it)
        without = min(run.load_cpu for run in runs[load, 'none'])
        row = f'{load:10}{name if name != "none" else "(nobody)":12}'
        if name == 'none':
            row += ' ' * 52
        else:
            share = 100 * worst.lost / max(worst.kept + worst.lost, 1)
            each = 1e9 * min(run.cpu / max(run.kept, 1) for run in all_of_it)
            row += f'{worst.kept:11,}{worst.lost:11,}{share:8.1f}{cpu:12.3f}{each:10.0f}'
        print(f'{row}{load_cpu:9.3f}{100 * (load_cpu / without - 1):7.0f}%')
    print(f'\n{rounds} rounds. kept, lost: the round with the greatest loss; seconds of CPU time: '
          'the least.')
    for load in LOADS:
        cpu = {name: min(run.cpu for run in runs[load, name])
               for name in ('kmemstat', 'perf') if (load, name) in runs}
        if len(cpu) == 2:
            print(f'{load}: kmemstat takes {cpu["kmemstat"] / cpu["perf"]:.2f} of the CPU time of '
                  'perf kmem record')


def check(runs, failed, names):
    wrong = list(failed.values())
    for load, (_, ops) in LOADS.items():
        for name in names:
            for run in runs.get((load, name), ()):
                if name != 'none' and run.kept + run.lost < EVENTS_PER_OP * ops:
                    wrong.append(f'{name}, {load}: {run.kept} kept and {run.lost} lost of at least '
                                 f'{EVENTS_PER_OP * ops}')
                if name == 'kmemstat' and load == FITS and run.lost:
                    wrong.append(f'{name}, {load}: {run.lost} events lost')
            if not runs.get((load, name)) and name not in failed:
                wrong.append(f'{name}, {load}: no result')
    return wrong


def missing(args):
    """Why nothing can be measured, or None."""
    if not shutil.which('stress-ng'):
        return 'no stress-ng'
    if not args.guest and os.geteuid():
        return 'only root can record'
    if not args.guest and not tracefs.of_this_run():
        return 'there is no tracefs'
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--kmemstat', required=True)
    parser.add_argument('--timed', required=True)
    parser.add_argument('--dir', required=True, help='where the traces are made')
    parser.add_argument('--cache', help='with --guest: where its kernel is kept')
    parser.add_argument('--guest', choices=('6.1', '6.12'))
    parser.add_argument('--rounds', type=int, help='default: 9; in a guest 3')
    parser.add_argument('--check', action='store_true',
                        help='a short load, once: did each of them record it, kmemstat all of it?')
    args = parser.parse_args()
    args.rounds = 1 if args.check else int(
        os.environ.get('KMEMSTAT_BENCH_ROUNDS', args.rounds or (3 if args.guest else 9)))
    args.kmemstat, args.timed = os.path.abspath(args.kmemstat), os.path.abspath(args.timed)
    reason = missing(args)
    if reason:
        print(f'skipped: {reason}')
        return SKIPPED
    names = ['none', 'kmemstat'] + [name for name in ('perf', 'trace-cmd') if shutil.which(name)]
    folder = pathlib.Path(args.dir).resolve() / f'record-{args.guest or "here"}'
    if args.guest:
        run_in_guest(args, names, folder)
    else:
        run_here(args, names, folder)
    runs, failed = read_runs(folder)
    if not args.guest:
        # its start is to switch on ftrace, which not every kernel lets it
        sentence = failed.get('trace-cmd', '')
        if "Can't enable ftrace" in sentence:
            del failed['trace-cmd']
            names.remove('trace-cmd')
            print(f'left out: {" ".join(sentence.split())}')
    if failed or args.check:
        wrong = check(runs, failed, names)
        for sentence in wrong:
            print(f'FAILED: {sentence}')
        if wrong:
            return 1
    print_table(runs, args.rounds)
    return 0


if __name__ == '__main__':
    sys.exit(main())
