// SPDX-License-Identifier: GPL-2.0-or-later
// Requested against allocated: the steps of the allocator, and what lies between them and the line
// on which nothing would be wasted.
const MOST_DOTS = 1000;
const MOST_ROWS = 100;
const MARGIN = { left: 62, right: 12, top: 24, bottom: 40 };

// A dot for each call site and size, most waste first.
function collectDots(report) {
	const dots = report.callsites.flatMap((site) => site.sizes.filter((size) => size.bytes_req > 0)
		.map((size) => ({ site, size, waste: size.hits * (size.bytes_alloc - size.bytes_req) })));

	return dots.map((dot, i) => ({ dot, i }))
		.sort((a, b) => b.dot.waste - a.dot.waste || a.i - b.i).map(({ dot }) => dot);
}

// Sizes that requests are rounded up to, ascending.
const seenClasses = (report) => [...new Set(report.classes
	.filter((one) => /^kmalloc-/.test(one.name)).map((one) => one.bytes))].sort((a, b) => a - b);
const modelClasses = (model) => [...new Set(model.classes.map((one) => one.object_bytes))]
	.sort((a, b) => a - b);

function describeDot({ site, size, waste }, ui) {
	return `${ui.whereName(site)}\n${ui.bytesExact(size.bytes_req)} requested, ` +
	       `${ui.bytesExact(size.bytes_alloc)} allocated${size.cache ? ` (${size.cache})` : ""}\n` +
	       `${ui.nr(size.hits, "time")}, ${ui.bytes(waste)} wasted`;
}

class Picture {
	constructor(report, dots, ui) {
		this.report = report;
		this.ui = ui;
		this.all = dots;
		this.dots = dots.slice(0, MOST_DOTS);
		this.model = null;
		this.low = 8;
		this.high = 16;
		for (const { size } of dots) {
			this.low = Math.min(this.low, size.bytes_req);
			this.high = Math.max(this.high, size.bytes_alloc);
		}
		this.low = 2 ** Math.floor(Math.log2(this.low));
		this.high = 2 ** Math.ceil(Math.log2(this.high * 1.2));
	}

	scale(low, high, room) {
		const octaves = Math.log2(this.high / this.low);
		const step = [1, 2, 3, 4, 6].find((one) => octaves / one <= room / 44) || 8;
		const ticks = [];

		for (let value = this.low; value <= this.high; value *= 2 ** step)
			ticks.push(value);
		return this.ui.log2(this.low, this.high, low, high, ticks);
	}

	// Along the sizes: flat up to each, then up to the next.
	stepPath(sizes, x, y) {
		let path = "";
		let from = this.low;

		for (const size of sizes) {
			const right = Math.min(size, this.high);

			path += `${path ? "V" : `M${x(from)} `}${path ? y(size) : y(size)}H${x(right)}`;
			from = right;
		}
		return path;
	}

	drawSteps(svg, sizes, kind, x, y) {
		const path = this.stepPath(sizes, x, y);
		const last = sizes[sizes.length - 1];

		if (!sizes.length)
			return;
		if (kind === "steps")
			svg.append(this.ui.svg("path", { class: "between",
				d: `${path}L${x(last)} ${y(last)}L${x(this.low)} ${y(this.low)}Z` }));
		svg.append(this.ui.svg("path", { class: kind, d: path }));
	}

	drawDots(svg, x, y, width) {
		const { ui } = this;
		const most = this.dots.length ? Math.max(1, this.dots[0].waste) : 1;
		const biggest = width < 500 ? 14 : 22;
		const circles = this.dots.map((dot) => {
			const isKmalloc = dot.site.event === "kmalloc";
			const text = describeDot(dot, ui);
			const circle = ui.svg("circle", {
				class: isKmalloc ? "dot kmalloc" : "dot cache", role: "link",
				"aria-label": text.replaceAll("\n", ", "),
				cx: x(dot.size.bytes_req).toFixed(1), cy: y(dot.size.bytes_alloc).toFixed(1),
				r: Math.max(2, biggest * Math.sqrt(dot.waste / most)).toFixed(1) });

			circle.dot = dot;
			return ui.tip(circle, () => text);
		});

		// big ones first, so that small ones are on top of them
		svg.append(...circles);
		if (circles.length)
			ui.roving(svg, circles, (circle) => ui.openSite(circle.dot.site));
	}

