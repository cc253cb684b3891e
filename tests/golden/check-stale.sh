# SPDX-License-Identifier: GPL-2.0-or-later
# Baselines that cannot be compared, and incomplete traces.
exec 2>&1
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
"$KMEMSTAT" check -q --no-debug-search --debug-dir mesh --write-baseline "$TMP/base" mesh/trace.dat >/dev/null
echo "== what cannot be compared"
edit pages 'report["input"]["page_size"] = 65536; report["input"]["kernel_release"] = "6.6.0"; report["quality"]["incomplete"] = True'
run --baseline "$TMP/pages" --fail-on new --max-waste-growth 0
run --baseline "$TMP/pages" --fail-on new --max-waste-growth 0 --max-waste 16M --strict
run --baseline "$TMP/pages" --fail-on new --fail-on any:high --strict | tail -n 4
run --baseline mesh/trace.dat --event kmalloc --fail-on new | tail -n 2
run --baseline "$TMP/base" --event kmalloc --fail-on new | sed 1,3d
echo "== incomplete"
"$KMEMSTAT" check --no-debug-search --write-baseline "$TMP/lost" small/6.12-lost.dat | tail -n 1
"$KMEMSTAT" check --no-debug-search --max-waste 50% small/6.12-lost.dat
echo "status $?"
"$KMEMSTAT" check --no-debug-search --max-waste 50% --strict small/6.12-lost.dat
echo "status $?"
"$KMEMSTAT" check --no-debug-search --max-waste 0 --strict small/6.12-lost.dat
echo "status $?"
