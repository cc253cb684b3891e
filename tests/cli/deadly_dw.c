/* SPDX-License-Identifier: GPL-2.0-or-later */
/* To be preloaded: a libdw that ends every process that looks an address up. */
#include <stdlib.h>

#include <elfutils/libdw.h>

Dwarf_Die *dwarf_addrdie(Dwarf *dbg, Dwarf_Addr addr, Dwarf_Die *result)
{
	(void)dbg;
	(void)addr;
	(void)result;
	abort();
}
