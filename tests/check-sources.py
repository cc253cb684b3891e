#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check-sources.py TOP: who may include whom, what only cli/ may do, and licence lines. Speaks TAP.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(sys.argv[1])

# Folder -> folders and contracts (include/kmemstat/NAME.h) that its files may include.
ARROWS = {
    "base": {"kmemstat/blob", "kmemstat/error", "kmemstat/event", "kmemstat/out", "kmemstat/quality",
             "kmemstat/slabinfo"},
    "decode": {"base", "kmemstat/error", "kmemstat/event", "kmemstat/groups", "kmemstat/quality",
               "kmemstat/source"},
    "source": {"base", "decode", "kmemstat/blob", "kmemstat/error", "kmemstat/event",
               "kmemstat/groups", "kmemstat/hist", "kmemstat/instance", "kmemstat/quality",
               "kmemstat/source"},
    "agg": {"base", "kmemstat/agg", "kmemstat/error", "kmemstat/event", "kmemstat/filter",
            "kmemstat/groups", "kmemstat/life", "kmemstat/locality", "kmemstat/pagelife",
            "kmemstat/percpulife", "kmemstat/stack_sums", "kmemstat/stacks", "kmemstat/tally"},
    "sym": {"base", "kmemstat/blob", "kmemstat/error", "kmemstat/quality", "kmemstat/sym", "kmemstat/types"},
    "model": {"base", "agg/life_table", "agg/map", "agg/slab_rows", "kmemstat/error", "kmemstat/event",
              "kmemstat/life", "kmemstat/model", "kmemstat/own", "kmemstat/percpu_model",
              "kmemstat/quality", "kmemstat/replay"},
    "report": {"base", "agg", "sym", "kmemstat/agg", "kmemstat/error", "kmemstat/event",
               "kmemstat/life", "kmemstat/model", "kmemstat/pagelife", "kmemstat/percpulife",
               "kmemstat/stack_sums", "kmemstat/stacks", "kmemstat/out", "kmemstat/quality", "kmemstat/replay",
               "kmemstat/report", "kmemstat/sym", "kmemstat/view"},
    "render": {"base/memstream", "base/names", "base/spark", "base/stable", "base/utf8", "kmemstat/error", "kmemstat/out", "kmemstat/quality",
               "kmemstat/render", "kmemstat/report", "kmemstat/diff", "kmemstat/gate",
               "kmemstat/snapshot", "kmemstat/suppress", "kmemstat/view"},
    "record": {"base", "decode/account", "kmemstat/error", "kmemstat/event", "kmemstat/groups",
               "kmemstat/hist", "kmemstat/instance", "kmemstat/out", "kmemstat/quality", "kmemstat/record"},
    "top": {"base", "kmemstat/error", "kmemstat/out", "kmemstat/quality", "kmemstat/report",
            "kmemstat/top", "kmemstat/view"},
    "compare": {"base", "sym/unpack", "kmemstat/error", "kmemstat/out", "kmemstat/quality",
                "kmemstat/report", "kmemstat/snapshot", "kmemstat/diff", "kmemstat/gate",
                "kmemstat/suppress", "kmemstat/merge"},
    "cli": {"base", "decode", "source", "agg", "sym", "model", "report", "compare", "render",
            "record", "top", "kmemstat"},
}

# Library -> folders that may see it.
LIBRARIES = {
    r"traceevent/|event-parse\.h": set(),
    r"tracefs/|tracefs\.h": {"source", "record"},
    r"n?curses\.h": {"top"},
    r"elfutils/|dwarf\.h|libelf\.h|gelf\.h": {"sym"},
    r"jansson\.h": {"render", "compare"},
    r"zstd\.h": {"source", "sym", "record"},
    r"zlib\.h": {"source", "sym", "record", "render"},
    r"lzma\.h": {"sym"},
}

MOST_LINES = 800

# Library code neither prints nor exits nor looks around; render is a pure function.
ONLY_CLI = re.compile(r"\b(printf|puts|putchar|perror|exit|_exit|getenv|setlocale|isatty|signal|"
                      r"sigaction)\s*\(|\bstderr\b|\bstdout\b")
# Of the library, but run as processes of their own, which have to end.
PROCESSES = {"box_child.c"}
NOT_RENDER = re.compile(r"\b(km_source_(?!text\b)\w+|km_reader_\w+|km_groups_\w+|km_symtab_\w+|"
                        r"km_resolver_\w+|time|clock_gettime|localtime|strftime)\s*\(")


def code_of(text):
    """The text without comments and strings, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def wrong_includes(folder, text):
    for include in re.findall(r'^#include\s+"([^"]+)"', text, re.MULTILINE):
        name = include.removesuffix(".h")
        if name.split("/")[0] == folder or name in ARROWS[folder] or \
                name.split("/")[0] in ARROWS[folder]:
            continue
        yield f'includes "{include}"'
    for include in re.findall(r"^#include\s+<([^>]+)>", text, re.MULTILINE):
        for pattern, folders in LIBRARIES.items():
            if re.match(pattern, include) and folder not in folders:
                yield f"includes <{include}>"


def forbidden_calls(folder, text):
    if folder != "cli":
        for number, line in enumerate(code_of(text).splitlines(), 1):
            found = ONLY_CLI.search(line) or (folder == "render" and NOT_RENDER.search(line))
            if found:
                yield f"line {number}: {found[0].strip()}"


def missing_licence(_, text):
    if "SPDX-License-Identifier: GPL-2.0-or-later" not in "\n".join(text.splitlines()[:3]):
        yield "no SPDX line"


def too_long(_, text):
    lines = text.count("\n")
    if lines > MOST_LINES:
        yield f"{lines} lines, over {MOST_LINES}: it wants to be two files"


def main():
    checks = [("includes", wrong_includes), ("calls", forbidden_calls),
              ("licence", missing_licence), ("length", too_long)]
    failed = 0
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks, 1):
        files = [p for p in sorted((TOP / "src").glob("*/*.[ch]")) if p.parent.name in ARROWS]
        wrong = [f"{path.relative_to(TOP)}: {what}" for path in files
                 if check is not forbidden_calls or path.name not in PROCESSES
                 for what in check(path.parent.name, path.read_text(encoding="utf-8"))]
        good = not wrong and len(files) > 20
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        for line in wrong:
            print(f"# {line}")
    return 1 if failed else 0


sys.exit(main())
