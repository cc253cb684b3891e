# SPDX-License-Identifier: GPL-2.0-or-later
# What is live at the end: as a table, narrow and wide, sorted otherwise, and as CSV.
run() { "$KMEMSTAT" --no-debug-search --debug-dir mesh "$@" mesh/trace.dat; }
run --live -l 8 --width 80
run --live -l 8 --width 120 | head -10
LC_ALL=C.UTF-8 run --live -l 8 | head -10
run --live -l 3 -s peak,callsite | head -4
run --live -l 3 --csv -F callsite,live,live-bytes,peak,over-half,source
