// SPDX-License-Identifier: GPL-2.0-or-later
// A structure as it lies in the object it was given: members, holes, padding, what is over the next
// smaller size, what is never used; to scale, in rows of whole cache lines.
const LINE = 64; // bytes of a cache line
const MOST_LINES = 16;
const ROW = 20;
const LEFT = 52;
const LETTER = 6.65;

// The size that wastes most of those that are of the type.
function pickSize(site, type) {
	const sizes = (site.sizes || []).filter((size) => size.bytes_req >= type.bytes_req_min &&
							   size.bytes_req <= type.bytes_req_max);

	return sizes.sort((a, b) => b.hits * (b.bytes_alloc - b.bytes_req) -
				     a.hits * (a.bytes_alloc - a.bytes_req) || b.hits - a.hits)[0];
}

// Where the next smaller size ends: as the finding has it, or as kmalloc's classes in the trace.
function findEdge(report, finding, size) {
	if (finding && finding.bytes_over)
		return size.bytes_req - finding.bytes_over;
	const smaller = report.classes.filter((one) => /^kmalloc-/.test(one.name) &&
						       one.bytes < size.bytes_req);

	return Math.max(0, ...smaller.map((one) => one.bytes));
}

// [{ kind, from, to, name }] without gaps, from 0 to what is allocated.
function collectParts(layout, type, size) {
	const parts = [];
	const put = (kind, from, to, name) => {
		if (to > from)
			parts.push({ kind, from, to, name });
	};

	putMembers(layout, put);
	const end = Math.min(type.bytes, size.bytes_req);

	if (layout.bytes_padding)
		put("padding", end - layout.bytes_padding, end, "padding");
	if (type.form === "flexible")
		put("behind", end, size.bytes_req, "elements of its flexible array");
	else if (type.form === "array")
		put("behind", end, size.bytes_req, "further elements");
	else
		put("behind", end, size.bytes_req, "more behind it");
	put("unused", size.bytes_req, size.bytes_alloc, "never asked for");
	return parts;
}

// Bit fields that share bytes are one part; the members of a union are, too.
function putMembers(layout, put) {
	const members = layout.members.filter((member) => member.depth === 0 && member.bytes);
	let open = null;

	const close = () => {
		if (open)
			put("member", open.from, open.to, open.names.join(", "));
		open = null;
	};

	for (const member of members) {
		const from = member.offset;
		const to = from + member.bytes;

		if (open && from < open.to) {
			open.to = Math.max(open.to, to);
			open.names.push(member.declaration);
		} else {
			close();
			open = { from, to, names: [member.declaration] };
		}
		if (member.bytes_hole) {
			const end = open.to;

			close();
			put("hole", end, end + member.bytes_hole, "hole");
		}
	}
	close();
}

class Layout {
	constructor(report, item, type, size, layout, ui) {
		this.ui = ui;
		this.type = type;
		this.size = size;
		this.layout = layout;
		this.parts = collectParts(layout, type, size);
		this.edge = findEdge(report, item.finding, size);
		this.perRow = LINE;
		while (this.perRow * MOST_LINES < size.bytes_alloc)
			this.perRow *= 2;
		let nr = 0;
		for (const part of this.parts)
			part.shade = part.kind === "member" ? nr++ % 2 : 0;
	}

	text(part) {
		const { ui } = this;
		const over = this.edge && part.from >= this.edge && part.from < this.size.bytes_req
			? `; beyond the ${ui.bytesExact(this.edge)} of the next smaller size` : "";

		return `${part.name}\noffset ${ui.count(part.from)}, ` +
		       `${ui.bytesExact(part.to - part.from)}${over}`;
	}

	// What of a part is in each row it touches; what crosses the edge is cut there.
	pieces(part) {
		const { perRow } = this;
		const pieces = [];

		for (let from = part.from; from < part.to;) {
			let to = Math.min(part.to, (Math.floor(from / perRow) + 1) * perRow);

			if (from < this.edge && to > this.edge)
				to = this.edge;
			pieces.push({ from, to });
			from = to;
		}
		return pieces;
	}

	kindOf(part, piece) {
		const isOver = this.edge && piece.from >= this.edge && piece.to <= this.size.bytes_req;

		if (part.kind === "member" || part.kind === "behind")
			return `${part.kind} s${part.shade}${isOver ? " over" : ""}`;
		return part.kind;
	}

	drawPart(svg, part, place) {
		const { ui } = this;
		const pieces = this.pieces(part);
		const widest = pieces.reduce((a, b) => (b.to - b.from > a.to - a.from ? b : a));
		const group = ui.svg("g", { class: "field", role: "listitem",
					    "aria-label": this.text(part).replace("\n", ", ") });

		for (const piece of pieces) {
			const { x, y, width } = place(piece);

			group.append(ui.svg("rect", { class: this.kindOf(part, piece), x: x.toFixed(1), y,
						      width: Math.max(0.5, width - 0.5).toFixed(1),
						      height: ROW - 2 }));
		}
		const { x, y, width } = place(widest);
		const name = part.kind === "member" ? part.name.replace(/^.*[ *]/, "") : part.name;
		const room = Math.floor((width - 6) / LETTER);

		if (room >= Math.min(name.length, 5))
			group.append(ui.svg("text", { x: (x + 3).toFixed(1), y: y + 13 },
				name.length <= room ? name : `${name.slice(0, room - 1)}\u2026`));
		svg.append(ui.tip(group, () => this.text(part)));
		return group;
	}

