# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --csv small/5.10.dat
