// SPDX-License-Identifier: GPL-2.0-or-later
// Where the bytes come from, as an icicle: what is on top is made up of what is below it. By stack
// where the report has stacks, else by directory, file, function and line, or module and symbol.
const ROW = 21;
const LETTER = 6.65; // of the picture's font: 11px, of one width
const LEAST = 0.6;   // pixels: what is thinner is not drawn
const NR_COLOURS = 7;

const MEASURES = [
	["bytes_alloc", "allocated bytes", "bytes"],
	["bytes_waste", "wasted bytes", "bytes"],
	["live_bytes", "bytes live at the end", "bytes"],
	["hits", "allocations", "count"],
];

// ---- the tree

class Node {
	constructor(name, parent) {
		this.name = name;
		this.parent = parent;
		this.children = new Map();
		this.value = {};
		this.site = null;
		this.depth = parent ? parent.depth + 1 : 0;
	}

	child(name) {
		if (!this.children.has(name))
			this.children.set(name, new Node(name, this));
		return this.children.get(name);
	}

	add(row) {
		for (const [key] of MEASURES)
			this.value[key] = (this.value[key] || 0) + (row[key] || 0);
	}
}

function addPath(root, path, row, site) {
	let node = root;

	node.add(row);
	for (const name of path) {
		node = node.child(name);
		node.add(row);
	}
	node.site = node.site || site;
}

const moduleName = (place) => (place.module ? `[${place.module}]` : "kernel");

// net, mac80211, mesh.c, mesh_rmc_init, line 177
function sourcePath(site) {
	const frame = (site.source || [])[0];

	if (!frame || !frame.file)
		return [moduleName(site), site.symbol || site.address || "?",
			...(site.symbol ? [`+0x${site.offset.toString(16)}`] : [])];
	return [...frame.file.split("/").filter((part) => part && part !== "."),
		frame.function || site.symbol || "?", frame.line ? `line ${frame.line}` : "no line"];
}

// Outermost first; what was inlined is a frame of its own.
function framePath(frame) {
	const chain = (frame.source || []).filter((one) => one.function);
	const names = chain.length ? chain.map((one) => one.function).reverse()
		: [frame.symbol || frame.address || "?"];

	return names.map((name) => (frame.module ? `${name} [${frame.module}]` : name));
}

const hasStacks = (report) => (report.stacks || []).some((stack) => stack.layer === "slab" &&
								stack.frames.length > 1);

function buildTree(report) {
	const root = new Node("all", null);
	const { slab } = report.summary;
	const whole = { ...slab, hits: slab.allocs, live_bytes: slab.bytes_live };

	if (hasStacks(report)) {
		const frames = new Map(report.stack_frames.map((frame) => [frame.id, frame]));

		for (const stack of report.stacks.filter((one) => one.layer === "slab")) {
			const path = [...stack.frames].reverse().map((id) => frames.get(id));
			const site = { layer: stack.layer, event: stack.event, ...path[path.length - 1] };

			addPath(root, path.flatMap(framePath), stack, km.ui.siteOf(site));
		}
	} else {
		for (const site of report.callsites)
			addPath(root, sourcePath(site), site, site);
	}
	addRest(root, whole);
	return root;
}

// What the page leaves out, so that the whole is the whole.
function addRest(root, whole) {
	const rest = {};
	let isMore = false;

	for (const [key] of MEASURES) {
		rest[key] = Math.max(0, (whole[key] || 0) - (root.value[key] || 0));
		isMore = isMore || rest[key] > 0;
	}
	if (!isMore)
		return;
	addPath(root, ["(left out of this page)"], rest, null);
	root.rest = root.child("(left out of this page)");
}

// One child after another is one frame: "net/mac80211". Names of paths only.
function joinPaths(node) {
	for (const child of [...node.children.values()])
		joinPaths(child);
	if (!node.parent || node.children.size !== 1 || node.site || node.isJoined)
		return;
	const [child] = node.children.values();

	if (!child.children.size || child.site || !/^[a-z0-9_-]+(\/[a-z0-9_-]+)*$/i.test(node.name) ||
	    !/^[a-z0-9_-]+(\/[a-z0-9_.-]+)*$/i.test(child.name) || /\.[chS]$/.test(child.name))
		return;
	node.name = `${node.name}/${child.name}`;
	node.children = child.children;
	for (const grandchild of node.children.values())
		grandchild.parent = node;
}

function setDepths(node) {
	for (const child of node.children.values()) {
		child.depth = node.depth + 1;
		setDepths(child);
	}
}

// ---- the picture

class Flame {
	constructor(report, ui) {
		this.ui = ui;
		this.report = report;
		this.root = buildTree(report);
		if (!hasStacks(report))
			joinPaths(this.root);
		setDepths(this.root);
		this.measures = MEASURES.filter(([key]) => this.root.value[key] > 0);
		this.measure = this.measures[0];
		this.zoomed = this.root;
		this.focused = this.root;
		this.needle = "";
		this.setColours();
		this.boxes = new Map();
	}

