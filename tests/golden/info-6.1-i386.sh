# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" info small/6.1-i386.dat
