/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TDX_MODEL_H
#define TDX_MODEL_H

/*
 * As much of a TDX module as it takes to test who owns what: page types and owners, KeyIDs, the life of a TD, where vCPUs
 * are associated. It measures nothing and encrypts nothing; the fake of the daemon does. Used by the unit tests, the fuzzer
 * and, behind the up-call node, by the tests in a guest.
 */
#include <linux/types.h>
#include <stdbool.h>

/* Pages that can be held at a time; the fuzzer makes do with fewer. */
#ifndef MODEL_PAGES
#define MODEL_PAGES 4096
#endif

enum { MODEL_REGISTERS = 6, MODEL_KEYIDS = 64 };

enum model_type { MODEL_NDA = 0, MODEL_REG = 3, MODEL_TDR = 4, MODEL_TDCX = 5, MODEL_TDVPR = 6, MODEL_EPT = 8 };
enum model_life { MODEL_HKID_ASSIGNED, MODEL_KEYS_CONFIGURED, MODEL_BLOCKED, MODEL_TEARDOWN };

struct model_page {
	__u64 address;
	__u64 owner;
	__u64 gpa;
	enum model_type type;
	enum model_life life;
	bool initialized;
	bool finalized;
	__u32 children;
	__u32 tdcx;
	__u32 vcpus;
	__u32 associated;
	__u32 packages;
	__u16 keyid;
	__u32 processor;
};

struct model_keyid {
	enum { MODEL_KEY_FREE, MODEL_KEY_ASSIGNED, MODEL_KEY_FLUSHED } state;
	__u32 to_write_back;
};

struct model {
	struct model_page page[MODEL_PAGES];
	struct model_keyid keyid[MODEL_KEYIDS];
	__u32 packages;
	__u32 keyid_shift;
	__u64 calls;
	/* Every so many CACHE.WB is interrupted; 0 for never. */
	__u32 interrupt_every;
};

void model_init(struct model *model, __u32 packages, __u32 keyid_shift);
/* One leaf. `flushed`: the page that the host flushed for it. Registers in and out; RAX out is the result. */
__u64 model_call(struct model *model, __u16 leaf, __u8 version, __u32 processor, __u32 package, __u64 flushed,
		 __u64 registers[MODEL_REGISTERS]);
/* Whether the module has a claim on the page. */
bool model_holds(struct model *model, __u64 address);
/* Pages it holds, and KeyIDs that are not free. */
__u32 model_pages(const struct model *model);
__u32 model_keyids(const struct model *model);

#endif
