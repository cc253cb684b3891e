// SPDX-License-Identifier: GPL-2.0-or-later
// Size classes: what is in them, and who crowds them.
const MOST = 20;

function buildSites(row, element, ui) {
	const sites = row.callsites.slice(0, MOST);
	const left = row.callsites.length - sites.length + (row.callsites_left_out || 0);

	element.append(ui.el("div", { class: "scroll" }, ui.plainTable({
		caption: `Who allocates from ${row.name}, by number of allocations`,
		columns: ["Call site", "Allocations", "Allocated", "Wasted"], numbers: [1, 2, 3],
		rows: sites.map((site) => [ui.siteLink(site), ui.count(site.hits),
			ui.bytes(site.bytes_alloc), ui.bytes(site.bytes_waste)]) })));
	if (left)
		element.append(ui.el("p", { class: "note" },
			`${ui.nr(left, "call site")} with fewer allocations not shown.`));
}

km.section({
	id: "classes",
	title: "Size classes",
	about: "kmalloc hands out objects of a few fixed sizes, and a request gets the next larger " +
	       "one; larger requests get whole pages, in powers of two (order-N is 2^N pages). " +
	       "Caches have objects of one size.",
	render(report, element, ui) {
		if (!report.classes.length)
			return false;
		const { slab } = report.summary;
		const bytes = (key, label, help, whole) => ({
			key, label, help, number: true, value: (row) => row[key],
			node: (row) => ui.bytesNode(row[key]),
			part: whole ? (row) => row[key] / whole : null });
		const sites = (row) => row.callsites.length + (row.callsites_left_out || 0);

		element.append(ui.table({
			caption: "Size classes", rows: report.classes, sort: "bytes_waste",
			columns: [
				{ key: "name", label: "Class", value: (row) => row.name, text: (row) => row.name },
				{ key: "bytes", label: "Object", number: true, help: "bytes of one object",
				  value: (row) => row.bytes, text: (row) => ui.count(row.bytes) },
				bytes("bytes_waste", "Wasted", "the bar is the share of all waste", slab.bytes_waste),
				{ key: "frag", label: "Wasted %", number: true, help: "wasted of allocated bytes",
				  value: (row) => (row.bytes_alloc ? row.bytes_waste / row.bytes_alloc : null),
				  text: (row) => ui.share(row.bytes_waste, row.bytes_alloc) },
				bytes("bytes_alloc", "Allocated", "the bar is the share of all bytes", slab.bytes_alloc),
				bytes("bytes_req", "Requested", "what was asked for", null),
				{ key: "hits", label: "Allocations", number: true, value: (row) => row.hits,
				  text: (row) => ui.count(row.hits) },
				{ key: "sites", label: "Call sites", number: true, value: sites,
				  text: (row) => ui.count(sites(row)) },
			],
			detail: (row, box) => buildSites(row, box, ui),
		}).element, km.leftOut(report, "classes", "size class", null, "size classes"));
		return true;
	},
});
