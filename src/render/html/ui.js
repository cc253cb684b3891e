// SPDX-License-Identifier: GPL-2.0-or-later
// Elements, pictures, tips, links to call sites, light and dark. Text comes into the page by
// textContent alone: it is from a trace.
const ui = km.ui;
const SVG = "http://www.w3.org/2000/svg";

function setAttributes(element, attributes) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith("on"))
			element.addEventListener(name.slice(2), value);
		else
			element.setAttribute(name, value === true ? "" : value);
	}
}

// ui.el("p", { class: "note" }, "text", child): attributes onNAME are listeners; strings become
// text, what is null or false is left out.
ui.el = (tag, attributes, ...children) => {
	const element = document.createElement(tag);

	setAttributes(element, attributes);
	element.append(...children.flat().filter((child) => child !== null && child !== undefined &&
						child !== false));
	return element;
};

// The same of SVG.
ui.svg = (tag, attributes, ...children) => {
	const element = document.createElementNS(SVG, tag);

	setAttributes(element, attributes);
	element.append(...children.flat().filter((child) => child !== null && child !== undefined));
	return element;
};

ui.code = (text) => ui.el("code", {}, text);

// A name with places where a narrow column may break it.
ui.name = (text) => {
	const element = ui.el("code", { class: "name" });

	for (const part of text.split(/(?<=[/_:,+])/))
		element.append(part, document.createElement("wbr"));
	return element;
};

// Bytes, rounded, with the exact number as tip.
ui.bytesNode = (bytes) => ui.tip(ui.el("span", { class: "num" }, ui.bytes(bytes)),
				 ui.bytesExact(bytes));

// ---- tips: by pointer and by keyboard focus; Escape closes

const tips = new WeakMap();
const bubble = ui.el("div", { class: "tip", role: "tooltip", id: "tip", hidden: true });
let tipped = null;

// `text` is a string or a function that makes one. Returns the element.
ui.tip = (element, text) => {
	tips.set(element, text);
	element.setAttribute("data-tip", "");
	if (typeof text === "string")
		element.setAttribute("aria-description", text);
	return element;
};

function placeTip(element) {
	const box = element.getBoundingClientRect();
	const size = bubble.getBoundingClientRect();
	const width = document.documentElement.clientWidth;
	const left = Math.max(4, Math.min(box.left, width - size.width - 4));
	const above = box.bottom + size.height + 8 > window.innerHeight && box.top > size.height + 8;

	bubble.style.left = `${left + window.scrollX}px`;
	bubble.style.top = `${(above ? box.top - size.height - 6 : box.bottom + 6) +
			      window.scrollY}px`;
}

function showTip(event) {
	const element = event.target.closest ? event.target.closest("[data-tip]") : null;

	if (!element || element === tipped)
		return;
	const text = tips.get(element);

	tipped = element;
	bubble.textContent = typeof text === "function" ? text() : text;
	bubble.hidden = false;
	placeTip(element);
}

function hideTip(event) {
	const to = event.relatedTarget;

	if (tipped && !(to && tipped.contains(to))) {
		bubble.hidden = true;
		tipped = null;
	}
}

ui.startTips = () => {
	document.body.append(bubble);
	document.addEventListener("pointerover", showTip);
	document.addEventListener("focusin", showTip);
	document.addEventListener("pointerout", hideTip);
	document.addEventListener("focusout", hideTip);
	document.addEventListener("keydown", (event) => {
		if (event.key === "Escape")
			hideTip({});
	});
};

// ---- call sites

let siteByKey = new Map();

const keyOf = (place) => [place.layer, place.event, place.module, place.symbol, place.offset,
			  place.symbol ? "" : place.address].join("\n");

// The report's call sites by name; site.id is where its row is.
ui.indexSites = (report) => {
	siteByKey = new Map();
	report.callsites.forEach((site, i) => {
		site.id = `site-${i}`;
		if (!siteByKey.has(keyOf(site)))
			siteByKey.set(keyOf(site), site);
	});
};

// The call site of a place in findings, classes and the like; null: its row was left out.
ui.siteOf = (place) => siteByKey.get(keyOf(place)) || null;

// What opens the row of a call site: callsites.js says how.
ui.openSite = () => {};

// A link to the row of a call site, or its name alone if there is no row.
ui.siteLink = (place, text) => {
	const site = ui.siteOf(place);
	const name = text || ui.whereName(site || place);

	if (!site)
		return ui.name(name);
	return ui.el("a", { href: `#${site.id}`, onclick: (event) => {
		event.preventDefault();
		ui.openSite(site);
	} }, ui.name(name));
};

// The functions that the line of a site is in; nothing where their name is all there is of it.
ui.siteChain = (site) => (ui.sourceName(site)
	? ui.el("p", { class: "chain" }, "in ", ui.name(ui.chainText(site))) : null);

// ---- tables instead of pictures

// Adds a button "Show as table" and the table: { caption, columns: [text], rows: [[text]] }, or a
// function that makes that when it is wanted.
ui.tableFallback = (element, make) => {
	const box = ui.el("div", { class: "scroll", hidden: true });
	const button = ui.el("button", { type: "button", class: "quiet", "aria-expanded": "false" },
			     "Show as table");

	button.addEventListener("click", () => {
		box.hidden = !box.hidden;
		button.setAttribute("aria-expanded", String(!box.hidden));
		button.textContent = box.hidden ? "Show as table" : "Hide table";
		if (!box.firstChild)
			box.append(ui.plainTable(typeof make === "function" ? make() : make));
	});
	element.append(button, box);
	return button;
};

// A table without sorting: { caption, columns, rows, numbers: [indices of number columns] }.
ui.plainTable = ({ caption, columns, rows, numbers = [] }) => {
	const isNumber = (i) => (numbers.includes(i) ? "num" : null);
	const head = ui.el("tr", {}, columns.map((text, i) => ui.el("th", {
		scope: "col", class: isNumber(i) }, text)));
	const body = rows.map((row) => ui.el("tr", {}, row.map((cell, i) => ui.el(
		i ? "td" : "th", { scope: i ? null : "row", class: isNumber(i) }, cell))));

	return ui.el("table", { class: "plain" },
		caption ? ui.el("caption", {}, caption) : null,
		ui.el("thead", {}, head), ui.el("tbody", {}, body));
};

// [[term, value], ...]; null values are left out.
ui.facts = (pairs) => ui.el("dl", { class: "facts" }, pairs
	.filter(([, value]) => value !== null && value !== undefined && value !== "")
	.map(([term, value]) => ui.el("div", {}, ui.el("dt", {}, term), ui.el("dd", {}, value))));

// ---- light and dark

const isDark = () => {
	const chosen = document.documentElement.dataset.theme;

	return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

// Without a choice the system's is followed.
ui.themeButton = () => {
	const button = ui.el("button", { type: "button", id: "theme" });
	const name = () => {
		button.textContent = isDark() ? "Light" : "Dark";
		button.setAttribute("aria-label", `Show in ${isDark() ? "light" : "dark"} colours`);
	};

	button.addEventListener("click", () => {
		document.documentElement.dataset.theme = isDark() ? "light" : "dark";
		name();
	});
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
	name();
	return button;
};
