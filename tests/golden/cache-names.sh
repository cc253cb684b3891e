# SPDX-License-Identifier: GPL-2.0-or-later
# Caches by name (kernel 6.18), failed allocations, frees of NULL and ZERO_SIZE_PTR.
"$TESTS"/lib/make-trace names "$TMP/trace.dat" || exit 1
"$KMEMSTAT" --no-debug-search --class -l 2 "$TMP/trace.dat"
"$KMEMSTAT" dump -l 8 "$TMP/trace.dat"
