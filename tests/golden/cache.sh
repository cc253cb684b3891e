# SPDX-License-Identifier: GPL-2.0-or-later
# Slab caches: named by frees (6.1), by size where frees have no names (5.10), and with slabinfo.
"$KMEMSTAT" --cache small/v7-zstd.dat
"$KMEMSTAT" --cache -F cache,hit,named,live -s hit,cache -l 5 small/5.10.dat
"$KMEMSTAT" --cache -l 12 --slabinfo mesh/slabinfo mesh/trace.dat
"$KMEMSTAT" --cache --csv -s tails -l 5 --slabinfo mesh/slabinfo mesh/trace.dat
"$KMEMSTAT" --cache -l 3 --no-pairing mesh/trace.dat
