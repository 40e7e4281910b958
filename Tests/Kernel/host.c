// SPDX-License-Identifier: GPL-2.0
#include "host.h"

#include <stdio.h>

#define FIRST_ADDRESS 0x100000000ull

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static int page_alloc(void *context, u64 *address, void **backing)
{
	struct host *host = context;
	u32 i;

	if (host->alloc_error)
		return host->alloc_error;
	/* The lowest free one, so that addresses come again soon. */
	for (i = 0; i < HOST_PAGES && host->page_used[i]; i++)
		;
	if (i == HOST_PAGES)
		return -ENOMEM;
	host->page_used[i] = true;
	host->pages++;
	*address = FIRST_ADDRESS + (u64)i * TDX_SHIM_PAGE_BYTES;
	*backing = &host->page_used[i];
	return 0;
}

static void page_free(void *context, u64 address, void *backing, bool used)
{
	struct host *host = context;
	bool *mark = backing;

	(void)used;
	require(*mark, "a page is freed once");
	require(host->liar || !model_holds(&host->model, address), "no page is freed that the module holds");
	*mark = false;
	host->pages--;
}

static int keyid_alloc(void *context, u16 *number)
{
	struct host *host = context;
	u16 i;

	if (host->alloc_error)
		return host->alloc_error;
	for (i = 2; i < MODEL_KEYIDS && host->keyid_used[i]; i++)
		;
	if (i == MODEL_KEYIDS)
		return -ENOSPC;
	host->keyid_used[i] = true;
	host->keyids++;
	*number = i;
	return 0;
}

static void keyid_free(void *context, u16 number)
{
	struct host *host = context;

	require(host->keyid_used[number], "a KeyID is freed once");
	require(host->liar || host->model.keyid[number].state == MODEL_KEY_FREE, "no KeyID is freed that is in use");
	host->keyid_used[number] = false;
	host->keyids--;
}

static int memory_alloc(void *context, u32 bytes, void **backing)
{
	struct host *host = context;

	if (host->alloc_error)
		return host->alloc_error;
	*backing = malloc(1);
	host->memories++;
	return bytes && *backing ? 0 : -ENOMEM;
}

static void memory_free(void *context, void *backing)
{
	struct host *host = context;

	free(backing);
	host->memories--;
}

static u64 memory_address(void *context, void *backing, u32 offset)
{
	(void)context;
	(void)backing;
	return 0x7000000000ull + offset;
}

static void stay(void *context)
{
	((struct host *)context)->staying++;
}

static void leave(void *context)
{
	((struct host *)context)->staying--;
}

static int execute(void *context, struct shim_execution *execution)
{
	struct host *host = context;
	u32 processor = execution->processor == TDX_SHIM_ANY_PROCESSOR ? 0 : execution->processor;
	u64 registers[MODEL_REGISTERS];

	require(host->staying > 0, "no processor goes while a call is executed");
	if (host->meanwhile)
		host->meanwhile(host->argument);
	if (processor >= HOST_PROCESSORS)
		return -ENXIO;
	if (host->execute_error)
		return host->execute_error;
	execution->ran_on = processor;
	execution->fault = host->fault;
	host->doubted |= host->fault >= TDX_SHIM_FAULT_VMFAIL;
	execution->given = (1u << TDX_SHIM_REGISTERS) - 1;
	if (host->liar) {
		host->liar(execution);
	} else if (!host->fault || (host->executed_anyway && host->fault >= TDX_SHIM_FAULT_VMFAIL)) {
		memcpy(registers, execution->in, sizeof(registers));
		if (execution->leaf == SHIM_LEAF_WBINVD)
			registers[0] |= (u64)(execution->wbinvd_global ? 1 : execution->wbinvd_keyid) << HOST_KEYID_SHIFT;
		execution->status = model_call(&host->model, execution->leaf, execution->version, processor,
					       processor % HOST_PACKAGES, execution->flush, registers);
		memcpy(execution->out, registers, sizeof(registers));
	}
	host->last = *execution;
	return 0;
}

static int package_processor(void *context, u32 index, u32 *processor)
{
	(void)context;
	*processor = index;
	return index < HOST_PACKAGES ? 0 : -ENXIO;
}

static int backend(void *context)
{
	return ((struct host *)context)->has_backend ? 0 : -ENODEV;
}

static void random_bytes(void *context, void *bytes, u32 count)
{
	struct host *host = context;
	u8 *at = bytes;

	while (count--) {
		host->seed = host->seed * 6364136223846793005ull + 1442695040888963407ull;
		*at++ = (u8)(host->seed >> 56);
	}
}

static void hold(void *context, int orphans)
{
	((struct host *)context)->orphans += orphans;
}

const struct shim_surroundings host_surroundings = {
	.page_alloc = page_alloc,
	.page_free = page_free,
	.keyid_alloc = keyid_alloc,
	.keyid_free = keyid_free,
	.memory_alloc = memory_alloc,
	.memory_free = memory_free,
	.memory_address = memory_address,
	.stay = stay,
	.leave = leave,
	.execute = execute,
	.package_processor = package_processor,
	.backend = backend,
	.random = random_bytes,
	.hold = hold,
};

void host_init(struct host *host, struct shim_core *core, u32 pages_max)
{
	memset(host, 0, sizeof(*host));
	model_init(&host->model, HOST_PACKAGES, HOST_KEYID_SHIFT);
	host->has_backend = true;
	host->seed = 1;
	require(shim_core_init(core, &host_surroundings, host, pages_max) == 0, "the core starts");
	shim_leaves(core->leaf_bitmap);
}

