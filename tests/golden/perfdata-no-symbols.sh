# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing gives addresses of another kernel names, least of all the running one's.
"$KMEMSTAT" --caller -l 4 small/perf-zstd-stacks.data
