# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" info small/5.10.dat
