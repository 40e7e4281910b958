// SPDX-License-Identifier: GPL-2.0
#include "model.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SUCCESS 0ull
#define OPERAND_INVALID 0xC000010000000000ull
#define PAGE_METADATA_INCORRECT 0xC000030000000000ull
#define TD_ASSOCIATED_PAGES_EXIST 0xC000040000000000ull
#define TDCS_NOT_ALLOCATED 0xC000060600000000ull
#define LIFECYCLE_STATE_INCORRECT 0xC000060700000000ull
#define OP_STATE_INCORRECT 0xC000060800000000ull
#define NO_VCPUS 0xC000060900000000ull
#define TDCX_NUM_INCORRECT 0xC000061000000000ull
#define VCPU_STATE_INCORRECT 0xC000070000000000ull
#define VCPU_ASSOCIATED 0x8000070100000000ull
#define VCPU_NOT_ASSOCIATED 0x8000070200000000ull
#define TD_KEYS_NOT_CONFIGURED 0x8000081000000000ull
#define KEY_CONFIGURED 0x0000081500000000ull
#define WBCACHE_NOT_COMPLETE 0x8000081700000000ull
#define HKID_NOT_FREE 0xC000082000000000ull
#define NO_HKID_READY_TO_WBCACHE 0x0000082100000000ull
#define FLUSHVP_NOT_DONE 0x8000082400000000ull
#define EPT_ENTRY_STATE_INCORRECT 0xC0000B0D00000000ull
#define METADATA_FIELD_ID_INCORRECT 0xC0000C0000000000ull
#define INTERRUPTED_RESUMABLE 0x8000000300000000ull
/* Which the real one cannot see: the host forgot to flush. */
#define HOST_DID_NOT_FLUSH 0xC00000FF00000000ull
#define RCX 1
#define RDX 2
#define NOWHERE 0xffffffffu
#define TDCS_PAGES 6
#define TDVPS_PAGES 6
#define PAGE_MASK (~0xfffull)

void model_init(struct model *model, __u32 packages, __u32 keyid_shift)
{
	memset(model, 0, sizeof(*model));
	model->packages = packages;
	model->keyid_shift = keyid_shift;
}

/* Open addressing. The row of a page that is free may become another's. */
static struct model_page *row(struct model *model, __u64 address)
{
	__u32 at = (__u32)(address / 4096 * 0x9E3779B97F4A7C15ull >> 48), i;
	struct model_page *page, *spare = NULL;

	for (i = 0; i < MODEL_PAGES; i++) {
		page = &model->page[(at + i) % MODEL_PAGES];
		if (page->address == address)
			return page;
		if (!spare && page->type == MODEL_NDA)
			spare = page;
		if (!page->address)
			break;
	}
	/* A model that is full is a fault of the test. */
	if (!spare)
		abort();
	memset(spare, 0, sizeof(*spare));
	spare->address = address;
	return spare;
}

static struct model_page *typed(struct model *model, __u64 address, enum model_type type)
{
	struct model_page *page = address & ~PAGE_MASK || !address ? NULL : row(model, address);

	return page && page->type == type ? page : NULL;
}

static void give(struct model_page *page, enum model_type type, struct model_page *owner)
{
	__u64 address = page->address;

	memset(page, 0, sizeof(*page));
	page->address = address;
	page->type = type;
	page->owner = owner ? owner->address : 0;
	page->processor = NOWHERE;
	if (owner)
		owner->children++;
}

static __u64 create(struct model *model, __u64 *r)
{
	struct model_page *page = typed(model, r[0], MODEL_NDA);

	if (!r[1] || r[1] >= MODEL_KEYIDS)
		return OPERAND_INVALID | RDX;
	if (!page)
		return PAGE_METADATA_INCORRECT | RCX;
	if (model->keyid[r[1]].state != MODEL_KEY_FREE)
		return HKID_NOT_FREE;
	give(page, MODEL_TDR, NULL);
	page->keyid = (__u16)r[1];
	model->keyid[r[1]].state = MODEL_KEY_ASSIGNED;
	return SUCCESS;
}

