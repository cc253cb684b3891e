# SPDX-License-Identifier: GPL-2.0-or-later
# trace-cmd report: stacks, flags and fields as numbers, losses
"$KMEMSTAT" --caller --no-debug-search -l 3 text/6.12-report.txt
"$KMEMSTAT" --caller --no-debug-search -l 3 text/6.1-i386-report-R-l.txt
"$KMEMSTAT" dump -l 3 text/stacks-report-t.txt
"$KMEMSTAT" info text/6.12-lost-report.txt
