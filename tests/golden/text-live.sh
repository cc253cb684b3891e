# SPDX-License-Identifier: GPL-2.0-or-later
# a pipe; options that need one; what a text has not
cat text/tracefs.txt | "$KMEMSTAT" --caller --no-exclude-self -l 2 -
for args in "--interval 1" "--exclude-self" "--instance x" "--exclude-self --no-exclude-self" \
	"--interval 0"; do
	"$KMEMSTAT" $args text/tracefs.txt 2>&1
	echo "$args: exit status $?"
done
"$KMEMSTAT" --caller -l 1 --raw-ip text/tracefs.txt 2>&1
