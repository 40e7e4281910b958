// SPDX-License-Identifier: GPL-2.0
/* The table of objects: slots with generations, and pages by address. */
#include "core.h"

int shim_core_init(struct shim_core *core, const struct shim_surroundings *around, void *context, u32 pages_max)
{
	memset(core, 0, sizeof(*core));
	core->bucket = shim_zalloc(SHIM_BUCKETS * sizeof(u32));
	if (!core->bucket)
		return -ENOMEM;
	shim_mutex_init(&core->lock);
	core->around = around;
	core->context = context;
	core->pages_max = pages_max;
	core->slots = 1;
	return 0;
}

void shim_core_end(struct shim_core *core)
{
	u32 i;

	shim_sane(!core->sessions);
	for (i = 0; i < SHIM_CHUNKS_MAX && core->chunk[i]; i++)
		shim_release(core->chunk[i]);
	shim_release(core->bucket);
}

struct shim_object *shim_at(struct shim_core *core, u32 slot)
{
	if (!slot || slot >= core->slots)
		return NULL;
	return &core->chunk[slot / SHIM_CHUNK_OBJECTS][slot % SHIM_CHUNK_OBJECTS];
}

struct shim_object *shim_find(struct shim_core *core, const struct shim_session *session, u64 handle)
{
	struct shim_object *object = shim_at(core, (u32)handle);

	shim_assert_locked(&core->lock);
	if (!object || object->kind == TDX_SHIM_NOTHING || object->generation != (u32)(handle >> 32) ||
	    object->session != session)
		return NULL;
	shim_settle(core, object);
	return object;
}

static u32 *bucket_of(struct shim_core *core, u64 address)
{
	u64 frame = address / TDX_SHIM_PAGE_BYTES;

	return &core->bucket[(frame * 0x9E3779B97F4A7C15ull >> 40) % SHIM_BUCKETS];
}

struct shim_object *shim_by_address(struct shim_core *core, u64 address)
{
	struct shim_object *object;

	for (object = shim_at(core, *bucket_of(core, address)); object; object = shim_at(core, object->next))
		if (object->number == address)
			return object;
	return NULL;
}

/* A slot that is free, its chunk allocated if need be; NULL without memory or when the table is full. */
static struct shim_object *take_slot(struct shim_core *core)
{
	struct shim_object *object = shim_at(core, core->free);
	u32 chunk = core->slots / SHIM_CHUNK_OBJECTS;

	if (object) {
		core->free = object->next;
		return object;
	}
	if (core->slots >= SHIM_OBJECTS_MAX)
		return NULL;
	if (!core->chunk[chunk]) {
		core->chunk[chunk] = shim_zalloc(SHIM_CHUNK_OBJECTS * sizeof(struct shim_object));
		if (!core->chunk[chunk])
			return NULL;
	}
	object = &core->chunk[chunk][core->slots % SHIM_CHUNK_OBJECTS];
	object->slot = core->slots++;
	object->generation = 1;
	return object;
}

struct shim_object *shim_insert(struct shim_core *core, struct shim_session *session, u16 kind, u64 number, void *backing)
{
	struct shim_object *object = take_slot(core);
	u32 slot, generation, *bucket;

	shim_assert_locked(&core->lock);
	if (!object)
		return NULL;
	slot = object->slot;
	generation = object->generation;
	memset(object, 0, sizeof(*object));
	object->slot = slot;
	object->generation = generation;
	object->kind = kind;
	object->number = number;
	object->backing = backing;
	object->session = session;
	object->processor = TDX_SHIM_NO_PROCESSOR;
	if (shim_is_page(kind)) {
		bucket = bucket_of(core, number);
		object->next = *bucket;
		*bucket = slot;
		session->pages++;
	} else if (shim_is_keyid(kind)) {
		session->keyids++;
	} else {
		session->memories++;
		session->memory_bytes += number;
	}
	return object;
}

