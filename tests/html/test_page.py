#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_page.py KMEMSTAT TESTDATA: the HTML report in a browser: that it shows what the JSON report
says, by keyboard too, that nothing but its own script runs, and that all can be read. Speaks TAP.
"""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402

KMEMSTAT, TESTDATA = map(os.path.abspath, sys.argv[1:3])
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MESH = ["--debug-dir", f"{TESTDATA}/mesh", f"{TESTDATA}/mesh/trace.dat"]
READY_S = 2.0

# every text that is seen: [contrast, least contrast, text, path of elements]
CONTRAST = """(() => {
	const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
	const parse = (colour) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = colour;
		canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	};
	const light = (rgb) => {
		const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92
						  : ((c / 255 + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (element) => {
		for (let at = element; at; at = at.parentElement) {
			const rgba = parse(getComputedStyle(at).backgroundColor);
			if (rgba[3] === 255)
				return rgba;
		}
		return [255, 255, 255];
	};
	const barColour = (bar) => {
		const probe = document.createElement('span');
		probe.style.backgroundColor = 'var(--bar-colour)';
		bar.append(probe);
		const colour = getComputedStyle(probe).backgroundColor;
		probe.remove();
		return colour;
	};
	const found = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
		if (!text || !element.checkVisibility({ visibilityProperty: true }) ||
		    element.closest('script, style, option, svg'))
			continue;
		const style = getComputedStyle(element), size = parseFloat(style.fontSize);
		const backs = [behind(element)];
		const bar = element.closest('.part');
		if (bar)
			backs.push(parse(barColour(bar)));
		const ink = light(parse(style.color).slice(0, 3));
		for (const back of backs) {
			const paper = light(back.slice(0, 3));
			const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
			const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
			found.push([ratio, least, text.slice(0, 40), element.className || element.tagName]);
		}
	}
	return found;
})()"""


def expect(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}"[:900] + f", expected {wanted!r}"[:900]


def run(*args):
    done = subprocess.run([KMEMSTAT, "-q", "--no-debug-search", *args], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120, check=False)
    assert done.returncode == 0, f"{args}: status {done.returncode}: {done.stderr[:300]}"
    return done.stdout.decode()


def made(kind, tmp):
    path = f"{tmp}/{kind}.dat"
    subprocess.run([f"{TESTS}/lib/make-trace", kind, path], cwd=TESTDATA, check=True, timeout=60,
                   env={**os.environ, "PYTHONPATH": f"{TESTS}/lib"})
    return path


class Case:
    """A report in the browser, and the same as JSON."""
    def __init__(self, page, tmp, *args):
        self.path = f"{tmp}/page.html"
        run("--format", f"html={self.path}", *args)
        self.report = json.loads(run("--json", *args))
        self.page = page
        page.open(f"file://{self.path}")
        assert page.evaluate("'ready' in document.documentElement.dataset"), page.complaints

    def quiet(self):
        expect(self.page.complaints, [])
        expect(self.page.requests, [f"file://{self.path}"])

    def texts(self, selector):
        return self.page.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)")

    def focus(self, selector):
        assert self.page.evaluate(f"""(() => {{
            const e = document.querySelector({json.dumps(selector)}); e.focus();
            return document.activeElement === e; }})()"""), f"no focus on {selector}"


def site_name(site):
    if site.get("symbol") is None:
        return site["address"]
    offset = f"+0x{site['offset']:x}" if site["offset"] else ""
    return site["symbol"] + offset + (f" [{site['module']}]" if "module" in site else "")


def where(site):
    frame = (site.get("source") or [{}])[0]
    if not frame.get("file"):
        return site_name(site)
    return f"{frame['file']}:{frame['line']}" if frame.get("line") else frame["file"]


def test_mesh(page, tmp):
    """The three findings with a source line come first; every number is that of the report."""
    case = Case(page, tmp, *MESH)
    case.quiet()
    expect(case.texts("#summary .first h3"),
           ["net/mac80211/util.c:1503", "net/mac80211/rate.h:43", "net/mac80211/mesh.c:177"])
    expect(case.texts("#summary .tile dd:nth-child(2)"),
           ["147.0 MiB", "158.0 MiB", "11.0 MiB", "23.2 MiB", "22.1 MiB",
            str(len(case.report["findings"]))])
    sites = sorted(case.report["callsites"], key=lambda site: -site["bytes_waste"])
    rows = case.texts("#callsites tbody th")
    expect(rows, [where(site) for site in sites[:50]])
    headings = case.texts("main h2")
    expect(case.texts("nav a"), headings)
    assert "Findings" in headings and "Call sites" in headings and "What was lost" in headings


def test_others(page, tmp):
    """Traces without symbols, with losses, damage, other clocks, other layers, and empty ones."""
    for kind in ("no-symbols", "lost", "broken-pages", "be32", "control", "names"):
        Case(page, tmp, made(kind, tmp)).quiet()
    for name in ("6.12-tsc.dat", "page-stacks.dat", "leak.dat", "perf-zstd-stacks.data"):
        Case(page, tmp, f"{TESTDATA}/small/{name}").quiet()
    Case(page, tmp, "--no-pairing", *MESH).quiet()
    Case(page, tmp, "--cache", "--task", "--page-frame", "--models", "--caller", "--per", "25",
         *MESH).quiet()


def test_lost(page, tmp):
    """What was lost is said on top, and again with advice."""
    case = Case(page, tmp, made("lost", tmp))
    assert case.report["quality"]["incomplete"]
    assert "not complete" in case.texts("#summary .alert")[0]
    assert any("larger buffer" in text for text in case.texts("#trust .counter.loss"))
    expect(Case(page, tmp, *MESH).texts("#trust .good"),
           ["Nothing was lost or damaged: every event of the trace is in the totals."])


def test_hostile_names(page, tmp):
    """Markup in names is text: it makes no element, and runs nothing."""
    path = f"{tmp}/hostile.txt"
    names = ["</script><script>document.documentElement.dataset.evil=1</script>",
             "<img/src=x/onerror=document.documentElement.dataset.evil=2>",
             "<!--<script>", "&lt;b&gt;", "]]>"]
    event = ("  a-1 [000] ..... 1.{:06}: kmalloc: call_site={}+0x10/0x20 ptr=00000000{:08x} "
             "bytes_req=2056 bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 accounted=false\n")
    with open(path, "w", encoding="utf-8") as file:
        for i, name in enumerate(names * 40):
            file.write(event.format(i, name, i + 1))
    case = Case(page, tmp, path)
    case.quiet()
    expect(sorted(site["symbol"] for site in case.report["callsites"]), sorted(names))
    expect(sorted(case.texts("#callsites tbody th")), sorted(f"{name}+0x10" for name in names))
    expect(page.evaluate("[document.documentElement.dataset.evil ?? 0, document.images.length, "
                         "document.scripts.length]"), [0, 0, 2])
    Case(page, tmp, made("hostile", tmp)).quiet()


def test_policy(page, tmp):
    """What somebody adds to the file does not run, load or colour anything."""
    case = Case(page, tmp, *MESH)
    with open(case.path, encoding="utf-8") as file:
        text = file.read()
    added = ("<script>document.documentElement.dataset.evil = 1</script>"
             "<img src='http://127.0.0.1:9/x.png' onerror='document.documentElement.dataset.evil=2'>"
             "<style>#top { display: none }</style><p id='styled' style='color: red'>x</p>"
             "<button id='evil' onclick='document.documentElement.dataset.evil = 3'>x</button>"
             "<iframe src='http://127.0.0.1:9/'></iframe>")
    with open(case.path, "w", encoding="utf-8") as file:
        file.write(text.replace("</main>", f"</main>{added}"))
    page.open(f"file://{case.path}")
    page.evaluate("document.getElementById('evil').click()")
    expect(page.evaluate("document.documentElement.dataset.evil ?? 0"), 0)
    assert page.evaluate("document.getElementById('top').checkVisibility()")
    expect(page.evaluate("getComputedStyle(document.getElementById('styled')).color === "
                         "getComputedStyle(document.body).color"), True)
    assert "ready" in page.evaluate("Object.keys(document.documentElement.dataset)")
    assert [text for text in page.complaints if "Content Security Policy" in text], page.complaints


def test_requests(page, tmp):
    """A server that has the page is asked for the page, and for nothing else."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *args):  # noqa: A002
            asked.append(self.path)

    case = Case(page, tmp, *MESH)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=tmp))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.open(f"http://127.0.0.1:{server.server_port}/page.html")
        expect(page.complaints, [])
        assert case.texts("#summary h3")
    finally:
        server.shutdown()
        server.server_close()
    expect([path for path in asked if path != "/favicon.ico"], ["/page.html"])
    expect(len(page.requests), 1)


