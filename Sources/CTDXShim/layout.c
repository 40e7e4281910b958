/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Compiles the header, and with it what it asserts of its layouts. */
#include "tdx_shim.h"
