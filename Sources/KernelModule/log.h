/* SPDX-License-Identifier: GPL-2.0 */
/* Included before everything: each line in the kernel's log says whose it is. */
#undef pr_fmt
#define pr_fmt(format) "tdx_shim: " format
