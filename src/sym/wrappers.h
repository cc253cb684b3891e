/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The allocator's own inline functions, which nobody wants to be shown as the caller. */
#ifndef KMEMSTAT_SYM_WRAPPERS_H
#define KMEMSTAT_SYM_WRAPPERS_H

#include "kmemstat/sym.h"

/* Whether an inlined frame is kmalloc() or one of its like. Function and file may be NULL. */
bool km_frame_is_wrapper(const struct km_frame *frame);
/* How many frames at the head of the chain are wrappers; never all of them. */
size_t km_chain_nr_wrappers(const struct km_frame *frames, size_t nr_frames);

#endif
