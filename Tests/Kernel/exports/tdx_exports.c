// SPDX-License-Identifier: GPL-2.0
/*
 * Stands for a kernel that exports its TDX wrappers: each writes down as which leaf it was called and with what registers,
 * and answers with what it was told to. `last` reads "LEAF RCX RDX R8 R9 PROCESSOR"; `status` is the answer of all to come.
 */
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/tdx.h>

#define FIRST_KEYID 33
#define LAST_KEYID 40

static char last[160];
module_param_string(last, last, sizeof(last), 0444);
static unsigned long long status;
module_param(status, ullong, 0644);

static DEFINE_IDA(keyids);
static const struct tdx_sys_info sysinfo = {
	.features = { .tdx_features0 = 1ull << 23 },
	.td_ctrl = { .tdr_base_size = 4096, .tdcs_base_size = 6 * 4096, .tdvps_base_size = 6 * 4096 },
	.td_conf = { .attributes_fixed0 = 0x70000001, .xfam_fixed0 = 0x6dbe7, .xfam_fixed1 = 3, .num_cpuid_config = 2,
		     .max_vcpus_per_td = 64, .cpuid_config_leaves = { 0xffffffff00000001ull, 0x200000007ull },
		     .cpuid_config_values = { { 0x200000001ull, 0x400000003ull }, { 0x600000005ull, 0x800000007ull } } },
};

static u64 called(u32 leaf, u64 rcx, u64 rdx, u64 r8, u64 r9)
{
	snprintf(last, sizeof(last), "%u 0x%llx 0x%llx 0x%llx 0x%llx %d", leaf, rcx, rdx, r8, r9, raw_smp_processor_id());
	return status;
}

static u64 at(struct page *page)
{
	return page_to_phys(page);
}

#define ANSWER(name, parameters, leaf, rcx, rdx, r8, r9, results) \
	u64 name parameters \
	{ \
		u64 answer = called(leaf, rcx, rdx, r8, r9); \
		results; \
		return answer; \
	} \
	EXPORT_SYMBOL_GPL(name)
#define NOTHING do { } while (0)
#define WALK (*ext_err1 = 0x8000000012345007ull, *ext_err2 = 0x8400)

const struct tdx_sys_info *tdx_get_sysinfo(void)
{
	return &sysinfo;
}
EXPORT_SYMBOL_GPL(tdx_get_sysinfo);

int tdx_guest_keyid_alloc(void)
{
	return ida_alloc_range(&keyids, FIRST_KEYID, LAST_KEYID, GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(tdx_guest_keyid_alloc);

void tdx_guest_keyid_free(unsigned int keyid)
{
	ida_free(&keyids, keyid);
}
EXPORT_SYMBOL_GPL(tdx_guest_keyid_free);

ANSWER(tdh_mng_addcx, (struct tdx_td *td, struct page *page), 1, at(page), at(td->tdr_page), 0, 0, NOTHING);
ANSWER(tdh_mem_page_add, (struct tdx_td *td, u64 gpa, struct page *page, struct page *source, u64 *ext_err1, u64 *ext_err2),
       2, gpa, at(td->tdr_page), at(page), at(source), WALK);
ANSWER(tdh_mem_sept_add, (struct tdx_td *td, u64 gpa, int level, struct page *page, u64 *ext_err1, u64 *ext_err2), 3,
       gpa | level, at(td->tdr_page), at(page), 0, WALK);
ANSWER(tdh_vp_addcx, (struct tdx_vp *vp, struct page *page), 4, at(page), vp->tdvpr_pa, at(vp->tdvpr_page), 0, NOTHING);
ANSWER(tdh_mem_page_aug, (struct tdx_td *td, u64 gpa, int level, struct page *page, u64 *ext_err1, u64 *ext_err2), 6,
       gpa | level, at(td->tdr_page), at(page), 0, WALK);
ANSWER(tdh_mem_range_block, (struct tdx_td *td, u64 gpa, int level, u64 *ext_err1, u64 *ext_err2), 7, gpa | level,
       at(td->tdr_page), 0, 0, WALK);
ANSWER(tdh_mng_key_config, (struct tdx_td *td), 8, at(td->tdr_page), 0, 0, 0, NOTHING);
ANSWER(tdh_mng_create, (struct tdx_td *td, u16 hkid), 9, at(td->tdr_page), hkid, 0, 0, NOTHING);
ANSWER(tdh_vp_create, (struct tdx_td *td, struct tdx_vp *vp), 10, vp->tdvpr_pa, at(td->tdr_page), at(vp->tdvpr_page), 0,
       NOTHING);
ANSWER(tdh_mng_rd, (struct tdx_td *td, u64 field, u64 *data), 11, at(td->tdr_page), field, 0, 0, *data = 0x1111);
ANSWER(tdh_mr_extend, (struct tdx_td *td, u64 gpa, u64 *ext_err1, u64 *ext_err2), 16, gpa, at(td->tdr_page), 0, 0, WALK);
ANSWER(tdh_mr_finalize, (struct tdx_td *td), 17, at(td->tdr_page), 0, 0, 0, NOTHING);
ANSWER(tdh_vp_flush, (struct tdx_vp *vp), 18, vp->tdvpr_pa, 0, 0, 0, NOTHING);
ANSWER(tdh_mng_vpflushdone, (struct tdx_td *td), 19, at(td->tdr_page), 0, 0, 0, NOTHING);
ANSWER(tdh_mng_key_freeid, (struct tdx_td *td), 20, at(td->tdr_page), 0, 0, 0, NOTHING);
ANSWER(tdh_mng_init, (struct tdx_td *td, u64 td_params, u64 *extended_err), 21, at(td->tdr_page), td_params, 0, 0,
       *extended_err = 0x2222);
ANSWER(tdh_vp_init, (struct tdx_vp *vp, u64 initial_rcx, u32 x2apicid), 22, vp->tdvpr_pa, initial_rcx, x2apicid, 0,
       NOTHING);
ANSWER(tdh_vp_rd, (struct tdx_vp *vp, u64 field, u64 *data), 26, vp->tdvpr_pa, field, 0, 0, *data = 0x3333);
ANSWER(tdh_vp_wr, (struct tdx_vp *vp, u64 field, u64 data, u64 mask), 43, vp->tdvpr_pa, field, data, mask, NOTHING);
ANSWER(tdh_phymem_page_reclaim, (struct page *page, u64 *pt, u64 *owner, u64 *size), 28, at(page), 0, 0, 0,
       (*pt = 5, *owner = 0, *size = 0));
ANSWER(tdh_mem_track, (struct tdx_td *td), 38, at(td->tdr_page), 0, 0, 0, NOTHING);
ANSWER(tdh_mem_page_remove, (struct tdx_td *td, u64 gpa, u64 level, u64 *ext_err1, u64 *ext_err2), 29, gpa | level,
       at(td->tdr_page), 0, 0, WALK);
ANSWER(tdh_phymem_cache_wb, (bool resume), 40, resume, 0, 0, 0, NOTHING);
ANSWER(tdh_phymem_page_wbinvd_tdr, (struct tdx_td *td), 41, at(td->tdr_page), 0, 0, 0, NOTHING);
ANSWER(tdh_phymem_page_wbinvd_hkid, (u64 hkid, struct page *page), 41, at(page), hkid, 0, 0, NOTHING);

static int __init start(void)
{
	return 0;
}

static void __exit stop(void)
{
	ida_destroy(&keyids);
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Stands for a kernel's TDX wrappers in a test of tdx_shim");
