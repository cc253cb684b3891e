# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --caller -s callsite -l 10 small/5.10-v6.dat
