// SPDX-License-Identifier: GPL-2.0-or-later
// How long objects live: each bar is twice as long a time as the one before it.
const MARGIN = { left: 62, right: 12, top: 30, bottom: 40 };
const MOST_CHOICES = 50;

// Bars from the first that has something to the last, those between with their zeros.
function collectBars(lifetime, ui) {
	const counts = new Map(lifetime.histogram.map((one) => {
		const from = ui.time(one, "from");

		return [from ? Math.round(Math.log2(from)) : 0, one.count];
	}));
	const first = Math.min(...counts.keys());
	const last = Math.max(...counts.keys());

	return Array.from({ length: last - first + 1 }, (_, i) => ({
		power: first + i, count: counts.get(first + i) || 0 }));
}

class Histogram {
	constructor(lifetime, ui) {
		this.ui = ui;
		this.lifetime = lifetime;
		this.isRaw = lifetime.short_ns === undefined;
		this.bars = collectBars(lifetime, ui);
		this.total = ui.sum(this.bars, (bar) => bar.count);
	}

	text(time) {
		return this.isRaw ? this.ui.count(time) : this.ui.ns(time);
	}

	// 1 ns, 10 ns, ... as far as there is room
	scale(width) {
		const from = 2 ** this.bars[0].power;
		const to = 2 ** (this.bars[this.bars.length - 1].power + 1);
		const ticks = [];

		for (let time = 1; time <= to; time *= 10)
			if (time >= from)
				ticks.push(time);
		return this.ui.log2(from, to, MARGIN.left, width - MARGIN.right, ticks);
	}

	drawMark(svg, x, time, text, row) {
		const right = Number(svg.dataset.right);
		const at = x(time);
		const isLeft = at + text.length * 7 > right;

		svg.append(this.ui.svg("line", { class: "mark", x1: at, x2: at,
						 y1: MARGIN.top - 18 + row * 13, y2: svg.dataset.bottom }),
			   this.ui.svg("text", { class: "label", x: isLeft ? at - 4 : at + 4,
						 y: MARGIN.top - 8 + row * 13,
						 "text-anchor": isLeft ? "end" : "start" }, text));
	}

	describe(bar) {
		const from = bar.power ? 2 ** bar.power : 0;

		return `${this.text(from)} to ${this.text(2 ** (bar.power + 1))}: ` +
		       `${this.ui.nr(bar.count, "object")} (${this.ui.share(bar.count, this.total)})`;
	}

	draw(svg, width) {
		const { ui } = this;
		const marks = ui.countTicks(Math.max(...this.bars.map((bar) => bar.count)), 4);
		const height = 250;
		const bottom = height - MARGIN.bottom;
		const x = this.scale(width);
		const y = ui.linear(0, marks[marks.length - 1], bottom, MARGIN.top + 14, marks);
		const short = ui.time(this.lifetime, "short");

		svg.dataset.right = width;
		svg.dataset.bottom = bottom;
		ui.axisLeft(svg, { scale: y, left: MARGIN.left, right: width - MARGIN.right, text: ui.count,
				   title: "objects" });
		ui.axisBottom(svg, { scale: x, left: MARGIN.left, right: width - MARGIN.right, y: bottom,
				     text: (time) => this.text(time), title: "from allocation to free" });
		const bars = this.bars.map((bar) => {
			const left = x(2 ** bar.power);
			const top = y(bar.count);
			const isShort = 2 ** (bar.power + 1) <= short;

			return ui.tip(ui.svg("rect", {
				class: isShort ? "bar short" : "bar", role: "listitem",
				"aria-label": this.describe(bar), x: (left + 0.5).toFixed(1),
				width: Math.max(1, x(2 ** (bar.power + 1)) - left - 1).toFixed(1),
				y: (bar.count ? Math.min(top, bottom - 1) : bottom).toFixed(1),
				height: (bar.count ? Math.max(1, bottom - top) : 0).toFixed(1) }),
			() => this.describe(bar));
		});

		svg.append(...bars);
		ui.roving(svg, bars);
		this.drawMarks(svg, x, short);
		return height;
	}

	drawMarks(svg, x, short) {
		const { ui } = this;
		const median = ui.time(this.lifetime, "median");
		const from = 2 ** this.bars[0].power;
		const to = 2 ** (this.bars[this.bars.length - 1].power + 1);

		if (short > from && short < to)
			this.drawMark(svg, x, short, `short-lived: below ${this.text(short)}`, 0);
		if (median >= from && median <= to)
			this.drawMark(svg, x, median, `half lived at most ${this.text(median)}`, 1);
	}

	build(element, label) {
		const { ui } = this;
		const figure = ui.el("figure", { class: "lifetimes" });

		element.append(figure);
		ui.picture(figure, { role: "list", label, draw: (svg, width) => this.draw(svg, width) });
		element.append(ui.legend([["key-short", "short-lived, all of them"], ["key-long", "others"]]));
		ui.tableFallback(element, () => ({
			caption: label, columns: ["Lived at least", "Objects", "Share"], numbers: [1, 2],
			rows: this.bars.filter((bar) => bar.count).map((bar) => [
				this.text(bar.power ? 2 ** bar.power : 0), ui.count(bar.count),
				ui.share(bar.count, this.total)]) }));
	}
}

function summarize(histogram, ui) {
	const { lifetime, total } = histogram;

	return ui.el("p", {}, `${ui.nr(total, "object")} freed, ${ui.count(lifetime.short_lived)} (`,
		     `${ui.share(lifetime.short_lived, total)}) within ${ui.timeText(lifetime, "short")}.`);
}

const isShown = (one) => Boolean(one.lifetime && one.lifetime.histogram.length);

function show(box, one, name, ui) {
	const histogram = new Histogram(one.lifetime, ui);

	box.replaceChildren(summarize(histogram, ui));
	histogram.build(box, `Lifetimes of ${name}`);
}

function buildChoice(report, box, ui) {
	const sites = report.callsites.filter(isShown)
		.sort((a, b) => b.freed - a.freed).slice(0, MOST_CHOICES);
	const select = ui.el("select", { id: "lifetimes-site", onchange: () => {
		const site = sites[Number(select.value)];

		show(box, site || report.summary.slab, site ? ui.whereName(site) : "all objects", ui);
	} }, ui.el("option", { value: "-1" }, "all"),
	sites.map((site, i) => ui.el("option", { value: i },
		`${ui.whereName(site)} (${ui.count(site.freed)} freed)`)));

	return ui.el("div", { class: "filters" }, ui.el("label", { for: select.id }, "Objects of"), select);
}

km.section({
	id: "lifetimes",
	title: "Lifetimes",
	about: "How long objects lived before they were freed. The times of each bar are twice those of " +
	       "the bar before it. What lives for microseconds and is allocated often could be " +
	       "on the stack or be kept for the next use; what lives long is what memory is made of.",
	render(report, element, ui) {
		if (!isShown(report.summary.slab))
			return false;
		const box = ui.el("div", {});

		element.append(buildChoice(report, box, ui), box);
		show(box, report.summary.slab, "all objects", ui);
		return true;
	},
});

km.detail({
	id: "lifetime",
	title: "Lifetimes",
	render(report, item, element, ui) {
		if (item.finding || !item.callsite || !isShown(item.callsite))
			return false;
		new Histogram(item.callsite.lifetime, ui).build(
			element, `Lifetimes of ${ui.whereName(item.callsite)}`);
		return true;
	},
});