def column(case, key):
    return case.page.evaluate(f"""(() => {{
        const heads = [...document.querySelectorAll('#callsites thead th')];
        const at = heads.findIndex(h => h.dataset.key === '{key}');
        return [heads[at].getAttribute('aria-sort'),
                [...document.querySelectorAll('#callsites tbody tr')].map(
                    r => r.children[at].textContent)]; }})()""")


def test_sort(page, tmp):
    """Headers sort by Enter and by the space bar, and say so."""
    case = Case(page, tmp, *MESH)
    numbers = sorted((site["hits"] for site in case.report["callsites"]), reverse=True)
    expect(column(case, "waste")[0], "descending")
    case.focus("#callsites th[data-key=hits] button")
    page.key("Enter")
    expect(column(case, "hits"), ["descending", [f"{nr:,}" for nr in numbers[:50]]])
    expect(column(case, "waste")[0], None)
    page.key(" ")
    expect(column(case, "hits"), ["ascending", [f"{nr:,}" for nr in numbers[::-1][:50]]])
    case.focus("#callsites th[data-key=where] button")
    page.key("Enter")
    names = sorted(where(site) for site in case.report["callsites"])
    expect(column(case, "where"), ["ascending", names[:50]])
    case.focus("#callsites .pager button:last-child")
    page.key("Enter")
    expect(column(case, "where")[1], names[50:100])


