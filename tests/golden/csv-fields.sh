# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --csv -F callsite,hit,waste -s hit small/6.12-subbuf16.dat
