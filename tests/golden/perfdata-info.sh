# SPDX-License-Identifier: GPL-2.0-or-later
for name in kmem zstd-stacks pipe; do
	"$KMEMSTAT" info --kallsyms small/perf.kallsyms small/perf-$name.data || echo "status $?"
	echo
done