/* Nothing points to its slot any more, which others will have. */
static void disown(struct shim_core *core, struct shim_object *object)
{
	struct shim_object *keyid = shim_at(core, (u32)object->keyid), *child;
	u32 slot;

	for (slot = 1; object->children && slot < core->slots; slot++) {
		child = shim_at(core, slot);
		if (child->parent == object->slot && shim_is_page(child->kind))
			shim_detach(core, child);
	}
	if (object->keyid && keyid && shim_handle(keyid) == object->keyid && keyid->parent == object->slot)
		keyid->parent = 0;
}

void shim_remove(struct shim_core *core, struct shim_object *object)
{
	struct shim_session *session = object->session;
	u32 *link;

	shim_assert_locked(&core->lock);
	shim_sane(!object->readers && !object->writer);
	disown(core, object);
	shim_detach(core, object);
	if (shim_is_page(object->kind)) {
		for (link = bucket_of(core, object->number); shim_sane(*link); link = &shim_at(core, *link)->next) {
			if (*link == object->slot) {
				*link = object->next;
				break;
			}
		}
		session->pages--;
	} else if (shim_is_keyid(object->kind)) {
		session->keyids--;
	} else {
		session->memories--;
		session->memory_bytes -= object->number;
	}
	object->kind = TDX_SHIM_NOTHING;
	object->session = NULL;
	/* A slot whose generations are used up is not used again: a stale handle must never fit. */
	if (++object->generation == 0)
		return;
	object->next = core->free;
	core->free = object->slot;
}

/* Whether the KeyID a page was used with has been freed since: its lines were written back with all of that KeyID's. */
bool shim_key_gone(struct shim_core *core, const struct shim_object *object)
{
	const struct shim_object *keyid = shim_at(core, (u32)object->keyid);

	if (!object->keyid)
		return false;
	return !keyid || keyid->generation != (u32)(object->keyid >> 32) || !shim_is_keyid(keyid->kind) ||
	       keyid->cycle != object->keyid_cycle;
}

void shim_settle(struct shim_core *core, struct shim_object *object)
{
	if (object->kind != TDX_SHIM_PAGE_RETURNED || !shim_key_gone(core, object))
		return;
	object->kind = TDX_SHIM_PAGE_FREE;
	object->keyid = 0;
}

void shim_attach(struct shim_object *object, struct shim_object *parent)
{
	object->parent = parent->slot;
	parent->children++;
}

void shim_detach(struct shim_core *core, struct shim_object *object)
{
	struct shim_object *parent = shim_at(core, object->parent);

	object->parent = 0;
	/* A KeyID points to its TDR without being one of its pages. */
	if (parent && !shim_is_keyid(object->kind) && shim_sane(parent->children))
		parent->children--;
}

void shim_doubt(struct shim_core *core, struct shim_object *object, u16 doubt, u16 leaf, u64 status)
{
	shim_assert_locked(&core->lock);
	if (shim_is_quarantined(object->kind))
		return;
	object->before = object->kind;
	object->kind = shim_is_keyid(object->kind) ? TDX_SHIM_KEYID_QUARANTINED : TDX_SHIM_PAGE_QUARANTINED;
	object->doubt = doubt;
	object->doubt_leaf = leaf;
	object->doubt_status = status;
	object->used = true;
}

struct shim_object *shim_borrow(struct shim_core *core, const struct shim_session *session, u64 slot)
{
	struct shim_object *object;

	shim_mutex_lock(&core->lock);
	object = slot < core->slots ? shim_at(core, (u32)slot) : NULL;
	if (object && (object->kind != TDX_SHIM_MEMORY || object->session != session || object->readers == (u16)-1))
		object = NULL;
	if (object)
		object->readers++;
	shim_mutex_unlock(&core->lock);
	return object;
}

void shim_bring_back(struct shim_core *core, struct shim_object *object)
{
	shim_mutex_lock(&core->lock);
	object->readers--;
	shim_mutex_unlock(&core->lock);
}
