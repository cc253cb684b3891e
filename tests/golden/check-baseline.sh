# SPDX-License-Identifier: GPL-2.0-or-later
# Baselines and suppressions that check writes; what is new and what has grown.
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
