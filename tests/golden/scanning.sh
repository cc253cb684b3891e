# SPDX-License-Identifier: GPL-2.0-or-later
# Findings as other programs read them: with lines of source and without, one suppressed.
cat >"$TMP/suppressions" <<END
rule: just-over
symbol: qdisc_alloc
reason: shipped "like" that
END
for format in junit gitlab github checkstyle sarif; do
	echo "== $format"
	"$KMEMSTAT" --no-debug-search --debug-dir mesh --min-severity high \
		--suppress "$TMP/suppressions" --format $format mesh/trace.dat
done | sed '/^"tool":/d'
