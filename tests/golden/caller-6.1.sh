# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --caller --lines 15 small/v7-zstd.dat
