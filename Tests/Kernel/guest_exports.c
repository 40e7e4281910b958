// SPDX-License-Identifier: GPL-2.0
/*
 * The back end that calls a kernel's wrappers, on a module that stands for them: which is called, with what, on which
 * processor, and what of its results comes back.
 */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARAMETERS "/sys/module/tdx_exports/parameters/"
#define OPERAND_BUSY 0x8000020000000001ull

static const struct tdx_shim_operand none;

struct seen {
	unsigned int leaf;
	unsigned long long rcx, rdx, r8, r9;
	int processor;
};

static struct seen last(void)
{
	struct seen seen = {};
	FILE *file = fopen(PARAMETERS "last", "r");

	IS(file != NULL, 1);
	IS(fscanf(file, "%u %llx %llx %llx %llx %d", &seen.leaf, &seen.rcx, &seen.rdx, &seen.r8, &seen.r9, &seen.processor), 6);
	fclose(file);
	return seen;
}

static void answer(unsigned long long status)
{
	FILE *file = fopen(PARAMETERS "status", "w");

	IS(file != NULL, 1);
	fprintf(file, "0x%llx", status);
	IS(fclose(file), 0);
}

static unsigned long long address(__u64 handle)
{
	struct tdx_shim_object object = { .size = sizeof(object), .flags = TDX_SHIM_WITH_ADDRESS, .entry.handle = handle };

	IS(request(TDX_SHIM_QUERY, &object), 0);
	return object.entry.number;
}

static struct tdx_shim_call done(__u16 leaf, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx)
{
	struct tdx_shim_call call = call_of(leaf, rcx, rdx);

	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.fault, 0);
	return call;
}

static void test_information(void)
{
	struct tdx_shim_info info = { .size = sizeof(info) };
	struct tdx_shim_module module = { .size = sizeof(module) };

	IS(request(TDX_SHIM_GET_INFO, &info), 0);
	IS(info.backend, TDX_SHIM_BACKEND_EXPORTS);
	IS(info.reason, 0);
	/* 24 leaves; MNG.WR, RDMD, SEPT.RD, SEPT.REMOVE and UNBLOCK have no wrapper. */
	IS(__builtin_popcountll(info.leaf_bitmap[0]), 24);
	IS(info.leaf_bitmap[0] >> 24 & 1, 0);
	IS(request(TDX_SHIM_GET_MODULE, &module), 0);
	IS(module.flags, TDX_SHIM_MODULE_RETRIES_ENTROPY | TDX_SHIM_MODULE_VP_INIT_X2APIC | TDX_SHIM_MODULE_NAMED_OUTPUTS |
	   TDX_SHIM_MODULE_SHARED_KEYIDS);
	IS(module.tdcs_pages, 6);
	IS(module.tdvps_pages, 6);
	IS(module.features0, 1 << 23);
	IS(module.xfam_fixed1, 3);
	IS(module.nr_cpuid, 2);
	IS(module.cpuid[0].subleaf, 0xffffffff);
	IS(module.cpuid[1].leaf, 7);
	IS(module.cpuid[1].subleaf, 2);
	IS(module.cpuid[1].eax + 10 * module.cpuid[1].ebx + 100 * module.cpuid[1].ecx + 1000 * module.cpuid[1].edx, 8765);
}

