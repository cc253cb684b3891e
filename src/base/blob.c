/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kmemstat/blob.h"

#include <stdlib.h>
#include <sys/mman.h>

void km_blob_deinit(struct km_blob *blob)
{
	if (blob->map)
		munmap(blob->map, blob->map_size);
	else
		free(blob->data);
	*blob = (struct km_blob){ 0 };
}
