// SPDX-License-Identifier: GPL-2.0
/*
 * The bare instruction. A build for one test: on a processor without TDX it traps, and nothing but the answer says so. On
 * one with TDX it would work behind the back of the kernel, which owns the module; so there it does not load.
 */
#include <linux/module.h>
#include <asm/asm.h>
#include <asm/msr.h>
#include <asm/trapnr.h>

#include "backend.h"

/* What Linux makes of a call that never came to an answer. */
#define SOFTWARE_ERROR 0x8000FF0000000000ull
#define VMFAIL_STATUS 0x8000FF00FFFF0000ull
#define MSR_MKTME_KEYID_PARTITIONING 0x87
/* An arbitrary number, for a call that will not come to anything. */
#define SOME_KEYID 1

static int instruction_start(void)
{
	u64 all[TDX_SHIM_LEAVES / 64];
	u32 without_tdx, private_keyids;

	if (!rdmsr_safe(MSR_MKTME_KEYID_PARTITIONING, &without_tdx, &private_keyids) && private_keyids) {
		pr_err("built for a test of faults, and not for a machine that has TDX\n");
		return -EPERM;
	}
	add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
	memset(all, 0xff, sizeof(all));
	shim_set_leaves(all);
	return 0;
}

static void instruction_stop(void)
{
}

static u32 instruction_reason(void)
{
	return TDX_SHIM_REASON_NONE;
}

static void instruction_module(struct tdx_shim_module *module)
{
}

static u32 fault_of(u64 trap)
{
	return trap == X86_TRAP_UD ? TDX_SHIM_FAULT_UD : TDX_SHIM_FAULT_GP;
}

static int instruction_execute(struct shim_execution *execution)
{
	u64 rax = execution->leaf | (u64)execution->version << 16, trapped = 0;
	u64 rcx = execution->in[0], rdx = execution->in[1];
	register u64 r8 asm("r8") = execution->in[2];
	register u64 r9 asm("r9") = execution->in[3];
	register u64 r10 asm("r10") = execution->in[4];
	register u64 r11 asm("r11") = execution->in[5];
	u8 carry = 0;

	asm volatile("1:	.byte 0x66, 0x0f, 0x01, 0xcf\n"
		     "	setc %[carry]\n"
		     "	jmp 3f\n"
		     /* The trap's number is in RAX. */
		     "2:	movq $1, %[trapped]\n"
		     "3:\n"
		     _ASM_EXTABLE_FAULT(1b, 2b)
		     : "+a"(rax), "+c"(rcx), "+d"(rdx), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r11), [carry] "+r"(carry),
		       [trapped] "+r"(trapped)
		     :
		     : "memory", "cc");
	if (trapped) {
		execution->fault = fault_of(rax);
		execution->status = SOFTWARE_ERROR | rax;
		return 0;
	}
	if (carry) {
		execution->fault = TDX_SHIM_FAULT_VMFAIL;
		execution->status = VMFAIL_STATUS;
		return 0;
	}
	execution->status = rax;
	execution->out[0] = rcx;
	execution->out[1] = rdx;
	execution->out[2] = r8;
	execution->out[3] = r9;
	execution->out[4] = r10;
	execution->out[5] = r11;
	execution->given = (1u << TDX_SHIM_REGISTERS) - 1;
	return 0;
}

static int instruction_keyid_alloc(u16 *number)
{
	*number = SOME_KEYID;
	return 0;
}

static void instruction_keyid_free(u16 number)
{
}

const struct shim_backend shim_backend = {
	.number = TDX_SHIM_BACKEND_INSTRUCTION,
	.start = instruction_start,
	.stop = instruction_stop,
	.reason = instruction_reason,
	.module = instruction_module,
	.directed = true,
	.execute = instruction_execute,
	.keyid_alloc = instruction_keyid_alloc,
	.keyid_free = instruction_keyid_free,
	.test_only = true,
};
