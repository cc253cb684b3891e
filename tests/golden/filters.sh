# SPDX-License-Identifier: GPL-2.0-or-later
# Filters: what is left out is counted, and the parts make up the whole.
run() { "$KMEMSTAT" --no-debug-search "$@" mesh/trace.dat; }
count() { run --json "$@" | python3 -c '
import json, sys
r = json.load(sys.stdin)
q, s = r["quality"], r["summary"]["slab"]
print(*(q["events_" + k] for k in ("total", "used", "filtered", "other")), q["null_frees"],
      s["allocs"], s["frees"], s["bytes_req"], s["bytes_alloc"], len(r["callsites"]))'; }
count
count --cpu 0
count --cpu 1
count --cpu 0-1
count --time 0%-50%
count --time 50%/2
count --time 12,13.5
count --pid 110,112
count --event kmalloc,kfree
count --event 'kmem_cache_*' --cpu 1
count --callsite '__sta_info_alloc' --threads 2
count --comm 'iw'
count --cache 'dentry'
run --caller --callsite '*sta_info*'
run --raw-ip --class -l 1 --callsite 'mesh_sta*' | tail -5
"$KMEMSTAT" dump -l 3 --event kfree --cpu 1 mesh/trace.dat
"$KMEMSTAT" info --pid 112 mesh/trace.dat | tail -8
for wrong in "--cpu 9" "--cpu x" "--time 3,1" "--time 200%" "--event nothing" "--pid ''" "--comm"; do
	eval "run $wrong" 2>&1
	echo "status $?"
done
cat mesh/trace.dat | "$KMEMSTAT" --time 10%/1 - 2>&1
echo "status $?"
