#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# sanitize.sh [gcc-asan] [clang-asan] [tsan] [valgrind]: the tests under sanitizers, all four if none
# is named. ./check --sanitize does this. It takes an hour or so.
#
#   gcc-asan    every test that does not boot a guest, with AddressSanitizer, its search for leaks,
#               and UndefinedBehaviorSanitizer, built by GCC with -Werror
#   clang-asan  the same sanitizers by clang with -Werror, whose UBSan knows more: unit, golden, cli
#   tsan        ThreadSanitizer: what runs threads, side by side with itself
#   valgrind    memcheck: unit tests, and kmemstat itself with a trace of each kind
#
# The builds are in build/sanitize/. The last line says what failed.
set -u
cd "$(dirname "$0")/.." || exit 2
PATH=/usr/bin:$PATH
. scripts/setup.sh
BUILDS=${KMEMSTAT_SANITIZE_BUILDS:-build/sanitize}
failed=

# What cannot run beside AddressSanitizer. Nothing else is left out.
#   faults-memory, faults-memory-on  its own malloc() stands where theirs has to
#   faults-syscalls                  LeakSanitizer is a tracer, and so is strace
#   memory                           measures memory, of which the sanitizer takes as much again
#   cli-sandbox                      preloads a library that has to come before the sanitizer's
#   fuzz-smoke                       builds with sanitizers of its own
#   mutation-self                    compares code, in which UBSan has the numbers of lines
ASAN_EXCLUDED='faults-memory faults-memory-on faults-syscalls memory cli-sandbox fuzz-smoke
	mutation-self'

fail()
{
	say "FAILED: $1"
	failed="$failed $1"
}

# set_up NAME CC OPTION...: builds BUILDS/NAME; not a second time
set_up()
{
	name=$1 cc=$2
	shift 2
	say "$name: building with $cc -Werror"
	mkdir -p "$BUILDS"
	if [ ! -e "$BUILDS/$name/build.ninja" ]; then
		CC=$cc meson setup --werror --buildtype=debugoptimized "$@" "$BUILDS/$name" \
			>"$BUILDS/$name.log" 2>&1 || return 1
	fi
	ninja -C "$BUILDS/$name" >>"$BUILDS/$name.log" 2>&1 || {
		tail -40 "$BUILDS/$name.log"
		return 1
	}
}

# tests_of NAME LEFT_OUT: the names of all tests of a build but these and those in guests
tests_of()
{
	meson introspect --tests "$BUILDS/$1" | /usr/bin/python3 -c '
import json, sys
out = set(sys.argv[1].split())
for test in json.load(sys.stdin):
    if test["name"] not in out and not any(s.endswith(":guest") for s in test["suite"]):
        print(test["name"])' "$2"
}

# run_tests NAME SECTION NAMES-OR-SUITES...
run_tests()
{
	name=$1
	shift
	meson test -C "$BUILDS/$name" --no-rebuild --timeout-multiplier 10 --print-errorlogs "$@" ||
		fail "$name"
}

# A report of a sanitizer is a status of its own, which no test expects, wherever the program runs.
asan_env()
{
	ASAN_OPTIONS=detect_leaks=1:exitcode=99:abort_on_error=0:allocator_may_return_null=1
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:exitcode=99
	LSAN_OPTIONS=exitcode=99
	export ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS
}

gcc_asan()
{
	set_up gcc-asan gcc -Db_sanitize=address,undefined || { fail gcc-asan; return; }
	asan_env
	# shellcheck disable=SC2046
	run_tests gcc-asan $(tests_of gcc-asan "$ASAN_EXCLUDED")
}

clang_asan()
{
	# -Db_lundef: clang's runtime is in the program, so that a library alone cannot be complete
	set_up clang-asan clang -Db_sanitize=address,undefined -Db_lundef=false ||
		{ fail clang-asan; return; }
	asan_env
	# shellcheck disable=SC2046
	run_tests clang-asan $(tests_of clang-asan "$ASAN_EXCLUDED" |
		grep -E '^(unit|golden|cli)-' | grep -vE '^cli-(live|record)$')
}

tsan()
{
	set_up tsan gcc -Db_sanitize=thread || { fail tsan; return; }
	TSAN_OPTIONS=exitcode=99:halt_on_error=1
	export TSAN_OPTIONS
	run_tests tsan matrix unit-text_fast unit-lives unit-life unit-groups unit-snapshot unit-top \
		cli-snapshots cli-running cli-shrinking golden-filters golden-json-5.10 golden-mesh-json \
		golden-lives-unsure golden-text-report golden-perfdata-caller golden-broken-pages \
		golden-cut-short golden-top
}

valgrind_sample()
{
	command -v valgrind >/dev/null || { fail 'valgrind (not installed)'; return; }
	set_up plain gcc -Db_sanitize=none || { fail valgrind; return; }
	# unit-box, unit-resolver: in the process that reads debug information valgrind has neither the
	# memory nor the system calls that it needs; --no-sandbox, below, does without one
	# shellcheck disable=SC2046
	run_tests plain $(tests_of plain 'unit-box unit-resolver' | grep '^unit-') --wrap \
		'valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite'
	for trace in small/5.10-v6.dat small/6.12-v7-none.dat small/6.12-instances.dat \
		small/6.1-i386.dat small/perf-kmem.data small/perf-zstd-stacks.data text/6.12-report.txt; do
		sample "testdata/$trace"
	done
	sample --no-sandbox --debug-dir testdata/peers/6.1-grown testdata/peers/6.1-grown.dat
}

# sample ARGUMENT...: kmemstat under valgrind
sample()
{
	say "valgrind kmemstat --json --threads 2 $*"
	valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
		"$BUILDS/plain/src/cli/kmemstat" --json --no-debug-search --threads 2 "$@" >/dev/null ||
		fail "valgrind: $*"
}

trap unmount_tracefs EXIT
mount_tracefs
bad=
# shellcheck disable=SC2048
for part in ${*:-gcc-asan clang-asan tsan valgrind}; do
	case $part in
	gcc-asan | clang-asan | tsan | valgrind) ;;
	*)
		echo "usage: sanitize.sh [gcc-asan] [clang-asan] [tsan] [valgrind]" >&2
		exit 2
		;;
	esac
	# in a shell of its own: the next one has other variables
	(
		case $part in
		gcc-asan) gcc_asan ;;
		clang-asan) clang_asan ;;
		tsan) tsan ;;
		valgrind) valgrind_sample ;;
		esac
		[ -z "$failed" ]
	) || bad="$bad $part"
done
if [ -n "$bad" ]; then
	say "failed:$bad"
	exit 1
fi
say "nothing was found"