	draw(svg, width) {
		const { ui, perRow, size } = this;
		const scale = (width - LEFT - 2) / perRow;
		const nr = Math.ceil(size.bytes_alloc / perRow);
		const place = ({ from, to }) => ({ x: LEFT + (from % perRow) * scale,
						   y: 2 + Math.floor(from / perRow) * ROW,
						   width: (to - from) * scale });

		for (let row = 0; row < nr; row++)
			svg.append(ui.svg("text", { class: "tick", x: LEFT - 6, y: 15 + row * ROW,
						    "text-anchor": "end" }, ui.count(row * perRow)));
		const groups = this.parts.map((part) => this.drawPart(svg, part, place));

		ui.roving(svg, groups);
		this.drawLines(svg, scale, nr);
		this.drawEdge(svg, place, width);
		return nr * ROW + 4;
	}

	// Where cache lines begin within a row.
	drawLines(svg, scale, nr) {
		if (LINE * scale < 24)
			return;
		for (let at = LINE; at < this.perRow; at += LINE)
			svg.append(this.ui.svg("line", { class: "cacheline", x1: LEFT + at * scale,
				x2: LEFT + at * scale, y1: 0, y2: nr * ROW + 2 }));
	}

	// The end of the next smaller size, and what is beyond it where there is room to say so.
	drawEdge(svg, place, width) {
		const { ui, edge, size } = this;

		if (!edge || edge >= size.bytes_alloc)
			return;
		const { x, y } = place({ from: edge, to: edge });
		const end = place({ from: size.bytes_req, to: size.bytes_req });
		const text = `${ui.bytesExact(size.bytes_req - edge)} beyond ${ui.count(edge)}`;

		svg.append(ui.svg("path", { class: "edge", d: `M${x.toFixed(1)} ${y - 2}v${ROW + 2}` }));
		if (end.x + 6 + text.length * 7 < width && size.bytes_req < size.bytes_alloc)
			svg.append(ui.svg("text", { class: "beyond", x: (end.x + 6).toFixed(1), y: end.y + 13 },
					  text));
	}

	sentence() {
		const { ui, type, size, layout, edge } = this;
		const over = size.bytes_req - edge;
		const parts = [`${ui.bytesExact(size.bytes_req)} requested out of `,
			       `${ui.bytesExact(size.bytes_alloc)}: ${ui.count(size.bytes_alloc - size.bytes_req)} `,
			       "are never used. "];

		if (edge && over < size.bytes_alloc - edge)
			parts.push(`The next smaller size ends at byte ${ui.count(edge)}: `,
				   `${ui.nr(over, "byte")} less would fit it. `);
		if (layout.holes)
			parts.push(`The structure has ${ui.nr(layout.bytes_holes, "byte")} in `,
				   `${ui.nr(layout.holes, "hole")}. `);
		if (layout.bytes_packed < type.bytes)
			parts.push(`With its members in the best order it has ${ui.count(layout.bytes_packed)} `,
				   `instead of ${ui.bytesExact(type.bytes)}.`);
		return ui.el("p", {}, ui.code(type.name), ": ", parts);
	}

	build(element) {
		const { ui } = this;
		const kinds = new Set(this.parts.map((part) => part.kind));
		const figure = ui.el("figure", { class: "layout" });
		const isOver = this.edge > 0;

		element.append(this.sentence(), figure);
		ui.picture(figure, { role: "list", draw: (svg, width) => this.draw(svg, width),
				     label: `Layout of ${this.type.name}` });
		element.append(ui.legend([
			["lay-member", "members"],
			isOver ? ["lay-over", "of them beyond the next smaller size"] : null,
			kinds.has("behind") ? ["lay-behind", "what was asked for behind the structure"] : null,
			kinds.has("hole") || kinds.has("padding") ? ["lay-hole", "holes, padding"] : null,
			kinds.has("unused") ? ["lay-unused", "never asked for"] : null]),
		ui.el("p", { class: "note" }, `A row is ${ui.nr(this.perRow / LINE, "cache line")} of 64 bytes; `,
		      "the numbers are offsets."));
		ui.tableFallback(element, () => this.table());
	}

	table() {
		const { ui } = this;

		return { caption: `${this.type.name}, ${ui.bytesExact(this.type.bytes)}`,
			 columns: ["Member", "Offset", "Bytes", "Hole behind it"], numbers: [1, 2, 3],
			 rows: this.layout.members.map((member) => [
				ui.code(`${"\u00a0\u00a0".repeat(member.depth)}${member.declaration}`),
				ui.count(member.offset),
				member.bits ? ui.nr(member.bits, "bit") : ui.count(member.bytes),
				member.bytes_hole ? ui.count(member.bytes_hole) : ""]) };
	}
}

km.detail({
	id: "layout",
	title: "Layout in memory",
	render(report, item, element, ui) {
		const site = item.callsite;
		const named = item.finding && item.finding.type_name;
		const type = ((site && site.types) || []).find((one) =>
			one.sureness !== "several" && (!named || one.name === named));
		const layout = type && (report.types || []).find((one) => one.name === type.name &&
								     one.members && !one.union);
		const size = layout && pickSize(site, type);

		if (!size)
			return false;
		new Layout(report, item, type, size, layout, ui).build(element);
		return true;
	},
});
