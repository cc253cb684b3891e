# SPDX-License-Identifier: GPL-2.0-or-later
# The whole object, with *_node events folded into their families.
"$KMEMSTAT" --no-debug-search --json small/5.10-v6.dat
