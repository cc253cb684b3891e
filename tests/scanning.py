#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The reports of findings (sarif, junit, gitlab, github, checkstyle), as their readers take them.

usage: scanning.py SAMPLES KMEMSTAT TESTDATA

Of recorded traces, and of reports made to be hard (SAMPLES is unit/scan_samples: no findings,
hostile names, 30,000 findings). SARIF is held against its JSON Schema by ajv and against the
validator of the SARIF SDK, whose exit status says nothing: what it finds counts. Both are npm
packages, tests/npm/package.json; XML is held against tests/xsd by xmllint. GitHub's workflow
commands are parsed as its runner does. Speaks TAP; a case whose tool is missing says so.
"""

import collections
import gzip
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.parse
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES, KMEMSTAT, TESTDATA = (os.path.abspath(path) for path in sys.argv[1:4])
MODULES = HERE / "npm" / "node_modules"
MULTITOOL = MODULES / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool"
FORMATS = ("sarif", "junit", "gitlab", "github", "checkstyle")
SAMPLE_NAMES = ("plain", "empty", "blind", "hostile", "many")
TRACES = {
    "mesh": ["--debug-dir", "mesh", "mesh/trace.dat"],
    "mesh-medium": ["--min-severity", "medium", "--debug-dir", "mesh", "mesh/trace.dat"],
    "lost": ["small/6.12-lost.dat"],
    "5.10": ["--min-severity", "low", "small/5.10.dat"],
    "unpaired": ["--no-pairing", "small/6.12.dat"],
}
MOST_RESULTS = 25000       # of GitHub, in a run
MOST_GZIP = 10 * 1000**2   # bytes
ANNOTATIONS = 10           # of GitHub, of a kind in a step


class Skip(Exception):
    pass


def need(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(part) for part in what))


def output(args, **more):
    done = subprocess.run(args, capture_output=True, check=False, **more)
    need(done.returncode == 0, args, "exit status", done.returncode, done.stderr[:500])
    return done.stdout


class Reports:
    """Every report, in a file and parsed."""

    def __init__(self, folder):
        self.path = {}
        self.found = None  # by the SDK's validator
        self.names = [*SAMPLE_NAMES, *TRACES]
        for fmt in FORMATS:
            for name in SAMPLE_NAMES:
                self.add(folder, name, fmt, output([SAMPLES, name, fmt]))
            for name, args in TRACES.items():
                self.add(folder, name, fmt,
                         output([KMEMSTAT, "--no-debug-search", *args, "--format", fmt],
                                cwd=TESTDATA))
        self.findings = {
            name: json.loads(output([KMEMSTAT, "--no-debug-search", "--json",
                                     *[arg for arg in args
                                       if arg not in ("--min-severity", "medium", "low")]],
                                    cwd=TESTDATA))["findings"]
            for name, args in TRACES.items()}
        self.findings["mesh-medium"] = [finding for finding in self.findings["mesh-medium"]
                                        if finding["severity"] != "low"]

    def add(self, folder, name, fmt, text):
        path = pathlib.Path(folder) / f"{name}.{fmt}"
        path.write_bytes(text)
        self.path[name, fmt] = path

    def text(self, name, fmt):
        return self.path[name, fmt].read_text(encoding="utf-8", errors="strict")

    def sarif(self, name):
        return json.loads(self.text(name, "sarif"))["runs"][0]

    def xml(self, name, fmt):
        return xml.etree.ElementTree.fromstring(self.path[name, fmt].read_bytes())


def of_size(results, reports, name):
    """As many as there are findings."""
    if name in reports.findings:
        need(len(results) == len(reports.findings[name]), name, len(results))
    return results


# --- what holds for all

def text_is_clean(reports):
    """Valid UTF-8; no control character but the newline, nothing that turns text around."""
    bad = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
                     "\ufeff\ufffe\uffff]")
    for name, fmt in reports.path:
        found = bad.search(reports.text(name, fmt))
        need(not found, name, fmt, found)


# --- SARIF

def npm():
    if not (MODULES / "ajv").is_dir():
        raise Skip("tests/npm/node_modules is missing: ./check installs it, or npm ci there")
    if not shutil.which("node"):
        raise Skip("node is not installed")


def sarif_fits_schema(reports):
    npm()
    files = [str(path) for (_, fmt), path in reports.path.items() if fmt == "sarif"]
    need(len(files) == len(reports.names))
    output(["node", str(HERE / "npm" / "sarif-schema.cjs"), *files])


def sarif_schema_is_held(reports):
    """The check before can fail."""
    npm()
    broken = reports.path["plain", "sarif"].with_suffix(".broken")
    report = json.loads(reports.text("plain", "sarif"))
    del report["runs"][0]["results"][0]["message"]
    broken.write_text(json.dumps(report), encoding="utf-8")
    done = subprocess.run(["node", str(HERE / "npm" / "sarif-schema.cjs"), str(broken)],
                          capture_output=True, check=False)
    need(done.returncode == 1 and b"message" in done.stdout, done)


def multitool(reports):
    """-> {file: {(rule, level): how many}} of every report and of one that is broken; run once.
    `many` takes it five minutes, and has nothing in it that the others do not have."""
    npm()
    if not MULTITOOL.exists():
        raise Skip("the SARIF SDK's validator is not there for this machine")
    if reports.found is not None:
        return reports.found
    files = [path for (name, fmt), path in reports.path.items()
             if fmt == "sarif" and name != "many"]
    broken = files[0].with_name("broken.sarif")
    report = json.loads(reports.text("plain", "sarif"))
    report["runs"][0]["results"][0]["ruleIndex"] = 99
    broken.write_text(json.dumps(report), encoding="utf-8")
    MULTITOOL.chmod(MULTITOOL.stat().st_mode | stat.S_IXUSR)
    out = broken.with_name("multitool.out")
    env = dict(os.environ, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="1",
               DOTNET_BUNDLE_EXTRACT_BASE_DIR=str(out.parent), DOTNET_CLI_TELEMETRY_OPTOUT="1")
    output([str(MULTITOOL), "validate", *map(str, files), str(broken), "--rule-kind",
            "Sarif;Ghas", "--level", "Error;Warning", "--output", str(out),
            "--log", "ForceOverwrite"], env=env, timeout=240)
    run = json.loads(out.read_text(encoding="utf-8-sig"))["runs"][0]
    need(run["invocations"][0]["executionSuccessful"], "it could not read something")
    found = collections.defaultdict(collections.Counter)
    for result in run.get("results", []):
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        found[uri.rsplit("/", 1)[1]][result["ruleId"], result.get("level", "warning")] += 1
    need(set(found) == {path.name for path in [*files, broken]}, "not every file was read")
    reports.found = found
    return found


def sarif_satisfies_the_sdk(reports):
    for file, found in multitool(reports).items():
        # the program has no page of its own to point to
        need(file == "broken.sarif" or set(found) == {("SARIF2005", "warning")}, file, found)


def sdk_finds_errors(reports):
    found = multitool(reports)["broken.sarif"]
    need(any(level == "error" for _, level in found), found)


def path_of(location):
    """The path of a location, decoded, as GitHub finds it in a checkout."""
    artifact = location["physicalLocation"]["artifactLocation"]
    uri = artifact["uri"]
    need(re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2}|^file://)*", uri), uri)
    # else a first part with a colon would be a scheme
    need(uri.startswith("file:///") or not urllib.parse.urlparse(uri).scheme, uri)
    need(location["physicalLocation"]["region"]["startLine"] >= 1)
    return urllib.parse.unquote(uri, errors="strict")


def check_message(result):
    text = result["message"]["text"]
    # placeholders of 3.11.5, links of 3.11.6: none but ours, to related locations
    need(not re.search(r"(?<!\{)(?:\{\{)*\{(?!\{)", text.replace("}}", "")), text)
    ids = {location["id"] for location in result.get("relatedLocations", [])}
    links = re.findall(r"(?<!\\)\]\(([^)]*)\)", text)
    need({int(link) for link in links} <= ids, text)


def sarif_results(reports):
    for name in reports.names:
        run = reports.sarif(name)
        rules = run["tool"]["driver"]["rules"]
        results = of_size(run["results"], reports, name)
        need(len(results) <= MOST_RESULTS)
        ranks = [result["rank"] for result in results if "suppressions" not in result]
        need(ranks == sorted(ranks, reverse=True) and all(0 <= rank <= 100 for rank in ranks))
        seen = set()
        for result in results:
            rule = rules[result["ruleIndex"]]
            need(rule["id"] == result["ruleId"])
            for key in ("name", "shortDescription", "fullDescription", "help",
                        "defaultConfiguration", "properties"):
                need(rule[key], key)
            need(rule["help"]["markdown"] and len(rule["properties"]["tags"]) <= 10)
            need(len(result["locations"]) == 1)
            need(path_of(result["locations"][0]))
            for location in result.get("relatedLocations", []):
                path_of(location)
            need(len(result.get("relatedLocations", [])) <= 100)
            check_message(result)
            seen.add((rule["id"], result["partialFingerprints"]["primaryLocationLineHash"]))
        need(len(seen) == len(results), name, "fingerprints that are equal")


def sarif_has_what_json_has(reports):
    for name, findings in reports.findings.items():
        for result, finding in zip(reports.sarif(name)["results"], findings):
            need(result["ruleId"] == finding["rule"])
            need(result["partialFingerprints"]["kmemstat/v1"] == finding["fingerprint"])
            need(result["level"] == {"high": "error", "medium": "warning",
                                     "low": "note"}[finding["severity"]])
            need(finding["advice"].replace("](", "] (") in result["message"]["text"])
            for key in ("hits", "bytes_waste", "bytes_saved", "bytes_at_stake"):
                need(result["properties"][key] == finding[key], key)
            frames = finding["callsite"].get("source")
            location = result["locations"][0]
            if not frames:
                module = finding["callsite"].get("module")
                need(path_of(location).endswith(f" [{module}]" if module else ""))
                need("uriBaseId" not in location["physicalLocation"]["artifactLocation"])
                continue
            places = [location, *result.get("relatedLocations", [])]
            need([path_of(place) for place in places] == [frame["file"] for frame in frames])
            need([place["physicalLocation"]["region"]["startLine"] for place in places] ==
                 [frame["line"] for frame in frames])
            need(location["physicalLocation"]["artifactLocation"]["uriBaseId"] == "SRCROOT")


def sarif_limits(reports):
    run = reports.sarif("many")
    results = run["results"]
    need(len(results) == MOST_RESULTS)
    # the first 25,000 that nobody suppressed: 300 of 30,000 were
    need(not any("suppressions" in result for result in results))
    notes = {note["descriptor"]["id"]: note["message"]["text"]
             for note in run["invocations"][0]["toolExecutionNotifications"]}
    need("5000 results left out" in notes["results_left_out"], notes)
    need(len(gzip.compress(reports.path["many", "sarif"].read_bytes())) < MOST_GZIP)


def sarif_tells_losses(reports):
    for name, is_lost in (("lost", True), ("hostile", True), ("mesh", False), ("plain", False)):
        run = reports.sarif(name)
        notes = run["invocations"][0]["toolExecutionNotifications"]
        warned = [note["descriptor"]["id"] for note in notes if note["level"] == "warning"]
        need(bool(warned) == is_lost == run["properties"]["incomplete"], name, warned)


def sarif_suppressions(reports):
    results = reports.sarif("hostile")["results"]
    suppressed = [result["suppressions"][0] for result in results if "suppressions" in result]
    need(len(suppressed) == len(results) // 7, len(suppressed))
    need({item["kind"] for item in suppressed} == {"external"})


# --- XML

def xsd(reports, fmt):
    if not shutil.which("xmllint"):
        raise Skip("xmllint is not installed (libxml2-utils)")
    files = [str(path) for (_, kind), path in reports.path.items() if kind == fmt]
    output(["xmllint", "--noout", "--huge", "--nonet", "--schema",
            str(HERE / "xsd" / f"{fmt}.xsd"), *files])


def junit_fits_schema(reports):
    xsd(reports, "junit")


def checkstyle_fits_schema(reports):
    xsd(reports, "checkstyle")


def xsd_is_held(reports):
    """The checks before can fail."""
    for fmt, old, new in (("junit", ' failures="', ' faults="'),
                          ("checkstyle", ' severity="info"', ' severity="low"')):
        broken = reports.path["plain", fmt].with_suffix(".broken")
        text = reports.text("plain", fmt)
        need(old in text)
        broken.write_text(text.replace(old, new), encoding="utf-8")
        if not shutil.which("xmllint"):
            raise Skip("xmllint is not installed (libxml2-utils)")
        done = subprocess.run(["xmllint", "--noout", "--schema",
                               str(HERE / "xsd" / f"{fmt}.xsd"), str(broken)],
                              capture_output=True, check=False)
        need(done.returncode == 3, done)


def junit_adds_up(reports):
    for name in reports.names:
        top = reports.xml(name, "junit")
        sums = collections.Counter()
        for suite in top:
            cases = list(suite)
            failed = [case for case in cases if case.find("failure") is not None]
            skipped = [case for case in cases if case.find("skipped") is not None]
            need(int(suite.get("tests")) == len(cases))
            need(int(suite.get("failures")) == len(failed), name)
            need(int(suite.get("skipped")) == len(skipped), name)
            need(all(case.get("classname") == suite.get("name") for case in cases))
            sums["tests"] += len(cases)
            sums["failures"] += len(failed)
        need(sums["tests"] == int(top.get("tests")))
        of_size(top.findall("*/*/failure"), reports, name)
        need(sums["failures"] == int(top.get("failures")))


def junit_passes_and_skips(reports):
    """Which rules passed, and which had nothing to judge."""
    def outcome(name):
        return {suite.get("name").removeprefix("kmemstat."):
                "skipped" if suite.find("*/skipped") is not None else
                "failed" if suite.find("*/failure") is not None else "passed"
                for suite in reports.xml(name, "junit")}
    need(set(outcome("blind").values()) == {"skipped", "passed"})
    need(outcome("blind")["trace"] == "passed" and outcome("blind")["waste"] == "skipped")
    need(outcome("empty")["waste"] == "passed" and outcome("empty")["leak-suspect"] == "skipped")
    need(outcome("unpaired")["ping-pong"] == "skipped")
    need(outcome("mesh")["leak-suspect"] in ("passed", "failed"))
    need(outcome("lost")["trace"] == "skipped")
    need(outcome("mesh")["just-over"] == "failed")


def junit_names_stay(reports):
    """No line and no offset in the names of cases."""
    case = next(case for case in reports.xml("mesh", "junit").iter("testcase")
                if "mesh_rmc_init" in case.get("name"))
    need(case.get("name") == "mesh_rmc_init [mac80211]: kmalloc-4k", case.get("name"))
    need(case.find("failure").text.startswith("net/mac80211/mesh.c:177: "))


def checkstyle_rows(reports):
    for name in reports.names:
        rows = [(path.get("name"), int(error.get("line")))
                for path in reports.xml(name, "checkstyle") for error in path]
        of_size(rows, reports, name)
        # compared as the program does: by bytes
        need(rows == sorted(rows, key=lambda row: (row[0].encode(), row[1])), name)
    need(("net/mac80211/mesh.c", 177) in
         [(path.get("name"), int(error.get("line")))
          for path in reports.xml("mesh", "checkstyle") for error in path])
    need("<!-- 300 suppressed -->" in reports.text("many", "checkstyle"))
    need("<!-- incomplete: " in reports.text("lost", "checkstyle"))


# --- GitLab

def gitlab_issues(reports):
    for name in reports.names:
        issues = of_size(json.loads(reports.text(name, "gitlab")), reports, name)
        for issue in issues:
            need(set(issue) == {"description", "check_name", "fingerprint", "severity",
                                "location"})
            need(all(isinstance(issue[key], str) and issue[key]
                     for key in ("description", "check_name", "fingerprint")))
            need(issue["severity"] in ("info", "minor", "major", "critical", "blocker"))
            need(isinstance(issue["location"]["path"], str) and issue["location"]["path"])
            need(issue["location"]["lines"]["begin"] >= 1)
        need(len({issue["fingerprint"] for issue in issues}) == len(issues), name)
    need(len(json.loads(reports.text("many", "gitlab"))) == 29700)
    places = [(issue["location"]["path"], issue["location"]["lines"]["begin"])
              for issue in json.loads(reports.text("mesh", "gitlab"))]
    need(("net/mac80211/mesh.c", 177) in places and ("qdisc_alloc", 1) in places)


# --- GitHub

def run_line(line):
    """A line of a step's output as actions/runner reads it (ActionCommand.cs): (command,
    properties, data), or None."""
    line = line.strip()
    if not line.startswith("::"):
        need("##[" not in line, "a command of the old kind:", line)
        return None
    end = line.find("::", 2)
    need(end > 0, line)
    command, _, rest = line[2:end].strip().partition(" ")
    properties = {}
    for item in rest.strip().split(","):
        key, _, value = item.partition("=")
        need(key, line)
        for escape, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","),
                             ("%25", "%")):
            value = value.replace(escape, char)
        properties[key.strip()] = value
    data = line[end + 2:]
    for escape, char in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        data = data.replace(escape, char)
    return command, properties, data


def github_commands(reports):
    for name in reports.names:
        lines = [run_line(line) for line in reports.text(name, "github").splitlines()]
        commands = [line for line in lines if line]
        need(lines[-1] is None, "the line for the log")
        counts = collections.Counter(command for command, _, _ in commands)
        need(set(counts) <= {"error", "warning", "notice"}, counts)
        need(all(count <= ANNOTATIONS for count in counts.values()), name, counts)
        for _, properties, data in commands:
            need(set(properties) <= {"file", "line", "col", "title"}, properties)
            need(properties["title"].startswith("kmemstat") and data)
            need(("file" in properties) == ("line" in properties))


def github_says_how_many_more(reports):
    commands = [run_line(line) for line in reports.text("many", "github").splitlines()[:-1]]
    more = {command: int(data.split()[0]) for command, _, data in commands
            if "more of severity" in data}
    # of 3,000, 3,000 and 23,700 nine are shown
    need(more == {"error": 2991, "warning": 2991, "notice": 23691}, more)
    need("29700 findings, 300 suppressed" in reports.text("many", "github"))


def github_keeps_texts(reports):
    """What was escaped is whole again: the mesh's first, and a hostile file."""
    first = run_line(reports.text("mesh", "github").splitlines()[0])
    need(first[1]["file"] == "net/mac80211/util.c" and first[1]["line"] == "1503")
    need("40.1% unused" in first[2] and "\n102 bytes less" in first[2], first)
    files = {properties.get("file") for _, properties, _ in
             map(run_line, reports.text("hostile", "github").splitlines()[:-1])}
    need("%0A::stop-commands::x" in files or "f.c,line=1:col=2" in files or
         "a?::error::pwned" in files, files)


