// SPDX-License-Identifier: GPL-2.0-or-later
// Tables that are sorted by their headers and filtered, with rows made a page at a time: thousands
// of rows cost nothing until they are looked at.
//
//   ui.table({ caption, columns, rows, sort, descending, words(row), choices, detail(row, element) })
//     columns: [{ key, label, help, number, value(row), text(row) or node(row), part(row) }]
//       value is what is sorted by; part, from 0 to 1, is drawn as a bar behind a number
//     words(row): the text that the filter looks in; without it there is no filter
//     choices: [{ label, options: [[name, test(row)]] }], selections of rows beside the filter
//     detail: fills what is shown under a row when it is opened
//   returns { element, open(row) }
const ui = km.ui;
const PAGE = 50;
let nextId = 0;

function compare(a, b) {
	if (typeof a === "string" || typeof b === "string")
		return a < b ? -1 : a > b ? 1 : 0;
	return a - b;
}

class Table {
	constructor(options) {
		Object.assign(this, { words: null, choices: [], detail: null }, options);
		this.id = `table-${nextId++}`;
		this.order = { key: this.sort || this.columns[0].key,
			       descending: this.descending !== false };
		this.page = 0;
		this.needles = [];
		this.tests = this.choices.map(() => null);
		this.opened = new Set();
		this.build();
		this.update();
	}

	build() {
		this.head = ui.el("tr", {}, this.columns.map((column) => this.buildHeader(column)));
		this.body = ui.el("tbody");
		this.status = ui.el("p", { class: "status", role: "status" });
		this.scroll = ui.el("div", { class: "scroll", role: "region", tabindex: "0",
					     "aria-label": this.caption },
			ui.el("table", { class: "sorted", id: this.id },
				ui.el("caption", { class: "unseen" }, this.caption),
				ui.el("thead", {}, this.head), this.body));
		this.pager = ui.el("div", { class: "pager" }, this.buildPager());
		this.element = ui.el("div", { class: "table" }, this.buildFilters(), this.status,
				     this.scroll, this.pager);
	}

	buildHeader(column) {
		const button = ui.el("button", { type: "button", onclick: () => this.sortBy(column) },
				     column.label, ui.el("span", { class: "arrow",
								   "aria-hidden": "true" }));

		if (column.help)
			ui.tip(button, column.help);
		return ui.el("th", { scope: "col", class: column.number ? "num" : null,
				     "data-key": column.key }, button);
	}

	buildFilters() {
		const parts = [];

		if (this.words) {
			this.input = ui.el("input", { type: "search", id: `${this.id}-filter`,
						      placeholder: this.filterHint || "words",
						      autocomplete: "off", spellcheck: "false",
						      oninput: () => this.filter() });
			parts.push(ui.el("div", { class: "choice words" },
				ui.el("label", { for: this.input.id }, "Filter"), this.input));
		}
		this.selects = this.choices.map((choice, i) => this.buildChoice(choice, i));
		for (const [i, select] of this.selects.entries())
			parts.push(ui.el("div", { class: "choice" },
				ui.el("label", { for: select.id }, this.choices[i].label), select));
		return parts.length ? ui.el("div", { class: "filters" }, parts) : null;
	}

	buildChoice(choice, i) {
		return ui.el("select", { id: `${this.id}-choice-${i}`, onchange: (event) => {
			const at = Number(event.target.value);

			this.tests[i] = at < 0 ? null : choice.options[at][1];
			this.page = 0;
			this.update();
		} }, ui.el("option", { value: "-1" }, "all"),
		choice.options.map(([name], k) => ui.el("option", { value: k }, name)));
	}

	buildPager() {
		const step = (by) => () => {
			this.page += by;
			this.update();
		};

		this.back = ui.el("button", { type: "button", onclick: step(-1) }, "Previous rows");
		this.forth = ui.el("button", { type: "button", onclick: step(1) }, "Next rows");
		return [this.back, this.forth];
	}

	sortBy(column) {
		const same = this.order.key === column.key;

		this.order = { key: column.key,
			       descending: same ? !this.order.descending : Boolean(column.number) };
		this.page = 0;
		this.update();
	}

	filter() {
		this.needles = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
		this.page = 0;
		this.update();
	}

	clearFilters() {
		if (this.input)
			this.input.value = "";
		this.needles = [];
		this.tests = this.choices.map(() => null);
		for (const select of this.selects)
			select.value = "-1";
	}

