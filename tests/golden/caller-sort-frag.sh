# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --caller -s frag,callsite -l 10 -i small/5.10.dat
