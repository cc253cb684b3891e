# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" info small/v7-zlib.dat