	of(node) {
		return node.value[this.measure[0]] || 0;
	}

	text(value) {
		return this.measure[2] === "bytes" ? this.ui.bytes(value) : this.ui.count(value);
	}

	share(node) {
		return this.ui.share(this.of(node), this.of(this.root));
	}

	// Biggest first; ties by name.
	sorted(node) {
		return [...node.children.values()].filter((child) => this.of(child) > 0)
			.sort((a, b) => this.of(b) - this.of(a) || (a.name < b.name ? -1 : 1));
	}

	path(node) {
		return node ? [...this.path(node.parent), node] : [];
	}

	// Branches have colours from where they part: all stacks may begin with the same frames.
	setColours() {
		let fork = this.root;

		for (let [first] = this.sorted(fork); first && first.children.size &&
		     this.of(first) > 0.9 * this.of(fork); [first] = this.sorted(fork))
			fork = first;
		const branches = this.sorted(fork).filter((node) => node !== this.root.rest);

		this.colours = new Map(branches.map((node, i) => [node, 1 + (i % NR_COLOURS)]));
	}

	colour(node) {
		return `f${this.colours.get(this.path(node).find((one) => this.colours.has(one))) || 0}`;
	}

	matches(node) {
		return this.needle !== "" && node.name.toLowerCase().includes(this.needle);
	}

	// The place of each frame that is wide enough; ancestors of what is zoomed have all the width.
	arrange(width) {
		const places = [];
		const put = (node, x, size) => {
			places.push({ node, x, size });
			let at = x;

			for (const child of this.sorted(node)) {
				const part = (size * this.of(child)) / this.of(node);

				if (part >= LEAST)
					put(child, at, part);
				at += part;
			}
		};

		for (const node of this.path(this.zoomed.parent))
			places.push({ node, x: 0, size: width, isAbove: true });
		put(this.zoomed, 0, width);
		return places;
	}

	describe(node) {
		const value = this.text(this.of(node));
		const of = node.parent ? `, ${this.share(node)} of ${this.text(this.of(this.root))}` : "";

		return `${node.name}: ${value}${of}`;
	}

	buildBox({ node, x, size, isAbove }) {
		const { ui } = this;
		const room = Math.floor((size - 8) / LETTER);
		const label = node.name.length <= room ? node.name : `${node.name.slice(0, room - 1)}\u2026`;
		const kind = [this.colour(node), isAbove ? "above" : "", this.matches(node) ? "hit" : ""];
		const box = ui.svg("g", {
			class: `frame ${kind.filter(Boolean).join(" ")}`, role: "treeitem",
			"aria-level": node.depth + 1, "aria-label": this.describe(node), tabindex: "-1",
			"data-value": this.of(node),
			"aria-expanded": node.children.size ? String(!isAbove) : null,
			transform: `translate(${x.toFixed(2)} ${node.depth * ROW})` },
		ui.svg("rect", { width: Math.max(0.5, size - 0.8).toFixed(2), height: ROW - 1 }),
		room > 2 ? ui.svg("text", { x: 4, y: 14.5 }, label) : null);

		box.node = node;
		this.boxes.set(node, box);
		return ui.tip(box, () => this.describe(node));
	}

	draw(svg, width) {
		const places = this.arrange(width);

		this.boxes.clear();
		svg.append(...places.map((place) => this.buildBox(place)));
		if (!this.boxes.has(this.focused))
			this.focused = this.zoomed;
		this.boxes.get(this.focused).setAttribute("tabindex", "0");
		return ROW * (1 + Math.max(...places.map((place) => place.node.depth)));
	}

	// ---- what the user does

	focus(node) {
		if (!node || !this.boxes.has(node))
			return;
		this.boxes.get(this.focused)?.setAttribute("tabindex", "-1");
		this.focused = node;
		this.boxes.get(node).setAttribute("tabindex", "0");
		this.boxes.get(node).focus();
		this.say(node);
	}

	zoom(node) {
		const hadFocus = this.svg.contains(document.activeElement);

		this.zoomed = node;
		this.focused = node;
		this.update();
		if (hadFocus)
			this.focus(node);
	}

	update() {
		this.redraw();
		this.buildCrumbs();
		this.say(this.focused);
		this.saySearch();
	}

	beside(node, step) {
		const shown = node.parent ? this.sorted(node.parent).filter((one) => this.boxes.has(one)) : [];

		return shown[shown.indexOf(node) + step];
	}

	key(event) {
		const node = this.focused;
		const moves = {
			ArrowUp: () => this.focus(node.parent),
			ArrowDown: () => this.focus(this.sorted(node)[0]),
			ArrowLeft: () => this.focus(this.beside(node, -1)),
			ArrowRight: () => this.focus(this.beside(node, 1)),
			Home: () => this.focus(this.root),
			Enter: () => this.zoom(node),
			" ": () => this.zoom(node),
			Escape: () => this.zoom(this.zoomed.parent || this.root),
		};

		if (!moves[event.key])
			return;
		moves[event.key]();
		event.preventDefault();
	}

