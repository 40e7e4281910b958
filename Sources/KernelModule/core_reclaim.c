// SPDX-License-Identifier: GPL-2.0
/*
 * Tears down what a program left behind, in the order in which KVM does: vCPUs flushed where they are associated, the key
 * given up, caches written back on each package, the KeyID freed, pages taken back with the TDR last, its lines written
 * back. One call at a time through the same door as everyone's, so that it can stop anywhere and go on later.
 */
#include "core.h"

/* How far a TD has come: what `teardown` of its TDR holds. */
enum { FLUSHING, WRITING_BACK, RESUMING_WRITE_BACK, FREEING, RECLAIMING };

struct step {
	u16 leaf;
	u32 processor;
	struct shim_object *object;
	/* For CACHE.WB. */
	u64 resume;
	struct shim_object *tdr;
};

/* The next object of the session, from *slot on, which is then its slot. */
static struct shim_object *next_of(struct shim_core *core, const struct shim_session *session, u32 *slot)
{
	struct shim_object *object;

	for (; *slot < core->slots; (*slot)++) {
		object = shim_at(core, *slot);
		if (object->kind != TDX_SHIM_NOTHING && object->session == session)
			return object;
	}
	return NULL;
}

static struct shim_object *associated_vcpu(struct shim_core *core, struct shim_session *session,
					   const struct shim_object *tdr)
{
	struct shim_object *object;

	for (; (object = next_of(core, session, &session->child)); session->child++)
		if (object->kind == TDX_SHIM_PAGE_TDVPR && object->parent == tdr->slot &&
		    object->processor != TDX_SHIM_NO_PROCESSOR)
			return object;
	session->child = 1;
	return NULL;
}

/* A page of the TD that has not refused yet, or the TDR itself when there is none. */
static struct shim_object *page_to_reclaim(struct shim_core *core, struct shim_session *session, struct shim_object *tdr)
{
	struct shim_object *object;

	for (; (object = next_of(core, session, &session->child)); session->child++)
		if (shim_is_page(object->kind) && object->parent == tdr->slot && !object->tried)
			return object;
	return tdr;
}

static void plan_td(struct shim_core *core, struct shim_session *session, struct shim_object *tdr, struct step *step)
{
	struct shim_object *vcpu;

	step->tdr = tdr;
	step->object = tdr;
	if (tdr->teardown < RECLAIMING && shim_key_gone(core, tdr))
		tdr->teardown = RECLAIMING;
	switch (tdr->teardown) {
	case FLUSHING:
		vcpu = associated_vcpu(core, session, tdr);
		step->leaf = vcpu ? SHIM_LEAF_VP_FLUSH : SHIM_LEAF_VPFLUSHDONE;
		if (vcpu) {
			step->object = vcpu;
			step->processor = vcpu->processor;
		}
		break;
	case WRITING_BACK:
	case RESUMING_WRITE_BACK:
		step->leaf = SHIM_LEAF_CACHE_WB;
		step->object = NULL;
		step->resume = tdr->teardown == RESUMING_WRITE_BACK;
		break;
	case FREEING:
		step->leaf = SHIM_LEAF_KEY_FREEID;
		break;
	default:
		step->leaf = SHIM_LEAF_RECLAIM;
		step->object = page_to_reclaim(core, session, tdr);
	}
}

static void plan_write_back(struct shim_object *page, struct step *step)
{
	step->leaf = SHIM_LEAF_WBINVD;
	step->object = page;
}

/* What is to be done next; false if nothing is left that a call could change. */
static bool plan(struct shim_core *core, struct shim_session *session, struct step *step)
{
	struct shim_object *object = shim_at(core, session->td);

	memset(step, 0, sizeof(*step));
	step->processor = TDX_SHIM_ANY_PROCESSOR;
	if (!object)
		object = next_of(core, session, &session->scan);
	while (object) {
		shim_settle(core, object);
		if (object->kind == TDX_SHIM_PAGE_RETURNED && !object->tried) {
			plan_write_back(object, step);
			return true;
		}
		if (object->kind == TDX_SHIM_PAGE_TDR && !object->tried) {
			if (!session->td)
				session->child = 1;
			session->td = object->slot;
			plan_td(core, session, object, step);
			return true;
		}
		if (session->td)
			session->td = 0;
		else
			session->scan++;
		object = next_of(core, session, &session->scan);
	}
	return false;
}

enum outcome { GO_ON, AGAIN, REFUSED };

static enum outcome advance(struct step *step, u64 status)
{
	u64 code = status & SHIM_STATUS_CODE;
	bool done = !(status & SHIM_STATUS_ERROR);
	struct shim_object *tdr = step->tdr;

