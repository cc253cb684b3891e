# SPDX-License-Identifier: GPL-2.0-or-later
# Files of size classes, and what can be wrong with them and with models.
try() { "$KMEMSTAT" --no-debug-search --models "$@" small/v7-zstd.dat; echo "status $?"; }
exec 2>&1
file="$TMP/classes"
printf 'name with-3k\nclass 8 16 32 64 96 128 192 256 512 1k 2k 3k 4k 8k\n' >"$file"
printf 'step 32 to 4k\nlarge pages\nheader 16\n' >"$TMP/steps"
try --model-file "$file" --model-file "$TMP/steps" --model slub -q
for text in '' 'class' 'class 8 8' 'class 8\nclass 9 abc' 'step 16 to 40' 'name \033[31m' \
	'class 8\nlarge small' 'what 3' 'page 3k'; do
	printf "$text\n" >"$file"
	try --model-file "$file"
done
try --model-file "$TMP/none"
head -c 70000 /dev/zero >"$file"
try --model-file "$file"
for model in '' slubb slub:min=3 slub:quantum=16 slub:no96=1 slub, slub:page=99999999999999999999; do
	try --model "$model"
done
try --csv --model-class
try -s nothing
try -F pages
"$KMEMSTAT" info --model slub small/v7-zstd.dat
echo "status $?"
