# SPDX-License-Identifier: GPL-2.0-or-later
# frames of recordings, by the time of their events: all views, sorted and filtered
trace=mesh/trace.dat
"$KMEMSTAT" top --batch -i 2 -l 3 --width 100 $trace
for view in classes caches live findings; do
	echo "== $view"
	"$KMEMSTAT" top --batch -i 7 -n 1 -l 3 --width 80 --view $view $trace
done
echo "== sorted, all columns"
"$KMEMSTAT" top --batch -i 100 -l 3 --sort live $trace
echo "== filtered"
"$KMEMSTAT" top --batch -i 100 --width 80 --match 'mesh_*' --sort name $trace
echo "== only some events, text, losses"
"$KMEMSTAT" top --batch -i 100 -l 2 --width 80 --event kmalloc,kfree $trace
"$KMEMSTAT" top --batch -i 0.01 -l 2 --width 80 text/6.12-report.txt
"$KMEMSTAT" top --batch -i 100 -l 2 --width 80 small/6.12-lost.dat
"$KMEMSTAT" top --batch -i 100 -l 2 --width 40 text/tracefs.txt
