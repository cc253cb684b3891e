# SPDX-License-Identifier: GPL-2.0-or-later
# perf script: addresses only, and symbols with call chains
"$KMEMSTAT" --caller --quiet --no-debug-search -l 3 text/perf-script.txt
"$KMEMSTAT" dump -l 2 text/perf-script-stacks.txt
"$KMEMSTAT" --caller --no-debug-search -l 3 text/perf-script-stacks.txt
