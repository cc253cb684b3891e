# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" info mesh/trace.dat
