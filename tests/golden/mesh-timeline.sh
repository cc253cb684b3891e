# SPDX-License-Identifier: GPL-2.0-or-later
# Live bytes over time: charts at two widths, in ASCII and in blocks, and the ticks as CSV.
run() { "$KMEMSTAT" --no-debug-search --timeline "$@" mesh/trace.dat; }
run --width 80
LC_ALL=C.UTF-8 run --width 120 | head -22
run --csv | head -3
run --csv | tail -1