	draw(svg, width) {
		const { ui } = this;
		const right = width - MARGIN.right;
		const height = Math.max(300, Math.min(520, Math.round(width * 0.5)));
		const bottom = height - MARGIN.bottom;
		const x = this.scale(MARGIN.left, right, right - MARGIN.left);
		const y = this.scale(bottom, MARGIN.top, 2 * (bottom - MARGIN.top));

		ui.axisLeft(svg, { scale: y, left: MARGIN.left, right, text: ui.bytesRound,
				   title: "allocated for each" });
		ui.axisBottom(svg, { scale: x, left: MARGIN.left, right, y: bottom, top: MARGIN.top,
				     text: ui.bytesRound, title: "requested" });
		this.drawSteps(svg, seenClasses(this.report), "steps", x, y);
		svg.append(ui.svg("line", { class: "even", x1: x(this.low), y1: y(this.low),
					    x2: x(this.high), y2: y(this.high) }));
		if (this.model)
			this.drawSteps(svg, modelClasses(this.model), "model", x, y);
		this.drawDots(svg, x, y, width);
		return height;
	}

	table() {
		const { ui } = this;

		return {
			caption: `The ${ui.nr(Math.min(this.all.length, MOST_ROWS), "size")} that waste most`,
			columns: ["Call site", "Requested", "Allocated", "Allocations", "Wasted"],
			numbers: [1, 2, 3, 4],
			rows: this.all.slice(0, MOST_ROWS).map(({ site, size, waste }) => [
				ui.siteLink(site), ui.count(size.bytes_req), ui.count(size.bytes_alloc),
				ui.count(size.hits), ui.bytes(waste)]),
		};
	}
}

function buildChoice(models, picture, ui, redraw) {
	const select = ui.el("select", { id: "sizes-model", onchange: () => {
		picture.model = models[Number(select.value)] || null;
		redraw();
	} }, ui.el("option", { value: "-1" }, "no other allocator"),
	models.map((model, i) => ui.el("option", { value: i }, model.name)));

	return ui.el("div", { class: "filters" },
		     ui.el("label", { for: select.id }, "Compare with the classes of"), select);
}

km.section({
	id: "sizes",
	title: "Requested and allocated",
	about: "Each dot is one size that one call site asks for. The slab allocator rounds kmalloc's " +
	       "requests up to the next step; the shaded triangles between the steps and the diagonal " +
	       "are what it then wastes. Look for big dots high in a triangle: they are just past the " +
	       "step before, and a few bytes less would take half the memory.",
	render(report, element, ui) {
		const dots = collectDots(report);
		// what has no classes of its own has no steps
		const models = (report.models || []).filter((model) => model.classes.length &&
			model.classes.every((one) => one.object_bytes > 0));
		const picture = new Picture(report, dots, ui);
		const figure = ui.el("figure", { class: "sizes" });

		if (!dots.length)
			return false;
		const { redraw } = ui.picture(figure, {
			role: "group", draw: (svg, width) => picture.draw(svg, width),
			label: "Bytes requested and allocated by call site, both axes logarithmic. Arrow " +
			       "keys move from dot to dot, most waste first; Enter opens the call site." });

		if (models.length)
			element.append(buildChoice(models, picture, ui, redraw));
		element.append(figure, ui.legend([
			["dot-kmalloc", "kmalloc: the area is the bytes wasted over the trace"],
			["dot-cache", "a cache of one kind of object"],
			["line-steps", "size classes seen in the trace"],
			["line-even", "nothing wasted"],
			models.length ? ["line-model", "the other allocator's classes"] : null]));
		if (dots.length > MOST_DOTS)
			element.append(ui.el("p", { class: "note" },
				`${ui.nr(dots.length - MOST_DOTS, "size")} that waste less have no dot.`));
		ui.tableFallback(element, () => picture.table());
		return true;
	},
});
