# SPDX-License-Identifier: GPL-2.0-or-later
# What a perf.data cannot be read for; each with the place, and what to do.
try()
{
	"$KMEMSTAT" --no-debug-search "$@" 2>&1 >/dev/null
	echo "status $?"
}
whole=small/perf-kmem.data
patch()
{
	cp "$whole" "$TMP/$1" && chmod u+w "$TMP/$1"
	printf "$3" | dd of="$TMP/$1" bs=1 seek="$2" conv=notrunc status=none
	try "$TMP/$1"
}
echo --- cut
for size in 12 60 5000; do
	head -c "$size" "$whole" >"$TMP/cut-$size.data"
	try "$TMP/cut-$size.data"
done
echo --- cut behind the event formats
head -c -2000 "$whole" >"$TMP/cut-sections.data"
"$KMEMSTAT" info "$TMP/cut-sections.data" 2>&1 | grep -e warning -e events:
echo --- damaged
patch header-size.data 8 '\150\001'
patch attr-size.data 16 '\007\000'
patch attrs.data 24 '\377\377\377\377'
patch unfinished.data 40 '\001\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000'
echo --- of file mode, through a pipe
cat "$whole" | "$KMEMSTAT" - 2>&1
echo --- no instances
try --instance mem "$whole"
echo --- pipe mode: cut in its first bytes, before the event formats, in them, behind them, in a sample
head -c 9000 small/perf-pipe.data >"$TMP/pipe-formats.data"
head -c -1000 small/perf-pipe.data >"$TMP/pipe-sample.data"
head -c 30000 small/perf-pipe.data >"$TMP/pipe-cut.data"
head -c 2000 small/perf-pipe.data >"$TMP/pipe-attrs.data"
head -c 10 small/perf-pipe.data >"$TMP/pipe-magic.data"
for name in pipe-magic pipe-attrs pipe-formats pipe-cut pipe-sample; do
	try "$TMP/$name.data"
done