static __u64 key_config(struct model *model, struct model_page *tdr, __u32 package)
{
	if (tdr->life != MODEL_HKID_ASSIGNED)
		return LIFECYCLE_STATE_INCORRECT;
	if (tdr->packages & 1u << package)
		return KEY_CONFIGURED;
	tdr->packages |= 1u << package;
	if (tdr->packages == (1u << model->packages) - 1)
		tdr->life = MODEL_KEYS_CONFIGURED;
	return SUCCESS;
}

static __u64 vpflushdone(struct model *model, struct model_page *tdr)
{
	if (tdr->life > MODEL_KEYS_CONFIGURED)
		return LIFECYCLE_STATE_INCORRECT;
	if (tdr->associated)
		return FLUSHVP_NOT_DONE;
	tdr->life = MODEL_BLOCKED;
	model->keyid[tdr->keyid].state = MODEL_KEY_FLUSHED;
	model->keyid[tdr->keyid].to_write_back = (1u << model->packages) - 1;
	return SUCCESS;
}

static __u64 cache_wb(struct model *model, __u64 resume, __u32 package)
{
	bool any = false;
	int i;

	if (resume > 1)
		return OPERAND_INVALID | RCX;
	for (i = 0; i < MODEL_KEYIDS; i++)
		any |= model->keyid[i].state == MODEL_KEY_FLUSHED;
	if (!any)
		return NO_HKID_READY_TO_WBCACHE;
	if (!resume && model->interrupt_every && model->calls % model->interrupt_every == 0)
		return INTERRUPTED_RESUMABLE;
	for (i = 0; i < MODEL_KEYIDS; i++)
		if (model->keyid[i].state == MODEL_KEY_FLUSHED)
			model->keyid[i].to_write_back &= ~(1u << package);
	return SUCCESS;
}

static __u64 freeid(struct model *model, struct model_page *tdr)
{
	if (tdr->life != MODEL_BLOCKED)
		return LIFECYCLE_STATE_INCORRECT;
	if (model->keyid[tdr->keyid].to_write_back)
		return WBCACHE_NOT_COMPLETE;
	model->keyid[tdr->keyid].state = MODEL_KEY_FREE;
	tdr->life = MODEL_TEARDOWN;
	return SUCCESS;
}

static __u64 reclaim(struct model *model, __u64 *r)
{
	struct model_page *page = r[0] & ~PAGE_MASK || !r[0] ? NULL : row(model, r[0]);
	struct model_page *owner;

	memset(r, 0, MODEL_REGISTERS * sizeof(*r));
	if (!page)
		return OPERAND_INVALID | RCX;
	if (page->type == MODEL_NDA)
		return PAGE_METADATA_INCORRECT | RCX;
	r[0] = page->type;
	r[1] = page->owner;
	owner = page->type == MODEL_TDR ? page : row(model, page->owner);
	if (owner->life != MODEL_TEARDOWN)
		return LIFECYCLE_STATE_INCORRECT;
	if (page == owner && page->children)
		return TD_ASSOCIATED_PAGES_EXIST;
	if (page != owner)
		owner->children--;
	page->type = MODEL_NDA;
	return SUCCESS;
}

static __u64 check_td(const struct model_page *tdr, bool initialized, bool finalized)
{
	if (tdr->life != MODEL_KEYS_CONFIGURED)
		return TD_KEYS_NOT_CONFIGURED;
	if (tdr->tdcx < TDCS_PAGES)
		return TDCS_NOT_ALLOCATED;
	return tdr->initialized == initialized && (finalized || !tdr->finalized) ? SUCCESS : OP_STATE_INCORRECT;
}

