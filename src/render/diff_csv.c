/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All rows of a comparison as comma-separated values; numbers are raw. */
#include <inttypes.h>

#include "render/diff.h"

/* A number with all its digits; nothing of a side that has none. */
static void write_number(struct km_out *out, const struct km_diff_value *value, double number)
{
	km_out_puts(out, ",");
	if (value->nr_with)
		km_out_printf(out, "%.15g", number);
}

static void write_side(struct km_out *out, const struct km_diff_value *value)
{
	km_out_printf(out, ",%zu", value->nr_with);
	write_number(out, value, value->mean);
	write_number(out, value, value->min);
	write_number(out, value, value->max);
	km_out_puts(out, ",");
	if (value->nr > 1 && value->nr_with)
		km_out_printf(out, "%.15g", value->sd);
	km_out_puts(out, ",");
	km_csv_write_text(out, value->size_class ? value->size_class : "");
	km_out_puts(out, ",");
	km_csv_write_text(out, value->file ? value->file : "");
	km_out_puts(out, ",");
	if (value->line)
		km_out_printf(out, "%" PRIu32, value->line);
}

struct km_error *km_render_diff_csv(const struct km_diff *diff,
				    const struct km_diff_render_options *options,
				    struct km_out *out)
{
	(void)options;
	km_out_puts(out, "function,event,module,state,noise,delta");
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		const char *name = km_diff_side_name(side);

		km_out_printf(out,
			      ",%s_traces,%s,%s_min,%s_max,%s_sd,%s_size_class,%s_file,%s_line",
			      name, name, name, name, name, name, name, name);
	}
	km_out_puts(out, ",key\n");
	for (size_t i = 0; i < diff->nr_rows; i++) {
		const struct km_diff_row *row = &diff->rows[i];

		km_csv_write_text(out, row->name);
		km_out_puts(out, ",");
		km_csv_write_text(out, row->event);
		km_out_puts(out, ",");
		km_csv_write_text(out, row->module ? row->module : "");
		km_out_printf(out, ",%s,%d,%.15g", km_diff_state_name(row->state), row->is_noise,
			      row->delta);
		for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++)
			write_side(out, &row->side[side]);
		km_out_puts(out, ",");
		km_csv_write_text(out, row->key);
		km_out_puts(out, "\n");
	}
	return NULL;
}