/* What counts of one session say, counted anew. */
static void check_session(struct shim_core *core, const struct shim_session *session)
{
	u32 pages = 0, keyids = 0, memories = 0, slot;
	const struct shim_object *object;
	u64 bytes = 0;

	for (slot = 1; slot < core->slots; slot++) {
		object = shim_at(core, slot);
		if (object->kind == TDX_SHIM_NOTHING || object->session != session)
			continue;
		pages += shim_is_page(object->kind);
		keyids += shim_is_keyid(object->kind);
		memories += object->kind == TDX_SHIM_MEMORY;
		bytes += object->kind == TDX_SHIM_MEMORY ? object->number : 0;
	}
	require(pages == session->pages && keyids == session->keyids, "a session's objects are counted right");
	require(memories == session->memories && bytes == session->memory_bytes, "its memory is, too");
	require(session->open || pages || keyids, "an orphan has something");
	require(session->open || !memories, "but no memory");
	require(pages <= core->pages_max, "nobody has more than the quota");
}

static void check_page(struct host *host, struct shim_core *core, struct shim_object *object, bool truthful)
{
	const struct shim_object *parent = shim_at(core, object->parent), *child;
	u32 slot, children = 0;

	require(shim_by_address(core, object->number) == object, "a page is found by its address");
	require(host->page_used[(object->number - FIRST_ADDRESS) / TDX_SHIM_PAGE_BYTES], "a page of ours is allocated");
	if (object->kind == TDX_SHIM_PAGE_FREE || object->kind == TDX_SHIM_PAGE_RETURNED)
		require(!object->parent && !object->children, "a page of the host's belongs to no TD");
	if (shim_is_held(object->kind) && object->kind != TDX_SHIM_PAGE_TDR)
		require(parent && parent->session == object->session, "a TD's page and its TD are in one session");
	if (object->parent)
		require(parent && (parent->kind == TDX_SHIM_PAGE_TDR || parent->kind == TDX_SHIM_PAGE_QUARANTINED),
			"an owner is a TDR, or was");
	for (slot = 1; slot < core->slots && object->children; slot++) {
		child = shim_at(core, slot);
		children += shim_is_page(child->kind) && child->parent == object->slot;
	}
	require(children == object->children, "children are counted right");
	if (!truthful || object->kind == TDX_SHIM_PAGE_QUARANTINED)
		return;
	if (model_holds(&host->model, object->number))
		require(shim_is_held(object->kind), "what the module holds is not the host's");
	else
		/* After a call without an answer the core may take a page for held that is not. */
		require(!shim_is_held(object->kind) || host->doubted, "what the module does not hold is the host's");
}

void host_check(struct host *host, struct shim_core *core, bool truthful)
{
	const struct shim_session *session;
	struct shim_object *object;
	u32 slot, pages = 0, orphans = 0, sessions = 0;

	require(!host->staying, "no processor is held for long");
	for (slot = 1; slot < core->slots; slot++) {
		object = shim_at(core, slot);
		require(!object->writer && !object->readers, "nothing stays pinned");
		if (object->kind == TDX_SHIM_NOTHING)
			continue;
		require(object->session != NULL, "an object has a session");
		require(shim_is_quarantined(object->kind) == (object->before != TDX_SHIM_NOTHING) &&
				shim_is_quarantined(object->kind) == (object->doubt != TDX_SHIM_DOUBT_NONE),
			"what is quarantined says what it was and why, and nothing else does");
		require(!shim_is_quarantined(object->kind) || (shim_is_page(object->before) == shim_is_page(object->kind) &&
							       !shim_is_quarantined(object->before)),
			"it was a page or a KeyID before as it is now");
		if (!shim_is_page(object->kind))
			continue;
		pages++;
		check_page(host, core, object, truthful);
	}
	for (session = core->sessions; session; session = session->next) {
		check_session(core, session);
		orphans += !session->open;
		sessions++;
	}
	require(core->nr_sessions == sessions && core->orphans == orphans, "sessions are counted right");
	require(host->orphans == (int)orphans, "each orphan holds the module once");
	require(host->pages >= pages, "no page is in the table that is not allocated");
}

static void mix(u64 *digest, const void *bytes, u32 count)
{
	u64 word;
	u32 i;

	for (i = 0; i < count; i += sizeof(word)) {
		word = 0;
		memcpy(&word, (const u8 *)bytes + i, count - i < sizeof(word) ? count - i : sizeof(word));
		*digest = (*digest ^ word) * 0x9E3779B97F4A7C15ull;
		*digest ^= *digest >> 32;
	}
}

u64 host_digest(const struct host *host, struct shim_core *core)
{
	const u64 counts[] = { core->slots,  core->free,   core->nr_sessions, core->orphans,  core->forgotten, core->epoch,
			       host->pages, host->keyids, host->memories,    host->orphans, host->model.calls };
	const struct shim_session *session;
	struct shim_object object;
	u64 digest = 1;
	u32 slot;

	mix(&digest, counts, sizeof(counts));
	for (session = core->sessions; session; session = session->next)
		mix(&digest, session, sizeof(*session));
	for (slot = 1; slot < core->slots; slot++) {
		memcpy(&object, shim_at(core, slot), sizeof(object));
		/* Whoever looks first finds that a page is free now: that is no change. */
		shim_settle(core, &object);
		mix(&digest, &object, sizeof(object));
	}
	return digest;
}
