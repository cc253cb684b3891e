# SPDX-License-Identifier: GPL-2.0-or-later
# What counts as a finding: percentages, bytes, severity.
run() { "$KMEMSTAT" --no-debug-search "$@" mesh/trace.dat | sed -n '/^[0-9]* findings:/,+2p;/^no findings/p'; }
run --waste-percent 45
run --waste-bytes 4M
run --just-over 1
run --just-over 0 --waste-percent 100
run --min-severity high
run --min-severity low -l 1
