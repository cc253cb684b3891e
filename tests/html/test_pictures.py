#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_pictures.py KMEMSTAT TESTDATA [NAME...]: the pictures of the HTML report show what the JSON
report says, by keyboard too. Sums are made anew here, from the rows of the JSON. Speaks TAP.
"""

import json
import math
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402

KMEMSTAT, TESTDATA = map(os.path.abspath, sys.argv[1:3])
MESH = ["--debug-dir", f"{TESTDATA}/mesh", f"{TESTDATA}/mesh/trace.dat"]
STACKS = [f"{TESTDATA}/small/perf-zstd-stacks.data"]
MOST_DOTS = 1000
# key of call sites and stacks -> that of the summary
MEASURES = {"bytes_alloc": "bytes_alloc", "bytes_waste": "bytes_waste", "live_bytes": "bytes_live",
            "hits": "allocs"}


def expect(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}"[:900] + f", expected {wanted!r}"[:900]


def run(*args):
    done = subprocess.run([KMEMSTAT, "-q", "--no-debug-search", *args], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120, check=True)
    return json.loads(done.stdout) if done.stdout else None


class Case:
    """A report in the browser, and the same as JSON."""
    def __init__(self, page, tmp, *args):
        path = f"{tmp}/page.html"
        run("--format", f"html={path}", "--output", "/dev/null", *args)
        self.report = run("--json", *args)
        self.slab = self.report["summary"]["slab"]
        self.page = page
        page.open(f"file://{path}")
        self.settle()
        expect(page.complaints, [])

    def settle(self):
        """Pictures are drawn when their width is known."""
        self.page.evaluate("new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")

    def all(self, selector, what):
        return self.page.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})]"
                                  f".map(e => {what})")

    def texts(self, selector):
        return self.all(selector, "e.textContent")

    def focus(self, selector):
        assert self.page.evaluate(f"""(() => {{
            const e = document.querySelector({json.dumps(selector)}); e.focus();
            return document.activeElement === e; }})()"""), f"no focus on {selector}"

    def choose(self, selector, value):
        self.page.evaluate(f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
            e.value = {json.dumps(value)};
            e.dispatchEvent(new Event(e.tagName === 'SELECT' ? 'change' : 'input')); }})()""")
        self.settle()


def human(number):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            return f"{number:,} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024


def test_sizes(page, tmp):
    """A dot for each call site and size, most waste first; Enter opens the call site's row."""
    case = Case(page, tmp, *MESH)
    sizes = [(size["hits"] * (size["bytes_alloc"] - size["bytes_req"]), size)
             for site in case.report["callsites"] for size in site["sizes"] if size["bytes_req"]]
    labels = case.all("#sizes circle", "e.getAttribute('aria-label')")
    expect(len(labels), min(MOST_DOTS, len(sizes)))
    waste, size = max(sizes, key=lambda one: one[0])
    assert f"{size['bytes_req']:,} bytes requested" in labels[0], labels[0]
    assert f"{human(waste)} wasted" in labels[0], labels[0]
    # areas, not widths, are to scale; the least is 2 pixels
    radii = [float(r) for r in case.all("#sizes circle", "e.getAttribute('r')")]
    wastes = sorted((one[0] for one in sizes), reverse=True)
    for radius, waste in zip(radii, wastes):
        assert abs(radius - max(2, radii[0] * math.sqrt(waste / wastes[0]))) < 0.06, (radius, waste)
    case.focus("#sizes circle")
    page.key("ArrowRight")
    expect(page.evaluate("document.activeElement.getAttribute('aria-label')"), labels[1])
    page.key("Enter")
    name = case.texts("#callsites tr:has(+ tr.opened) th")[0]
    assert labels[1].startswith(name), (labels[1], name)


def test_models(page, tmp):
    """The classes of another allocator are a line of their own."""
    case = Case(page, tmp, "--model", "slub,slob,illumos", *MESH)
    expect(case.texts("#sizes-model option"), ["no other allocator", "slub", "illumos"])
    expect(case.texts("#sizes path.model"), [])
    case.choose("#sizes-model", "1")
    expect(len(case.texts("#sizes path.model")), 1)
    steps = {row["object_bytes"] for model in case.report["models"] if model["name"] == "illumos"
             for row in model["classes"]}
    path = case.all("#sizes path.model", "e.getAttribute('d')")[0]
    expect(len(re.findall("H", path)), len(steps))


def frames(case):
    """[(level, name, value)] of the boxes that are drawn."""
    return [(int(level), label.rsplit(": ", 1)[0], float(value)) for level, label, value in case.all(
        "#flame .frame", "[e.getAttribute('aria-level'), e.getAttribute('aria-label'), "
                         "e.dataset.value]")]


