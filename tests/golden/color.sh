# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --color=always --caller -l 5 small/6.12.dat
NO_COLOR=1 "$KMEMSTAT" --no-debug-search --caller -l 5 small/6.12.dat
