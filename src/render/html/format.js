// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers and names for people, as the program's tables write them.
const ui = km.ui;
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

// 1,234,567
ui.count = (number) => grouped.format(number);

// "1 call site", "12 call sites"
ui.nr = (number, one, many) => `${ui.count(number)} ${number === 1 ? one : many || one + "s"}`;

// "512 B", "12.3 KiB"
ui.bytes = (bytes) => {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
	let value = bytes;
	let unit = 0;

	while (Math.abs(value) >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit++;
	}
	return unit ? `${value.toFixed(1)} ${units[unit]}` : `${ui.count(value)} B`;
};

// "1,234,567 bytes": what a tip of a rounded number says
ui.bytesExact = (bytes) => ui.nr(bytes, "byte");

// Three digits: "123 ns", "12.3 \u00b5s", "1.23 ms", "45.6 s", "3.20 h"
ui.ns = (ns) => {
	const steps = [[3600e9, "h"], [60e9, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"]];

	for (const [size, unit] of steps)
		if (ns >= size)
			return `${Number((ns / size).toPrecision(3))} ${unit}`;
	return `${Math.round(ns)} ns`;
};

// "7.0%"
ui.percent = (percent) => `${percent.toFixed(1)}%`;

// a part of a whole as percent; "" where there is no whole
ui.share = (part, whole) => (whole > 0 ? ui.percent((100 * part) / whole) : "");

// A time that the report has as NAME_ns, or as NAME_ticks if the clock does not count nanoseconds.
ui.time = (object, name) => object[`${name}_ns`] ?? object[`${name}_ticks`];
ui.timeText = (object, name) => {
	if (object[`${name}_ns`] !== undefined)
		return ui.ns(object[`${name}_ns`]);
	const ticks = object[`${name}_ticks`];
	return ticks === undefined ? "" : ui.nr(ticks, "tick");
};

// "symbol+0x4a [module]", or the address
ui.siteName = (place) => {
	if (!place.symbol)
		return place.address;
	const offset = place.offset ? `+0x${place.offset.toString(16)}` : "";
	return `${place.symbol}${offset}${place.module ? ` [${place.module}]` : ""}`;
};

// "net/mac80211/mesh.c:177" of the innermost frame; "" without debug information
ui.sourceName = (place) => {
	const frame = (place.source || [])[0];

	if (!frame || !frame.file)
		return "";
	return frame.line ? `${frame.file}:${frame.line}` : frame.file;
};

// The best name there is.
ui.whereName = (place) => ui.sourceName(place) || ui.siteName(place);

// "mesh_rmc_init, inlined into ieee80211_mesh_init_sdata+0x4a [mac80211]"
ui.chainText = (place) => {
	const frames = place.source || [];
	const inlined = frames.filter((frame) => frame.inlined && frame.function);

	return [...inlined.map((frame) => frame.function), ui.siteName(place)]
		.join(", inlined into ");
};

ui.sum = (rows, value) => rows.reduce((sum, row) => sum + (value(row) || 0), 0);
