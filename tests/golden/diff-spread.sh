# SPDX-License-Identifier: GPL-2.0-or-later
# Several traces a side: what is within their spread is noise.
set -e
"$KMEMSTAT" diff --no-debug-search --per-callsite getname_flags --show-noise -l 12 \
	--base small/6.12.dat --base small/6.12-lost.dat --base small/v7-zstd.dat \
	--new small/ping-pong.dat --new small/leak.dat --new small/no-ping-pong.dat
echo
"$KMEMSTAT" diff --no-debug-search --per-callsite getname_flags \
	--base small/6.12.dat --base small/6.12-lost.dat --base small/v7-zstd.dat \
	--new small/ping-pong.dat --new small/leak.dat --new small/no-ping-pong.dat --format markdown
