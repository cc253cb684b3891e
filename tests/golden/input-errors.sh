# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be read: a message with file and remedy, status 3.
try() { "$KMEMSTAT" "$@"; echo "status $?"; }
exec 2>&1
try "$TMP/missing.dat"
try "$TMP"
try /dev/null
: > "$TMP/empty.dat"; try "$TMP/empty.dat"
echo "just text" > "$TMP/text.dat"; try "$TMP/text.dat"
head -c 12 small/6.12.dat > "$TMP/magic.dat"; try "$TMP/magic.dat"
try info "$TMP/empty.dat"
try dump "$TMP/empty.dat"
try --kallsyms "$TMP/missing" small/6.12.dat
try --kallsyms "$TMP/empty.dat" small/6.12.dat
try --vmlinux "$TMP/missing" small/6.12.dat
try --topology "$TMP/missing" small/6.12.dat
try --topology "$TMP/text.dat" small/6.12.dat
try --vmlinux small/6.12.dat small/6.12.dat
