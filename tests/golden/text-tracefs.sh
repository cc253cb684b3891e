# SPDX-License-Identifier: GPL-2.0-or-later
# the tracefs file "trace": symbols without a table, hashed pointers
"$KMEMSTAT" --caller --no-debug-search text/tracefs.txt
"$KMEMSTAT" info text/tracefs.txt
"$KMEMSTAT" dump -l 4 text/tracefs.txt