	if (code == SHIM_OPERAND_BUSY)
		return AGAIN;
	switch (step->leaf) {
	case SHIM_LEAF_VP_FLUSH:
		if (code != SHIM_VCPU_NOT_ASSOCIATED)
			return done ? GO_ON : REFUSED;
		step->object->processor = TDX_SHIM_NO_PROCESSOR;
		return GO_ON;
	case SHIM_LEAF_VPFLUSHDONE:
		/* Whoever died may have got this far. */
		if (!done && code != SHIM_LIFECYCLE_STATE_INCORRECT)
			return REFUSED;
		tdr->teardown = WRITING_BACK;
		tdr->package = 0;
		return GO_ON;
	case SHIM_LEAF_CACHE_WB:
		if (code == SHIM_INTERRUPTED_RESUMABLE) {
			tdr->teardown = RESUMING_WRITE_BACK;
			return AGAIN;
		}
		if (!done)
			return REFUSED;
		tdr->teardown = WRITING_BACK;
		tdr->package++;
		return GO_ON;
	default:
		return done ? GO_ON : REFUSED;
	}
}

static void ask(const struct step *step, struct tdx_shim_call *call)
{
	memset(call, 0, sizeof(*call));
	call->size = sizeof(*call);
	call->leaf = step->leaf;
	call->processor = step->processor;
	call->operand[0].kind = step->object ? TDX_SHIM_OPERAND_OBJECT : TDX_SHIM_OPERAND_VALUE;
	call->operand[0].value = step->object ? shim_handle(step->object) : step->resume;
}

/* Where the next write-back runs; false when each package has had its own. */
static bool place_write_back(struct shim_core *core, struct step *step)
{
	if (!core->around->package_processor(core->context, step->tdr->package, &step->processor))
		return true;
	step->tdr->teardown = FREEING;
	return false;
}

static void report(struct tdx_shim_reclaim *request, const struct step *step, const struct tdx_shim_call *call)
{
	request->state = TDX_SHIM_RECLAIM_STUCK;
	request->leaf = step->leaf;
	request->status = call->status;
	request->handle = step->object ? shim_handle(step->object) : 0;
}

/* One call. 0, or why none could be made. The session is nobody else's meanwhile: see `reclaiming`. */
static int make_step(struct shim_core *core, struct shim_session *session, struct step *step,
		     struct tdx_shim_reclaim *request)
{
	enum outcome outcome;
	struct tdx_shim_call call;
	int error;

	if (step->leaf == SHIM_LEAF_CACHE_WB && !place_write_back(core, step))
		return 0;
	ask(step, &call);
	error = shim_call(core, session, &call);
	if (error)
		return error;
	request->steps++;
	shim_mutex_lock(&core->lock);
	outcome = call.fault ? REFUSED : advance(step, call.status);
	if (outcome == AGAIN && ++session->repeats > SHIM_RECLAIM_REPEATS_MAX)
		outcome = REFUSED;
	if (outcome == GO_ON)
		session->repeats = 0;
	if (outcome == REFUSED) {
		report(request, step, &call);
		/* Others may fare better; this one is left alone, and its TD too unless it has come to its pages. */
		if (step->object)
			step->object->tried = true;
		if (step->tdr && step->leaf != SHIM_LEAF_RECLAIM)
			step->tdr->tried = true;
	}
	shim_mutex_unlock(&core->lock);
	return 0;
}

static void forget_refusals(struct shim_core *core, const struct shim_session *session)
{
	struct shim_object *object;
	u32 slot;

	for (slot = 1; (object = next_of(core, session, &slot)); slot++)
		object->tried = false;
}

static int begin(struct shim_core *core, u64 id, struct shim_session **result)
{
	struct shim_session *session = shim_session_by_id(core, id);

	if (!session)
		return -ENOENT;
	if (session->open || session->reclaiming)
		return -EBUSY;
	session->reclaiming = true;
	if (session->stuck)
		forget_refusals(core, session);
	session->stuck = false;
	session->scan = session->child = 1;
	session->td = 0;
	*result = session;
	return 0;
}

int shim_reclaim(struct shim_core *core, struct tdx_shim_reclaim *request)
{
	struct shim_session *session;
	struct step step;
	bool more = true;
	int error;

	if (request->size != sizeof(*request) || request->flags || request->reserved[0] || request->reserved[1] ||
	    request->reserved[2] || !request->steps_max || request->steps_max > TDX_SHIM_RECLAIM_STEPS_MAX)
		return -EINVAL;
	request->steps = request->state = request->remaining = request->leaf = 0;
	request->status = request->handle = 0;
	shim_mutex_lock(&core->lock);
	error = begin(core, request->session, &session);
	shim_mutex_unlock(&core->lock);
	if (error)
		return error;

	while (!error && request->steps < request->steps_max) {
		shim_mutex_lock(&core->lock);
		more = plan(core, session, &step);
		shim_mutex_unlock(&core->lock);
		if (!more)
			break;
		error = make_step(core, session, &step, request);
	}
	shim_give_back(core, session, SHIM_OBJECTS_MAX);

	shim_mutex_lock(&core->lock);
	session->reclaiming = false;
	request->remaining = session->pages + session->keyids;
	/* Also where a call could not be made: that is not the end of it. */
	if (more)
		request->state = TDX_SHIM_RECLAIM_MORE;
	else if (request->remaining)
		request->state = TDX_SHIM_RECLAIM_STUCK;
	session->stuck = request->state == TDX_SHIM_RECLAIM_STUCK;
	shim_end_if_empty(core, session);
	shim_mutex_unlock(&core->lock);
	/* Calls that were made are told, and the next request tells why no more can be. */
	return request->steps ? 0 : error;
}