def test_filter(page, tmp):
    """Words are looked for in file, function, module and type; all have to be there."""
    case = Case(page, tmp, *MESH)
    for words in ("mac80211", "MAC80211 kmalloc-1k", "mesh_rmc", "no such thing"):
        case.focus("#callsites input[type=search]")
        page.evaluate("document.activeElement.select()")
        page.type(words)
        wanted = [site for site in case.report["callsites"] if all(
            word.lower() in " ".join([where(site), site_name(site), site["size_class"],
                                      site["event"], *(f["function"] or "" for f in
                                                       site.get("source", [])[:-1]),
                                      *(t["name"] for t in site.get("types", []))]).lower()
            for word in words.split())]
        got = column(case, "where")[1]
        expect(sorted(got), sorted(where(site) for site in wanted)[:50] if len(wanted) <= 50
               else sorted(got), words)
        status = case.texts("#callsites .status")[0]
        assert f"{len(wanted)} (of" in status or not wanted and "None of" in status, (words, status)


def test_open(page, tmp):
    """A row opens by keyboard; a finding's link opens the row of its call site, whatever is
    filtered."""
    case = Case(page, tmp, *MESH)
    case.focus("#callsites tbody .opener")
    page.key("Enter")
    expect(page.evaluate("document.activeElement.getAttribute('aria-expanded')"), "true")
    assert "scratch[]" in case.texts("#callsites tr.opened")[0]
    assert "611" in case.texts("#callsites tr.opened td")[0]
    page.key("Enter")
    expect(case.texts("#callsites tr.opened"), [])
    case.focus("#callsites input[type=search]")
    page.type("nothing of that name")
    expect(case.texts("#callsites tbody th"), [])
    case.focus("#summary .first:nth-child(3) h3 a")
    page.key("Enter")
    expect(case.texts("#callsites tr:has(+ tr.opened) th"), ["net/mac80211/mesh.c:177"])
    expect(page.evaluate("document.activeElement.textContent"), "net/mac80211/mesh.c:177")
    case.focus("#findings .finding summary")
    page.key("Enter")
    # the event of opening comes after the key's
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert "0e78cecd3979fa46" in case.texts("#findings .finding")[0]
    case.quiet()


def test_tips(page, tmp):
    """What a column means is told to who comes by keyboard too; Escape closes."""
    case = Case(page, tmp, *MESH)
    case.focus("#callsites th[data-key=pingpong] button")
    page.evaluate("new Promise(done => requestAnimationFrame(done))")
    expect(case.texts(".tip:not([hidden])"),
           ["freed on another CPU than it was allocated on, of all frees"])
    page.key("Escape")
    expect(case.texts(".tip:not([hidden])"), [])


