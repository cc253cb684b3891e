# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" dump -l 12 small/perf-zstd-stacks.data
echo --- a pipe
"$KMEMSTAT" dump -l 3 - <small/perf-pipe.data
cat small/perf-pipe.data | "$KMEMSTAT" dump -l 3 -
