# SPDX-License-Identifier: GPL-2.0-or-later
# Ring-buffer pages whose lengths do not add up, and a page of zeros.
"$TESTS"/lib/make-trace broken-pages "$TMP/trace.dat" || exit 1
"$KMEMSTAT" --no-debug-search --caller -l 2 "$TMP/trace.dat"
echo "status $?"
"$KMEMSTAT" info "$TMP/trace.dat" | tail -n 14
