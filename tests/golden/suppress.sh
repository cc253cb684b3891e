# SPDX-License-Identifier: GPL-2.0-or-later
# Findings that somebody gave a reason for: not shown, counted, in JSON with the reason.
SOURCE_DATE_EPOCH=1795219200 # 2026-11-21
export SOURCE_DATE_EPOCH
exec 2>&1
cat >"$TMP/supp" <<'END'
# scratch space
rule: waste
symbol: ieee802_11_parse_elems_full
module: mac80211
reason: freed at once

file: net/mac80211/mesh.c
reason: was to be mended
expires: 2026-11-20

symbol: sta_prepare_rate_control
reason: inlined; <b>hostile</b> "quoted"

symbol: no_such_function
reason: unused
END
printf 'rule: just-over\r\nmodule: -\r\nreason: of the kernel itself\r\n' >"$TMP/more"
run() { "$KMEMSTAT" --no-debug-search --debug-dir mesh "$@" mesh/trace.dat 2>&1; echo "status $?"; }
run --suppress "$TMP/supp" -l 3 | sed 1,6d
echo
# two files; without debug information no file matches
"$KMEMSTAT" --no-debug-search --suppress "$TMP/supp" --suppress "$TMP/more" mesh/trace.dat 2>&1 | sed -n "/find\|:[0-9]*:/p"
"$KMEMSTAT" -q --no-debug-search --suppress "$TMP/more" --json mesh/trace.dat >"$TMP/json"
python3 - "$TMP/json" <<'END'
import json
import sys
report = json.load(open(sys.argv[1]))
print(*report["suppressions"], sep="\n")
states = ["suppressed" in finding for finding in report["findings"]]
print(len(states), sum(states), states == sorted(states),
      {f["suppressed"] for f in report["findings"] if "suppressed" in f})
END
printf 'rule: *\nreason: all of it\n' >"$TMP/all"
run --suppress "$TMP/all" | sed 1,6d
