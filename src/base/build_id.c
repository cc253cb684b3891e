/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF notes, one behind the other: u32 size of name, u32 size of data, u32 type, name and data,
 * each padded to 4 bytes. The build id has the name "GNU" and type 3 (NT_GNU_BUILD_ID).
 */
#include "base/build_id.h"

#include <stdio.h>
#include <string.h>

#define NOTE_BUILD_ID 3

bool km_build_id_find(const uint8_t *notes, size_t size,
		      char ret[static 2 * KM_BUILD_ID_MOST_BYTES + 1])
{
	size_t pos = 0;

	while (size - pos >= 12) {
		uint32_t head[3];
		uint64_t name_bytes, data_bytes;

		memcpy(head, notes + pos, sizeof(head));
		pos += sizeof(head);
		name_bytes = ((uint64_t)head[0] + 3) / 4 * 4;
		data_bytes = ((uint64_t)head[1] + 3) / 4 * 4;
		if (name_bytes + data_bytes > size - pos)
			return false;
		if (head[0] == 4 && head[2] == NOTE_BUILD_ID && head[1] <= KM_BUILD_ID_MOST_BYTES &&
		    memcmp(notes + pos, "GNU", 4) == 0) {
			for (uint32_t i = 0; i < head[1]; i++)
				snprintf(ret + 2 * i, 3, "%02x", notes[pos + 4 + i]);
			return head[1] > 0;
		}
		pos += name_bytes + data_bytes;
	}
	return false;
}
