// SPDX-License-Identifier: GPL-2.0
/* What the core asks for: pages, host memory, KeyIDs, randomness, and that the module stay. */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#ifndef CONFIG_UML
#include <asm/cpufeature.h>
#endif

#include "backend.h"

static void note(u32 kind, u64 number)
{
	if (shim_backend.note)
		shim_backend.note(kind, number);
}

static int page_alloc(void *context, u64 *address, void **backing)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return -ENOMEM;
	*backing = page;
	*address = page_to_phys(page);
	note(TDX_SHIM_UPCALL_PAGE_ALLOCATED, *address);
	return 0;
}

/*
 * Memory that was written under another KeyID must be written anew under ours before it is read: on processors with the
 * partial-write erratum by whole lines, past the caches.
 */
static void erase(struct page *page)
{
#ifndef CONFIG_UML
	static const u8 zero[64] __aligned(64);
	u8 *at = page_address(page);
	u32 i;

	if (boot_cpu_has(X86_FEATURE_MOVDIR64B)) {
		/* MOVDIR64B from [RDX] to where RAX points; assemblers that know its name are not asked for. */
		for (i = 0; i < PAGE_SIZE; i += sizeof(zero))
			asm volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0x02" : : "a"(at + i), "d"(zero) : "memory");
		/* These stores are weakly ordered. */
		mb();
		return;
	}
#endif
	clear_page(page_address(page));
}

static void page_free(void *context, u64 address, void *backing, bool used)
{
	if (used) {
		erase(backing);
		note(TDX_SHIM_UPCALL_PAGE_CLEARED, address);
	}
	note(TDX_SHIM_UPCALL_PAGE_FREED, address);
	__free_page(backing);
}

static int keyid_alloc(void *context, u16 *number)
{
	int error = shim_backend.keyid_alloc(number);

	if (!error)
		note(TDX_SHIM_UPCALL_KEYID_ALLOCATED, *number);
	return error;
}

static void keyid_free(void *context, u16 number)
{
	note(TDX_SHIM_UPCALL_KEYID_FREED, number);
	shim_backend.keyid_free(number);
}

static void memory_free(void *context, void *backing)
{
	struct shim_memory *memory = backing;
	u32 i;

	/* A page that is still mapped stays until it no longer is. */
	for (i = 0; i < memory->nr_pages; i++)
		if (memory->page[i])
			put_page(memory->page[i]);
	kvfree(memory);
}

static int memory_alloc(void *context, u32 bytes, void **backing)
{
	u32 nr_pages = bytes / PAGE_SIZE, i;
	struct shim_memory *memory = kvzalloc(struct_size(memory, page, nr_pages), GFP_KERNEL_ACCOUNT);

	if (!memory)
		return -ENOMEM;
	memory->nr_pages = nr_pages;
	for (i = 0; i < nr_pages; i++) {
		memory->page[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!memory->page[i]) {
			memory_free(context, memory);
			return -ENOMEM;
		}
	}
	*backing = memory;
	return 0;
}

static u64 memory_address(void *context, void *backing, u32 offset)
{
	struct shim_memory *memory = backing;

	return page_to_phys(memory->page[offset / PAGE_SIZE]) + offset % PAGE_SIZE;
}

static int backend_state(void *context)
{
	return shim_backend.reason() ? -ENODEV : 0;
}

static void random_bytes(void *context, void *bytes, u32 count)
{
	get_random_bytes(bytes, count);
}

static void hold(void *context, int orphans)
{
	/* Whoever makes an orphan has the device open, so the module is there. */
	if (orphans > 0)
		__module_get(THIS_MODULE);
	else
		module_put(THIS_MODULE);
}

const struct shim_surroundings shim_surroundings = {
	.page_alloc = page_alloc,
	.page_free = page_free,
	.keyid_alloc = keyid_alloc,
	.keyid_free = keyid_free,
	.memory_alloc = memory_alloc,
	.memory_free = memory_free,
	.memory_address = memory_address,
	.stay = shim_stay,
	.leave = shim_leave,
	.execute = shim_execute,
	.package_processor = shim_package_processor,
	.backend = backend_state,
	.random = random_bytes,
	.hold = hold,
};
