# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --csv -F callsite,hit -o "$TMP/out.csv" small/6.12.dat
head -n 3 "$TMP/out.csv"
"$KMEMSTAT" --csv -o "$TMP/none/out.csv" small/6.12.dat
echo "status $?"
# what fails leaves nothing behind
"$KMEMSTAT" --csv -o "$TMP/bad.csv" /dev/null
echo "status $?"
ls "$TMP"
