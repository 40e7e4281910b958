// SPDX-License-Identifier: GPL-2.0
/* One call: what was asked is checked and pinned, executed without the mutex, and what it changed is written down. */
#include "core.h"

/* Bits of a secure EPT entry that are an address of the host. */
#define ENTRY_ADDRESS 0x000FFFFFFFFFF000ull
#define GPA_LEVEL 7ull
/* Codes of the vCPU fields that hold addresses of the host, and of their upper halves. */
#define FIELD_CODE 0xffffffull
#define FIELD_POSTED_INTERRUPT_DESCRIPTOR 0x2016
#define FIELD_SHARED_EPT_POINTER 0x203C
/* Class of the codes by which a leaf refuses a field, after it has associated the vCPU. */
#define STATUS_CLASS(status) ((u8)((status) >> 40))
#define CLASS_METADATA 0x0C
#define TD_PARAMS_BYTES 1024

struct pinned {
	struct shim_object *operand[TDX_SHIM_REGISTERS];
	/* Pinned exclusively; else shared. */
	bool exclusive[TDX_SHIM_REGISTERS];
	/* Of a page that is reclaimed: its TDR. */
	struct shim_object *owner;
	/* The TD, where the leaf names it or a vCPU of it. */
	struct shim_object *tdr;
	struct shim_object *vcpu;
	struct shim_object *taken;
	u32 epoch;
};

