# SPDX-License-Identifier: GPL-2.0-or-later
# The limits of the rules about what becomes of allocations.
run() {
	echo "== $*"
	"$KMEMSTAT" --no-debug-search --just-over 0 --waste-percent 100 --min-severity low "$@" |
		grep -o -e '^no findings' -e '^.*: \(low\|medium\|high\): .*\]$'
}
run --leak-bytes 60k small/leak.dat
run --leak-freed 70 --hot-hits 1000000 small/leak.dat
run --leak-bytes 1M small/leak.dat
run --ping-pong 60 --hot-hits 60 --accounted 100 small/no-ping-pong.dat
run --short-time 100us small/no-ping-pong.dat
run --short-lived 50 --accounted 100 small/ping-pong.dat
run --hot-hits 700 small/short-lived.dat
run --hot-hits 700 --hot-percent 20 small/short-lived.dat
run --hot-hits 300 --high-order 3 small/high-order.dat
run --hot-hits 300 --high-order 2 small/high-order.dat
# events are missing: suspects are marked
run --leak-bytes 1k --leak-freed 10 small/6.12-lost.dat
# what needs pairing is not there without it
run --no-pairing small/leak.dat
"$KMEMSTAT" --no-pairing --leak-bytes 1k small/leak.dat
