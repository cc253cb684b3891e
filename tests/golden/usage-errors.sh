# SPDX-License-Identifier: GPL-2.0-or-later
# Every mistake on the command line has its message and status 2.
try() { "$KMEMSTAT" "$@"; echo "status $?"; }
exec 2>&1
try
try --nonsense small/6.12.dat
try --lin small/6.12.dat
try --sort nothing small/6.12.dat
try --sort '' small/6.12.dat
try --fields hits small/6.12.dat
try --lines -3 small/6.12.dat
try --lines
try --threads 0 small/6.12.dat
try --just-over 120 small/6.12.dat
try --waste-percent x small/6.12.dat
try --waste-bytes 12q small/6.12.dat
try --min-severity terrible small/6.12.dat
try --color=sometimes small/6.12.dat
try --json --csv small/6.12.dat
try --topology 0:0,1:0 small/6.12.dat
try --topology 0:0-1,1:x small/6.12.dat
try small/6.12.dat small/5.10.dat
try -i small/6.12.dat small/5.10.dat
try --debug-dir '' small/6.12.dat
try info --caller small/6.12.dat
try dump --json small/6.12.dat
try inf small/6.12.dat
try --no-pairing --live small/6.12.dat
try --no-pairing --timeline --csv small/6.12.dat
try --no-pairing -s hit,live-bytes small/6.12.dat
try --no-pairing -F +lifetime small/6.12.dat
try --live -F +lifetime small/6.12.dat
try --timeline -s hit small/6.12.dat
try --live --timeline --csv small/6.12.dat
try --class --csv small/6.12.dat
try --task -s migtype small/6.12.dat
try --alloc --caller -s ptr small/6.12.dat
try --alloc -s pingpong --no-pairing small/6.12.dat
try --cache -F slab small/6.12.dat
try --slabinfo mesh/slabinfo small/6.12.dat
try --task --cache --csv small/6.12.dat
try --format jsn small/6.12.dat
try --format caller small/6.12.dat
try --format = small/6.12.dat
try --format json= small/6.12.dat
try --format json --csv small/6.12.dat
try --format json --format csv small/6.12.dat
try --format json -s hit small/6.12.dat
try --format json=small/6.12.dat small/6.12.dat
try info --format json small/6.12.dat