def test_flame_sums(page, tmp):
    """Whatever the width is: the whole is the summary's, and branches are what is in them."""
    case = Case(page, tmp, *MESH)
    for i, (key, of) in enumerate(MEASURES.items()):
        case.choose("#flame-measure", str(i))
        boxes = frames(case)
        expect(boxes[0], (1, "all", case.slab[of]))
        named = {name: value for level, name, value in boxes if level == 2}
        file_of = [((site.get("source") or [{}])[0].get("file") or "", site)
                   for site in case.report["callsites"]]
        expect(named["net/mac80211"], sum(site[key] for file, site in file_of
                                          if file.startswith("net/mac80211/")), key)
        expect(named["kernel"], sum(site[key] for file, site in file_of
                                    if not file and "module" not in site), key)
        assert sum(named.values()) <= case.slab[of]
        assert sum(named.values()) > 0.99 * case.slab[of]


def test_flame_stacks(page, tmp):
    """With stacks the boxes are functions, outermost on top."""
    case = Case(page, tmp, "--by-stack", *STACKS)
    rows = [row for row in case.report["stacks"] if row["layer"] == "slab"]
    named = {frame["id"]: frame for frame in case.report["stack_frames"]}
    for i, (key, of) in enumerate(MEASURES.items()):
        if not case.slab[of]:
            continue
        case.choose("#flame-measure", str(i))
        wanted = {}
        for row in rows:
            frame = named[row["frames"][-1]]
            name = frame.get("symbol") or frame.get("address") or "?"
            name += f" [{frame['module']}]" if "module" in frame else ""
            wanted[name] = wanted.get(name, 0) + row[key]
        boxes = frames(case)
        expect(boxes[0], (1, "all", case.slab[of]))
        got = {name: value for level, name, value in boxes if level == 2}
        assert got and max(got.values()) == max(wanted.values()), (key, got, wanted)
        for name, value in got.items():
            expect(value, wanted[name], f"{key} of {name}")


def test_flame_keys(page, tmp):
    """Arrows move, Enter zooms in, Escape out, and what is focused is told."""
    case = Case(page, tmp, *MESH)
    whole = float(case.all("#flame rect", "e.getAttribute('width')")[0])
    case.focus("#flame .frame")
    page.key("ArrowDown")
    first = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.key("ArrowRight")
    second = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert first.startswith("kernel: ") and second.startswith("net/mac80211: "), (first, second)
    assert case.texts("#flame .chosen")[0].startswith("net/mac80211: ")
    page.key("Enter")
    case.settle()
    expect(case.texts("#flame .crumbs li"), ["all", "net/mac80211"])
    expect(page.evaluate("document.activeElement.getAttribute('aria-label')"), second)
    wide = case.all("#flame .frame:focus rect", "e.getAttribute('width')")
    expect([float(width) for width in wide], [whole])
    assert all("kernel: " not in label for label in
               case.all("#flame .frame", "e.getAttribute('aria-label')"))
    page.key("Escape")
    case.settle()
    expect(case.texts("#flame .crumbs li"), ["all"])
    assert any(name == "kernel" for _, name, _ in frames(case))


def test_flame_search(page, tmp):
    """Matches are marked; what is within a match counts once."""
    case = Case(page, tmp, *MESH)
    case.choose("#flame-measure", "1")
    case.choose("#flame-search", "mesh")
    found = sum(site["bytes_waste"] for site in case.report["callsites"]
                if any("mesh" in part for frame in [(site.get("source") or [{}])[0]]
                       for part in [*(frame.get("file") or "").split("/"),
                                    frame.get("function") or site["symbol"] if frame.get("file")
                                    else site["symbol"] or ""]))
    text = case.texts("#flame .filters .status")[0]
    assert f": {human(found)} (" in text, (text, human(found))
    assert case.texts("#flame .frame.hit")
    case.choose("#flame-search", "nothing of that name")
    expect(case.texts("#flame .filters .status"), ["No frame matches."])
    expect(case.texts("#flame .frame.hit"), [])


