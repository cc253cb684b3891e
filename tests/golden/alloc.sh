# SPDX-License-Identifier: GPL-2.0-or-later
# By pointer, as perf kmem has it.
"$KMEMSTAT" --alloc -l 5 small/v7-zstd.dat
"$KMEMSTAT" stat --alloc -s pingpong,ptr -l 5 -i mesh/trace.dat
"$KMEMSTAT" --alloc stat -s frag,hit,bytes -l 3 --raw-ip --slab -f mesh/trace.dat
"$KMEMSTAT" --alloc --csv -s ptr -l 3 small/5.10.dat
"$KMEMSTAT" --alloc --csv -s hit -l 3 --no-pairing small/5.10.dat
"$KMEMSTAT" --alloc -q -l 2 text/tracefs.txt
