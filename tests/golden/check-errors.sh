# SPDX-License-Identifier: GPL-2.0-or-later
# Gates that are none, and files that are no baseline or budget.
exec 2>&1
try() {
	"$KMEMSTAT" check -q "$@" small/6.12.dat
	echo "status $?"
}
# the list of rules grows
try --fail-on wsate 2>&1 | sed 's/percpu-waste.*/.../'
try --fail-on '' 2>&1 | sed 's/percpu-waste.*/.../'
try --fail-on any:terrible
try --fail-on new
try --max-waste-growth 1k
try --max-hits-growth 5%
try --total --fail-on any
try --per-hit --max-hits-growth 5% --baseline small/6.12.dat
try --total --per-second --max-hits-growth 5%
try --per-callsite no_such --max-hits-growth 5% --baseline small/6.12.dat
try --max-waste lots
try --max-waste -1
try --max-waste 1e9
try --max-hits-growth 1k
try --baseline ''
try --budget ''
try --write-baseline "$TMP/x" --write-suppressions "$TMP/x"
try --write-baseline "$TMP/x" --output "$TMP/x"
try --write-baseline "$TMP/x" --format "json=$TMP/x"
try --write-baseline small/6.12.dat
try --format nothing
try --caller
try --baseline nowhere --fail-on new
try --baseline . --fail-on new
try --baseline mesh/README --fail-on new
try --budget nowhere
try --budget mesh/trace.dat
printf 'waste: 1k\n' >"$TMP/budget"
try --budget "$TMP/budget"
printf 'file: x\nwaste: 1x\n' >"$TMP/budget"
try --budget "$TMP/budget"
json() {
	printf "$1" >"$TMP/json"
	try --baseline "$TMP/json"
}
json '{'
json '{}'
json '{"schema_version": 7}'
json '{"schema_version": 1, "callsites": 3}'
json '{"schema_version": 1, "callsites": [{"event": "kmalloc"}]}'
json '{"schema_version": 1, "\0": 3}'
head -c 300000 /dev/zero | tr '\0' '[' >"$TMP/deep"
{ printf '{"x": '; cat "$TMP/deep"; } >"$TMP/json"
try --baseline "$TMP/json"
# the trace has no event that counts; what is written is not there then
"$KMEMSTAT" check --write-baseline "$TMP/none" --event kfree --pid 99999999 small/6.12.dat
echo "status $?"
try --write-baseline /no/such/folder/base
ls "$TMP"
