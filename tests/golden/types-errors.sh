# SPDX-License-Identifier: GPL-2.0-or-later
# What has no types, and what is asked for in vain.
"$KMEMSTAT" types --no-debug-search mesh/trace.dat
try() {
	"$KMEMSTAT" types --no-debug-search "$@" 2>&1
	echo "exit $?"
}
try --type mesh_rcm --debug-dir mesh mesh/trace.dat
try --type nothing_like_it --debug-dir mesh mesh/trace.dat
try --type mesh_rmc -l 3 mesh/trace.dat
try --caller mesh/trace.dat
try -s nonsense mesh/trace.dat
try --json -l 3 mesh/trace.dat
