/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace.dat. */
#include "fuzz.h"
#include "whole.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_whole(data, size);
	return 0;
}
