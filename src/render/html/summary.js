// SPDX-License-Identifier: GPL-2.0-or-later
// What a person should read first: how much is wasted, and the findings that matter most.
const FIRST = 3;

function isOpen(finding) {
	return !finding.suppressed;
}

// The report's order is that of severity and bytes; a line of source is more use than a symbol, and
// one call site is named once.
function pickFirst(report) {
	const seen = new Set();
	const findings = report.findings.filter(isOpen);
	const isHigh = (finding) => finding.severity === findings[0].severity;
	const hasSource = (finding) => Boolean(km.ui.sourceName(finding.callsite));
	const order = [...findings.filter((one) => isHigh(one) && hasSource(one)),
		       ...findings.filter((one) => !(isHigh(one) && hasSource(one)))];

	return order.filter((finding) => {
		const name = km.ui.siteName(finding.callsite);
		const isNew = !seen.has(name);

		seen.add(name);
		return isNew;
	}).slice(0, FIRST);
}

// "2.3 MiB": what is at stake, and what that number is.
function stakeOf(finding, slab) {
	const { ui } = km;

	if (finding.bytes_waste)
		return [ui.bytes(finding.bytes_waste),
			`wasted, ${ui.share(finding.bytes_waste, slab.bytes_waste)} of all waste`];
	if (finding.bytes_at_stake)
		return [ui.bytes(finding.bytes_at_stake), "at stake"];
	return [ui.bytes(finding.bytes_alloc),
		`allocated, ${ui.share(finding.bytes_alloc, slab.bytes_alloc)} of all bytes`];
}

function buildFinding(report, finding, ui) {
	const [bytes, what] = stakeOf(finding, report.summary.slab);
	const saved = finding.bytes_saved
		? ui.el("p", { class: "saves" }, "Following the advice saves ",
			ui.el("strong", {}, ui.bytes(finding.bytes_saved)),
			` over this trace's ${ui.nr(finding.hits, "allocation")}.`)
		: null;

	return ui.el("li", { class: `first ${finding.severity}` },
		ui.el("p", { class: "stake" }, ui.el("strong", {}, bytes), ` ${what}`),
		ui.el("h3", {}, ui.siteLink(finding.callsite)),
		ui.siteChain(finding.callsite),
		ui.el("p", { class: "message" }, km.sentence(finding.message)),
		ui.el("ul", { class: "advice", "aria-label": "What to do" },
			km.adviceParts(finding).map((part) => ui.el("li", {}, part))),
		saved);
}

// Begins with a capital, unless with a name of the kernel's.
km.sentence = (text) => (/^(struct|union|enum|[^ ]*[_()\d])/.test(text) ? text
	: text.charAt(0).toUpperCase() + text.slice(1));
// The parts of the advice are alternatives, or facts that go with them.
km.adviceParts = (finding) => (finding.advice || "").split("; ").filter(Boolean).map(km.sentence);

function describe(report, ui) {
	const { slab } = report.summary;
	const time = ui.timeText(report.input, "duration");

	return ui.el("p", { class: "lead" },
		`The kernel's slab allocators (kmalloc and its caches) handed out `,
		ui.el("strong", {}, ui.bytes(slab.bytes_alloc)), ` in ${ui.nr(slab.allocs, "allocation")}`,
		time ? ` within ${time}` : "", ". Of that, ",
		ui.el("strong", { class: "waste" }, `${ui.bytes(slab.bytes_waste)}`),
		` (${ui.share(slab.bytes_waste, slab.bytes_alloc) || "0%"}) `,
		"was never asked for: requests are rounded up to the next size class, and the rest " +
		"of the object lies idle. That is what this report calls waste.");
}

function tile(ui, label, value, help) {
	return ui.el("div", { class: "tile" }, ui.el("dt", {}, label), ui.el("dd", {}, value),
		     ui.el("dd", { class: "help" }, help));
}

