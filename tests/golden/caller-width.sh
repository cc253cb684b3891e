# SPDX-License-Identifier: GPL-2.0-or-later
# Fitted to a narrow terminal: long names are cut, numbers never.
"$KMEMSTAT" --no-debug-search --caller --width 80 -l 10 small/6.12.dat
"$KMEMSTAT" --no-debug-search --caller --width 40 -l 10 small/6.12.dat
