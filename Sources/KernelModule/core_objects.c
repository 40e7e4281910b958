// SPDX-License-Identifier: GPL-2.0
/* Objects come, are looked at, and go. */
#include "core.h"

static void describe(struct shim_core *core, const struct shim_object *object, u32 flags, struct tdx_shim_entry *entry)
{
	const struct shim_object *parent = shim_at(core, object->parent), *vcpu = shim_at(core, (u32)object->vcpu);

	memset(entry, 0, sizeof(*entry));
	entry->handle = shim_handle(object);
	if (object->vcpu && vcpu && shim_handle(vcpu) == object->vcpu)
		parent = vcpu;
	if (parent)
		entry->parent = shim_handle(parent);
	if (object->kind == TDX_SHIM_PAGE_TDR && !shim_key_gone(core, object))
		entry->keyid = object->keyid;
	if (!shim_is_page(object->kind) || (flags & TDX_SHIM_WITH_ADDRESS))
		entry->number = object->number;
	entry->kind = object->kind;
	entry->doubt = object->doubt;
	entry->processor = object->processor;
	entry->children = object->children;
	entry->status = object->doubt_status;
	entry->leaf = object->doubt_leaf;
	entry->before = object->before;
}

/* What is given back once the mutex is released. */
struct leaving {
	u16 kind;
	bool used;
	u64 number;
	void *backing;
};

static struct leaving take_out(struct shim_core *core, struct shim_object *object)
{
	struct leaving leaving = { object->kind, object->used, object->number, object->backing };

	shim_remove(core, object);
	return leaving;
}

static void let_go(struct shim_core *core, const struct leaving *leaving)
{
	const struct shim_surroundings *around = core->around;

	if (shim_is_page(leaving->kind))
		around->page_free(core->context, leaving->number, leaving->backing, leaving->used);
	else if (shim_is_keyid(leaving->kind))
		around->keyid_free(core->context, (u16)leaving->number);
	else
		around->memory_free(core->context, leaving->backing);
}

static bool has_room(const struct shim_core *core, const struct shim_session *session, u32 type, u64 bytes)
{
	switch (type) {
	case TDX_SHIM_TYPE_PAGE:
		return session->pages < core->pages_max;
	case TDX_SHIM_TYPE_MEMORY:
		return session->memory_bytes + bytes <= TDX_SHIM_SESSION_MEMORY_BYTES_MAX;
	default:
		return true;
	}
}

static int acquire(struct shim_core *core, u32 type, u64 bytes, struct leaving *new)
{
	const struct shim_surroundings *around = core->around;
	u16 number = 0;
	int error;

	memset(new, 0, sizeof(*new));
	switch (type) {
	case TDX_SHIM_TYPE_PAGE:
		new->kind = TDX_SHIM_PAGE_FREE;
		return around->page_alloc(core->context, &new->number, &new->backing);
	case TDX_SHIM_TYPE_KEYID:
		error = around->backend(core->context);
		if (error)
			return error;
		new->kind = TDX_SHIM_KEYID_IDLE;
		error = around->keyid_alloc(core->context, &number);
		new->number = number;
		return error;
	default:
		new->kind = TDX_SHIM_MEMORY;
		new->number = bytes;
		return around->memory_alloc(core->context, (u32)bytes, &new->backing);
	}
}

int shim_alloc(struct shim_core *core, struct shim_session *session, struct tdx_shim_object *request)
{
	bool memory = request->type == TDX_SHIM_TYPE_MEMORY;
	struct shim_object *object = NULL;
	struct leaving new;
	u64 bytes = 0;
	int error;

	if (request->size != sizeof(*request) || request->flags & ~TDX_SHIM_WITH_ADDRESS || request->reserved)
		return -EINVAL;
	if (request->type < TDX_SHIM_TYPE_PAGE || request->type > TDX_SHIM_TYPE_MEMORY)
		return -EINVAL;
	if (memory ? !request->bytes || request->bytes > TDX_SHIM_MEMORY_BYTES_MAX : request->bytes != 0)
		return -EINVAL;
	if (memory)
		bytes = (request->bytes + TDX_SHIM_PAGE_BYTES - 1) / TDX_SHIM_PAGE_BYTES * TDX_SHIM_PAGE_BYTES;
	/* Asked before, so that nobody makes the kernel allocate beyond the quota, and again when it counts. */
	shim_mutex_lock(&core->lock);
	error = has_room(core, session, request->type, bytes) ? 0 : -ENOSPC;
	shim_mutex_unlock(&core->lock);
	if (!error)
		error = acquire(core, request->type, bytes, &new);
	if (error)
		return error;

	shim_mutex_lock(&core->lock);
	if (has_room(core, session, request->type, bytes))
		object = shim_insert(core, session, new.kind, new.number, new.backing);
	if (object) {
		describe(core, object, request->flags, &request->entry);
		request->bytes = bytes;
		/* The slot, which names one object of an open session. */
		request->mmap_offset = memory ? (u64)object->slot * TDX_SHIM_MEMORY_BYTES_MAX : 0;
	}
	shim_mutex_unlock(&core->lock);
	if (object)
		return 0;
	let_go(core, &new);
	return -ENOSPC;
}

