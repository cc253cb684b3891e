// SPDX-License-Identifier: GPL-2.0-or-later
// Live bytes and waste over time, the peak, and who had what then.
const MARGIN = { left: 62, right: 12, top: 34, bottom: 40 };

class Timeline {
	constructor(report, ui) {
		const { timeline } = report;

		this.ui = ui;
		this.report = report;
		this.ticks = timeline.ticks;
		this.first = ui.time(timeline, "first");
		this.last = ui.time(timeline, "last");
		this.step = ui.time(timeline, "tick");
		this.isRaw = timeline.tick_ns === undefined;
		this.peak = report.summary.slab.bytes_live_peak;
		this.peakAt = ui.time(report.summary.slab, "live_peak");
		this.at = -1;
	}

	// Of a clock that does not count nanoseconds its counts.
	unit() {
		return this.isRaw ? 1 : 1e9;
	}

	timeText(time, digits) {
		const value = time / this.unit();

		if (this.isRaw)
			return this.ui.count(value);
		const scale = 10 ** (digits ?? 3);

		// not rounded up: what is told of a time was so from then on
		return `${(Math.floor(value * scale + 1e-6) / scale).toFixed(digits ?? 3)} s`;
	}

	startOf(i) {
		return this.first + i * this.step;
	}

	endOf(i) {
		return Math.min(this.startOf(i + 1), Math.max(this.last, this.startOf(i)));
	}

	scales(width, height) {
		const unit = this.unit();
		const { ticks, digits } = this.ui.spanTicks(this.first / unit, this.last / unit,
							    Math.max(2, width / 110));
		const marks = this.ui.byteTicks(this.peak, 5);

		this.digits = digits;
		this.x = this.ui.linear(this.first, this.last, MARGIN.left, width - MARGIN.right,
					ticks.map((tick) => tick * unit));
		this.y = this.ui.linear(0, marks[marks.length - 1], height - MARGIN.bottom, MARGIN.top,
					marks);
	}

	// The most of each stretch of time, or what was at its end.
	area(key) {
		const { x, y } = this;
		let path = `M${x(this.first).toFixed(1)} ${y(0).toFixed(1)}`;

		this.ticks.forEach((tick, i) => {
			path += `V${y(tick[key]).toFixed(1)}H${x(this.endOf(i)).toFixed(1)}`;
		});
		return `${path}V${y(0).toFixed(1)}Z`;
	}

	drawPeak(svg, width) {
		const { ui } = this;
		const x = this.x(this.peakAt);
		const text = `peak: ${ui.bytes(this.peak)} at ${this.timeText(this.peakAt)}`;
		const isLeft = x + text.length * 7 > width - 4;

		svg.append(ui.svg("line", { class: "mark", x1: x, x2: x, y1: MARGIN.top - 6,
					    y2: this.y(0) }),
			   ui.svg("circle", { class: "peak", cx: x, cy: this.y(this.peak), r: 4 }),
			   ui.svg("text", { class: "label", x: isLeft ? Math.max(x - 5, text.length * 7) : x + 5,
					    y: MARGIN.top - 8, "text-anchor": isLeft ? "end" : "start" },
				  text));
	}

	draw(svg, width) {
		const { ui } = this;
		const height = width < 500 ? 260 : 320;

		this.scales(width, height);
		ui.axisLeft(svg, { scale: this.y, left: MARGIN.left, right: width - MARGIN.right,
				   text: ui.bytesRound });
		ui.axisBottom(svg, { scale: this.x, left: MARGIN.left, right: width - MARGIN.right,
				     y: this.y(0),
				     text: (time) => this.timeText(time, this.digits),
				     title: "time, by the clock of the trace" });
		svg.append(ui.svg("path", { class: "live", d: this.area("peak_bytes") }),
			   ui.svg("path", { class: "wasted", d: this.area("live_waste") }));
		if (this.peak)
			this.drawPeak(svg, width);
		this.cursor = ui.svg("line", { class: "cursor", y1: MARGIN.top, y2: this.y(0) });
		svg.append(this.cursor);
		this.choose(this.at);
		return height;
	}

	choose(i) {
		const tick = this.ticks[i];

		this.at = i;
		this.cursor.setAttribute("visibility", tick ? "visible" : "hidden");
		if (!tick)
			return;
		const x = this.x((this.startOf(i) + this.endOf(i)) / 2);

		this.cursor.setAttribute("x1", x);
		this.cursor.setAttribute("x2", x);
		this.status.textContent = this.describe(tick, i);
	}

	describe(tick, i) {
		const { ui } = this;

		return `From ${this.timeText(this.startOf(i))} on: at most ${ui.bytes(tick.peak_bytes)} live; ` +
		       `at its end ${ui.bytes(tick.live_bytes)}, of which ${ui.bytes(tick.live_waste)} wasted; ` +
		       `${ui.nr(tick.allocs, "allocation")}, ${ui.nr(tick.frees, "free")}`;
	}

	tickAt(event) {
		const box = this.svg.getBoundingClientRect();
		const part = (event.clientX - box.left - MARGIN.left) /
			     (box.width - MARGIN.left - MARGIN.right);
		const i = Math.floor(((this.last - this.first) * part) / this.step);

		return Math.max(0, Math.min(this.ticks.length - 1, i));
	}

