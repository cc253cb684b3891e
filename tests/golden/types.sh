# SPDX-License-Identifier: GPL-2.0-or-later
# What is allocated, and how it is laid out.
debug="--no-debug-search --debug-dir mesh mesh/trace.dat"
"$KMEMSTAT" types $debug
"$KMEMSTAT" types -s holes -l 3 -F type,size,nr-holes,holes,packed,callsite $debug
"$KMEMSTAT" types --type mesh_rmc $debug
"$KMEMSTAT" types --type 'struct minstrel_ht_sta' $debug
"$KMEMSTAT" types --csv -l 2 $debug
"$KMEMSTAT" types --type mesh_rmc --json $debug
"$KMEMSTAT" --caller -F callsite,type -l 4 $debug
