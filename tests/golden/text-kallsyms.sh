# SPDX-License-Identifier: GPL-2.0-or-later
# symbols get the addresses of a kallsyms: one that has most of them, one of them twice
cat >"$TMP/kallsyms" <<END
ffffffff81000000 T _stext
ffffffff81200000 t tracepoint_add_func
ffffffff81300000 t getname_flags.part.0
ffffffff81400000 t copy_process
ffffffff81500000 t copy_process
ffffffff81600000 T _etext
END
"$KMEMSTAT" --caller --sort hit -l 4 --kallsyms "$TMP/kallsyms" text/tracefs.txt 2>&1
cat >"$TMP/trace" <<END
   sh-9  [000] .....     1.000001: kmalloc: call_site=tracepoint_add_func+0xf7/0x3f0 ptr=00000000019df0c1 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL
END
"$KMEMSTAT" --caller --raw-ip --kallsyms "$TMP/kallsyms" "$TMP/trace"
