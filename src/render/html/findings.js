// SPDX-License-Identifier: GPL-2.0-or-later
// All findings, each with what is wrong, where, and what change would mend it.
const STEP = 10;

function buildExcerpt(site, ui) {
	const excerpt = site.source_lines;
	const at = ((site.source || [])[0] || {}).line;

	if (!excerpt)
		return null;
	return ui.el("pre", { class: "excerpt", tabindex: "0", "aria-label": "Source" },
		excerpt.lines.map((line, i) => ui.el("span", {
			class: excerpt.first + i === at ? "line at" : "line" },
		`${String(excerpt.first + i).padStart(5)}  ${line}\n`)));
}
km.buildExcerpt = buildExcerpt;

function buildRule(report, finding, ui) {
	const rule = report.page.rules[finding.rule];

	if (!rule)
		return null;
	return ui.el("details", { class: "rule" },
		ui.el("summary", {}, "What ", ui.code(finding.rule), " means"),
		ui.el("p", {}, km.sentence(rule.meaning)),
		ui.el("p", {}, ui.el("strong", {}, "To mend it: "), rule.mend),
		ui.el("p", {}, ui.el("strong", {}, "Nothing to mend: "), rule.false_alarm));
}

function buildFacts(report, finding, ui) {
	const { slab } = report.summary;
	const all = finding.hits_affected !== finding.hits;

	return ui.facts([
		["Wasted", finding.bytes_waste ? `${ui.bytes(finding.bytes_waste)} (${ui.share(
			finding.bytes_waste, slab.bytes_waste)} of all waste)` : null],
		["Saved by the advice", finding.bytes_saved ? ui.bytes(finding.bytes_saved) : null],
		["Allocated", ui.bytes(finding.bytes_alloc)],
		["Requested", ui.bytes(finding.bytes_req)],
		["Allocations", ui.count(finding.hits)],
		["Of them affected", all ? ui.count(finding.hits_affected) : null],
		["Size class", finding.size_class ? ui.code(finding.size_class) : null],
		["Type", finding.type_name ? ui.code(finding.type_name) : null],
		["Fingerprint", ui.code(finding.fingerprint)],
	]);
}

function buildMore(report, finding, element, ui) {
	const site = ui.siteOf(finding.callsite);

	element.append(buildFacts(report, finding, ui),
		       ui.el("p", {}, ui.siteLink(finding.callsite, "All about this call site")),
		       buildRule(report, finding, ui) || "");
	km.renderDetails(report, { callsite: site || finding.callsite, finding }, element);
}

// The rest is made when it is opened.
function buildFinding(report, finding, ui) {
	const more = ui.el("details", { class: "more" }, ui.el("summary", {}, "Figures and layout"));
	const where = finding.callsite;

	more.addEventListener("toggle", () => {
		if (more.open && more.children.length === 1)
			buildMore(report, finding, more, ui);
	});
	return ui.el("li", { class: `finding ${finding.severity}` },
		ui.el("p", { class: "tags" },
			ui.el("span", { class: `tag ${finding.severity}` }, finding.severity),
			ui.tip(ui.el("span", { class: "tag", tabindex: "0" }, finding.rule),
			       (report.page.rules[finding.rule] || {}).summary || finding.rule),
			finding.bytes_waste ? ui.el("span", { class: "cost" },
				`${ui.bytes(finding.bytes_waste)} wasted`)
				: ui.el("span", { class: "cost" }, `${ui.bytes(finding.bytes_alloc)} allocated`),
			ui.el("span", { class: "hits" }, ui.nr(finding.hits, "allocation"))),
		ui.el("h3", {}, ui.siteLink(where)),
		ui.siteChain(where),
		ui.el("p", { class: "message" }, km.sentence(finding.message)),
		buildExcerpt(where, ui),
		ui.el("ul", { class: "advice", "aria-label": "What to do" },
			km.adviceParts(finding).map((part) => ui.el("li", {}, part))),
		finding.suppressed ? ui.el("p", { class: "note" }, `Suppressed: ${finding.suppressed}`) : null,
		more);
}

class List {
	constructor(report, ui) {
		this.report = report;
		this.ui = ui;
		this.severity = "all";
		this.rule = "all";
		this.list = ui.el("ul", { class: "findings" });
		this.status = ui.el("p", { class: "status", role: "status" });
		this.button = ui.el("button", { type: "button", onclick: () => this.add(STEP) },
				    "Show more findings");
		this.reset();
	}

	choice(name, label, values) {
		const { ui } = this;
		const select = ui.el("select", { id: `findings-${name}`, onchange: () => {
			this[name] = select.value;
			this.reset();
		} }, ["all", ...values].map((value) => ui.el("option", { value }, value)));

		return ui.el("div", { class: "choice" }, ui.el("label", { for: select.id }, label), select);
	}

	filters() {
		const of = (key) => [...new Set(this.report.findings.map((one) => one[key]))];

		return this.ui.el("div", { class: "filters" },
			this.choice("severity", "Severity", of("severity")),
			this.choice("rule", "Rule", of("rule").sort()));
	}

	reset() {
		this.shown = this.report.findings.filter((one) =>
			(this.severity === "all" || one.severity === this.severity) &&
			(this.rule === "all" || one.rule === this.rule));
		this.list.replaceChildren();
		this.add(STEP);
	}

	add(nr) {
		const { ui, list } = this;
		const from = list.children.length;

		list.append(...this.shown.slice(from, from + nr)
			.map((finding) => buildFinding(this.report, finding, ui)));
		this.status.textContent = `${ui.count(list.children.length)} of ${ui.nr(
			this.shown.length, "finding")} shown, those that matter most first`;
		this.button.hidden = list.children.length === this.shown.length;
	}
}

km.section({
	id: "findings",
	title: "Findings",
	about: "What is wrong, where, and what change would mend it. Severity is of the bytes at " +
	       "stake and how sure the mending is; a saving is what this trace would have taken less.",
	render(report, element, ui) {
		if (!report.findings.length)
			return false;
		const list = new List(report, ui);

		element.append(list.filters(), list.status, list.list, list.button,
			       km.leftOut(report, "findings", "finding"));
		return true;
	},
});