	isShown(row) {
		if (!this.tests.every((test) => !test || test(row)))
			return false;
		if (!this.needles.length)
			return true;
		const text = this.words(row).toLowerCase();
		return this.needles.every((needle) => text.includes(needle));
	}

	// Rows that have no value come last, whatever the order.
	arrange() {
		const column = this.columns.find((one) => one.key === this.order.key);
		const sign = this.order.descending ? -1 : 1;
		const keyed = this.rows.filter((row) => this.isShown(row))
			.map((row, i) => ({ row, i, value: column.value(row) ?? null }));

		keyed.sort((a, b) => (a.value === null) - (b.value === null) ||
				     sign * compare(a.value, b.value) || a.i - b.i);
		this.shown = keyed.map((entry) => entry.row);
	}

	update() {
		this.arrange();
		this.page = Math.max(0, Math.min(this.page, Math.ceil(this.shown.length / PAGE) - 1));
		const first = this.page * PAGE;
		const part = this.shown.slice(first, first + PAGE);

		this.body.replaceChildren(...part.flatMap((row) => this.buildRow(row)));
		for (const header of this.head.children)
			this.mark(header);
		this.say(first, part.length);
	}

	mark(header) {
		const isKey = header.dataset.key === this.order.key;

		if (isKey)
			header.setAttribute("aria-sort", this.order.descending ? "descending"
									       : "ascending");
		else
			header.removeAttribute("aria-sort");
	}

	say(first, nr) {
		const all = this.shown.length === this.rows.length;
		const of = all ? ui.count(this.rows.length)
			: `${ui.count(this.shown.length)} (of ${ui.count(this.rows.length)} in all)`;

		this.status.textContent = nr ? `${ui.count(first + 1)} to ${ui.count(first + nr)} of ${of}`
					     : `None of ${ui.count(this.rows.length)} rows fits.`;
		this.status.hidden = all && this.rows.length <= PAGE && !this.words;
		this.pager.hidden = this.shown.length <= PAGE;
		this.back.disabled = this.page === 0;
		this.forth.disabled = first + nr >= this.shown.length;
	}

	buildRow(row) {
		const line = ui.el("tr", { id: row.id || null },
				   this.columns.map((column, i) => this.buildCell(row, column, i)));

		return this.opened.has(row) ? [line, this.buildDetail(row)] : [line];
	}

	buildCell(row, column, i) {
		const content = column.node ? column.node(row) : column.text(row);
		const cell = ui.el(i ? "td" : "th", { scope: i ? null : "row",
						      class: column.number ? "num" : null });

		if (!i && this.detail)
			cell.append(this.buildOpener(row, content));
		else
			cell.append(content ?? "");
		if (column.part) {
			const part = column.part(row) || 0;

			cell.classList.add("part");
			cell.style.setProperty("--part", `${(100 * Math.min(1, part)).toFixed(2)}%`);
		}
		return cell;
	}

	buildOpener(row, content) {
		return ui.el("button", { type: "button", class: "opener",
					 "aria-expanded": String(this.opened.has(row)),
					 onclick: () => this.toggle(row) }, content);
	}

	toggle(row) {
		const focused = this.shown.indexOf(row) - this.page * PAGE;

		if (!this.opened.delete(row))
			this.opened.add(row);
		this.update();
		this.body.querySelectorAll(".opener")[focused]?.focus();
	}

	buildDetail(row) {
		const cell = ui.el("td", { colspan: this.columns.length });
		const box = ui.el("div", { class: "detail" });

		cell.append(box);
		this.detail(row, box);
		return ui.el("tr", { class: "opened" }, cell);
	}

	// Brings a row to sight and opens it.
	open(row) {
		if (!this.shown.includes(row)) {
			this.clearFilters();
			this.arrange();
		}
		this.page = Math.floor(this.shown.indexOf(row) / PAGE);
		if (this.detail)
			this.opened.add(row);
		this.update();
		const at = this.shown.indexOf(row) - this.page * PAGE;
		const line = this.body.querySelectorAll(":scope > tr:not(.opened)")[at];

		line.scrollIntoView({ block: "center" });
		line.querySelector("button, a")?.focus({ preventScroll: true });
	}
}

ui.table = (options) => new Table(options);
