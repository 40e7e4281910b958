// SPDX-License-Identifier: GPL-2.0
/*
 * The one table of what user space may ask of a leaf. A leaf that is not here is not for user space: SYS.* belong to the
 * kernel, VP.ENTER to a hypervisor, and migration and large pages are not offered.
 *
 * Operands and outputs stand in the order RCX, RDX, R8, R9, R10, R11.
 */
#include "core.h"

#define V SHIM_VALUE
#define OUT_V TDX_SHIM_OUTPUT_VALUE
#define OUT_OBJECT TDX_SHIM_OUTPUT_OBJECT
#define OUT_ENTRY TDX_SHIM_OUTPUT_ENTRY
/* What a memory leaf says of the entry it stumbled over. */
#define WALK { OUT_ENTRY, OUT_V }

static const struct shim_leaf leaves[] = {
	{ "TDH.MNG.ADDCX", 1, 0, SHIM_DONATES, TDX_SHIM_PAGE_TDCS, { SHIM_FREE_PAGE, SHIM_TDR }, {}, {} },
	{ "TDH.MEM.PAGE.ADD", 2, 0, SHIM_DONATES, TDX_SHIM_PAGE_GUEST,
	  { SHIM_GPA_4K, SHIM_TDR, SHIM_FREE_PAGE, SHIM_SOURCE_PAGE }, WALK, WALK },
	{ "TDH.MEM.SEPT.ADD", 3, 0, SHIM_DONATES, TDX_SHIM_PAGE_SEPT, { V, SHIM_TDR, SHIM_FREE_PAGE }, WALK, WALK },
	{ "TDH.VP.ADDCX", 4, 0, SHIM_DONATES, TDX_SHIM_PAGE_TDCX, { SHIM_FREE_PAGE, SHIM_TDVPR }, {}, {} },
	{ "TDH.MEM.PAGE.AUG", 6, 0, SHIM_DONATES, TDX_SHIM_PAGE_GUEST, { SHIM_GPA_4K, SHIM_TDR, SHIM_FREE_PAGE }, WALK, WALK },
	{ "TDH.MEM.RANGE.BLOCK", 7, 0, SHIM_CHANGES_NOTHING, 0, { V, SHIM_TDR }, WALK, WALK },
	{ "TDH.MNG.KEY.CONFIG", 8, 0, SHIM_CHANGES_NOTHING, 0, { SHIM_TDR }, {}, {} },
	{ "TDH.MNG.CREATE", 9, 0, SHIM_CREATES, TDX_SHIM_PAGE_TDR, { SHIM_FREE_PAGE, SHIM_IDLE_KEYID }, {}, {} },
	{ "TDH.VP.CREATE", 10, 0, SHIM_DONATES, TDX_SHIM_PAGE_TDVPR, { SHIM_FREE_PAGE, SHIM_TDR }, {}, {} },
	{ "TDH.MNG.RD", 11, 1, SHIM_CHANGES_NOTHING, 0, { SHIM_TDR, V }, { 0, OUT_V, OUT_V }, { 0, OUT_V, OUT_V } },
	{ "TDH.MNG.WR", 13, 0, SHIM_CHANGES_NOTHING, 0, { SHIM_TDR, V, V, V }, { 0, 0, OUT_V }, { 0, 0, OUT_V } },
	{ "TDH.MR.EXTEND", 16, 0, SHIM_CHANGES_NOTHING, 0, { V, SHIM_TDR }, WALK, WALK },
	{ "TDH.MR.FINALIZE", 17, 0, SHIM_CHANGES_NOTHING, 0, { SHIM_TDR }, {}, {} },
	{ "TDH.VP.FLUSH", SHIM_LEAF_VP_FLUSH, 0, SHIM_DISSOCIATES, 0, { SHIM_TDVPR }, {}, {} },
	{ "TDH.MNG.VPFLUSHDONE", SHIM_LEAF_VPFLUSHDONE, 0, SHIM_CHANGES_NOTHING, 0, { SHIM_TDR }, {}, {} },
	{ "TDH.MNG.KEY.FREEID", SHIM_LEAF_KEY_FREEID, 0, SHIM_FREES_KEYID, 0, { SHIM_TDR }, {}, {} },
	{ "TDH.MNG.INIT", 21, 0, SHIM_CHANGES_NOTHING, 0, { SHIM_TDR, SHIM_TD_PARAMS }, { OUT_V }, { OUT_V } },
	{ "TDH.VP.INIT", 22, 1, SHIM_ASSOCIATES, 0, { SHIM_TDVPR, V, V }, {}, {} },
	{ "TDH.PHYMEM.PAGE.RDMD", 24, 0, SHIM_CHANGES_NOTHING, 0, { SHIM_ANY_PAGE },
	  { OUT_V, OUT_OBJECT, OUT_V, OUT_V }, {} },
	{ "TDH.MEM.SEPT.RD", 25, 0, SHIM_CHANGES_NOTHING, 0, { V, SHIM_TDR }, WALK, WALK },
	{ "TDH.VP.RD", 26, 1, SHIM_ASSOCIATES, 0, { SHIM_TDVPR, V }, { 0, OUT_V, OUT_V }, { 0, OUT_V, OUT_V } },
	{ "TDH.PHYMEM.PAGE.RECLAIM", SHIM_LEAF_RECLAIM, 0, SHIM_RECLAIMS, 0, { SHIM_HELD_PAGE },
	  { OUT_V, OUT_OBJECT, OUT_V }, { OUT_V, OUT_OBJECT, OUT_V } },
	{ "TDH.MEM.PAGE.REMOVE", 29, 0, SHIM_REMOVES, TDX_SHIM_PAGE_GUEST, { SHIM_GPA_4K, SHIM_TDR },
	  { OUT_OBJECT, OUT_V }, WALK },
	{ "TDH.MEM.SEPT.REMOVE", 30, 0, SHIM_REMOVES, TDX_SHIM_PAGE_SEPT, { V, SHIM_TDR }, { OUT_OBJECT, OUT_V }, WALK },
	{ "TDH.MEM.TRACK", 38, 0, SHIM_CHANGES_NOTHING, 0, { SHIM_TDR }, {}, {} },
	{ "TDH.MEM.RANGE.UNBLOCK", 39, 0, SHIM_CHANGES_NOTHING, 0, { V, SHIM_TDR }, WALK, WALK },
	{ "TDH.PHYMEM.CACHE.WB", SHIM_LEAF_CACHE_WB, 0, SHIM_CHANGES_NOTHING, 0, { V }, {}, {} },
	{ "TDH.PHYMEM.PAGE.WBINVD", SHIM_LEAF_WBINVD, 0, SHIM_WRITES_BACK_PAGE, 0, { SHIM_RETURNED_PAGE }, {}, {} },
	{ "TDH.VP.WR", SHIM_LEAF_VP_WR, 0, SHIM_ASSOCIATES, 0, { SHIM_TDVPR, V, V, V }, { 0, 0, OUT_V }, { 0, 0, OUT_V } },
};

const struct shim_leaf *shim_leaf(u16 number)
{
	u32 low = 0, high = ARRAY_SIZE(leaves);

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (leaves[middle].number == number)
			return &leaves[middle];
		if (leaves[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void shim_leaves(u64 bitmap[TDX_SHIM_LEAVES / 64])
{
	u32 i;

	memset(bitmap, 0, TDX_SHIM_LEAVES / 8);
	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		bitmap[leaves[i].number / 64] |= 1ull << (leaves[i].number % 64);
}
