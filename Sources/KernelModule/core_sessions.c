// SPDX-License-Identifier: GPL-2.0
/* Sessions: one for each time the device is open, and one for each program that left pages with the module. */
#include "core.h"

static bool is_empty(const struct shim_session *session)
{
	return !session->pages && !session->keyids && !session->memories;
}

struct shim_session *shim_session_by_id(struct shim_core *core, u64 id)
{
	struct shim_session *session;

	shim_assert_locked(&core->lock);
	for (session = core->sessions; session; session = session->next)
		if (session->id == id)
			return session;
	return NULL;
}

static void unlink_session(struct shim_core *core, struct shim_session *session)
{
	struct shim_session **link = &core->sessions;

	while (*link && *link != session)
		link = &(*link)->next;
	if (shim_sane(*link))
		*link = session->next;
	core->nr_sessions--;
}

/* The orphan is no more. */
static void end_orphan(struct shim_core *core, struct shim_session *session)
{
	unlink_session(core, session);
	core->orphans--;
	core->around->hold(core->context, -1);
	shim_release(session);
}

void shim_end_if_empty(struct shim_core *core, struct shim_session *session)
{
	shim_assert_locked(&core->lock);
	if (!session->open && is_empty(session))
		end_orphan(core, session);
}

int shim_open(struct shim_core *core, struct shim_session **result)
{
	struct shim_session *session = shim_zalloc(sizeof(*session));
	int error = 0;

	if (!session)
		return -ENOMEM;
	session->open = true;
	shim_mutex_lock(&core->lock);
	if (core->nr_sessions >= SHIM_SESSIONS_MAX) {
		error = -ENOSPC;
	} else {
		do
			core->around->random(core->context, &session->id, sizeof(session->id));
		while (!session->id || shim_session_by_id(core, session->id));
		core->around->random(core->context, session->token, sizeof(session->token));
		session->next = core->sessions;
		core->sessions = session;
		core->nr_sessions++;
	}
	shim_mutex_unlock(&core->lock);
	if (error)
		shim_release(session);
	else
		*result = session;
	return error;
}

void shim_close(struct shim_core *core, struct shim_session *session)
{
	shim_give_back(core, session, SHIM_OBJECTS_MAX);
	shim_mutex_lock(&core->lock);
	session->open = false;
	if (is_empty(session)) {
		unlink_session(core, session);
		shim_release(session);
	} else {
		core->orphans++;
		core->around->hold(core->context, 1);
	}
	shim_mutex_unlock(&core->lock);
}

void shim_info(struct shim_core *core, const struct shim_session *session, struct tdx_shim_info *info)
{
	shim_mutex_lock(&core->lock);
	memcpy(info->leaf_bitmap, core->leaf_bitmap, sizeof(info->leaf_bitmap));
	info->session = session->id;
	info->token[0] = session->token[0];
	info->token[1] = session->token[1];
	info->pages_max = core->pages_max;
	info->pages = session->pages;
	info->keyids = session->keyids;
	info->orphans = core->orphans;
	shim_mutex_unlock(&core->lock);
}

/* Takes as long for a token that is nearly right. */
static bool has_token(const struct shim_session *session, const u64 token[2])
{
	return ((session->token[0] ^ token[0]) | (session->token[1] ^ token[1])) == 0;
}

static void move_objects(struct shim_core *core, struct shim_session *from, struct shim_session *to)
{
	struct shim_object *object;
	u32 slot;

	for (slot = 1; slot < core->slots; slot++) {
		object = shim_at(core, slot);
		if (object->kind != TDX_SHIM_NOTHING && object->session == from)
			object->session = to;
	}
	to->pages += from->pages;
	to->keyids += from->keyids;
	to->memories += from->memories;
	to->memory_bytes += from->memory_bytes;
	from->pages = from->keyids = from->memories = 0;
	from->memory_bytes = 0;
}

int shim_adopt(struct shim_core *core, struct shim_session *session, struct tdx_shim_adopt *request)
{
	struct shim_session *orphan;
	int error = 0;

	if (request->size != sizeof(*request) || request->flags || request->pages || request->keyids)
		return -EINVAL;
	shim_mutex_lock(&core->lock);
	orphan = shim_session_by_id(core, request->session);
	if (!orphan || !has_token(orphan, request->token)) {
		error = -ENOENT;
	} else if (orphan->open || orphan->reclaiming) {
		error = -EBUSY;
	} else if ((u64)session->pages + orphan->pages > core->pages_max) {
		error = -ENOSPC;
	} else {
		request->pages = orphan->pages;
		request->keyids = orphan->keyids;
		move_objects(core, orphan, session);
		end_orphan(core, orphan);
	}
	shim_mutex_unlock(&core->lock);
	return error;
}

/* The session with the lowest id that is not below `from`. */
static struct shim_session *session_from(struct shim_core *core, u64 from)
{
	struct shim_session *session, *best = NULL;

	for (session = core->sessions; session; session = session->next)
		if (session->id >= from && (!best || session->id < best->id))
			best = session;
	return best;
}

static u32 quarantined(struct shim_core *core, const struct shim_session *session)
{
	const struct shim_object *object;
	u32 slot, count = 0;

	for (slot = 1; slot < core->slots; slot++) {
		object = shim_at(core, slot);
		if (object->session == session && shim_is_quarantined(object->kind))
			count++;
	}
	return count;
}

int shim_sessions(struct shim_core *core, struct tdx_shim_sessions *request)
{
	struct shim_session *session;

	if (request->size != sizeof(*request) || request->flags || request->reserved)
		return -EINVAL;
	memset(request->session, 0, sizeof(request->session));
	request->count = 0;
	shim_mutex_lock(&core->lock);
	session = session_from(core, request->cursor);
	while (session && request->count < TDX_SHIM_LIST_MAX) {
		struct tdx_shim_session *row = &request->session[request->count++];

		row->session = session->id;
		row->pages = session->pages;
		row->keyids = session->keyids;
		row->quarantined = quarantined(core, session);
		row->open = session->open;
		session = session->id + 1 ? session_from(core, session->id + 1) : NULL;
	}
	request->cursor = session ? session->id : 0;
	shim_mutex_unlock(&core->lock);
	return 0;
}

int shim_forget(struct shim_core *core, struct tdx_shim_forget *request)
{
	struct shim_session *session;
	struct shim_object *object;
	int error = 0;
	u32 slot;

	if (request->size != sizeof(*request) || request->flags || request->pages || request->keyids)
		return -EINVAL;
	shim_mutex_lock(&core->lock);
	session = shim_session_by_id(core, request->session);
	if (!session)
		error = -ENOENT;
	else if (session->open || session->reclaiming)
		error = -EBUSY;
	for (slot = 1; !error && slot < core->slots; slot++) {
		object = shim_at(core, slot);
		if (object->kind == TDX_SHIM_NOTHING || object->session != session)
			continue;
		if (!shim_is_quarantined(object->kind) && !session->stuck)
			continue;
		if (shim_is_page(object->kind))
			request->pages++;
		else
			request->keyids++;
		/* Removed and not given back: nobody will have it again. */
		shim_remove(core, object);
		core->forgotten++;
	}
	if (!error)
		shim_end_if_empty(core, session);
	shim_mutex_unlock(&core->lock);
	return error;
}
