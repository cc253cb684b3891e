# SPDX-License-Identifier: GPL-2.0-or-later
# The summary is what is shown by default; a small trace has small findings.
"$KMEMSTAT" --no-debug-search --waste-bytes 0 --min-severity low small/6.12.dat