def github_warns_of_losses(reports):
    warnings = [data for command, _, data in
                map(run_line, reports.text("lost", "github").splitlines()[:-1])
                if command == "warning"]
    need("lost" in warnings[0], warnings)


# --- the packages

def npm_packages_are_pinned(_):
    """By version and hash, from whatever registry npm is set up for. Of parts for other processors
    or systems, which are not installed where the tests run, the version has to do.
    """
    lock = json.loads((HERE / "npm" / "package-lock.json").read_text(encoding="utf-8"))
    for name, package in lock["packages"].items():
        need("resolved" not in package, name)
        is_foreign = package.get("optional") and (package.get("os") != ["linux"] or
                                                  package.get("cpu") != ["x64"])
        need(not name or package.get("integrity", "").startswith("sha512-") or is_foreign, name)
        need(not name or package["version"][0].isdigit(), name)
    wanted = lock["packages"][""]["dependencies"]
    need(all(version[0].isdigit() for version in wanted.values()), wanted)


CASES = [
    text_is_clean, npm_packages_are_pinned, sarif_fits_schema, sarif_schema_is_held, sarif_satisfies_the_sdk,
    sdk_finds_errors, sarif_results, sarif_has_what_json_has, sarif_limits, sarif_tells_losses,
    sarif_suppressions, junit_fits_schema, checkstyle_fits_schema, xsd_is_held, junit_adds_up,
    junit_passes_and_skips, junit_names_stay, checkstyle_rows, gitlab_issues, github_commands,
    github_says_how_many_more, github_keeps_texts, github_warns_of_losses,
]


def main():
    print(f"1..{len(CASES)}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="kmemstat-scanning-") as folder:
        reports = Reports(folder)
        for number, case in enumerate(CASES, 1):
            title = case.__name__.replace("_", " ")
            try:
                case(reports)
                print(f"ok {number} - {title}", flush=True)
            except Skip as reason:
                print(f"ok {number} - {title} # SKIP {reason}", flush=True)
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {number} - {title}", flush=True)
                print("# " + f"{type(error).__name__}: {error}"[:2000].replace("\n", "\n# "))
    return 1 if failed else 0


sys.exit(main())
