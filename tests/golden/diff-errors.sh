# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be compared, and how it is told.
try()
{
	echo "$ kmemstat $*"
	"$KMEMSTAT" "$@" 2>&1
	echo "status $?"
}
"$KMEMSTAT" --no-debug-search -q --json -o "$TMP/report.json" small/6.12.dat
"$KMEMSTAT" --no-debug-search -q --json --no-pairing -o "$TMP/unpaired.json" small/6.12.dat
head -c 3000 "$TMP/report.json" >"$TMP/cut.json"
sed 's/"schema_version": 1/"schema_version": 2/' "$TMP/report.json" >"$TMP/later.json"
sed 's/"hits": 1,/"hits": "many",/' "$TMP/report.json" >"$TMP/words.json"
echo '{"name": "package", "version": "1.0.0"}' >"$TMP/other.json"
try diff
try diff small/6.12.dat
try diff small/6.12.dat small/6.12.dat small/6.12.dat
try diff --base small/6.12.dat
try diff --base small/6.12.dat --new small/6.12.dat small/6.12.dat
try diff small/6.12.dat nowhere.dat
try diff "$TMP/cut.json" small/6.12.dat
try diff "$TMP/later.json" small/6.12.dat
try diff "$TMP/words.json" small/6.12.dat
try diff "$TMP/other.json" small/6.12.dat
try diff formats/README small/6.12.dat
try diff --by size a b
try diff --per 0 a b
try diff --per 3:0 a b
try diff --per x a b
try diff --per 3 --total a b
try diff --per-hit --per-second a b
try diff --noise 101 a b
try diff --base= b
try diff --format sarif a b
try diff --format jsn a b
try diff --format json --csv a b
try diff --format help
try diff -l 3 --json a b
try diff --caller a b
try diff --cache a b
try diff --kallsyms x a b
try diff - -
try diff --cpu 0 "$TMP/report.json" small/6.12.dat
try diff --no-pairing "$TMP/report.json" small/6.12.dat
try diff --debug-dir mesh "$TMP/report.json" "$TMP/report.json"
try diff --cpu 99 small/6.12.dat small/6.12.dat
try diff --by live --per-second "$TMP/report.json" "$TMP/report.json"
try diff --by live "$TMP/report.json" "$TMP/unpaired.json"
try diff --by hits --per-hit "$TMP/report.json" "$TMP/report.json"
try diff --per-second "$TMP/report.json" small/6.12-tsc.dat
try diff --per-callsite nobody "$TMP/report.json" "$TMP/report.json"
try diff -o "$TMP/report.json" small/6.12.dat "$TMP/report.json"
try diff --format json="$TMP/report.json" small/6.12.dat "$TMP/report.json"
try diff --format json="$TMP/x" --format csv="$TMP/x" small/6.12.dat "$TMP/report.json"
try diff --format json="$TMP/no/where" small/6.12.dat "$TMP/report.json"
try diff --strict -q --csv -o "$TMP/rows.csv" "$TMP/report.json" small/6.12-lost.dat
wc -l <"$TMP/rows.csv"
try diff -q -l 2 "$TMP/report.json" small/6.12-tsc.dat
try --per 3:4 small/6.12.dat
try --base small/6.12.dat small/6.12.dat