def test_phone(page, tmp):
    """On 360 pixels the page does not scroll sideways, also with rows opened."""
    page.size(360, 740, mobile=True)
    try:
        for args in (MESH, [made("hostile", tmp)], [made("names", tmp)]):
            case = Case(page, tmp, *args)
            for _ in range(2):
                width, widest = page.evaluate("""(() => {
                    const over = [...document.querySelectorAll('main *')].filter(
                        e => e.getBoundingClientRect().right > 361 && !e.closest('.scroll, pre, svg'));
                    return [document.documentElement.scrollWidth,
                            over.slice(0, 3).map(e => e.outerHTML.slice(0, 100))]; })()""")
                expect((width <= 360, widest), (True, []), f"{width} pixels wide")
                page.evaluate("""document.querySelectorAll('#callsites .opener')[0]?.click();
                    for (const d of document.querySelectorAll('details')) d.open = true;""")
            case.quiet()
    finally:
        page.size(1280, 900)


def test_contrast(page, tmp):
    """All text can be read in both themes: a contrast of at least 4.5, WCAG 2.1 1.4.3."""
    for theme in ("light", "dark"):
        page.theme(theme)
        for args in (MESH, [made("lost", tmp)], [made("no-symbols", tmp)]):
            Case(page, tmp, *args)
            page.evaluate("document.querySelectorAll('#callsites .opener')[0]?.click(); "
                          "for (const d of document.querySelectorAll('details')) d.open = true;")
            found = page.evaluate(CONTRAST)
            assert len(found) > 150, len(found)
            expect([one for one in found if one[0] < one[1]], [], theme)
    # the button is for who wants the other
    page.evaluate("document.getElementById('theme').click()")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    expect(colour, "rgb(255, 255, 255)")
    page.theme("light")


def test_names_of_controls(page, tmp):
    """Whoever hears the page hears what each control is, and each table and section."""
    Case(page, tmp, "--cache", "--task", *MESH)
    page.evaluate("document.querySelectorAll('#callsites .opener')[0].click(); "
                  "for (const d of document.querySelectorAll('details')) d.open = true;")
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "link", "combobox", "searchbox", "textbox", "checkbox", "table", "region",
             "navigation", "DisclosureTriangle", "image", "radio", "slider"}
    seen = set()
    for node in nodes:
        role, name = node["role"]["value"], node.get("name", {}).get("value", "")
        if node["ignored"] or role not in roles:
            continue
        seen.add(role)
        # the tables within a row have the heading above them
        assert name.strip() or role == "table", node
    assert {"button", "link", "combobox", "searchbox", "table", "region"} <= seen, seen
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    expect(len(ids), len(set(ids)), "ids that are there twice")
    expect(page.evaluate("[...document.querySelectorAll('label')].filter(l => !l.control).length"),
           0)


def test_large(page, tmp):
    """A report of more than 5,000 call sites opens at once: less than two seconds of work."""
    path = f"{tmp}/large.txt"
    event = ("  a-1 [000] ..... {}.{:06}: kmalloc: call_site=some_function_of_a_driver_{}+0x{:x}/0x9000 "
             "ptr=00000000{:08x} bytes_req={} bytes_alloc={} gfp_flags=GFP_KERNEL node=-1 "
             "accounted=false\n")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(20800):
            size = 64 << i % 5
            file.write(event.format(i // 1000, i % 1000, i % 5200 // 4, i % 5200 * 4, i + 1,
                                    size - i % 30, size))
    page.send("Performance.enable", timeDomain="threadTicks")
    case = Case(page, tmp, "--waste-bytes", "0", path)
    metrics = {one["name"]: one["value"] for one in page.send("Performance.getMetrics")["metrics"]}
    work = metrics["TaskDuration"]
    wall = float(page.evaluate("document.documentElement.dataset.ready")) / 1000
    print(f"# {os.path.getsize(case.path):,} bytes: {work:.2f} s of the browser's main thread, "
          f"shown after {wall:.2f} s")
    expect(len(case.report["callsites"]), 5200)
    assert "of 5,000" in case.texts("#callsites .status")[0], case.texts("#callsites .status")
    assert "200 call sites more are left out" in " ".join(case.texts("#callsites .note"))
    assert 0 < work < READY_S, work
    case.quiet()


sys.exit(browser.run_tests(dict(globals()), sys.argv[3:]))
