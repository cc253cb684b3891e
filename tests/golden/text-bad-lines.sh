# SPDX-License-Identifier: GPL-2.0-or-later
# lines that do not parse, one with a control character; the last one is cut
{
	sed 20q text/tracefs.txt
	printf 'a line \033[31mof something else\n'
	printf 'CPU:1 [LOST 23 EVENTS]\nCPU:0 [EVENTS DROPPED]\n'
	sed -n 21p text/tracefs.txt | cut -c 1-100 | tr -d '\n'
} >"$TMP/bad"
"$KMEMSTAT" --caller --width 80 "$TMP/bad"
