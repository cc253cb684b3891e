# SPDX-License-Identifier: GPL-2.0-or-later
# Where a cache of their own pays, and where not: most call sites have too few objects.
"$KMEMSTAT" --no-debug-search --own-cache -l 10 mesh/trace.dat | sed '/^$/,$d'
"$KMEMSTAT" --no-debug-search --own-cache --csv -s class-pages,saved -l 3 small/leak.dat
"$KMEMSTAT" --no-debug-search --own-cache --csv -F callsite,share,object,class -s objects -l 3 \
	mesh/trace.dat
for trace in mesh/trace.dat small/keys-40.dat replay/trace.dat; do
	echo "$trace:"
	"$KMEMSTAT" --no-debug-search --own-cache --summary --min-severity low "$trace" |
		grep -A 2 'own-cache]'
done
echo "limits:"
for size in 40k 41k; do
	"$KMEMSTAT" --no-debug-search --own-cache --summary --min-severity low \
		--waste-bytes "$size" small/keys-40.dat | grep -c 'own-cache]'
done
# without the view there is no such finding
"$KMEMSTAT" --no-debug-search --summary --min-severity low mesh/trace.dat | grep -c 'own-cache]'
"$KMEMSTAT" --own-cache --no-pairing small/leak.dat 2>&1
echo "$?"
