# SPDX-License-Identifier: GPL-2.0-or-later
# The formats that are for other programs and pages, of one run.
"$KMEMSTAT" --no-debug-search --min-severity high --top 2 --debug-dir mesh \
	--format markdown="$TMP/report.md" --format openmetrics="$TMP/kmemstat.prom" \
	--format jsonl="$TMP/report.jsonl" mesh/trace.dat | sed -n '/findings/p'
ls "$TMP"
cat "$TMP/report.md"
grep -v '^#' "$TMP/kmemstat.prom" | grep -v -e quality -e ' 0$'
tail -n 1 "$TMP/kmemstat.prom"
sed 's/^{"type": "\([a-z_]*\)".*/\1/' "$TMP/report.jsonl" | uniq -c
grep -m 2 '^{"type": "finding"' "$TMP/report.jsonl"
