// SPDX-License-Identifier: GPL-2.0-or-later
// The table of call sites, and what is known of one when its row is opened.
const typeName = (site) => {
	const type = (site.types || []).find((one) => one.sureness !== "several");

	return type ? type.name : "";
};

function bytesColumn(key, label, help, value, whole) {
	return { key, label, help, number: true, value,
		 node: (site) => (value(site) === undefined ? "" : km.ui.bytesNode(value(site))),
		 part: whole ? (site) => (value(site) || 0) / whole : null };
}

function lifeColumns(report) {
	const { ui } = km;

	if (report.summary.slab.bytes_live === undefined)
		return [];
	return [
		bytesColumn("peak", "Live peak", "most bytes of this call site that were live at once",
			    (site) => site.live_bytes_peak, report.summary.slab.bytes_live_peak),
		bytesColumn("live", "Live at end", "bytes allocated and not freed when the trace ended",
			    (site) => site.live_bytes, null),
		{ key: "lifetime", label: "Lives", number: true,
		  help: "half of what was freed lived at most this long",
		  value: (site) => (site.lifetime ? ui.time(site.lifetime, "median") : null),
		  text: (site) => (site.lifetime ? ui.timeText(site.lifetime, "median") : "") },
		{ key: "pingpong", label: "Ping-pong", number: true,
		  help: "freed on another CPU than it was allocated on, of all frees",
		  value: (site) => (site.freed ? site.pingpong / site.freed : null),
		  text: (site) => (site.freed ? ui.share(site.pingpong, site.freed) : "") },
	];
}

function columnsOf(report) {
	const { ui } = km;
	const { slab } = report.summary;

	return [
		{ key: "where", label: "Call site", help: "source line, or function and offset",
		  value: ui.whereName, node: (site) => ui.name(ui.whereName(site)) },
		bytesColumn("waste", "Wasted", "allocated less requested, in sum; the bar is the share " +
			    "of all waste", (site) => site.bytes_waste, slab.bytes_waste),
		{ key: "frag", label: "Wasted %", number: true, help: "wasted of allocated bytes",
		  value: (site) => site.frag_percent, text: (site) => ui.percent(site.frag_percent) },
		bytesColumn("alloc", "Allocated", "what the call site was given, in sum; the bar is the " +
			    "share of all bytes allocated", (site) => site.bytes_alloc, slab.bytes_alloc),
		bytesColumn("req", "Requested", "what it asked for, in sum", (site) => site.bytes_req, null),
		{ key: "hits", label: "Allocations", number: true, help: "how often it allocated",
		  value: (site) => site.hits, text: (site) => ui.count(site.hits) },
		{ key: "class", label: "Class", help: "the size class that most of its bytes are in",
		  value: (site) => site.size_class || "", text: (site) => site.size_class || "" },
		...lifeColumns(report),
		{ key: "function", label: "Function", value: ui.siteName,
		  help: "function and offset of the call, with module, where the line stands for it",
		  node: (site) => (ui.sourceName(site) ? ui.code(ui.siteName(site)) : "") },
		{ key: "type", label: "Type", help: "what is allocated, as far as debug information tells",
		  value: typeName, node: (site) => (typeName(site) ? ui.code(typeName(site)) : "") },
	];
}

function buildChain(site, ui) {
	if (!(site.source || []).length)
		return null;
	return ui.el("div", {}, ui.el("h4", {}, "Source"), ui.el("ol", { class: "frames" },
		site.source.map((frame) => ui.el("li", {}, ui.name(frame.function || "?"), " ",
			frame.file ? ui.name(frame.line ? `${frame.file}:${frame.line}` : frame.file) : "",
			frame.inlined ? ", inlined into" : ""))));
}

function buildSizes(site, ui) {
	const rows = [...site.sizes].sort((a, b) => b.hits * (b.bytes_alloc - b.bytes_req) -
						   a.hits * (a.bytes_alloc - a.bytes_req) || b.hits - a.hits);
	const shown = rows.slice(0, 20);
	const left = rows.length - shown.length + (site.sizes_left_out || 0);

	return ui.el("div", {}, ui.el("h4", {}, "Sizes"),
		ui.el("div", { class: "scroll" }, ui.plainTable({
			columns: ["Requested", "Allocated", "Unused each", "Allocations", "Wasted"],
			numbers: [0, 1, 2, 3, 4],
			rows: shown.map((size) => [ui.count(size.bytes_req), ui.count(size.bytes_alloc),
				ui.count(size.bytes_alloc - size.bytes_req), ui.count(size.hits),
				ui.bytes(size.hits * (size.bytes_alloc - size.bytes_req))]) })),
		left ? ui.el("p", { class: "note" }, `${ui.nr(left, "size")} that waste less are left out.`)
		     : null);
}

