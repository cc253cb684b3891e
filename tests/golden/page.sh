# SPDX-License-Identifier: GPL-2.0-or-later
# The page allocator: by caller, by page frame, sorted, cut, as CSV; and when there is nothing.
set -- --no-debug-search small/page-stacks.dat
"$KMEMSTAT" --page "$@"
echo --- page frames
"$KMEMSTAT" --page-frame -l 5 -s hit,page "$@" | head -7
echo --- sorted
"$KMEMSTAT" --page -s order,migtype,live -F +live,freed,replaced,failed "$@" | head -5
echo --- csv
"$KMEMSTAT" --page --csv -l 3 "$@"
"$KMEMSTAT" --page-frame --csv -l 3 "$@"
echo --- perf kmem --page record
"$KMEMSTAT" --page -l 3 --no-debug-search --kallsyms small/perf.kallsyms small/perf-kmem.data
echo --- no stacks
"$KMEMSTAT" --page -l 3 --no-debug-search small/v6.dat
echo --- no pages
"$KMEMSTAT" --page --no-debug-search small/6.12.dat
echo --- a filter
"$KMEMSTAT" --page -l 0 --event mm_page_alloc --cpu 1 "$@" | tail -14
echo --- no pairing
"$KMEMSTAT" --page --no-pairing "$@" 2>&1
echo --- no such key
"$KMEMSTAT" --page -s waste "$@" 2>&1
echo --- as in perf kmem
"$KMEMSTAT" --page --alloc -l 1 "$@" | grep -A 1 PFN
"$KMEMSTAT" --slab --page --alloc -l 1 "$@" | grep -c -e PFN -e Ptr
echo --- what is live
"$KMEMSTAT" --page --live -l 3 "$@" | head -6
"$KMEMSTAT" --page --live --csv -F live-bytes "$@" | grep -c '^0$'
"$KMEMSTAT" --page-frame --live --csv "$@" | wc -l
"$KMEMSTAT" --page-frame --csv "$@" | wc -l
"$KMEMSTAT" --slab --page --live -l 1 "$@" | grep -c -e Order -e Objects
