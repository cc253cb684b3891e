# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing in a trace commands a terminal: every control character becomes a question mark.
"$TESTS"/lib/make-trace control "$TMP/trace.dat" || exit 1
exec 2>&1
for view in --summary --caller --class --csv --json; do
	"$KMEMSTAT" --no-debug-search $view "$TMP/trace.dat" >"$TMP/out"
	echo "$view: status $?, $(LC_ALL=C tr -d '\n\t\040-\176' <"$TMP/out" | wc -c) other bytes"
done
for verb in info dump; do
	"$KMEMSTAT" $verb "$TMP/trace.dat" >"$TMP/out"
	echo "$verb: status $?, $(LC_ALL=C tr -d '\n\t\040-\176' <"$TMP/out" | wc -c) other bytes"
done
"$KMEMSTAT" --no-debug-search --caller -l 3 -F callsite,hit "$TMP/trace.dat"
"$KMEMSTAT" --no-debug-search --class -l 1 "$TMP/trace.dat" | head -n 6
"$KMEMSTAT" info "$TMP/trace.dat" | head -n 12
printf 'not a trace' >"$TMP/$(printf 'e\033[31mvil')"
"$KMEMSTAT" "$TMP/$(printf 'e\033[31mvil')"
