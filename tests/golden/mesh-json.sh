# SPDX-License-Identifier: GPL-2.0-or-later
# Of the JSON report: the call sites of mac80211 with their inline chains, and its findings.
"$KMEMSTAT" --no-debug-search --debug-dir mesh --json mesh/trace.dat | python3 -c '
import json, sys
report = json.load(sys.stdin)
print(json.dumps(report["quality"], indent=1))
print(json.dumps(report["summary"], indent=1))
for site in report["callsites"]:
    if site.get("module") == "mac80211" and site["bytes_waste"]:
        print(site["symbol"], hex(site["offset"]), site["event"], site["hits"],
              site["bytes_req"], site["bytes_alloc"], site["size_class"])
        for frame in site.get("source", []):
            print("   ", frame["function"], frame["file"], frame["line"], frame["inlined"])
for finding in report["findings"]:
    if finding["callsite"].get("module") == "mac80211":
        print(finding["rule"], finding["severity"], finding["fingerprint"],
              finding["callsite"]["symbol"], finding["bytes_waste"], finding["message"])
'