static void test_leaves(void)
{
	__u64 keyid = new_object(TDX_SHIM_TYPE_KEYID, 0, NULL), tdr = new_page(), vp = new_page(), guest = new_page();
	__u64 memory = new_object(TDX_SHIM_TYPE_MEMORY, 4096, NULL);
	unsigned long long td = address(tdr), vcpu = address(vp);
	struct tdx_shim_call call;

	IS(look(keyid).number, 33);
	done(9, object(tdr), object(keyid));
	IS(last().leaf, 9);
	IS(last().rcx, td);
	IS(last().rdx, 33);
	call = call_of(8, object(tdr), none);
	call.processor = 1;
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(last().processor, 1);
	IS(call.ran_on, 1);
	call.processor = 0;
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(last().processor, 0);
	call = done(21, object(tdr), object(memory));
	IS(last().rcx, td);
	IS(call.output_kind[0], TDX_SHIM_OUTPUT_VALUE);
	IS(call.output[0], 0x2222);
	call = done(11, object(tdr), value(0x1234));
	IS(last().rdx, 0x1234);
	IS(call.output[2], 0x1111);
	/* The wrapper does not tell the next field. */
	IS(call.output_kind[1], TDX_SHIM_OUTPUT_NONE);
	done(10, object(vp), object(tdr));
	IS(last().rcx, vcpu);
	IS(last().rdx, td);
	IS(last().r8, vcpu);
	done(4, object(new_page()), object(vp));
	IS(last().rdx, vcpu);
	call = call_of(22, object(vp), value(7));
	IS(request(TDX_SHIM_SEAMCALL, &call), EOPNOTSUPP);
	call.version = 1;
	call.operand[2] = value(0x100000000);
	IS(request(TDX_SHIM_SEAMCALL, &call), EOPNOTSUPP);
	call.operand[2] = value(5);
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(last().leaf, 22);
	IS(last().rdx, 7);
	IS(last().r8, 5);
	call = call_of(43, object(vp), value(0x24000100000002));
	call.operand[2] = value(8);
	call.operand[3] = value(9);
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(last().r8, 8);
	IS(last().r9, 9);
	IS(call.output_kind[2], TDX_SHIM_OUTPUT_NONE);
	call = done(26, object(vp), value(1));
	IS(call.output[2], 0x3333);
	call = call_of(3, value(0x40000003), object(tdr));
	call.operand[2] = object(new_page());
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(last().leaf, 3);
	IS(last().rcx, 0x40000003);
	IS(call.output_kind[0], TDX_SHIM_OUTPUT_ENTRY);
	IS(call.output[0], 0x8000000000000007ull);
	call = call_of(2, value(0x5000), object(tdr));
	call.operand[2] = object(guest);
	call.operand[3] = object(memory);
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(last().r8, address(guest));
	IS(last().r9 % 4096, 0);
	IS(look(guest).kind, TDX_SHIM_PAGE_GUEST);
	done(16, value(0x5100), object(tdr));
	IS(last().rcx, 0x5100);
	done(17, object(tdr), none);
	done(7, value(0x5000), object(tdr));
	done(38, object(tdr), none);
	IS(last().leaf, 38);
	done(18, object(vp), none);
	done(19, object(tdr), none);
	done(40, value(1), none);
	IS(last().leaf, 40);
	IS(last().rcx, 1);
	call = call_of(40, value(2), none);
	IS(request(TDX_SHIM_SEAMCALL, &call), EOPNOTSUPP);
	answer(OPERAND_BUSY);
	IS(done(20, object(tdr), none).status, OPERAND_BUSY);
	IS(look(keyid).kind, TDX_SHIM_KEYID_ASSIGNED);
	answer(0);
	done(20, object(tdr), none);
	IS(look(keyid).kind, TDX_SHIM_KEYID_IDLE);
	IS(free_object(keyid), 0);
	done(28, object(guest), none);
	IS(last().leaf, 28);
	IS(free_object(guest), 0);
	done(28, object(tdr), none);
	done(41, object(tdr), none);
	IS(last().leaf, 41);
	IS(last().rcx, td);
}

static void test_faults(void)
{
	__u64 keyid = new_object(TDX_SHIM_TYPE_KEYID, 0, NULL), tdr = new_page();
	struct tdx_shim_call call = call_of(9, object(tdr), object(keyid));

	answer(0x8000FF0000000006ull);
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.fault, TDX_SHIM_FAULT_UD);
	IS(look(tdr).kind, TDX_SHIM_PAGE_FREE);
	answer(0x8000FF000000000Dull);
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.fault, TDX_SHIM_FAULT_GP);
	IS(look(tdr).kind, TDX_SHIM_PAGE_FREE);
	answer(0x8000FF00FFFF0000ull);
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.fault, TDX_SHIM_FAULT_VMFAIL);
	IS(look(tdr).kind, TDX_SHIM_PAGE_QUARANTINED);
	IS(look(tdr).doubt, TDX_SHIM_DOUBT_VMFAIL);
	IS(look(keyid).kind, TDX_SHIM_KEYID_QUARANTINED);
	answer(0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	IS(open_device(), 0);
	test_information();
	test_leaves();
	test_faults();
	printf("RESULT exports: %u checks, %u failed\n", checks, failures);
	return failures ? 1 : 0;
}
