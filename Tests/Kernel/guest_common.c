// SPDX-License-Identifier: GPL-2.0
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int device = -1;
unsigned int checks, failures;

void check(const char *file, int line, const char *what, long long got, long long wanted)
{
	checks++;
	if (got == wanted)
		return;
	failures++;
	printf("%s:%d: %s is %lld (0x%llx), not %lld\n", file, line, what, got, (unsigned long long)got, wanted);
}

int open_device(void)
{
	device = open(TDX_SHIM_NODE, O_RDWR | O_CLOEXEC);
	return device < 0 ? errno : 0;
}

int request(unsigned long number, void *structure)
{
	return ioctl(device, number, structure) ? errno : 0;
}

__u64 new_object(__u32 type, __u64 bytes, __u64 *mmap_offset)
{
	struct tdx_shim_object object = { .size = sizeof(object), .type = type, .bytes = bytes };

	IS(request(TDX_SHIM_ALLOC, &object), 0);
	if (mmap_offset)
		*mmap_offset = object.mmap_offset;
	return object.entry.handle;
}

__u64 new_page(void)
{
	return new_object(TDX_SHIM_TYPE_PAGE, 0, NULL);
}

int free_object(__u64 handle)
{
	struct tdx_shim_object object = { .size = sizeof(object), .entry.handle = handle };

	return request(TDX_SHIM_FREE, &object);
}

struct tdx_shim_entry look(__u64 handle)
{
	struct tdx_shim_object object = { .size = sizeof(object), .entry.handle = handle };

	IS(request(TDX_SHIM_QUERY, &object), 0);
	return object.entry;
}

struct tdx_shim_operand object(__u64 handle)
{
	return (struct tdx_shim_operand){ TDX_SHIM_OPERAND_OBJECT, 0, handle };
}

struct tdx_shim_operand value(__u64 value)
{
	return (struct tdx_shim_operand){ TDX_SHIM_OPERAND_VALUE, 0, value };
}

struct tdx_shim_call call_of(__u16 leaf, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx)
{
	struct tdx_shim_call call = { .size = sizeof(call), .leaf = leaf, .operand = { rcx, rdx } };

	call.processor = TDX_SHIM_ANY_PROCESSOR;
	return call;
}

__u64 leaf(__u16 number, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx)
{
	struct tdx_shim_call call = call_of(number, rcx, rdx);

	/* The first is where vCPUs are associated here. */
	call.processor = 0;
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.fault, 0);
	return call.status;
}

struct tdx_shim_info info(void)
{
	struct tdx_shim_info info = { .size = sizeof(info) };

	IS(request(TDX_SHIM_GET_INFO, &info), 0);
	IS(info.abi_version, TDX_SHIM_ABI_VERSION);
	return info;
}

int try_leaf(__u16 number, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx)
{
	struct tdx_shim_call call = call_of(number, rcx, rdx);

	return request(TDX_SHIM_SEAMCALL, &call);
}

struct td build_td(void)
{
	struct tdx_shim_operand none = {};
	struct td td = { .keyid = new_object(TDX_SHIM_TYPE_KEYID, 0, NULL), .tdr = new_page() };
	__u64 memory = new_object(TDX_SHIM_TYPE_MEMORY, 1024, NULL);
	int i;

	IS(leaf(9, object(td.tdr), object(td.keyid)), 0);
	IS(leaf(8, object(td.tdr), none), 0);
	for (i = 0; i < 6; i++) {
		td.page[i] = new_page();
		IS(leaf(1, object(td.page[i]), object(td.tdr)), 0);
	}
	IS(leaf(21, object(td.tdr), object(memory)), 0);
	IS(free_object(memory), 0);
	td.tdvpr = new_page();
	IS(leaf(10, object(td.tdvpr), object(td.tdr)), 0);
	for (i = 6; i < 11; i++) {
		td.page[i] = new_page();
		IS(leaf(4, object(td.page[i]), object(td.tdvpr)), 0);
	}
	IS(leaf(22, object(td.tdvpr), value(0)), 0);
	td.page[11] = td.tdvpr;
	return td;
}

void destroy_td(struct td *td)
{
	struct tdx_shim_operand none = {};
	int i;

	IS(leaf(18, object(td->tdvpr), none), 0);
	IS(leaf(19, object(td->tdr), none), 0);
	leaf(40, value(0), none);
	IS(leaf(20, object(td->tdr), none), 0);
	for (i = 0; i < 12; i++) {
		IS(leaf(28, object(td->page[i]), none), 0);
		IS(free_object(td->page[i]), 0);
	}
	IS(leaf(28, object(td->tdr), none), 0);
	IS(leaf(41, object(td->tdr), none), 0);
	IS(free_object(td->tdr), 0);
	IS(free_object(td->keyid), 0);
}

bool is_loaded(void)
{
	return access("/sys/module/tdx_shim", F_OK) == 0;
}

int unload(void)
{
	return syscall(SYS_delete_module, "tdx_shim", O_NONBLOCK) ? errno : 0;
}