function buildTiles(report, ui) {
	const { slab } = report.summary;
	const unsure = slab.live_unsure ? "at most: some frees are not in the trace"
					: "allocated and not freed when the trace ended";
	const open = report.findings.filter(isOpen);
	const high = open.filter((finding) => finding.severity === "high").length;
	const tiles = [
		tile(ui, "Requested", ui.bytes(slab.bytes_req), "what callers asked for, in sum"),
		tile(ui, "Allocated", ui.bytes(slab.bytes_alloc), "what they were given"),
		tile(ui, "Wasted", ui.bytes(slab.bytes_waste), "the difference"),
	];

	if (slab.bytes_live_peak !== undefined)
		tiles.push(tile(ui, "Most live at once", ui.bytes(slab.bytes_live_peak),
				"bytes allocated and not yet freed"),
			   tile(ui, "Live at the end", ui.bytes(slab.bytes_live), unsure));
	tiles.push(tile(ui, "Findings", ui.count(open.length),
			`${ui.count(high)} of high severity`));
	return ui.el("dl", { class: "tiles" }, tiles);
}

// Who wastes: the first findings and the rest, to scale.
function buildShares(report, first, ui) {
	const whole = report.summary.slab.bytes_waste;
	const parts = first.filter((finding) => finding.bytes_waste)
		.map((finding) => [ui.whereName(finding.callsite), finding.bytes_waste]);
	const rest = whole - ui.sum(parts, (part) => part[1]);

	if (!parts.length || !whole)
		return null;
	parts.push(["everything else", Math.max(0, rest)]);
	const bar = ui.el("div", { class: "shares", "aria-hidden": "true" });
	const legend = ui.el("ul", { class: "legend" });

	for (const [i, [name, bytes]] of parts.entries()) {
		const isRest = i === parts.length - 1;
		const segment = ui.el("span", { class: isRest ? "rest" : `share c${i + 1}` });

		segment.style.flexGrow = String(bytes / whole);
		bar.append(segment);
		legend.append(ui.el("li", {},
			ui.el("span", { class: `key ${isRest ? "rest" : `c${i + 1}`}`,
					"aria-hidden": "true" }),
			isRest ? name : ui.name(name),
			` ${ui.bytes(bytes)} (${ui.share(bytes, whole)})`));
	}
	return ui.el("figure", { class: "who" }, ui.el("figcaption", {},
		`Who wastes the ${ui.bytes(whole)}:`), bar, legend);
}

function warn(report, element, ui) {
	const { quality, page } = report;
	const worst = page.counters.filter((one) => ["loss", "damage"].includes(one.severity));

	if (quality.incomplete)
		element.append(ui.el("p", { class: "alert" },
			ui.el("strong", {}, "This trace is not complete: "),
			worst.map((one) => `${ui.count(one.count)} ${one.text}`).join(", "),
			". All totals are lower bounds. ",
			ui.el("a", { href: "#trust" }, "What was lost, and what to do about it")));
	if (!page.has_symbols)
		element.append(ui.el("p", { class: "alert" },
			"The trace has no symbols: call sites are named by address. Give the traced " +
			"machine's symbols with ", ui.code("--kallsyms FILE"), "."));
	else if (report.callsites.length && !report.callsites.some((site) => site.source))
		element.append(ui.el("p", { class: "alert mild" },
			"No debug information was found: call sites are named by function, not by line. " +
			"Give ", ui.code("--vmlinux FILE"), " or ", ui.code("--debug-dir DIR"),
			" to see source lines and structures."));
}

km.section({
	id: "summary",
	title: "In short",
	render(report, element, ui) {
		const first = report.findings.some(isOpen) ? pickFirst(report) : [];

		warn(report, element, ui);
		element.append(describe(report, ui), buildTiles(report, ui));
		if (!first.length) {
			element.append(ui.el("p", {}, "No call site is worth a finding."));
			return true;
		}
		element.append(
			ui.el("h3", { class: "over" }, first.length === 1
				? "The finding that matters" : `The ${first.length} findings that matter most`),
			ui.el("ol", { class: "firsts" },
				first.map((finding) => buildFinding(report, finding, ui))),
			buildShares(report, first, ui) || "");
		return true;
	},
});
