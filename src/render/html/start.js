// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the report and fills the page with the sections that have something to show.
const { ui } = km;

// A note that rows were left out, or nothing.
km.leftOut = (report, list, one, which, many) => {
	const nr = report.page.left_out[list];

	return nr ? ui.el("p", { class: "note" },
		`${ui.nr(nr, one, many)} more ${nr === 1 ? "is" : "are"} left out of this page`,
		` so that it opens at once. ${which ? `${which} ` : ""}`, ui.code("--json"), " has all.") : "";
};

// What other files have to show of a call site or finding.
km.renderDetails = (report, item, element) => {
	for (const detail of km.details) {
		const box = ui.el("div", { class: `part-${detail.id}` });

		if (detail.render(report, item, box, ui) === false)
			continue;
		if (detail.about)
			box.prepend(ui.el("p", { class: "about" }, detail.about));
		box.prepend(ui.el("h4", {}, detail.title));
		element.append(box);
	}
};

function buildTop(report) {
	const { input } = report;
	const facts = [input.kernel_release ? `Linux ${input.kernel_release}` : "", input.machine,
		       input.cpus ? ui.nr(input.cpus, "CPU") : "", ui.timeText(input, "duration"),
		       ui.nr(report.quality.events_total, "event")].filter(Boolean);

	document.title = `${input.path} - kmemstat`;
	document.getElementById("top").append(
		ui.el("div", {}, ui.el("h1", {}, "Kernel memory: ", ui.name(input.path)),
		      ui.el("p", { class: "facts-line" }, facts.join(", "))),
		ui.themeButton());
}

function buildSection(report, section) {
	const element = ui.el("section", { id: section.id, "aria-labelledby": `${section.id}-title` },
			      ui.el("h2", { id: `${section.id}-title` }, section.title));
	const about = typeof section.about === "function" ? section.about(report) : section.about;

	if (about)
		element.append(ui.el("p", { class: "about" }, about));
	return section.render(report, element, ui) === false ? null : element;
}

function buildSections(report) {
	const main = document.getElementById("main");
	const links = ui.el("ul");

	for (const section of km.sections) {
		const element = buildSection(report, section);

		if (!element)
			continue;
		main.append(element);
		links.append(ui.el("li", {}, ui.el("a", { href: `#${section.id}` }, section.title)));
	}
	document.getElementById("nav").append(links);
}

// #site-12 in the address opens that row.
function followHash(report) {
	const match = /^#site-(\d+)$/.exec(location.hash);

	if (match && report.callsites[Number(match[1])])
		ui.openSite(report.callsites[Number(match[1])]);
	else if (location.hash)
		document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function start() {
	const report = JSON.parse(document.getElementById("report").textContent);

	ui.indexSites(report);
	buildTop(report);
	buildSections(report);
	ui.startTips();
	document.getElementById("foot").append(
		`Made by kmemstat ${report.generator.version}. The file holds all it shows; it asks nothing ` +
		"of any server.");
	document.documentElement.dataset.ready = String(Math.round(performance.now()));
	followHash(report);
	addEventListener("hashchange", () => followHash(report));
}

start();
