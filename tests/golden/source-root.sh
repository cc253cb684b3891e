# SPDX-License-Identifier: GPL-2.0-or-later
# Files are named from the source root on, where they are found in it; the module was
# built in debian/build/build_amd64_none_amd64.
cd "$TMP" || exit 1
mesh() {
	"$KMEMSTAT" -q --csv -F callsite,source "$@" --debug-dir "$TESTS/../testdata/mesh" \
		"$TESTS/../testdata/mesh/trace.dat" | grep mesh_init_sdata
}
mesh
mkdir -p tree/net/mac80211 repo/build_amd64_none_amd64/net/mac80211 other/mac80211
touch tree/net/mac80211/mesh.c repo/build_amd64_none_amd64/net/mac80211/mesh.c other/mac80211/mesh.c
for root in tree repo other; do
	mesh --source-root $root
done
"$KMEMSTAT" --source-root none "$TESTS/../testdata/mesh/trace.dat" 2>&1
"$KMEMSTAT" --source-root tree/net/mac80211/mesh.c "$TESTS/../testdata/mesh/trace.dat" 2>&1
exit 0
