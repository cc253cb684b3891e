// SPDX-License-Identifier: GPL-2.0-or-later
// What the parts of the page see of each other. Each file is a scope of its own, with `km` as all
// that it shares; the page takes them in the order of the list in ../meson.build.
//
//   km.section({ id, title, about, render(report, element, ui) })
//     A part of the page with a heading: `about` is a sentence or two on what it shows (a string,
//     or a function of the report). render() fills the element; false: there is nothing to show,
//     and the section is left out.
//   km.detail({ id, title, about, render(report, item, element, ui) })
//     A part of what is shown of one call site when its row is opened, and under findings:
//     item is { callsite, finding }, either may be null, and so is callsite.types. false: nothing.
//   km.ui
//     What builds elements, numbers, tables, tips and links: format.js, ui.js, table.js.
const km = {
	sections: [],
	details: [],
	ui: {},
	section(section) {
		km.sections.push(section);
	},
	detail(detail) {
		km.details.push(detail);
	},
};

globalThis.km = km;
