# SPDX-License-Identifier: GPL-2.0-or-later
# Objects of 40 bytes in a busy kmalloc-64, and of 32 bytes in a quiet kmalloc-32.
for bytes in 40 32; do
	"$KMEMSTAT" --no-debug-search --locality -l 6 "small/keys-$bytes.dat" | sed '/^$/,$d'
	"$KMEMSTAT" --no-debug-search --locality --csv -s neighbours -l 2 "small/keys-$bytes.dat"
	"$KMEMSTAT" --no-debug-search --locality --summary --min-severity low \
		"small/keys-$bytes.dat" | grep -A 2 'scattered]'
done
echo "limits:"
"$KMEMSTAT" --no-debug-search --locality --summary --min-severity low --scattered 11 \
	small/keys-40.dat | grep -c 'scattered]'
"$KMEMSTAT" --no-debug-search --locality --summary --min-severity low --scattered-pages 100 \
	small/keys-40.dat | grep -c 'scattered]'
for arguments in "--scattered 3" "--locality --scattered 0.5" "--locality --no-pairing" \
	"--scattered-pages 3 --no-pairing"; do
	"$KMEMSTAT" $arguments small/keys-40.dat 2>&1
	echo "$?"
done
