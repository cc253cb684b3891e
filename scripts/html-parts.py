#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""html-parts.py OUT.c PAGE.html STYLE.css SCRIPT.js...: the fixed parts of the HTML report as C.

The page is cut in two where the report goes: km_html_head[] and km_html_tail[]. The scripts become
one, each in a scope of its own; it and the style are named in the page's Content-Security-Policy by
their SHA-256 (https://www.w3.org/TR/CSP3/#csp-hash-source), of the very bytes between the tags.
"""

import base64
import hashlib
import pathlib
import re
import sys


def join_scripts(paths):
    """Like modules: what one script declares the others do not see, but `km`."""
    parts = ['"use strict";']
    for path in paths:
        parts.append(f"(() => {{ // {path.name}\n{path.read_text(encoding='utf-8').strip()}\n}})();")
    return "\n" + "\n".join(parts) + "\n"


def check(name, text, tag):
    if re.search(rf"</{tag}|<!--", text, re.IGNORECASE):
        sys.exit(f"html-parts.py: {name} has </{tag} or <!-- in it, which ends it in HTML")


def source_of(text):
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def array_of(name, text):
    data = text.encode("utf-8") + b"\0"
    rows = [",".join(map(str, data[i:i + 24])) for i in range(0, len(data), 24)]
    # plain char may be signed
    if any(byte > 127 for byte in data):
        sys.exit(f"html-parts.py: {name}: write what is not ASCII as \\u.... or &#...;")
    return f"const char {name}[] = {{\n" + ",\n".join(rows) + "\n};\n"


def main():
    out, page, style, *scripts = map(pathlib.Path, sys.argv[1:])
    script = join_scripts(scripts)
    style = "\n" + style.read_text(encoding="utf-8").strip() + "\n"
    check("a script", script, "script")
    check("the style", style, "style")
    text = page.read_text(encoding="utf-8")
    for mark, value in {"SCRIPT_SOURCE": source_of(script), "STYLE_SOURCE": source_of(style),
                        "SCRIPT": script, "STYLE": style}.items():
        if text.count(f"@{mark}@") != 1:
            sys.exit(f"html-parts.py: {page} has to have @{mark}@ once")
        text = text.replace(f"@{mark}@", value)
    head, tail = text.split("@REPORT@")
    out.write_text("/* Made by scripts/html-parts.py. */\n#include \"render/html.h\"\n\n" +
                   array_of("km_html_head", head) + array_of("km_html_tail", tail),
                   encoding="utf-8")


main()
