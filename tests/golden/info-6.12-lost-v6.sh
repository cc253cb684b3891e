# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" info small/6.12-lost-v6.dat
