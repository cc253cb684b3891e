# SPDX-License-Identifier: GPL-2.0-or-later
# Profiles for flame graphs and pprof: with stacks, without, with inlined functions.
decode() {
	python3 "$TESTS/lib/profileproto.py"
}
set -- --no-debug-search --event 'kmalloc*' small/page-stacks.dat
"$KMEMSTAT" --format collapsed "$@"
echo --- waste, pages
"$KMEMSTAT" --format collapsed --value waste "$@" | tail -n 2
"$KMEMSTAT" --format collapsed --layer page --no-debug-search small/page-stacks.dat | tail -n 2
echo --- speedscope
"$KMEMSTAT" --format speedscope "$@"
echo --- pprof
"$KMEMSTAT" --format pprof "$@" | decode | head -24
echo --- lines, no stacks
set -- --no-debug-search --debug-dir mesh --callsite '*sta_info_alloc*' mesh/trace.dat
"$KMEMSTAT" --format collapsed "$@"
"$KMEMSTAT" --format pprof --no-pairing "$@" | decode
echo --- of a report
"$KMEMSTAT" --json "$@" >"$TMP/report.json"
"$KMEMSTAT" --format collapsed --value live-bytes "$TMP/report.json"
"$KMEMSTAT" --format pprof "$TMP/report.json" | decode | tail -n +4
"$KMEMSTAT" --format html "$TMP/report.json" | grep -c '^<!doctype html>'
echo --- addresses
"$KMEMSTAT" --format pprof --raw-ip "$@" | decode | tail -n 1
echo --- time of day
"$KMEMSTAT" --format pprof --no-debug-search small/6.12-date.dat | decode | sed -n 2p
echo --- nothing of the layer
"$KMEMSTAT" --format collapsed --layer percpu --no-debug-search small/6.12.dat
"$KMEMSTAT" --format pprof --layer percpu --no-debug-search small/6.12.dat | decode
echo --- errors
for options in "--value waste" "--format pprof --value waste" "--format collapsed --value frag" \
	"--format collapsed --value live --no-pairing" "--layer page" "--format pprof --layer heap" \
	"--format pprof --interval 1"; do
	"$KMEMSTAT" $options small/6.12.dat 2>&1 >/dev/null
done
true
