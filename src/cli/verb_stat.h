/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stat shows of a session, for live too. */
#ifndef KMEMSTAT_CLI_VERB_STAT_H
#define KMEMSTAT_CLI_VERB_STAT_H

#include "cli/session.h"

/*
 * Wrong keys are told before a long file is read; some need a slabinfo, which a trace may have of
 * its own. Errors: KM_ERR_USAGE.
 */
KM_MUST_CHECK struct km_error *km_stat_check_keys(const struct km_options *options,
						  bool has_slabinfo);
/*
 * Shows the report as the options want it, and writes those of --format. `is_last`: none follows;
 * before, standard output stays open.
 */
KM_MUST_CHECK struct km_error *km_stat_show(struct km_session *session, bool is_last);

#endif
