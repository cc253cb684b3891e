# SPDX-License-Identifier: GPL-2.0-or-later
# Columns of pairing, and sorting by them.
run() { "$KMEMSTAT" --no-debug-search "$@" mesh/trace.dat; }
run --caller -l 5 -s byte-seconds -F callsite,waste,byte-seconds,live-bytes,lifetime | head -6
run --caller -l 5 -s pingpong -F callsite,hit,freed,pingpong,short-lived,over-half,peak,live |
	head -6
run --csv -l 3 -s lifetime -F callsite,freed,lifetime,byte-seconds,node-pingpong
run --csv --no-pairing -l 1
run --summary --no-pairing | head -5