function buildLife(site, ui) {
	const { lifetime } = site;

	if (!lifetime)
		return null;
	return ui.el("div", {}, ui.el("h4", {}, "What became of them"), ui.facts([
		["Freed", ui.count(site.freed)],
		["Live at the end", `${ui.count(site.live_count)} (${ui.bytes(site.live_bytes)})`],
		["Freed without an event", site.replaced ? ui.count(site.replaced) : null],
		["Most live at once", ui.bytes(site.live_bytes_peak)],
		["Half lived at most", ui.timeText(lifetime, "median")],
		[`Lived less than ${ui.timeText(lifetime, "short")}`, ui.count(lifetime.short_lived)],
		["Freed on another CPU", ui.count(site.pingpong)],
		["Charged to a memory cgroup", site.accounted_hits ? ui.count(site.accounted_hits) : null],
	]));
}

function buildTypes(site, ui) {
	if (!(site.types || []).length)
		return null;
	const sureness = { exact: "for sure", only: "the only type of that size in reach",
			   several: "one of several of that size" };

	return ui.el("div", {}, ui.el("h4", {}, "Type"), ui.el("ul", {}, site.types.map((type) =>
		ui.el("li", {}, ui.code(type.name), `, ${ui.nr(type.bytes, "byte")}: `,
		      sureness[type.sureness] || type.sureness))));
}

function buildFindings(report, site, ui) {
	const mine = report.findings.filter((finding) => ui.siteOf(finding.callsite) === site);

	if (!mine.length)
		return null;
	return ui.el("div", {}, ui.el("h4", {}, "Findings"), ui.el("ul", {}, mine.map((finding) =>
		ui.el("li", {}, ui.el("span", { class: `tag ${finding.severity}` }, finding.severity),
		      ` ${km.sentence(finding.message)}. ${km.adviceParts(finding).join(". ")}.`))));
}

function buildDetail(report, site, element) {
	const { ui } = km;
	const parts = [buildFindings(report, site, ui), buildChain(site, ui), km.buildExcerpt(site, ui),
		       buildTypes(site, ui), buildSizes(site, ui), buildLife(site, ui)];

	element.append(...parts.filter(Boolean));
	km.renderDetails(report, { callsite: site, finding: null }, element);
}

// The modules with most waste first; "vmlinux" is the kernel itself.
function moduleChoices(report) {
	const names = [...new Set(report.callsites.map((site) => site.module || ""))].sort();

	return names.map((name) => [name || "the kernel itself", (site) => (site.module || "") === name]);
}

function classChoices(report) {
	const names = new Set(report.callsites.map((site) => site.size_class));
	const known = report.classes.map((one) => one.name).filter((name) => names.has(name));

	return known.map((name) => [name, (site) => site.size_class === name]);
}

function findingChoice(report, ui) {
	const found = new Set(report.findings.map((finding) => ui.siteOf(finding.callsite)));

	return [["with a finding", (site) => found.has(site)]];
}

km.section({
	id: "callsites",
	title: "Call sites",
	about: "Each row is a line of kernel code that allocates. A header sorts; a row opens to its " +
	       "sizes, what became of its objects, and what they are.",
	render(report, element, ui) {
		if (!report.callsites.length)
			return false;
		const table = ui.table({
			caption: "Call sites", rows: report.callsites, columns: columnsOf(report),
			sort: "waste", filterHint: "file, function, module, type, class",
			words: (site) => [ui.sourceName(site), ui.chainText(site), site.size_class, site.event,
					  typeName(site)].join(" "),
			choices: [{ label: "Module", options: moduleChoices(report) },
				  { label: "Class", options: classChoices(report) },
				  { label: "Show", options: findingChoice(report, ui) }],
			detail: (site, box) => buildDetail(report, site, box),
		});

		ui.openSite = (site) => table.open(site);
		element.append(table.element, km.leftOut(report, "callsites", "call site",
			"Those shown are what findings are about, and the first by waste, by bytes " +
			"allocated and by most live bytes."));
		return true;
	},
});
