# SPDX-License-Identifier: GPL-2.0-or-later
# Who allocated, who freed, and whose objects are live.
"$KMEMSTAT" --task small/v7-zstd.dat
"$KMEMSTAT" --task -s live-bytes -l 5 mesh/trace.dat
"$KMEMSTAT" --task -F pid,comm,hit,accounted,freed,live -s comm,pid -l 8 mesh/trace.dat
"$KMEMSTAT" --task --csv -s frees -l 4 small/5.10.dat
"$KMEMSTAT" --task --csv --no-pairing -l 2 small/v7-zstd.dat
"$KMEMSTAT" --task -q text/tracefs.txt
