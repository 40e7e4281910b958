// SPDX-License-Identifier: GPL-2.0
/*
 * The wrappers that the kernel exports, where it does: Kbuild has looked. Each takes pages and gives named results back, so
 * a register that its wrapper has no name for is not given back either.
 *
 * KeyIDs are the kernel's to give out; KVM asks the same allocator. VMX operation is KVM's to hold: without kvm_intel each
 * call traps, and is told as such.
 */
#include <linux/module.h>

#include "backend.h"

#ifdef TDX_SHIM_EXPORTS

#include <asm/cpufeature.h>
#include <asm/tdx.h>

#define STATUS_UD 0x8000FF0000000006ull
#define STATUS_GP 0x8000FF000000000Dull
#define STATUS_VMFAIL 0x8000FF00FFFF0000ull
/* GPA operands carry the level in their low bits; the wrappers take it by itself. */
#define GPA_LEVEL 7ull
#define RCX_GIVEN 1u
#define RDX_GIVEN 2u
#define R8_GIVEN 4u
#define WALK_GIVEN (RCX_GIVEN | RDX_GIVEN)

static const struct tdx_sys_info *sysinfo;

static u32 exports_reason(void)
{
	if (!boot_cpu_has(X86_FEATURE_TDX_HOST_PLATFORM))
		return TDX_SHIM_REASON_NO_PLATFORM;
	return sysinfo ? TDX_SHIM_REASON_NONE : TDX_SHIM_REASON_NO_MODULE;
}

static int exports_start(void)
{
	static const u8 wrapped[] = { 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 26, 28, 29, 38, 40, 41, 43 };
	u64 leaves[TDX_SHIM_LEAVES / 64] = {};
	u32 i;

	if (boot_cpu_has(X86_FEATURE_TDX_HOST_PLATFORM))
		sysinfo = tdx_get_sysinfo();
	for (i = 0; i < ARRAY_SIZE(wrapped); i++)
		leaves[wrapped[i] / 64] |= 1ull << (wrapped[i] % 64);
	if (!exports_reason())
		shim_set_leaves(leaves);
	return 0;
}

static void exports_module(struct tdx_shim_module *module)
{
	const struct tdx_sys_info_td_conf *conf = &sysinfo->td_conf;
	u32 i, count = min_t(u32, conf->num_cpuid_config, TDX_SHIM_CPUID_MAX);

	module->flags = TDX_SHIM_MODULE_RETRIES_ENTROPY | TDX_SHIM_MODULE_VP_INIT_X2APIC | TDX_SHIM_MODULE_NAMED_OUTPUTS |
			TDX_SHIM_MODULE_SHARED_KEYIDS;
	module->features0 = sysinfo->features.tdx_features0;
	module->keyid_shift = boot_cpu_data.x86_phys_bits;
	module->tdcs_pages = sysinfo->td_ctrl.tdcs_base_size / PAGE_SIZE;
	module->tdvps_pages = sysinfo->td_ctrl.tdvps_base_size / PAGE_SIZE;
	module->attributes_fixed0 = conf->attributes_fixed0;
	module->attributes_fixed1 = conf->attributes_fixed1;
	module->xfam_fixed0 = conf->xfam_fixed0;
	module->xfam_fixed1 = conf->xfam_fixed1;
	module->max_vcpus_per_td = conf->max_vcpus_per_td;
	module->tsc_khz = tsc_khz;
	memcpy(module->leaf_bitmap, shim_core.leaf_bitmap, sizeof(module->leaf_bitmap));
	module->nr_cpuid = count;
	for (i = 0; i < count; i++) {
		module->cpuid[i].leaf = lower_32_bits(conf->cpuid_config_leaves[i]);
		module->cpuid[i].subleaf = upper_32_bits(conf->cpuid_config_leaves[i]);
		module->cpuid[i].eax = lower_32_bits(conf->cpuid_config_values[i][0]);
		module->cpuid[i].ebx = upper_32_bits(conf->cpuid_config_values[i][0]);
		module->cpuid[i].ecx = lower_32_bits(conf->cpuid_config_values[i][1]);
		module->cpuid[i].edx = upper_32_bits(conf->cpuid_config_values[i][1]);
	}
}

static struct page *page_at(u64 address)
{
	return pfn_to_page(address >> PAGE_SHIFT);
}

static struct tdx_td td_at(u64 address)
{
	return (struct tdx_td){ .tdr_page = page_at(address) };
}

static struct tdx_vp vp_at(u64 address)
{
	return (struct tdx_vp){
		.tdvpr_page = page_at(address),
#ifdef TDX_SHIM_TDVPR_PA
		.tdvpr_pa = address,
#endif
	};
}

/* Leaves whose first operand is a GPA and whose second is the TD: those of guest memory. */
static u64 call_memory(struct shim_execution *x)
{
	struct tdx_td td = td_at(x->in[1]);
	u64 gpa = x->in[0] & ~GPA_LEVEL;
	int level = x->in[0] & GPA_LEVEL;

	x->given = WALK_GIVEN;
	switch (x->leaf) {
	case 2:
		return tdh_mem_page_add(&td, gpa, page_at(x->in[2]), page_at(x->in[3]), &x->out[0], &x->out[1]);
	case 3:
		return tdh_mem_sept_add(&td, gpa, level, page_at(x->in[2]), &x->out[0], &x->out[1]);
	case 6:
		return tdh_mem_page_aug(&td, gpa, level, page_at(x->in[2]), &x->out[0], &x->out[1]);
	case 7:
		return tdh_mem_range_block(&td, gpa, level, &x->out[0], &x->out[1]);
	case 16:
		return tdh_mr_extend(&td, x->in[0], &x->out[0], &x->out[1]);
	default:
		return tdh_mem_page_remove(&td, gpa, level, &x->out[0], &x->out[1]);
	}
}

