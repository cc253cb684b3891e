# SPDX-License-Identifier: GPL-2.0-or-later
# Copies of slabinfo that are none, or not wholly.
try() { "$KMEMSTAT" --cache -F cache,slab,active,tail-percent -l 3 "$@" small/v7-zstd.dat; echo "status $?"; }
exec 2>&1
tmp=$(mktemp -d)
trap 'rm -r "$tmp"' EXIT
try --slabinfo nowhere
try --slabinfo mesh/README
try --slabinfo .
sed -e '5s/.*/rubbish/' -e '9s/ : slabdata.*//' mesh/slabinfo >"$tmp/slabinfo"
try --slabinfo "$tmp/slabinfo" 2>&1 | sed "s,$tmp/,,"
head -n 2 mesh/slabinfo >"$tmp/slabinfo"
try --slabinfo "$tmp/slabinfo" 2>&1 | sed "s,$tmp/,,"
