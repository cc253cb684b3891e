# SPDX-License-Identifier: GPL-2.0-or-later
# 25 radios with 24 peers each: hits of call sites that are, and are not, so many a radio.
"$KMEMSTAT" --no-debug-search --per 25 --caller -F callsite,hit,unit-hits,rest,unit-bytes \
	-s hit -l 40 mesh/trace.dat | grep -E 'Callsite|mac80211|qdisc|per unit'
"$KMEMSTAT" --no-debug-search --per 25 --caller -s rest -l 3 -F +rest mesh/trace.dat | head -4
"$KMEMSTAT" --no-debug-search --debug-dir mesh --per 25 --min-severity high mesh/trace.dat |
	grep 'hits ='
"$KMEMSTAT" --csv --per 25 -F callsite,hit,unit-hits,rest,unit-bytes -l 3 mesh/trace.dat
"$KMEMSTAT" --json --per 24 mesh/trace.dat | python3 -c '
import json, sys
report = json.load(sys.stdin)
assert report["per"] == 24
whole = 0
for site in report["callsites"]:
    assert site["hits_rest"] == site["hits"] % 24
    assert abs(site["hits_per_unit"] * 24 - site["hits"]) < 1e-3 * max(site["hits"], 1)
    assert abs(site["bytes_per_unit"] * 24 - site["bytes_alloc"]) < 1e-3 * site["bytes_alloc"] + 1
    whole += not site["hits_rest"]
print(whole, "of", len(report["callsites"]), "call sites have a whole multiple of 24 hits")
'
echo "exit statuses of what is wrong:"
for arguments in "--per 0" "--per x" "--per 3 --live" "--caller -F rest" "--caller -s unit-hits"; do
	"$KMEMSTAT" $arguments mesh/trace.dat 2>&1
	echo "$?"
done
