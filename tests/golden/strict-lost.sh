# SPDX-License-Identifier: GPL-2.0-or-later
# Lost events: advice on standard error, marked totals; with --strict status 4, the report the same.
"$KMEMSTAT" --no-debug-search --caller -l 2 small/6.12-lost.dat
echo "status $?"
"$KMEMSTAT" --no-debug-search --strict --caller -l 2 small/6.12-lost.dat >"$TMP/strict"
echo "status $?"
"$KMEMSTAT" --no-debug-search --caller -l 2 small/6.12-lost.dat 2>&1 >"$TMP/plain"
cmp "$TMP/strict" "$TMP/plain" && rm "$TMP/strict" "$TMP/plain"
"$KMEMSTAT" --quiet --strict --csv -F callsite -l 1 small/6.12-lost.dat
echo "status $?"
"$KMEMSTAT" --strict info small/6.12-lost-v6.dat >/dev/null
echo "status $?"
"$KMEMSTAT" --strict --csv -F callsite -l 1 small/6.12.dat
echo "status $?"
