# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" dump -l 25 small/5.10.dat
echo --- 6.12
"$KMEMSTAT" dump --lines 5 small/6.12-subbuf16.dat
