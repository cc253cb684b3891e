# SPDX-License-Identifier: GPL-2.0-or-later
# What requests would take in other allocators: totals, classes, call sites.
try() { "$KMEMSTAT" --no-debug-search -q "$@"; echo "status $?"; }
try --models mesh/trace.dat
try --model slub:min=128,page=64k,netbsd-2009:mid --model-class -s model,size -l 30 mesh/trace.dat
try --model netbsd,slub:min=128 --model-caller -l 8 --width 110 mesh/trace.dat
try --csv --models -F model,bytes,change,change-percent,about --model slub,freebsd mesh/trace.dat
try --model help
try --replay --model slub,slub:cpus=64,netbsd,slob -F +end-pages,objects replay/trace.dat