	key(event) {
		const last = this.ticks.length - 1;
		const moves = { ArrowRight: Math.min(last, this.at + 1), ArrowLeft: Math.max(0, this.at - 1),
				Home: 0, End: last };

		if (moves[event.key] === undefined)
			return;
		event.preventDefault();
		this.choose(moves[event.key]);
	}

	build(element) {
		const { ui } = this;
		const figure = ui.el("figure", { class: "timeline" });

		this.status = ui.el("p", { class: "status", role: "status" },
				    "Point at the picture, or move along it with the arrow keys.");
		element.append(figure);
		const { svg } = ui.picture(figure, {
			role: "img", draw: (one, width) => {
				this.svg = one;
				return this.draw(one, width);
			},
			label: `Live bytes over time. The peak is ${ui.bytes(this.peak)} at ` +
			       `${this.timeText(this.peakAt)}.` });

		svg.setAttribute("tabindex", "0");
		svg.addEventListener("pointermove", (event) => this.choose(this.tickAt(event)));
		svg.addEventListener("keydown", (event) => this.key(event));
		element.append(ui.legend([["key-live", "bytes live (the most in each stretch of time)"],
					  ["key-wasted", "of them wasted: allocated, never asked for"]]),
			       this.status);
		ui.tableFallback(element, () => this.table());
	}

	table() {
		const { ui } = this;

		return {
			caption: `Live bytes, in steps of ${this.isRaw ? ui.nr(this.step, "tick")
								       : ui.ns(this.step)}`,
			columns: ["From", "Most live", "Live at its end", "Of it wasted", "Allocations", "Frees"],
			numbers: [1, 2, 3, 4, 5],
			rows: this.ticks.map((tick, i) => [this.timeText(this.startOf(i)),
				ui.bytes(tick.peak_bytes), ui.bytes(tick.live_bytes), ui.bytes(tick.live_waste),
				ui.count(tick.allocs), ui.count(tick.frees)]),
		};
	}
}

const FEW = 12;

function peakTable(peak, rows, ui) {
	return ui.table({
		caption: "Call sites at the peak", rows: rows.map((row) => ({ ...row })), sort: "bytes",
		columns: [
			{ key: "where", label: "Call site", help: "who had allocated it",
			  value: ui.whereName, node: (row) => ui.siteLink(row) },
			{ key: "bytes", label: "At the peak", number: true,
			  help: "bytes of it that were live then; the bar is the share of the peak",
			  value: (row) => row.live_bytes, node: (row) => ui.bytesNode(row.live_bytes),
			  part: (row) => row.live_bytes / peak.live_bytes },
			{ key: "share", label: "Share", number: true, help: "of all that was live then",
			  value: (row) => row.live_bytes,
			  text: (row) => ui.share(row.live_bytes, peak.live_bytes) },
			{ key: "waste", label: "Of it wasted", number: true,
			  help: "bytes of it that nobody had asked for; the bar is the share of the peak",
			  value: (row) => row.live_waste, node: (row) => ui.bytesNode(row.live_waste),
			  part: (row) => row.live_waste / peak.live_bytes },
			{ key: "count", label: "Objects", number: true, help: "how many were live then",
			  value: (row) => row.live_count, text: (row) => ui.count(row.live_count) },
		],
	}).element;
}

// Those that matter first; all when they are wanted.
function peakRows(peak, ui) {
	const box = ui.el("div", {}, peakTable(peak, peak.callsites.slice(0, FEW), ui));

	if (peak.callsites.length > FEW)
		box.append(ui.el("button", { type: "button", onclick: () => {
			box.replaceChildren(peakTable(peak, peak.callsites, ui));
			box.querySelector("th button").focus();
		} }, `Show all ${ui.nr(peak.callsites.length, "call site")}`));
	return box;
}

// Who had what when most was live.
function buildPeak(report, element, ui) {
	const { peak } = report.timeline;

	if (!peak || !peak.live_bytes)
		return;
	const left = peak.callsites_left_out || 0;
	element.append(ui.el("h3", { class: "over" }, "What the peak is made of"),
		ui.el("p", { class: "about" },
			`When most was live, it was ${ui.bytes(peak.live_bytes)} in ` +
			`${ui.nr(peak.live_count, "object")}, ${ui.bytes(peak.live_waste)} of it wasted. This is ` +
			"the memory the slab allocators had to have at once: what is saved here makes the " +
			"kernel smaller."),
		peakRows(peak, ui),
		left ? ui.el("p", { class: "note" }, `${ui.nr(left, "call site")} with less are left out.`) : "");
}

km.section({
	id: "timeline",
	title: "Live bytes over time",
	about: (report) => "What was allocated and not yet freed. A line that climbs and never comes down " +
		"is memory that stays, or leaks; teeth are memory that comes and goes." +
		(report.summary.slab.live_unsure
			? " Some frees are not in the trace: the numbers are upper limits." : ""),
	render(report, element, ui) {
		if (!report.timeline || !report.timeline.ticks.length || !report.summary.slab.allocs)
			return false;
		new Timeline(report, ui).build(element);
		buildPeak(report, element, ui);
		return true;
	},
});
