/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command lines of tasks, as the lines of their events have them: the last one counts. */
#include <stdlib.h>
#include <string.h>

#include "source/text.h"

/* More tasks than that are not remembered: a pipe may go on for ever. */
#define MOST_COMMS 65536

void km_text_comms_deinit(struct km_text_comms *comms)
{
	free(comms->table);
	*comms = (struct km_text_comms){ 0 };
}

static struct km_text_comm *find(const struct km_text_comms *comms, int32_t pid)
{
	uint32_t at = (uint32_t)pid * 0x9e3779b1U;

	while (comms->table[at & (comms->size - 1)].comm[0] &&
	       comms->table[at & (comms->size - 1)].pid != pid)
		at++;
	return &comms->table[at & (comms->size - 1)];
}

static bool grow(struct km_text_comms *comms)
{
	struct km_text_comms old = *comms;

	comms->size = old.size ? 2 * old.size : 256;
	comms->table = calloc(comms->size, sizeof(*comms->table));
	if (!comms->table) {
		*comms = old;
		return false;
	}
	for (size_t i = 0; i < old.size; i++)
		if (old.table[i].comm[0])
			*find(comms, old.table[i].pid) = old.table[i];
	free(old.table);
	return true;
}

void km_text_comms_note(struct km_text_comms *comms, int32_t pid, struct km_span comm)
{
	struct km_text_comm *entry;

	/* TASK_COMM_LEN (include/linux/sched.h) */
	if (comm.len > sizeof(entry->comm) - 1)
		comm.len = sizeof(entry->comm) - 1;
	if (!comm.len || !comm.at[0])
		return;
	if (2 * (comms->nr + 1) > comms->size && (comms->nr == MOST_COMMS || !grow(comms)))
		return;
	entry = find(comms, pid);
	comms->nr += !entry->comm[0];
	entry->pid = pid;
	memcpy(entry->comm, comm.at, comm.len);
	entry->comm[comm.len] = 0;
}

const char *km_text_comms_get(const struct km_text_comms *comms, int32_t pid)
{
	const struct km_text_comm *entry = comms->size ? find(comms, pid) : NULL;

	return entry && entry->comm[0] ? entry->comm : NULL;
}
