# SPDX-License-Identifier: GPL-2.0-or-later
for name in kmem zstd-stacks pipe; do
	echo "--- $name"
	"$KMEMSTAT" --no-debug-search --kallsyms small/perf.kallsyms --caller -l 8 small/perf-$name.data
done
echo "--- a pipe"
cat small/perf-pipe.data | "$KMEMSTAT" --no-debug-search --kallsyms small/perf.kallsyms --caller -l 3 -
