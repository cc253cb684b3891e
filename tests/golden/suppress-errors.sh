# SPDX-License-Identifier: GPL-2.0-or-later
# Files of suppressions that are none, and where --suppress has nothing to do.
exec 2>&1
try() { "$KMEMSTAT" -q "$@" small/6.12.dat; echo "status $?"; }
text() { printf "$1" >"$TMP/supp"; try --suppress "$TMP/supp"; }
try --suppress ''
try --suppress
try --suppress nowhere
try --suppress .
try --suppress mesh/trace.dat
try --suppress mesh/slabinfo
text 'rule: waste\n'
text 'reason: x\n'
text 'rule: wsate\nreason: x\n' 2>&1 | sed 's/percpu-waste.*/.../' # that list grows
text 'rule: waste\nreason: x\nexpires: 2026-02-30\n'
text 'rule: waste\nstruct-name: foo\nreason: x\n'
text 'rule: waste\nreason: x\nsymbol: a\nreason: y\n'
text 'rule: waste\nreason: \033]0;title\007\n'
text 'rule: waste\0\nreason: x\n'
head -c 5000000 /dev/zero | tr '\0' '#' >"$TMP/huge"
try --suppress "$TMP/huge"
head -c 1001 "$TMP/huge" >"$TMP/long"
try --suppress "$TMP/long"
try --suppress "$TMP/long" --caller
