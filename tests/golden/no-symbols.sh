# SPDX-License-Identifier: GPL-2.0-or-later
# Without symbols call sites are addresses; --kallsyms brings the names.
"$TESTS"/lib/make-trace no-symbols "$TMP/trace.dat" || exit 1
"$KMEMSTAT" --no-debug-search --caller -l 3 "$TMP/trace.dat"
printf '%s\n' 'ffffffff81000000 T _stext' 'ffffffff81001000 t first' 	'ffffffff81003000 t third	[some_module]' 'ffffffff81005000 T _etext' >"$TMP/kallsyms"
echo --- kallsyms
"$KMEMSTAT" --no-debug-search --caller -l 4 --kallsyms "$TMP/kallsyms" "$TMP/trace.dat"
sed 's/^f*[0-9]*/0000000000000000/' "$TMP/kallsyms" >"$TMP/zeros"
echo --- kptr_restrict
"$KMEMSTAT" --no-debug-search --caller -l 4 --kallsyms "$TMP/zeros" "$TMP/trace.dat"
