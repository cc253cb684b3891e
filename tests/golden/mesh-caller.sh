# SPDX-License-Identifier: GPL-2.0-or-later
"$KMEMSTAT" --no-debug-search --debug-dir mesh --caller -l 12 mesh/trace.dat
