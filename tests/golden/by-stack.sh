# SPDX-License-Identifier: GPL-2.0-or-later
# Sums by stack in JSON: of trace.dat and text; without stacks; the same for any number of threads.
rows() {
	sed -n '/^"stack_frames"/,/^]/p; /^"stacks"/,/^]/p'
}
set -- --no-debug-search --json --by-stack
"$KMEMSTAT" "$@" --event kmalloc --cpu 0 small/page-stacks.dat | rows
echo --- pages, percpu objects
"$KMEMSTAT" "$@" --event 'mm_page_*' small/page-stacks.dat | rows | grep '"layer": "page"' | head -3
"$KMEMSTAT" "$@" --event 'percpu_*' mesh/trace.dat | rows | grep '"layer": "percpu"' | head -3
echo --- text
"$KMEMSTAT" "$@" text/perf-script-stacks.txt | rows
echo --- no stacks, no pairing, in lines
"$KMEMSTAT" --no-debug-search --no-pairing --by-stack --format jsonl small/6.12.dat |
	grep -e '"type": "stack' | sort | sed '2,$!d; 3,/"type": "stack_frame"/d' | head -3
echo --- threads
for nr in 1 2 7; do
	"$KMEMSTAT" "$@" --threads $nr small/stacks.dat | rows | cksum
done | uniq | wc -l
echo --- nowhere to show it
"$KMEMSTAT" --by-stack small/stacks.dat 2>&1
"$KMEMSTAT" --by-stack --format csv small/stacks.dat 2>&1
true
