# SPDX-License-Identifier: GPL-2.0-or-later
"$TESTS"/lib/make-trace be32 "$TMP/trace.dat" || exit 1
"$KMEMSTAT" --no-debug-search --caller "$TMP/trace.dat"
"$KMEMSTAT" info "$TMP/trace.dat"
