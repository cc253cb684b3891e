# SPDX-License-Identifier: GPL-2.0-or-later
# Gates: by themselves, against a baseline, and what they say when they trip.
exec 2>&1
SOURCE_DATE_EPOCH=1795219200 # 2026-11-21
export SOURCE_DATE_EPOCH
run() {
	"$KMEMSTAT" check --no-debug-search --debug-dir mesh "$@" mesh/trace.dat
	echo "status $?"
}
# changes a row of the baseline: KEY of every call site or finding at a symbol
edit() {
	python3 - "$TMP/base" "$TMP/$1" "$2" <<'END'
import json
import sys
report = json.load(open(sys.argv[1]))
exec(sys.argv[3])
json.dump(report, open(sys.argv[2], "w"))
END
}
run
run --fail-on just-over:high --fail-on any:high --max-waste 7% --max-waste 6.9%
run --max-waste 16M --fail-on ping-pong
echo "== baseline"
run --write-baseline "$TMP/base" --write-suppressions "$TMP/supp"
head -n 9 "$TMP/base"
head -n 12 "$TMP/supp"
run --baseline "$TMP/base" --fail-on new --max-waste-growth 0 --max-hits-growth 0
run --suppress "$TMP/supp" --fail-on any --max-waste 12M
echo "== what is new"
edit less 'report["findings"] = [f for f in report["findings"] if f["callsite"]["symbol"] != "ieee80211_mesh_init_sdata"]'
run --baseline "$TMP/less" --fail-on new
edit gone 'report["callsites"] = [c for c in report["callsites"] if c["symbol"] != "ieee80211_mesh_init_sdata"]; report["callsites"][0]["symbol"] = "was_here"'
run --baseline "$TMP/gone" --max-waste-growth 16k
run --baseline "$TMP/gone" --max-waste-growth 1% -q
echo "== what has grown"
edit grown 'c = [c for c in report["callsites"] if c["symbol"] == "ieee80211_mesh_init_sdata" and c["bytes_waste"] > 40000][0]; c["bytes_waste"] = 0; c["bytes_req"] = c["bytes_alloc"] = 51200; c["hits"] = 20'
run --baseline "$TMP/grown" --max-waste-growth 32k --max-hits-growth 4
run --baseline "$TMP/grown" --baseline "$TMP/base" --max-waste-growth 32k --max-hits-growth 4
echo "== what cannot be compared"
edit pages 'report["input"]["page_size"] = 65536; report["input"]["kernel_release"] = "6.6.0"; report["quality"]["incomplete"] = True'
run --baseline "$TMP/pages" --fail-on new --max-waste-growth 0
run --baseline "$TMP/pages" --fail-on new --max-waste-growth 0 --max-waste 16M --strict
run --baseline "$TMP/pages" --fail-on new --fail-on any:high --strict | tail -n 4
run --baseline mesh/trace.dat --event kmalloc --fail-on new | tail -n 2
run --baseline "$TMP/base" --event kmalloc --fail-on new | sed 1,3d
echo "== incomplete"
"$KMEMSTAT" check --no-debug-search --max-waste 50% small/6.12-lost.dat
echo "status $?"
"$KMEMSTAT" check --no-debug-search --max-waste 50% --strict small/6.12-lost.dat
echo "status $?"
"$KMEMSTAT" check --no-debug-search --max-waste 0 --strict small/6.12-lost.dat
echo "status $?"
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
