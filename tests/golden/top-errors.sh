# SPDX-License-Identifier: GPL-2.0-or-later
for args in "--batch --sort nonsense" "--batch --view nothing" \
	"--batch --view classes --sort live" "--batch -n 0" "--batch -i 0" "--batch -i x" \
	"--batch --speed 1" "--speed -1" "-l 3" "" "--batch --buffer-size 100" "--batch --json" \
	"--batch --kallsyms no-such-file"; do
	"$KMEMSTAT" top $args mesh/trace.dat 2>&1 </dev/null
	echo "$args: exit status $?"
done
"$KMEMSTAT" top --batch no-such-file 2>&1
echo "exit status $?"
"$KMEMSTAT" top --batch --comm nobody mesh/trace.dat 2>&1
echo "exit status $?"
