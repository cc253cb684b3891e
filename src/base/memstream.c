/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams into memory. */
#include "base/memstream.h"

#include <stdlib.h>

bool km_memstream_close(FILE *stream, char **text)
{
	bool has_failed = ferror(stream) || fflush(stream) == EOF;

	has_failed |= fclose(stream) == EOF || !*text;
	if (!has_failed)
		return true;
	free(*text);
	*text = NULL;
	return false;
}