static int check_form(const struct tdx_shim_call *call, const struct shim_leaf *leaf)
{
	u32 i, j;

	for (i = 0; i < TDX_SHIM_REGISTERS; i++) {
		const struct tdx_shim_operand *operand = &call->operand[i];

		switch (operand->kind) {
		case TDX_SHIM_OPERAND_NONE:
			if (operand->offset || operand->value)
				return -EINVAL;
			/* A register that takes a value may be left out: it is 0. */
			if (leaf->operand[i] != SHIM_NONE && leaf->operand[i] != SHIM_VALUE)
				return -EINVAL;
			break;
		case TDX_SHIM_OPERAND_VALUE:
			if (operand->offset || (leaf->operand[i] != SHIM_VALUE && leaf->operand[i] != SHIM_GPA_4K))
				return -EINVAL;
			if (leaf->operand[i] == SHIM_GPA_4K && operand->value & GPA_LEVEL)
				return -EINVAL;
			break;
		case TDX_SHIM_OPERAND_OBJECT:
			if (leaf->operand[i] < SHIM_FREE_PAGE)
				return -EINVAL;
			if (operand->offset && leaf->operand[i] != SHIM_TD_PARAMS && leaf->operand[i] != SHIM_SOURCE_PAGE)
				return -EINVAL;
			for (j = 0; j < i; j++)
				if (call->operand[j].kind == operand->kind && call->operand[j].value == operand->value)
					return -EINVAL;
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

static bool writes_address(const struct tdx_shim_call *call)
{
	/* The lowest bit of such a code chooses the upper half. */
	u64 code = call->operand[1].value & FIELD_CODE & ~1ull;

	return call->leaf == SHIM_LEAF_VP_WR &&
	       (code == FIELD_POSTED_INTERRUPT_DESCRIPTOR || code == FIELD_SHARED_EPT_POINTER);
}

static bool is_wanted(u8 wanted, u16 kind)
{
	switch (wanted) {
	case SHIM_FREE_PAGE:
		return kind == TDX_SHIM_PAGE_FREE;
	case SHIM_TDR:
		return kind == TDX_SHIM_PAGE_TDR;
	case SHIM_TDVPR:
		return kind == TDX_SHIM_PAGE_TDVPR;
	case SHIM_HELD_PAGE:
		return shim_is_held(kind) || kind == TDX_SHIM_PAGE_QUARANTINED;
	case SHIM_ANY_PAGE:
		return shim_is_page(kind);
	case SHIM_RETURNED_PAGE:
		return kind == TDX_SHIM_PAGE_RETURNED;
	case SHIM_IDLE_KEYID:
		return kind == TDX_SHIM_KEYID_IDLE;
	default:
		return kind == TDX_SHIM_MEMORY;
	}
}

static bool is_exclusive(u8 wanted)
{
	return wanted == SHIM_FREE_PAGE || wanted == SHIM_HELD_PAGE || wanted == SHIM_RETURNED_PAGE ||
	       wanted == SHIM_IDLE_KEYID;
}

static int place_memory(struct shim_core *core, const struct shim_object *object, u8 wanted, u32 offset, u64 *address,
			struct shim_execution *execution)
{
	u32 bytes = wanted == SHIM_TD_PARAMS ? TD_PARAMS_BYTES : TDX_SHIM_PAGE_BYTES;

	if (offset % bytes || (u64)offset + bytes > object->number)
		return -EINVAL;
	execution->memory = object->backing;
	execution->memory_offset = offset;
	execution->memory_bytes = bytes;
	*address = core->around->memory_address(core->context, object->backing, offset);
	return 0;
}

/* Finds, checks and translates one object; pins nothing yet. */
static int resolve(struct shim_core *core, const struct shim_session *session, const struct tdx_shim_operand *operand,
		   u8 wanted, u32 i, struct pinned *pinned, struct shim_execution *execution)
{
	struct shim_object *object = shim_find(core, session, operand->value);

	if (!object)
		return -ENOENT;
	if (!is_wanted(wanted, object->kind))
		return -EPROTOTYPE;
	if (object->writer || (is_exclusive(wanted) && object->readers) || object->readers == (u16)-1)
		return -EBUSY;
	pinned->operand[i] = object;
	pinned->exclusive[i] = is_exclusive(wanted);
	execution->in[i] = object->number;
	switch (wanted) {
	case SHIM_FREE_PAGE:
		pinned->taken = object;
		execution->flush = object->number;
		execution->flush_backing = object->backing;
		return 0;
	case SHIM_TDR:
		pinned->tdr = object;
		return 0;
	case SHIM_TDVPR:
		pinned->vcpu = object;
		return 0;
	case SHIM_HELD_PAGE:
		pinned->owner = shim_at(core, object->parent);
		if (pinned->owner && (pinned->owner->writer || pinned->owner->readers == (u16)-1))
			return -EBUSY;
		return 0;
	case SHIM_RETURNED_PAGE:
		execution->wbinvd_global = !object->keyid;
		if (object->keyid)
			execution->wbinvd_keyid = (u16)shim_at(core, (u32)object->keyid)->number;
		return 0;
	case SHIM_TD_PARAMS:
	case SHIM_SOURCE_PAGE:
		return place_memory(core, object, wanted, operand->offset, &execution->in[i], execution);
	default:
		return 0;
	}
}

static void pin(struct pinned *pinned)
{
	u32 i;

	for (i = 0; i < TDX_SHIM_REGISTERS; i++) {
		if (!pinned->operand[i])
			continue;
		if (pinned->exclusive[i])
			pinned->operand[i]->writer = true;
		else
			pinned->operand[i]->readers++;
	}
	if (pinned->owner)
		pinned->owner->readers++;
}

static void unpin(struct pinned *pinned)
{
	u32 i;

	for (i = 0; i < TDX_SHIM_REGISTERS; i++) {
		if (!pinned->operand[i])
			continue;
		if (pinned->exclusive[i])
			pinned->operand[i]->writer = false;
		else
			pinned->operand[i]->readers--;
	}
	if (pinned->owner)
		pinned->owner->readers--;
}

static int prepare(struct shim_core *core, const struct shim_session *session, const struct tdx_shim_call *call,
		   const struct shim_leaf *leaf, struct pinned *pinned, struct shim_execution *execution)
{
	u32 i;
	int error;

	for (i = 0; i < TDX_SHIM_REGISTERS; i++) {
		if (call->operand[i].kind == TDX_SHIM_OPERAND_VALUE)
			execution->in[i] = call->operand[i].value;
		if (call->operand[i].kind != TDX_SHIM_OPERAND_OBJECT)
			continue;
		error = resolve(core, session, &call->operand[i], leaf->operand[i], i, pinned, execution);
		if (error)
			return error;
	}
	if (pinned->vcpu)
		pinned->tdr = shim_at(core, pinned->vcpu->parent);
	pinned->epoch = core->epoch;
	pin(pinned);
	return 0;
}

static bool succeeded(u64 status)
{
	return !(status & (SHIM_STATUS_ERROR | SHIM_STATUS_LOST));
}

static struct shim_object *keyid_of(struct shim_core *core, const struct shim_object *tdr)
{
	return tdr->keyid && !shim_key_gone(core, tdr) ? shim_at(core, (u32)tdr->keyid) : NULL;
}

/* The page is the module's now, as `kind`. */
static void hand_over(struct shim_core *core, struct pinned *pinned, u16 kind, u16 leaf, u64 status)
{
	struct shim_object *page = pinned->taken;

	page->kind = kind;
	page->used = true;
	if (pinned->vcpu && kind == TDX_SHIM_PAGE_TDCX)
		page->vcpu = shim_handle(pinned->vcpu);
	if (kind == TDX_SHIM_PAGE_TDR)
		return;
	if (pinned->tdr && pinned->tdr->kind == TDX_SHIM_PAGE_TDR)
		shim_attach(page, pinned->tdr);
	else
		shim_doubt(core, page, TDX_SHIM_DOUBT_CONTRADICTION, leaf, status);
}

static void create(struct pinned *pinned)
{
	struct shim_object *keyid = pinned->operand[1];

	pinned->taken->keyid = shim_handle(keyid);
	pinned->taken->keyid_cycle = keyid->cycle;
	keyid->kind = TDX_SHIM_KEYID_ASSIGNED;
	keyid->parent = pinned->taken->slot;
}

static void free_keyid(struct shim_core *core, struct shim_object *tdr)
{
	struct shim_object *keyid = keyid_of(core, tdr);

	if (!keyid || keyid->kind != TDX_SHIM_KEYID_ASSIGNED)
		return;
	keyid->kind = TDX_SHIM_KEYID_IDLE;
	keyid->cycle++;
	keyid->parent = 0;
}

/* The TD is gone: nothing of it can be left, whatever we thought. */
static void end_td(struct shim_core *core, struct shim_object *tdr, u16 leaf, u64 status)
{
	struct shim_object *keyid = keyid_of(core, tdr), *child;
	u32 slot;

	for (slot = 1; tdr->children && slot < core->slots; slot++) {
		child = shim_at(core, slot);
		if (child->parent != tdr->slot || !shim_is_page(child->kind))
			continue;
		shim_detach(core, child);
		shim_doubt(core, child, TDX_SHIM_DOUBT_CONTRADICTION, leaf, status);
	}
	if (keyid) {
		keyid->parent = 0;
		shim_doubt(core, keyid, TDX_SHIM_DOUBT_CONTRADICTION, leaf, status);
	}
}

static void reclaim(struct shim_core *core, struct shim_object *page, const struct shim_execution *execution)
{
	bool tdr = page->kind == TDX_SHIM_PAGE_TDR;

	if (page->kind == TDX_SHIM_PAGE_QUARANTINED)
		tdr = execution->given & 1 && execution->out[0] == SHIM_PAGE_TYPE_TDR;
	shim_detach(core, page);
	if (tdr || page->children || page->keyid)
		end_td(core, page, execution->leaf, execution->status);
	/* A TDR lived under the module's own KeyID; the lines of all others were written back with the TD's. */
	page->kind = tdr ? TDX_SHIM_PAGE_RETURNED : TDX_SHIM_PAGE_FREE;
	page->keyid = 0;
	page->vcpu = 0;
	page->processor = TDX_SHIM_NO_PROCESSOR;
	page->doubt = TDX_SHIM_DOUBT_NONE;
	page->doubt_leaf = 0;
	page->before = TDX_SHIM_NOTHING;
	page->doubt_status = 0;
	page->teardown = 0;
}

static void take_back(struct shim_core *core, struct shim_object *tdr, const struct shim_leaf *leaf,
		      const struct shim_execution *execution)
{
	struct shim_object *page = execution->given & 1 ? shim_by_address(core, execution->out[0]) : NULL;

	if (!page)
		return;
	if (page->kind != leaf->kind || page->parent != tdr->slot) {
		if (shim_is_held(page->kind))
			shim_doubt(core, page, TDX_SHIM_DOUBT_CONTRADICTION, leaf->number, execution->status);
		return;
	}
	shim_detach(core, page);
	page->kind = TDX_SHIM_PAGE_RETURNED;
	page->keyid = tdr->keyid;
	page->keyid_cycle = tdr->keyid_cycle;
}

static void commit_success(struct shim_core *core, struct pinned *pinned, const struct shim_leaf *leaf,
			   const struct shim_execution *execution)
{
	switch (leaf->effect) {
	case SHIM_CREATES:
		hand_over(core, pinned, leaf->kind, leaf->number, execution->status);
		create(pinned);
		break;
	case SHIM_DONATES:
		hand_over(core, pinned, leaf->kind, leaf->number, execution->status);
		break;
	case SHIM_FREES_KEYID:
		free_keyid(core, pinned->tdr);
		break;
	case SHIM_RECLAIMS:
		reclaim(core, pinned->operand[0], execution);
		break;
	case SHIM_REMOVES:
		take_back(core, pinned->tdr, leaf, execution);
		break;
	case SHIM_WRITES_BACK_PAGE:
		if (pinned->operand[0]->kind == TDX_SHIM_PAGE_RETURNED) {
			pinned->operand[0]->kind = TDX_SHIM_PAGE_FREE;
			pinned->operand[0]->keyid = 0;
		}
		break;
	case SHIM_ASSOCIATES:
		pinned->vcpu->processor = execution->ran_on;
		break;
	case SHIM_DISSOCIATES:
		pinned->vcpu->processor = TDX_SHIM_NO_PROCESSOR;
		break;
	default:
		break;
	}
}

/* Nobody knows what has changed: all that might have is set aside. */
static void commit_doubt(struct shim_core *core, struct pinned *pinned, const struct shim_leaf *leaf, u16 doubt,
			 const struct shim_execution *execution)
{
	struct shim_object *keyid = NULL;
	u32 i;

	if (leaf->effect == SHIM_CREATES) {
		pinned->taken->keyid = shim_handle(pinned->operand[1]);
		pinned->taken->keyid_cycle = pinned->operand[1]->cycle;
		pinned->operand[1]->parent = pinned->taken->slot;
	}
	/* If the module has it, it is a page of the TD, and goes before the TDR. */
	if (leaf->effect == SHIM_DONATES && pinned->tdr && shim_is_page(pinned->tdr->kind))
		shim_attach(pinned->taken, pinned->tdr);
	if (leaf->effect == SHIM_FREES_KEYID)
		keyid = keyid_of(core, pinned->tdr);
	if (keyid)
		shim_doubt(core, keyid, doubt, leaf->number, execution->status);
	if (leaf->effect == SHIM_ASSOCIATES)
		pinned->vcpu->processor = execution->ran_on;
	for (i = 0; i < TDX_SHIM_REGISTERS; i++)
		if (pinned->operand[i] && pinned->exclusive[i])
			shim_doubt(core, pinned->operand[i], doubt, leaf->number, execution->status);
}

static u16 doubt_of(u32 fault)
{
	switch (fault) {
	case TDX_SHIM_FAULT_VMFAIL:
		return TDX_SHIM_DOUBT_VMFAIL;
	case TDX_SHIM_FAULT_TIMEOUT:
		return TDX_SHIM_DOUBT_TIMEOUT;
	case TDX_SHIM_FAULT_EMULATOR_LOST:
		return TDX_SHIM_DOUBT_EMULATOR;
	default:
		return TDX_SHIM_DOUBT_NONE;
	}
}

static void commit(struct shim_core *core, struct pinned *pinned, const struct shim_leaf *leaf,
		   const struct shim_execution *execution)
{
	u16 doubt = doubt_of(execution->fault);

	if (execution->fault == TDX_SHIM_FAULT_UD || execution->fault == TDX_SHIM_FAULT_GP)
		return;
	/* The answer is of a module that is no more. */
	if (!doubt && pinned->epoch != core->epoch)
		doubt = TDX_SHIM_DOUBT_EMULATOR;
	if (doubt)
		commit_doubt(core, pinned, leaf, doubt, execution);
	else if (succeeded(execution->status))
		commit_success(core, pinned, leaf, execution);
	else if (leaf->effect == SHIM_ASSOCIATES && STATUS_CLASS(execution->status) == CLASS_METADATA)
		pinned->vcpu->processor = execution->ran_on;
}

static void answer(struct shim_core *core, const struct shim_session *session, const struct shim_leaf *leaf,
		   const struct shim_execution *execution, struct tdx_shim_call *call)
{
	const u8 *outputs = succeeded(execution->status) ? leaf->output : leaf->refusal;
	const struct shim_object *page;
	u32 i;

	call->fault = execution->fault;
	call->ran_on = execution->ran_on;
	call->status = execution->status;
	if (execution->fault)
		return;
	for (i = 0; i < TDX_SHIM_REGISTERS; i++) {
		if (!outputs[i] || !(execution->given & 1u << i))
			continue;
		call->output_kind[i] = outputs[i];
		switch (outputs[i]) {
		case TDX_SHIM_OUTPUT_OBJECT:
			page = shim_by_address(core, execution->out[i]);
			call->output[i] = page && page->session == session ? shim_handle(page) : 0;
			break;
		case TDX_SHIM_OUTPUT_ENTRY:
			call->output[i] = execution->out[i] & ~ENTRY_ADDRESS;
			break;
		default:
			call->output[i] = execution->out[i];
		}
	}
}

static int check(struct shim_core *core, const struct tdx_shim_call *call, const struct shim_leaf **leaf)
{
	int error;

	if (call->size != sizeof(*call) || call->flags || call->reserved0 || call->reserved1[0] || call->reserved1[1])
		return -EINVAL;
	*leaf = shim_leaf(call->leaf);
	if (!*leaf || call->version > (*leaf)->version_max)
		return -EOPNOTSUPP;
	error = core->around->backend(core->context);
	if (error)
		return error;
	if (!(core->leaf_bitmap[call->leaf / 64] >> (call->leaf % 64) & 1))
		return -EOPNOTSUPP;
	error = check_form(call, *leaf);
	if (error)
		return error;
	return writes_address(call) ? -EOPNOTSUPP : 0;
}

int shim_call(struct shim_core *core, struct shim_session *session, struct tdx_shim_call *call)
{
	struct shim_execution execution = { .leaf = call->leaf, .version = call->version, .processor = call->processor };
	const struct shim_leaf *leaf;
	struct pinned pinned = {};
	int error = check(core, call, &leaf);

	if (error)
		return error;
	shim_mutex_lock(&core->lock);
	error = prepare(core, session, call, leaf, &pinned, &execution);
	shim_mutex_unlock(&core->lock);
	if (error)
		return error;

	core->around->stay(core->context);
	error = core->around->execute(core->context, &execution);

	call->fault = 0;
	call->ran_on = TDX_SHIM_NO_PROCESSOR;
	call->status = 0;
	memset(call->output, 0, sizeof(call->output));
	memset(call->output_kind, 0, sizeof(call->output_kind));
	shim_mutex_lock(&core->lock);
	unpin(&pinned);
	if (!error) {
		commit(core, &pinned, leaf, &execution);
		answer(core, session, leaf, &execution, call);
	}
	shim_mutex_unlock(&core->lock);
	core->around->leave(core->context);
	return error;
}

bool shim_needs_processor(struct shim_core *core, u32 processor, bool last_of_package)
{
	const struct shim_object *object;
	bool needed = false;
	u32 slot;

	shim_mutex_lock(&core->lock);
	for (slot = 1; slot < core->slots && !needed; slot++) {
		object = shim_at(core, slot);
		needed = (object->kind == TDX_SHIM_PAGE_TDVPR && object->processor == processor) ||
			 (object->kind == TDX_SHIM_KEYID_ASSIGNED && last_of_package);
	}
	shim_mutex_unlock(&core->lock);
	return needed;
}

void shim_doubt_all(struct shim_core *core, u16 doubt)
{
	struct shim_object *object;
	u32 slot;

	shim_mutex_lock(&core->lock);
	core->epoch++;
	for (slot = 1; slot < core->slots; slot++) {
		object = shim_at(core, slot);
		if (shim_is_held(object->kind) || object->kind == TDX_SHIM_PAGE_RETURNED ||
		    object->kind == TDX_SHIM_KEYID_ASSIGNED || object->kind == TDX_SHIM_KEYID_IDLE)
			shim_doubt(core, object, doubt, TDX_SHIM_NO_LEAF, 0);
	}
	shim_mutex_unlock(&core->lock);
}
