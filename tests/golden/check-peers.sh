# SPDX-License-Identifier: GPL-2.0-or-later
# What a pull request gets that makes a structure 8 bytes larger: the line to blame.
exec 2>&1
check() {
	"$KMEMSTAT" check --no-debug-search --debug-dir "peers/$1" --baseline "$TMP/base" \
		--fail-on new:medium --max-waste-growth 16k "peers/$1.dat"
	echo "status $?"
}
"$KMEMSTAT" check -q --no-debug-search --debug-dir peers/6.1 --write-baseline "$TMP/base" peers/6.1.dat
check 6.1
check 6.1-grown
check 6.12-grown
# hits: by the second, as they are, and for each peer
for unit in --per-second --total "--per-callsite peers_join"; do
	"$KMEMSTAT" check --no-debug-search --baseline peers/6.1.dat $unit --max-hits-growth 20% \
		peers/6.12-grown.dat | sed -n '/ more/p;/^check:/p'
done
