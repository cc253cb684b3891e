# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --caller --raw-ip -l 8 small/stacks.dat