	buildCrumbs() {
		const { ui } = this;

		this.crumbs.replaceChildren(...this.path(this.zoomed).map((node) => ui.el("li", {},
			node === this.zoomed ? ui.el("span", { "aria-current": "location" }, node.name)
				: ui.el("button", { type: "button", class: "quiet",
						    onclick: () => this.zoom(node) }, node.name))));
	}

	say(node) {
		const { ui } = this;
		const names = this.path(node).slice(1).map((one) => one.name).join(" > ");

		this.status.replaceChildren(names ? ui.name(names) : "all", `: ${this.text(this.of(node))}`,
			node.parent ? ` (${this.share(node)})` : "",
			node.site && !node.children.size ? ", " : "",
			node.site && !node.children.size
				? ui.siteLink(node.site, "all about this call site") : "");
	}

	// What is below a match is in it: its bytes count once.
	found(node) {
		if (this.matches(node))
			return { nr: 1 + this.below(node), value: this.of(node) };
		const sum = { nr: 0, value: 0 };

		for (const child of node.children.values()) {
			const part = this.found(child);

			sum.nr += part.nr;
			sum.value += part.value;
		}
		return sum;
	}

	below(node) {
		let nr = 0;

		for (const child of node.children.values())
			nr += (this.matches(child) ? 1 : 0) + this.below(child);
		return nr;
	}

	saySearch() {
		if (!this.needle) {
			this.result.textContent = "";
			return;
		}
		const { nr, value } = this.found(this.root);
		const { ui } = this;

		this.result.textContent = nr ? `${ui.nr(nr, "frame matches", "frames match")}: ` +
			`${this.text(value)} (${ui.share(value, this.of(this.root))})` : "No frame matches.";
	}

	// ---- what is around the picture

	buildControls() {
		const { ui } = this;
		const select = ui.el("select", { id: "flame-measure", onchange: () => {
			this.measure = this.measures[Number(select.value)];
			if (!this.of(this.zoomed))
				this.zoomed = this.root;
			this.update();
		} }, this.measures.map(([, name], i) => ui.el("option", { value: i }, name)));
		const input = ui.el("input", { type: "search", id: "flame-search", autocomplete: "off",
					       spellcheck: "false", placeholder: "part of a name",
					       oninput: () => {
			this.needle = input.value.trim().toLowerCase();
			this.update();
		} });

		return ui.el("div", { class: "filters" },
			ui.el("label", { for: select.id }, "Width is"), select,
			ui.el("label", { for: input.id }, "Mark"), input, this.result);
	}

	build(element) {
		const { ui } = this;
		const figure = ui.el("figure", { class: "flame" });

		this.result = ui.el("span", { class: "status", role: "status" });
		this.status = ui.el("p", { class: "chosen" });
		this.crumbs = ui.el("ol", { class: "crumbs", "aria-label": "Zoomed to" });
		element.append(this.buildControls(), this.crumbs, figure);
		const picture = ui.picture(figure, {
			role: "tree", draw: (svg, width) => this.draw(svg, width),
			label: "What makes up the bytes. Arrow keys move, Enter zooms in, Escape out." });

		this.svg = picture.svg;
		this.redraw = picture.redraw;
		this.svg.addEventListener("keydown", (event) => this.key(event));
		this.svg.addEventListener("click", (event) => {
			const box = event.target.closest(".frame");

			if (box)
				this.zoom(box.node);
		});
		this.svg.addEventListener("focusin", (event) => {
			if (event.target.node)
				this.say(event.target.node);
		});
		element.append(this.status);
		this.buildCrumbs();
		this.say(this.root);
		ui.tableFallback(element, () => this.table());
	}

	table() {
		const { ui } = this;
		const rows = [];
		const add = (node) => {
			for (const child of this.sorted(node)) {
				if (rows.length >= 200)
					return;
				rows.push([`${"\u00a0\u00a0".repeat(child.depth - 1)}${child.name}`,
					   this.text(this.of(child)), this.share(child)]);
				add(child);
			}
		};

		add(this.zoomed);
		return { caption: `Below ${this.zoomed.name}: the first ${ui.nr(rows.length, "frame")}`,
			 columns: ["Frame", this.measure[1], "Share"], numbers: [1, 2], rows };
	}
}

km.section({
	id: "flame",
	title: "Where the bytes come from",
	about: (report) => "Each box is as wide as what it allocated, and made up of the boxes below it: " +
		(hasStacks(report)
			? "functions, with those they call below. "
			: "directories, files, functions, lines. ") +
		"Look for wide boxes at the bottom. A click or Enter zooms in, Escape out; the colours " +
		"only tell the branches apart." +
		(hasStacks(report) ? "" : " With a trace that has stacks (kmemstat record --stacks) the " +
				      "boxes are the functions that led there."),
	render(report, element, ui) {
		const flame = new Flame(report, ui);

		if (!flame.measures.length)
			return false;
		flame.build(element);
		return true;
	},
});
