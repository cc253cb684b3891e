# SPDX-License-Identifier: GPL-2.0-or-later
# The good is shown, the missing is counted; --strict makes it a status.
"$TESTS"/lib/make-trace cut "$TMP/whole.dat" || exit 1
head -c -6000 "$TMP/whole.dat" >"$TMP/trace.dat"
"$KMEMSTAT" --no-debug-search --caller -l 2 "$TMP/trace.dat"
echo "status $?"
"$KMEMSTAT" info "$TMP/trace.dat" | tail -n 12
"$KMEMSTAT" --no-debug-search --strict --csv -F callsite -l 1 "$TMP/trace.dat"
echo "status $?"
