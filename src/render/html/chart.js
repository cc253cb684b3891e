// SPDX-License-Identifier: GPL-2.0-or-later
// What pictures share: drawing at the width there is, axes with round numbers, legends, keys that
// move from mark to mark.
const ui = km.ui;

// Adds a picture that is drawn again when the width changes, so that its text keeps its size:
// draw(svg, width) puts marks into the empty <svg> and returns its height.
//   ui.picture(element, { label, role, draw }) returns { svg, redraw }
ui.picture = (element, { label, role, draw }) => {
	const svg = ui.svg("svg", { class: "picture", role: role || "img", "aria-label": label });
	let drawn = 0;

	const redraw = () => {
		const width = Math.floor(svg.parentNode.clientWidth);

		drawn = width;
		if (!width)
			return;
		svg.replaceChildren();
		const height = draw(svg, width);

		svg.setAttribute("width", width);
		svg.setAttribute("height", height);
		svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
	};
	const box = ui.el("div", { class: "canvas" }, svg);

	element.append(box);
	new ResizeObserver(() => {
		if (Math.floor(box.clientWidth) !== drawn)
			redraw();
	}).observe(box);
	return { svg, redraw };
};

// ---- scales: functions from a value to a place, with .domain and .ticks

ui.linear = (from, to, low, high, ticks) => {
	const scale = (value) => low + (to > from ? ((value - from) / (to - from)) * (high - low) : 0);

	return Object.assign(scale, { ticks });
};

ui.log2 = (from, to, low, high, ticks) => {
	const [a, b] = [Math.log2(from), Math.log2(to)];
	const scale = (value) => low + ((Math.log2(value) - a) / (b - a || 1)) * (high - low);

	return Object.assign(scale, { ticks });
};

// The step of about `most` round numbers up to `value`: 1, 2 or 5 times a power of ten.
function roundStep(value, most) {
	const rough = value / Math.max(1, most);
	const power = 10 ** Math.floor(Math.log10(rough));

	return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= rough * 0.9999);
}

function stepsTo(value, step) {
	const nr = Math.ceil(value / step - 1e-9);

	return Array.from({ length: nr + 1 }, (_, i) => i * step);
}

// Round numbers from 0 to what covers `value`.
ui.countTicks = (value, most) => stepsTo(value, Math.max(1, roundStep(value || 1, most)));

// The same of bytes: round in their unit.
ui.byteTicks = (value, most) => {
	let unit = 1;

	while (value / unit >= 1024)
		unit *= 1024;
	const step = roundStep(Math.max(value, 1) / unit, most);

	return stepsTo(Math.max(value, 1), unit * (unit === 1 ? Math.max(1, step) : step));
};

// Round numbers within a span.
ui.spanTicks = (from, to, most) => {
	const step = roundStep(to - from || 1, most);
	const ticks = [];

	for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++)
		ticks.push(i * step);
	return { ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
};

// "8 B", "4 KiB": without what rounding would add
ui.bytesRound = (bytes) => ui.bytes(bytes).replace(/\.0(?= )/, "");

// ---- axes

// Lines from left to right with their numbers, and what they are on top of them.
ui.axisLeft = (svg, { scale, left, right, text, title }) => {
	for (const tick of scale.ticks) {
		const y = Math.round(scale(tick)) + 0.5;

		svg.append(ui.svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }),
			   ui.svg("text", { class: "tick", x: left - 6, y: y + 4, "text-anchor": "end" },
				  text(tick)));
	}
	if (title)
		svg.append(ui.svg("text", { class: "axis", x: 0, y: 12 }, title));
};

// Numbers from left to right, those left out that have no room.
ui.axisBottom = (svg, { scale, left, right, y, text, title, top }) => {
	let end = -Infinity;

	for (const tick of scale.ticks) {
		const x = Math.round(scale(tick)) + 0.5;
		const label = text(tick);
		const half = label.length * 3.5;
		const at = Math.max(left - 20 + half, Math.min(x, right + 4 - half));

		svg.append(ui.svg("line", { class: "grid", x1: x, x2: x, y1: top ?? y, y2: y + 4 }));
		if (at - half < end + 8)
			continue;
		end = at + half;
		svg.append(ui.svg("text", { class: "tick", x: at, y: y + 17, "text-anchor": "middle" },
				  label));
	}
	if (title)
		svg.append(ui.svg("text", { class: "axis", x: right, y: y + 33, "text-anchor": "end" },
				  title));
};

// ---- legends: [[class of the key, text]]

ui.legend = (entries) => ui.el("ul", { class: "legend" }, entries.filter(Boolean).map(([kind, text]) =>
	ui.el("li", {}, ui.el("span", { class: `key ${kind}`, "aria-hidden": "true" }), text)));

// ---- keys

// One stop of the tab key for all marks of a picture; arrows move along `marks`, which are in the
// order of what matters. open(mark) is for Enter and a click.
ui.roving = (svg, marks, open) => {
	let at = 0;

	const go = (to) => {
		marks[at].setAttribute("tabindex", "-1");
		at = Math.max(0, Math.min(marks.length - 1, to));
		marks[at].setAttribute("tabindex", "0");
		marks[at].focus();
	};
	const moves = { ArrowRight: () => at + 1, ArrowDown: () => at + 1, ArrowLeft: () => at - 1,
			ArrowUp: () => at - 1, Home: () => 0, End: () => marks.length - 1 };

	marks.forEach((mark, i) => mark.setAttribute("tabindex", i ? "-1" : "0"));
	svg.onkeydown = (event) => {
		if (moves[event.key])
			go(moves[event.key]());
		else if (event.key === "Enter" && open)
			open(marks[at]);
		else
			return;
		event.preventDefault();
	};
	svg.onclick = (event) => {
		const mark = event.target.closest("[tabindex]");

		if (mark && open && marks.includes(mark))
			open(mark);
	};
};