def test_timeline(page, tmp):
    """All ticks, the peak of the summary, and the call sites that make it up."""
    case = Case(page, tmp, *MESH)
    path = case.all("#timeline path.live", "e.getAttribute('d')")[0]
    expect(path.count("H"), len(case.report["timeline"]["ticks"]))
    peak = case.report["timeline"]["peak"]
    expect(peak["live_bytes"], case.slab["bytes_live_peak"])
    expect(case.texts("#timeline text.label"),
           [f"peak: {human(peak['live_bytes'])} at {peak['at_ns'] // 10**6 / 1000:.3f} s"])
    bytes_at = case.texts("#timeline tbody td:nth-child(2)")
    expect(bytes_at, [human(row["live_bytes"]) for row in peak["callsites"][:12]])
    page.evaluate("[...document.querySelectorAll('#timeline button')].at(-1).click()")
    expect(len(case.texts("#timeline table.sorted tbody tr")), min(50, len(peak["callsites"])))
    case.focus("#timeline svg")
    page.key("Home")
    tick = case.report["timeline"]["ticks"][0]
    said = [text for text in case.texts("#timeline .status") if "live;" in text][0]
    assert f"at most {human(tick['peak_bytes'])} live" in said, said


def test_timeline_highest(page, tmp):
    """The dot of the peak is on the highest point of the line."""
    for args in (MESH, [f"{TESTDATA}/small/leak.dat"]):
        case = Case(page, tmp, *args)
        path = case.all("#timeline path.live", "e.getAttribute('d')")[0]
        top = min(float(y) for y in re.findall(r"V([0-9.]+)", path))
        dot = float(case.all("#timeline circle.peak", "e.getAttribute('cy')")[0])
        assert abs(top - dot) < 0.06, (top, dot)


def counts(case, where):
    labels = case.all(f"{where} rect.bar", "e.getAttribute('aria-label')")
    return [int(re.search(r": ([0-9,]+) object", label)[1].replace(",", "")) for label in labels]


def test_lifetimes(page, tmp):
    """Each bar is a count of the histogram; of all, and of a call site that is chosen."""
    case = Case(page, tmp, *MESH)
    expect([nr for nr in counts(case, "#lifetimes") if nr],
           [row["count"] for row in case.slab["lifetime"]["histogram"]])
    expect(sum(counts(case, "#lifetimes")), case.slab["freed"])
    site = max(case.report["callsites"], key=lambda one: one["freed"])
    case.choose("#lifetimes-site", "0")
    expect([nr for nr in counts(case, "#lifetimes") if nr],
           [row["count"] for row in site["lifetime"]["histogram"]])
    assert any("short-lived: below 1 ms" in text for text in case.texts("#lifetimes text.label"))


def test_layout(page, tmp):
    """struct mesh_rmc: 2056 bytes of 4096, 8 beyond 2048, to scale."""
    case = Case(page, tmp, *MESH)
    page.evaluate("document.querySelectorAll('#findings .finding details.more')"
                  ".forEach(e => { e.open = true; })")
    case.settle()
    at = [i for i, text in enumerate(case.texts("#findings .part-layout > p:first-of-type"))
          if text.startswith("struct mesh_rmc: ")]
    assert len(at) == 1, case.texts("#findings .part-layout > p:first-of-type")
    boxes = page.evaluate(f"""(() => {{
        const part = document.querySelectorAll('#findings .part-layout')[{at[0]}];
        return [[...part.querySelectorAll('rect')].map(e => [e.getAttribute('class'),
                    parseFloat(e.getAttribute('width')) + 0.5]),
                [...part.querySelectorAll('.field')].map(e => e.getAttribute('aria-label')),
                [...part.querySelectorAll('text.beyond')].map(e => e.textContent)]; }})()""")
    rects, labels, beyond = boxes
    whole = sum(width for _, width in rects)
    unused = sum(width for kind, width in rects if kind == "unused")
    over = sum(width for kind, width in rects if " over" in kind)
    assert abs(unused / whole - 2040 / 4096) < 0.001, unused / whole
    # the index, and behind it the padding to the 8 bytes that are over
    assert abs(over / whole - 4 / 4096) < 0.0003, over / whole
    expect(beyond, ["8 bytes beyond 2,048"])
    assert labels[0].startswith("struct hlist_head bucket[256], offset 0, 2,048 bytes"), labels
    assert labels[1].startswith("u32 idx_mask, offset 2,048, 4 bytes; beyond"), labels


def test_tables(page, tmp):
    """Every picture has a table in its place, with rows."""
    case = Case(page, tmp, *MESH)
    page.evaluate("document.querySelectorAll('main > section > button.quiet, #lifetimes button.quiet')"
                  ".forEach(e => e.click())")
    rows = {section: len(case.texts(f"#{section} table.plain tbody tr"))
            for section in ("sizes", "flame", "timeline", "lifetimes")}
    expect(rows["timeline"], len(case.report["timeline"]["ticks"]))
    expect(rows["lifetimes"], len(case.slab["lifetime"]["histogram"]))
    assert rows["sizes"] == 100 and rows["flame"] > 20, rows


sys.exit(browser.run_tests(dict(globals()), sys.argv[3:], is_shared=True))
