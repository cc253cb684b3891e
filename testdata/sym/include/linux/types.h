/* SPDX-License-Identifier: GPL-2.0-or-later */
typedef unsigned int gfp_t;
typedef unsigned long size_t;