static __u64 add(struct model *model, __u64 page_at, __u64 flushed, enum model_type type, struct model_page *tdr)
{
	struct model_page *page = typed(model, page_at, MODEL_NDA);

	if (!page)
		return PAGE_METADATA_INCORRECT | RCX;
	if (flushed != page_at)
		return HOST_DID_NOT_FLUSH;
	give(page, type, tdr);
	return SUCCESS;
}

static struct model_page *mapped(struct model *model, struct model_page *tdr, enum model_type type, __u64 gpa)
{
	int i;

	for (i = 0; i < MODEL_PAGES; i++)
		if (model->page[i].type == type && model->page[i].owner == tdr->address && model->page[i].gpa == gpa)
			return &model->page[i];
	return NULL;
}

static __u64 map(struct model *model, struct model_page *tdr, __u64 flushed, enum model_type type, __u64 *r)
{
	__u64 gpa = r[0], page_at = r[2], status = check_td(tdr, true, true);

	r[0] = r[1] = 0;
	if (status)
		return status;
	/* A table's GPA has its level in it, so it is told from a page's. */
	if (mapped(model, tdr, type, gpa)) {
		r[0] = page_at | 0x8000000000000007ull;
		r[1] = 0x8400;
		return EPT_ENTRY_STATE_INCORRECT | RCX;
	}
	status = add(model, page_at, flushed, type, tdr);
	if (!status)
		row(model, page_at)->gpa = gpa;
	return status;
}

static __u64 unmap(struct model *model, struct model_page *tdr, enum model_type type, __u64 *r)
{
	__u64 status = check_td(tdr, true, true);
	struct model_page *page = status ? NULL : mapped(model, tdr, type, r[0]);

	r[0] = r[1] = 0;
	if (status)
		return status;
	if (!page)
		return EPT_ENTRY_STATE_INCORRECT | RCX;
	page->type = MODEL_NDA;
	tdr->children--;
	r[0] = page->address;
	return SUCCESS;
}

static __u64 associate(struct model_page *tdr, struct model_page *vp, __u32 processor)
{
	if (vp->processor != NOWHERE && vp->processor != processor)
		return VCPU_ASSOCIATED;
	if (vp->processor == NOWHERE)
		tdr->associated++;
	vp->processor = processor;
	return SUCCESS;
}

static __u64 vp_leaf(struct model *model, __u16 leaf, __u32 processor, __u64 flushed, __u64 *r)
{
	struct model_page *vp = typed(model, r[leaf == 4 ? 1 : 0], MODEL_TDVPR), *tdr;
	__u64 status, field = r[1];

	if (!vp)
		return PAGE_METADATA_INCORRECT | (leaf == 4 ? RDX : RCX);
	tdr = row(model, vp->owner);
	if (tdr->life != MODEL_KEYS_CONFIGURED)
		return TD_KEYS_NOT_CONFIGURED;
	switch (leaf) {
	case 4:
		if (vp->initialized)
			return VCPU_STATE_INCORRECT;
		status = add(model, r[0], flushed, MODEL_TDCX, tdr);
		vp->tdcx += !status;
		return status;
	case 18:
		if (vp->processor != processor)
			return VCPU_NOT_ASSOCIATED;
		vp->processor = NOWHERE;
		tdr->associated--;
		return SUCCESS;
	case 22:
		if (vp->tdcx + 1 < TDVPS_PAGES)
			return TDCX_NUM_INCORRECT;
		if (vp->initialized)
			return VCPU_STATE_INCORRECT;
		vp->initialized = true;
		tdr->vcpus++;
		return associate(tdr, vp, processor);
	default:
		if (!vp->initialized)
			return VCPU_STATE_INCORRECT;
		status = associate(tdr, vp, processor);
		r[2] = 0;
		if (status)
			return status;
		/* One field that there is, and no other. */
		if ((field & 0xffffff) != 2)
			return METADATA_FIELD_ID_INCORRECT | RDX;
		r[2] = 0x1234;
		return SUCCESS;
	}
}

