// SPDX-License-Identifier: GPL-2.0-or-later
// What was lost: how far the numbers can be trusted.
const kinds = {
	note: ["note", "worth knowing; nothing is wrong"],
	loss: ["lost", "the recorder lost events: totals are lower bounds"],
	damage: ["damaged", "the file is damaged: what was damaged is in no total"],
};

function buildCounter(counter, ui) {
	const [name, meaning] = kinds[counter.severity];

	return ui.el("li", { class: `counter ${counter.severity}` },
		ui.tip(ui.el("span", { class: `tag ${counter.severity}`, tabindex: "0" }, name), meaning),
		ui.el("strong", {}, ` ${ui.count(counter.count)} ${counter.text}`),
		counter.advice ? `: ${counter.advice}` : "",
		counter.detail ? `; ${counter.detail}` : "", ".");
}

const meaning = (counter) => (counter.key === "implied_frees"
	? "the pointer was allocated again while it seemed alive" : "among the events used");

function buildEvents(report, ui) {
	const { quality } = report;
	const rows = [
		["Events in the file", quality.events_total, "the sum of the next four"],
		["Used", quality.events_used, "decoded and in this report"],
		["Left out by filters", quality.events_filtered, "you asked for that"],
		["Of other kinds", quality.events_other, "not about memory, or not used here"],
		["Not decodable", quality.events_undecodable, "damaged, or of an unknown format"],
		["Lost while recording", quality.events_lost, "not in the file; the recorder counted them"],
		["Gaps of unknown size", quality.gaps_unknown, "places where the recorder lost events, " +
		 "without a count"],
	];
	const others = report.page.counters.filter((one) => one.severity === "count" &&
							    !one.key.startsWith("events_"));

	return ui.el("div", { class: "scroll" }, ui.plainTable({
		caption: "Every event is accounted for", columns: ["", "Number", "What it is"], numbers: [1],
		rows: [...rows.map(([name, nr, what]) => [name, ui.count(nr || 0), what]),
		       ...others.map((one) => [km.sentence(one.text), ui.count(one.count), meaning(one)])] }));
}

km.section({
	id: "trust",
	title: "What was lost",
	about: "How far the numbers of this page can be trusted.",
	render(report, element, ui) {
		const { page, quality, summary } = report;
		const told = page.counters.filter((one) => one.severity !== "count");

		element.append(ui.el("p", { class: quality.incomplete ? "alert" : "good" },
			quality.incomplete ? "Events are missing: all totals are lower bounds."
				: "Nothing was lost or damaged: every event of the trace is in the totals."));
		if (told.length)
			element.append(ui.el("ul", { class: "counters" },
				told.map((counter) => buildCounter(counter, ui))));
		if (summary.slab.live_unsure)
			element.append(ui.el("p", { class: "note" },
				"What is live at the end is an upper bound: memory was freed that no event " +
				"tells of, as by the interfaces that free many objects at once."));
		if (page.counts_only)
			element.append(ui.el("p", { class: "note" }, `${km.sentence(page.counts_only)}.`));
		element.append(buildEvents(report, ui));
		return true;
	},
});
