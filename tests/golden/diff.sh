# SPDX-License-Identifier: GPL-2.0-or-later
# Two traces, one of them as its JSON report: per second, in total, per allocation, what is live.
set -e
"$KMEMSTAT" --no-debug-search -q --json -o "$TMP/base.json" small/short-lived.dat
cd "$TMP" && ln -s "$TESTS/../testdata/small" small
"$KMEMSTAT" diff --no-debug-search base.json small/ping-pong.dat
echo
"$KMEMSTAT" diff --no-debug-search --total --by hits --noise 50 -l 8 base.json small/ping-pong.dat
echo
"$KMEMSTAT" diff --no-debug-search --per-hit --width 72 base.json small/ping-pong.dat
echo
"$KMEMSTAT" diff --no-debug-search --per-callsite load_elf_phdrs -l 3 base.json small/ping-pong.dat
echo
"$KMEMSTAT" diff --no-debug-search --per 5:4 -l 3 base.json small/ping-pong.dat
echo
"$KMEMSTAT" diff --no-debug-search --by live -l 5 base.json small/leak.dat
echo
"$KMEMSTAT" diff --by bytes base.json base.json --format markdown=same.md --format json=same.json
cat same.md
head -2 same.json