/* Leaves whose first operand is the TD. */
static u64 call_td(struct shim_execution *x)
{
	struct tdx_td td = td_at(x->in[0]);

	switch (x->leaf) {
	case 8:
		return tdh_mng_key_config(&td);
	case 9:
		return tdh_mng_create(&td, x->in[1]);
	case 11:
		x->given = R8_GIVEN;
		return tdh_mng_rd(&td, x->in[1], &x->out[2]);
	case 17:
		return tdh_mr_finalize(&td);
	case 19:
		return tdh_mng_vpflushdone(&td);
	case 20:
		return tdh_mng_key_freeid(&td);
	case 21:
		x->given = RCX_GIVEN;
		return tdh_mng_init(&td, x->in[1], &x->out[0]);
	default:
		return tdh_mem_track(&td);
	}
}

/* Leaves whose first operand is the vCPU. */
static u64 call_vp(struct shim_execution *x)
{
	struct tdx_vp vp = vp_at(x->in[0]);

	switch (x->leaf) {
	case 18:
		return tdh_vp_flush(&vp);
	case 22:
		return tdh_vp_init(&vp, x->in[1], x->in[2]);
	case 26:
		x->given = R8_GIVEN;
		return tdh_vp_rd(&vp, x->in[1], &x->out[2]);
	default:
		return tdh_vp_wr(&vp, x->in[1], x->in[2], x->in[3]);
	}
}

/* Leaves whose first operand is a page to be given, or to be taken back, and write-backs. */
static u64 call_page(struct shim_execution *x)
{
	struct tdx_td td = td_at(x->in[1]);
	struct tdx_vp vp;

	switch (x->leaf) {
	case 1:
		return tdh_mng_addcx(&td, page_at(x->in[0]));
	case 4:
		vp = vp_at(x->in[1]);
		return tdh_vp_addcx(&vp, page_at(x->in[0]));
	case 10:
		vp = vp_at(x->in[0]);
		return tdh_vp_create(&td, &vp);
	case 28:
		x->given = RCX_GIVEN | RDX_GIVEN | R8_GIVEN;
		return tdh_phymem_page_reclaim(page_at(x->in[0]), &x->out[0], &x->out[1], &x->out[2]);
	case 40:
		return tdh_phymem_cache_wb(x->in[0]);
	default:
		td = td_at(x->in[0]);
		return x->wbinvd_global ? tdh_phymem_page_wbinvd_tdr(&td) :
					  tdh_phymem_page_wbinvd_hkid(x->wbinvd_keyid, page_at(x->in[0]));
	}
}

/* What a wrapper cannot say: other versions than its own, and values that its arguments have no room for. */
static bool can_say(const struct shim_execution *x)
{
	switch (x->leaf) {
	case 22:
		return x->version == 1 && !upper_32_bits(x->in[2]);
	case 40:
		return x->in[0] <= 1;
	default:
		return x->version == 0;
	}
}

static int exports_execute(struct shim_execution *x)
{
	if (!can_say(x))
		return -EOPNOTSUPP;
	switch (x->leaf) {
	case 2:
	case 3:
	case 6:
	case 7:
	case 16:
	case 29:
		x->status = call_memory(x);
		break;
	case 8:
	case 9:
	case 11:
	case 17:
	case 19:
	case 20:
	case 21:
	case 38:
		x->status = call_td(x);
		break;
	case 18:
	case 22:
	case 26:
	case 43:
		x->status = call_vp(x);
		break;
	case 1:
	case 4:
	case 10:
	case 28:
	case 40:
	case 41:
		x->status = call_page(x);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (x->status == STATUS_UD)
		x->fault = TDX_SHIM_FAULT_UD;
	else if (x->status == STATUS_GP)
		x->fault = TDX_SHIM_FAULT_GP;
	else if (x->status == STATUS_VMFAIL)
		x->fault = TDX_SHIM_FAULT_VMFAIL;
	return 0;
}

static int exports_keyid_alloc(u16 *number)
{
	int keyid = tdx_guest_keyid_alloc();

	if (keyid < 0)
		return keyid;
	*number = keyid;
	return 0;
}

static void exports_keyid_free(u16 number)
{
	tdx_guest_keyid_free(number);
}

MODULE_SOFTDEP("pre: kvm_intel");

#else

static u32 exports_reason(void)
{
#ifdef TDX_SHIM_EXPORTS_RESTRICTED
	return TDX_SHIM_REASON_EXPORTS_RESTRICTED;
#else
	return TDX_SHIM_REASON_NO_EXPORTS;
#endif
}

static int exports_start(void)
{
	return 0;
}

static void exports_module(struct tdx_shim_module *module)
{
}

static int exports_execute(struct shim_execution *x)
{
	return -ENODEV;
}

static int exports_keyid_alloc(u16 *number)
{
	return -ENODEV;
}

static void exports_keyid_free(u16 number)
{
}

#endif

static void exports_stop(void)
{
}

const struct shim_backend shim_backend = {
	.number = TDX_SHIM_BACKEND_EXPORTS,
	.start = exports_start,
	.stop = exports_stop,
	.reason = exports_reason,
	.module = exports_module,
	.directed = true,
	.execute = exports_execute,
	.keyid_alloc = exports_keyid_alloc,
	.keyid_free = exports_keyid_free,
};