static __u64 td_leaf(struct model *model, __u16 leaf, struct model_page *tdr, __u64 flushed, __u64 *r)
{
	__u64 status;

	switch (leaf) {
	case 1:
		if (tdr->life != MODEL_KEYS_CONFIGURED)
			return TD_KEYS_NOT_CONFIGURED;
		if (tdr->tdcx >= TDCS_PAGES)
			return TDCX_NUM_INCORRECT;
		status = add(model, r[0], flushed, MODEL_TDCX, tdr);
		tdr->tdcx += !status;
		return status;
	case 2:
	case 6:
		return map(model, tdr, flushed, MODEL_REG, r);
	case 3:
		return map(model, tdr, flushed, MODEL_EPT, r);
	case 29:
		return unmap(model, tdr, MODEL_REG, r);
	case 30:
		return unmap(model, tdr, MODEL_EPT, r);
	case 10:
		status = check_td(tdr, true, false);
		return status ? status : add(model, r[0], flushed, MODEL_TDVPR, tdr);
	case 11:
	case 13:
		status = check_td(tdr, true, true);
		r[2] = status ? 0 : 0x5678;
		return status;
	case 17:
		status = check_td(tdr, true, false);
		if (!status && !tdr->vcpus)
			status = NO_VCPUS;
		if (!status)
			tdr->finalized = true;
		return status;
	case 21:
		r[0] = 0;
		status = check_td(tdr, false, false);
		if (!status)
			tdr->initialized = true;
		return status;
	default:
		r[0] = r[1] = 0;
		return check_td(tdr, true, true);
	}
}

__u64 model_call(struct model *model, __u16 leaf, __u8 version, __u32 processor, __u32 package, __u64 flushed,
		 __u64 registers[MODEL_REGISTERS])
{
	struct model_page *tdr;
	__u64 at;

	(void)version;
	model->calls++;
	switch (leaf) {
	case 9:
		return flushed == registers[0] ? create(model, registers) : HOST_DID_NOT_FLUSH;
	case 24:
		at = registers[0];
		memset(registers, 0, MODEL_REGISTERS * sizeof(*registers));
		registers[0] = row(model, at)->type;
		registers[1] = row(model, at)->owner;
		return SUCCESS;
	case 28:
		return reclaim(model, registers);
	case 40:
		return cache_wb(model, registers[0], package);
	case 41:
		at = registers[0] & ((1ull << model->keyid_shift) - 1);
		return typed(model, at, MODEL_NDA) ? SUCCESS : PAGE_METADATA_INCORRECT | RCX;
	case 4:
	case 18:
	case 22:
	case 26:
	case 43:
		return vp_leaf(model, leaf, processor, flushed, registers);
	case 8:
	case 11:
	case 13:
	case 17:
	case 19:
	case 20:
	case 21:
	case 38:
		tdr = typed(model, registers[0], MODEL_TDR);
		if (!tdr)
			return PAGE_METADATA_INCORRECT | RCX;
		if (leaf == 8)
			return key_config(model, tdr, package);
		if (leaf == 19)
			return vpflushdone(model, tdr);
		return leaf == 20 ? freeid(model, tdr) : td_leaf(model, leaf, tdr, flushed, registers);
	default:
		tdr = typed(model, registers[1], MODEL_TDR);
		return tdr ? td_leaf(model, leaf, tdr, flushed, registers) : PAGE_METADATA_INCORRECT | RDX;
	}
}

bool model_holds(struct model *model, __u64 address)
{
	return row(model, address)->type != MODEL_NDA;
}

__u32 model_pages(const struct model *model)
{
	__u32 i, count = 0;

	for (i = 0; i < MODEL_PAGES; i++)
		count += model->page[i].type != MODEL_NDA;
	return count;
}

__u32 model_keyids(const struct model *model)
{
	__u32 i, count = 0;

	for (i = 0; i < MODEL_KEYIDS; i++)
		count += model->keyid[i].state != MODEL_KEY_FREE;
	return count;
}
