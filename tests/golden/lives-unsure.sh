# SPDX-License-Identifier: GPL-2.0-or-later
# Live numbers that are not sure, each with its reason: lost events, hashed pointers, a clock
# that does not count nanoseconds; and sure ones.
for file in small/6.12-lost.dat text/tracefs.txt small/6.12-tsc.dat small/v7-zstd.dat; do
	"$KMEMSTAT" --no-debug-search -q --live -l 2 --width 100 $file
	"$KMEMSTAT" --no-debug-search -q --timeline --width 70 $file | head -12
done
