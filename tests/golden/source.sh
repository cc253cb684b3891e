# SPDX-License-Identifier: GPL-2.0-or-later
# The lines around a call, from files below the source root and from nowhere else. The sources here
# are made up: only their line numbers matter.
cd "$TMP" || exit 1
trace="$TESTS/../testdata/mesh/trace.dat"
show() {
	"$KMEMSTAT" --no-debug-search --debug-dir "$TESTS/../testdata/mesh" --source \
		--source-root tree "$@" "$trace"
}
mesh() { show --callsite '*mesh_init_sdata' "$@" 2>notes | sed '1,/^1 finding/d'; cat notes; }
mkdir -p tree/net/mac80211 away
file=tree/net/mac80211/mesh.c
seq 1 200 | sed 's/.*/\tline & {\t\/* tabs *\//' > $file
mesh
mesh --width 40
echo "== JSON"
show --json 2>/dev/null | python3 -c '
import json, sys
report = json.load(sys.stdin)
found = [site for site in report["callsites"] if "source_lines" in site]
for site in found:
    print(site["symbol"], site["source"][0]["line"], site["source_lines"]["first"],
          len(site["source_lines"]["lines"]))
    number = site["source_lines"]["first"]
    assert site["source_lines"]["lines"][0] == f"\tline {number} {{\t/* tabs */"
'
echo "== the file ends before the line, or right behind it"
seq 1 100 > $file
mesh
seq 1 178 > $file
mesh | tail -3
echo "== control characters, a long line, no end of line"
{ seq 1 175; printf '\033[31mred\033[0m \302\233 %0900d\n' 0; printf 'last\r'; } > $file
mesh | tail -2 | cut -c1-60
echo "== links and what is no file"
seq 1 200 > away/mesh.c
ln -sf ../../../away/mesh.c $file
mesh
mkdir tree/mac80211
mv away/mesh.c tree/mac80211/other.c
ln -sf ../../mac80211/other.c $file
mesh | tail -1
rm $file
mkfifo $file
mesh
rm $file
mesh
echo "== usage"
for arguments in "--source" "--source --source-root tree --caller"; do
	"$KMEMSTAT" $arguments "$trace" 2>&1
	echo "$?"
done
