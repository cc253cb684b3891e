# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --caller -F callsite,event,class,hit,accounted,sizes -s accounted -l 12 small/6.12.dat
echo ---
"$KMEMSTAT" --no-debug-search --caller -F +class -l 3 small/6.12.dat