int shim_free(struct shim_core *core, struct shim_session *session, const struct tdx_shim_object *request)
{
	struct shim_object *object;
	struct leaving leaving;
	int error = 0;

	if (request->size != sizeof(*request) || request->flags || request->type || request->reserved || request->bytes)
		return -EINVAL;
	shim_mutex_lock(&core->lock);
	object = shim_find(core, session, request->entry.handle);
	if (!object)
		error = -ENOENT;
	else if (object->readers || object->writer)
		error = -EBUSY;
	else if (object->kind != TDX_SHIM_PAGE_FREE && object->kind != TDX_SHIM_KEYID_IDLE &&
		 object->kind != TDX_SHIM_MEMORY)
		error = -EBUSY;
	else
		leaving = take_out(core, object);
	shim_mutex_unlock(&core->lock);
	if (!error)
		let_go(core, &leaving);
	return error;
}

int shim_query(struct shim_core *core, struct shim_session *session, struct tdx_shim_object *request)
{
	struct shim_object *object;

	if (request->size != sizeof(*request) || request->flags & ~TDX_SHIM_WITH_ADDRESS || request->type ||
	    request->reserved || request->bytes)
		return -EINVAL;
	shim_mutex_lock(&core->lock);
	object = shim_find(core, session, request->entry.handle);
	if (object)
		describe(core, object, request->flags, &request->entry);
	shim_mutex_unlock(&core->lock);
	return object ? 0 : -ENOENT;
}

int shim_list(struct shim_core *core, struct shim_session *session, struct tdx_shim_list *request)
{
	struct shim_object *object;
	u64 slot;

	if (request->size != sizeof(*request) || request->flags & ~TDX_SHIM_WITH_ADDRESS || request->reserved)
		return -EINVAL;
	memset(request->entry, 0, sizeof(request->entry));
	request->count = 0;
	shim_mutex_lock(&core->lock);
	for (slot = request->cursor ? request->cursor : 1; slot < core->slots; slot++) {
		object = shim_at(core, (u32)slot);
		if (object->kind == TDX_SHIM_NOTHING || object->session != session)
			continue;
		if (request->count == TDX_SHIM_LIST_MAX)
			break;
		shim_settle(core, object);
		describe(core, object, request->flags, &request->entry[request->count++]);
	}
	request->cursor = slot < core->slots ? slot : 0;
	shim_mutex_unlock(&core->lock);
	return 0;
}

/* Whether nobody but the host has a claim on it. */
static bool is_hosts(struct shim_core *core, struct shim_object *object)
{
	shim_settle(core, object);
	return object->kind == TDX_SHIM_PAGE_FREE || object->kind == TDX_SHIM_KEYID_IDLE || object->kind == TDX_SHIM_MEMORY;
}

u32 shim_give_back(struct shim_core *core, struct shim_session *session, u32 limit)
{
	struct leaving leaving[TDX_SHIM_LIST_MAX];
	struct shim_object *object;
	u32 slot = 1, count, i, total = 0;

	do {
		count = 0;
		shim_mutex_lock(&core->lock);
		for (; slot < core->slots && count < ARRAY_SIZE(leaving) && total + count < limit; slot++) {
			object = shim_at(core, slot);
			if (object->session != session || object->kind == TDX_SHIM_NOTHING || !is_hosts(core, object))
				continue;
			leaving[count++] = take_out(core, object);
		}
		shim_mutex_unlock(&core->lock);
		for (i = 0; i < count; i++)
			let_go(core, &leaving[i]);
		total += count;
	} while (count == ARRAY_SIZE(leaving));
	return total;
}
