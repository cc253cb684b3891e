# SPDX-License-Identifier: GPL-2.0-or-later
# Percpu objects in models of their allocator: as recorded, and what if they were others.
replay() { "$KMEMSTAT" --no-debug-search --percpu-replay "$@"; echo "status $?"; }
exec 2>&1
replay --width 80 mesh/trace.dat
echo --- what if
replay --percpu-what-if 296:8=256 --percpu-what-if 8=8:64 mesh/trace.dat | head -8
echo --- other chunks
replay --percpu-unit 32k:0 -F +chunks-peak,destroyed,end,end-req,end-holes,end-pages,hit,frees,unfit mesh/trace.dat | head -4
echo --- csv
replay --csv --percpu-unit 64k mesh/trace.dat
# 2,000 counters and every eighth freed; reserved ones; a free of what came before
awk 'BEGIN {
	print "# tracer: nop"
	for (i = 0; i < 2252; i++) {
		printf "  test-1  [000] .....  %.6f: ", 10 + i / 1000
		if (i < 2000)
			alloc(i, 4, 4, 0)
		else if (i < 2250)
			printf "percpu_free_percpu: base_addr=0000000000000001 off=0 ptr=%016x\n", 4096 + 8 * (i - 2000)
		else if (i == 2250)
			alloc(i, 64, 64, 1)
		else
			printf "percpu_free_percpu: base_addr=0000000000000001 off=0 ptr=%016x\n", 1
	}
}
function alloc(n, size, align, reserved) {
	printf "percpu_alloc_percpu: call_site=test+0x1/0x2 reserved=%d is_atomic=0 size=%d align=%d base_addr=0000000000000001 off=0 ptr=%016x bytes_alloc=%d gfp_flags=GFP_KERNEL\n", reserved, size, align, 4096 + n, 2 * size
}' >"$TMP/counters"
echo --- counters
replay --quiet --percpu-unit 32k:28k --percpu-what-if 4=4:64 "$TMP/counters" | head -7
echo --- none
replay small/6.12.dat | head -1
echo --- errors
for shape in '' 16k 33k 128M 32k:32k 32k:1 32k: x; do
	"$KMEMSTAT" --percpu-replay --percpu-unit "$shape" mesh/trace.dat
done
for change in '' 8 8= =8 0=8 8=0 8:3=8:3 8:0=8 8=8:0 8=8:8k 8=64k 8=8:8:8 8=8=8; do
	"$KMEMSTAT" --percpu-replay --percpu-what-if "$change" mesh/trace.dat
done
"$KMEMSTAT" --percpu-unit 64k mesh/trace.dat
"$KMEMSTAT" --percpu-what-if 8=4 mesh/trace.dat
"$KMEMSTAT" --percpu-replay --no-pairing mesh/trace.dat
"$KMEMSTAT" --percpu-replay -s nothing mesh/trace.dat
set --
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do set -- "$@" --percpu-what-if "$i=8"; done
"$KMEMSTAT" --percpu-replay "$@" mesh/trace.dat
echo "status $?"
