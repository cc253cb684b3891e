# SPDX-License-Identifier: GPL-2.0-or-later
# The default is the only buffer with kmem events; the top-level one has none.
"$KMEMSTAT" --no-debug-search --caller -l 5 small/6.12-instances.dat
echo --- mem
"$KMEMSTAT" --no-debug-search --caller -l 5 --instance mem small/6.12-instances.dat
echo --- mem, version 6
"$KMEMSTAT" --no-debug-search --caller -l 5 --instance mem small/6.12-instances-v6.dat
echo --- top
"$KMEMSTAT" --no-debug-search --caller -l 5 --instance '' small/6.12-instances.dat
echo "status $?"
echo --- unknown
"$KMEMSTAT" --instance nothing small/6.12-instances.dat
