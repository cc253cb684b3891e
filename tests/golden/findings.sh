# SPDX-License-Identifier: GPL-2.0-or-later
# What becomes of allocations: each rule with a trace that shows it, and the others' silence.
for trace in leak ping-pong no-ping-pong short-lived accounted high-order; do
	echo "== $trace"
	"$KMEMSTAT" --no-debug-search --min-severity low --just-over 0 --waste-percent 100 \
		small/$trace.dat | sed -n '/^[0-9]* finding/,$p'
done
