# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --caller --sort hit,bytes --lines 10 small/v6.dat
