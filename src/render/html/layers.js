// SPDX-License-Identifier: GPL-2.0-or-later
// What the report has beside slab call sites: percpu objects, pages, caches, tasks, models.
const { ui } = km;
const text = (key, label, value, help) => ({ key, label, help, value, text: value });
const count = (key, label, value, help) => ({ key, label, help, number: true, value,
	text: (row) => (value(row) === undefined || value(row) === null ? "" : ui.count(value(row))) });
const bytes = (key, label, value, help) => ({ key, label, help, number: true, value,
	node: (row) => (value(row) === undefined || value(row) === null ? "" : ui.bytesNode(value(row))) });
const site = { key: "where", label: "Call site", help: "source line, or function and offset",
	       value: (row) => (row.callsite ? ui.whereName(row.callsite) : ""),
	       node: (row) => (row.callsite ? ui.name(ui.whereName(row.callsite)) : "not known") };

function tableSection({ id, title, about, list, caption, sort, columns, words, one, many }) {
	km.section({ id, title, about, render(report, element) {
		if (!(report[list] || []).length)
			return false;
		element.append(ui.table({ caption: caption || title, rows: report[list], columns, sort,
					  words }).element,
			       km.leftOut(report, list, one, null, many));
		return true;
	} });
}

tableSection({
	id: "percpu", title: "Percpu objects", list: "percpu", sort: "alloc", one: "row",
	about: "alloc_percpu() takes its bytes once for every possible CPU: what looks small in the " +
	       "source is multiplied.",
	columns: [site,
		count("size", "Size", (row) => row.size, "bytes asked for, on one CPU"),
		count("hits", "Allocations", (row) => row.hits),
		bytes("req", "Requested", (row) => row.bytes_req, "size times allocations, on one CPU"),
		bytes("alloc", "Allocated", (row) => row.bytes_alloc, "on all CPUs together"),
		count("live", "Live", (row) => row.live, "objects live at the end"),
		bytes("live_bytes", "Live bytes", (row) => row.bytes_live, "of them, on all CPUs")],
	words: (row) => (row.callsite ? `${ui.sourceName(row.callsite)} ${ui.chainText(row.callsite)}` : ""),
});

tableSection({
	id: "pages", title: "Pages", list: "pages", sort: "bytes", one: "row",
	about: "What was taken from the page allocator, whole pages in powers of two. These pages also " +
	       "back slabs and percpu memory: the sums of this table and others overlap.",
	columns: [site,
		count("order", "Order", (row) => row.order, "2^order pages at once"),
		text("migrate", "Migrate type", (row) => row.migrate_type || ""),
		count("hits", "Allocations", (row) => row.hits),
		bytes("bytes", "Allocated", (row) => row.bytes_alloc ?? row.bytes),
		count("live", "Live", (row) => row.live, "allocations live at the end")],
	words: (row) => (row.callsite ? `${ui.sourceName(row.callsite)} ${ui.chainText(row.callsite)}` : ""),
});

const sums = [
	bytes("waste", "Wasted", (row) => row.bytes_waste, "allocated less requested"),
	bytes("alloc", "Allocated", (row) => row.bytes_alloc),
	bytes("req", "Requested", (row) => row.bytes_req),
	count("hits", "Allocations", (row) => row.hits),
	count("live", "Live", (row) => row.live_count, "objects live at the end"),
	bytes("live_bytes", "Live bytes", (row) => row.live_bytes),
	count("sites", "Call sites", (row) => row.nr_callsites),
];

tableSection({
	id: "caches", title: "Caches", list: "caches", sort: "waste", one: "cache",
	about: "Slab caches, as far as the trace names them.",
	columns: [text("name", "Cache", (row) => row.name),
		  count("object", "Object", (row) => row.object_bytes, "bytes of one object"), ...sums],
	words: (row) => row.name,
});

tableSection({
	id: "tasks", title: "Tasks", list: "tasks", sort: "alloc", one: "task",
	about: "Who ran when memory was allocated. Interrupts are counted for the task they interrupt.",
	columns: [count("pid", "PID", (row) => row.pid), text("comm", "Command", (row) => row.comm || ""),
		  ...sums],
	words: (row) => `${row.comm || ""} ${row.pid}`,
});

tableSection({
	id: "models", title: "Other size classes", list: "models", sort: "change", one: "model",
	about: "What kmalloc's requests of this trace would have taken with other size classes. Less " +
	       "than 0% is less memory than recorded.",
	columns: [text("name", "Model", (row) => row.name),
		  { key: "change", label: "Change", number: true, help: "of bytes allocated",
		    value: (row) => row.change_percent, text: (row) => ui.percent(row.change_percent) },
		  bytes("alloc", "Allocated", (row) => row.bytes_alloc),
		  bytes("waste", "Wasted", (row) => row.bytes_waste),
		  text("summary", "What it is", (row) => row.summary || "")],
});
