# SPDX-License-Identifier: GPL-2.0-or-later
# lines that do not parse, one with a control character, two with a NUL in their call site; the last
# one is cut
{
	sed 20q text/tracefs.txt
	printf 'a line \033[31mof something else\n'
	printf 'CPU:1 [LOST 23 EVENTS]\nCPU:0 [EVENTS DROPPED]\n'
	for _ in 1 2; do
		printf 'sh-98 [001] d..1. 23.2: kmalloc: call_site=f_one+0x1b/0x\00000000000000000 '
		echo 'ptr=000000000ab1e5ed bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL node=-1'
	done
	sed -n 21p text/tracefs.txt | cut -c 1-100 | tr -d '\n'
} >"$TMP/bad"
"$KMEMSTAT" --caller --width 80 "$TMP/bad"
