// SPDX-License-Identifier: GPL-2.0-or-later
// What was read.
const yes = (value) => (value ? "yes" : "no");

function buildEvents(report, ui) {
	if (!report.input.events.length)
		return null;
	return ui.el("details", {}, ui.el("summary", {}, "Events by kind"),
		ui.el("div", { class: "scroll" }, ui.plainTable({
			columns: ["Event", "Number"], numbers: [1],
			rows: report.input.events.map((event) => [ui.code(`${event.system}:${event.name}`),
				ui.count(event.count)]) })));
}

function buildStreams(report, ui) {
	const { streams } = report.input;

	if (!(streams || []).length)
		return null;
	return ui.el("details", {}, ui.el("summary", {}, "CPUs"),
		ui.el("div", { class: "scroll" }, ui.plainTable({
			columns: ["CPU", "Events", "Bytes", "Lost"], numbers: [1, 2, 3],
			rows: streams.map((stream) => [String(stream.cpu), ui.count(stream.events_total),
				ui.bytes(stream.bytes), ui.count(stream.events_lost || 0)]) })));
}

km.section({
	id: "input",
	title: "The trace",
	about: "What this report was made of.",
	render(report, element, ui) {
		const { input, generator } = report;

		element.append(ui.facts([
			["File", ui.name(input.path)],
			["Format", [input.format, input.format_version ? `version ${input.format_version}` : "",
				    input.compression].filter(Boolean).join(", ")],
			["Size", ui.bytes(input.file_bytes)],
			["Kernel", input.kernel_release],
			["Machine", input.machine],
			["CPUs", ui.count(input.cpus)],
			["Page size", ui.bytes(input.page_size)],
			["Big endian", input.big_endian ? yes(true) : null],
			["Clock", input.clock],
			["Duration", ui.timeText(input, "duration")],
			["Recorder", input.recorder],
			["Counted for", report.per ? ui.nr(report.per, "unit") : null],
			["Report by", `${generator.name} ${generator.version}`],
		]));
		for (const part of [buildEvents(report, ui), buildStreams(report, ui)])
			if (part)
				element.append(part);
		return true;
	},
});
