# SPDX-License-Identifier: GPL-2.0-or-later
# Gates that need no baseline, and reports beside the verdict.
exec 2>&1
SOURCE_DATE_EPOCH=1795219200 # 2026-11-21
export SOURCE_DATE_EPOCH
run() {
	"$KMEMSTAT" check --no-debug-search --debug-dir mesh "$@" mesh/trace.dat
	echo "status $?"
}
run
run --fail-on just-over:high --fail-on any:high --max-waste 7% --max-waste 6.9%
run --max-waste 16M --fail-on ping-pong
echo "== budget"
cat >"$TMP/budget" <<'END'
file: net/mac80211/*
waste: 4M
hits: 8000
live: 1M

symbol: mesh_rmc_*
waste: 50%

module: -
waste: 1G

symbol: no_such_function
hits: 0
END
run --budget "$TMP/budget"
run --budget "$TMP/budget" --no-pairing | tail -n 3
echo "== reports beside"
run --fail-on just-over:high --format csv="$TMP/csv" --format json="$TMP/json" -o "$TMP/verdict"
tail -n 1 "$TMP/verdict"
head -n 2 "$TMP/csv"
head -n 3 "$TMP/json"
"$KMEMSTAT" check --no-debug-search --max-waste 1 --format csv mesh/trace.dat | sed -n 2,3p
