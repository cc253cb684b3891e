# SPDX-License-Identifier: GPL-2.0-or-later
# Percpu objects, as table and CSV; and when there are none.
"$KMEMSTAT" --no-debug-search --percpu mesh/trace.dat
echo --- sorted
"$KMEMSTAT" --no-debug-search --percpu -s freed -F +freed,atomic,accounted,reserved -l 2 mesh/trace.dat | head -3
echo --- csv
"$KMEMSTAT" --no-debug-search --percpu --csv -l 2 mesh/trace.dat
echo --- none
"$KMEMSTAT" --no-debug-search --percpu small/6.12.dat
echo --- percpu-waste
"$KMEMSTAT" --no-debug-search --waste-bytes 2k mesh/trace.dat | grep -A 2 percpu-waste
"$KMEMSTAT" --no-debug-search --lines 0 --min-severity low mesh/trace.dat | grep -c percpu-waste || true
