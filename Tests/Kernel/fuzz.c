// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever programs ask for, in whatever order: the core's accounts balance, no page is freed that the module holds, and
 * with a truthful module both always agree. Every other input has a module that answers anything.
 */
#include "host.h"

#include <stddef.h>
#include <stdint.h>

enum { SESSIONS = 3, OPERATIONS_MAX = 64, CHECK_EVERY = 4, OBJECTS_MAX = 200 };

static const u8 *data;
static size_t left;
static struct host host;
static struct shim_core core;
static struct shim_session *session[SESSIONS];
static struct tdx_shim_info last_info;
static bool truthful, watching;

/* What is refused changes nothing. Not looked at for each input, as it takes longer than all the rest. */
#define REQUEST(request) \
	do { \
		u64 before_ = watching ? host_digest(&host, &core) : 0; \
		if ((request) && watching && host_digest(&host, &core) != before_) \
			abort(); \
	} while (0)

static u64 take(u32 bytes)
{
	u64 value = 0;

	while (bytes-- && left) {
		value = value << 8 | *data++;
		left--;
	}
	return value;
}

static u32 below(u32 limit)
{
	return limit ? (u32)take(1) % limit : 0;
}

static void lie(struct shim_execution *execution)
{
	static const u64 statuses[] = { 0, 0, 0, 0xC000060700000000, 0x8000020000000000, 0x8000000300000000,
					0xC0000C0000000000, 0x8000070200000000, 0x4000000100000000, 0x0000082100000000 };
	struct shim_object *object;
	u32 i;

	execution->status = statuses[below(ARRAY_SIZE(statuses))];
	for (i = 0; i < TDX_SHIM_REGISTERS; i++) {
		object = shim_at(&core, below(core.slots));
		execution->out[i] = object && below(2) ? object->number : take(1);
	}
	execution->given = (u32)take(1);
}

/* Some object's handle: of the wanted kind if there is one, any, or none at all. */
static u64 some_handle(u8 wanted)
{
	static const u16 kinds[] = {
		[SHIM_FREE_PAGE] = TDX_SHIM_PAGE_FREE, [SHIM_TDR] = TDX_SHIM_PAGE_TDR, [SHIM_TDVPR] = TDX_SHIM_PAGE_TDVPR,
		[SHIM_HELD_PAGE] = TDX_SHIM_PAGE_TDCS, [SHIM_ANY_PAGE] = TDX_SHIM_PAGE_GUEST,
		[SHIM_RETURNED_PAGE] = TDX_SHIM_PAGE_RETURNED, [SHIM_IDLE_KEYID] = TDX_SHIM_KEYID_IDLE,
		[SHIM_TD_PARAMS] = TDX_SHIM_MEMORY, [SHIM_SOURCE_PAGE] = TDX_SHIM_MEMORY,
	};
	struct shim_object *object;
	u32 start = (u32)take(1), i, how = below(16);

	if (how == 0)
		return take(8);
	for (i = 0; i < core.slots; i++) {
		object = shim_at(&core, (start + i) % core.slots);
		if (object && (how == 1 || (object->kind == kinds[wanted] && object->session == session[0])))
			return shim_handle(object);
	}
	return 0;
}

static void random_call(struct shim_session *from)
{
	static const u16 numbers[] = { 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 16, 17, 18, 19, 20, 21, 22, 24, 25, 26, 28, 29, 30,
				       38, 39, 40, 41, 43, 0, 33, 200 };
	struct tdx_shim_call call = { .size = sizeof(call), .leaf = numbers[below(ARRAY_SIZE(numbers))] };
	const struct shim_leaf *leaf = shim_leaf(call.leaf);
	u32 i;

	call.processor = below(6);
	if (call.processor == 5)
		call.processor = TDX_SHIM_ANY_PROCESSOR;
	for (i = 0; i < TDX_SHIM_REGISTERS && leaf; i++) {
		if (leaf->operand[i] == SHIM_VALUE || leaf->operand[i] == SHIM_GPA_4K)
			call.operand[i] = (struct tdx_shim_operand){ TDX_SHIM_OPERAND_VALUE, 0, take(1) << 12 };
		else if (leaf->operand[i])
			call.operand[i] = (struct tdx_shim_operand){ TDX_SHIM_OPERAND_OBJECT, 0,
								     some_handle(leaf->operand[i]) };
	}
	if (call.leaf == 40)
		call.operand[0].value >>= 12;
	/* And now and then something that does not belong there. */
	if (below(8) == 0)
		((u8 *)&call)[below(sizeof(call))] ^= (u8)take(1);
	REQUEST(shim_call(&core, from, &call));
}

static void call_with(u16 number, u64 rcx, u64 rdx, u32 processor)
{
	struct tdx_shim_call call = { .size = sizeof(call), .leaf = number, .processor = processor };

	call.operand[0] = (struct tdx_shim_operand){ rcx ? TDX_SHIM_OPERAND_OBJECT : TDX_SHIM_OPERAND_VALUE, 0, rcx };
	if (rdx)
		call.operand[1] = (struct tdx_shim_operand){ TDX_SHIM_OPERAND_OBJECT, 0, rdx };
	shim_call(&core, session[0], &call);
}

static u64 allocate(struct shim_session *from, u32 type, u64 bytes)
{
	struct tdx_shim_object object = { .size = sizeof(object), .type = type, .bytes = bytes };

	REQUEST(shim_alloc(&core, from, &object));
	return object.entry.handle;
}

/* As far into the life of a TD as the input says. */
static void build(u32 stage)
{
	u64 tdr = allocate(session[0], TDX_SHIM_TYPE_PAGE, 0), keyid = allocate(session[0], TDX_SHIM_TYPE_KEYID, 0), vcpu, memory;
	u32 i;

	call_with(9, tdr, keyid, 0);
	for (i = 0; i < HOST_PACKAGES && stage > 0; i++)
		call_with(8, tdr, 0, i);
	for (i = 0; i < 6 && stage > 1; i++)
		call_with(1, allocate(session[0], TDX_SHIM_TYPE_PAGE, 0), tdr, 0);
	memory = allocate(session[0], TDX_SHIM_TYPE_MEMORY, 4096);
	if (stage > 2)
		call_with(21, tdr, memory, 0);
	if (stage > 3) {
		vcpu = allocate(session[0], TDX_SHIM_TYPE_PAGE, 0);
		call_with(10, vcpu, tdr, 0);
		for (i = 0; i < 5; i++)
			call_with(4, allocate(session[0], TDX_SHIM_TYPE_PAGE, 0), vcpu, 0);
		call_with(22, vcpu, 0, below(HOST_PROCESSORS));
	}
	if (stage > 4)
		call_with(19, tdr, 0, 0);
	for (i = 0; i < HOST_PACKAGES && stage > 5; i++)
		call_with(40, 0, 0, i);
	if (stage > 6)
		call_with(20, tdr, 0, 0);
}

static void reopen(u32 which)
{
	shim_info(&core, session[which], &last_info);
	shim_close(&core, session[which]);
	session[which] = NULL;
	shim_open(&core, &session[which]);
}

static void adopt(struct shim_session *by)
{
	struct tdx_shim_adopt request = { .size = sizeof(request), .session = last_info.session,
					  .token = { last_info.token[0], last_info.token[1] } };

	if (below(8) == 0)
		request.token[0] ^= take(1);
	REQUEST(shim_adopt(&core, by, &request));
}

static u64 some_session(void)
{
	return below(4) ? last_info.session : session[below(SESSIONS)]->id;
}

static void administrate(u32 what)
{
	struct tdx_shim_reclaim reclaim = { .size = sizeof(reclaim) };
	struct tdx_shim_forget forget = { .size = sizeof(forget) };
	struct tdx_shim_sessions sessions = { .size = sizeof(sessions), .cursor = take(1) };

	reclaim.session = forget.session = some_session();
	reclaim.steps_max = 1 + below(64);
	if (what == 0)
		shim_reclaim(&core, &reclaim);
	else if (what == 1)
		REQUEST(shim_forget(&core, &forget));
	else
		shim_sessions(&core, &sessions);
}

static void operate(void)
{
	struct shim_session *from = session[below(8) ? 0 : below(SESSIONS)];
	struct tdx_shim_object object = { .size = sizeof(object) };
	struct tdx_shim_list list = { .size = sizeof(list), .cursor = take(1) };
	u32 what = below(20);

	switch (what) {
	case 0:
	case 1:
		allocate(from, 1 + below(3), below(2) ? take(3) : 0);
		break;
	case 2:
		object.entry.handle = some_handle(1 + below(SHIM_SOURCE_PAGE));
		REQUEST(shim_free(&core, from, &object));
		break;
	case 3:
		object.entry.handle = some_handle(1 + below(SHIM_SOURCE_PAGE));
		REQUEST(shim_query(&core, from, &object));
		REQUEST(shim_list(&core, from, &list));
		break;
	case 4:
		build(below(8));
		break;
	case 5:
		reopen(below(SESSIONS));
		break;
	case 6:
		adopt(from);
		break;
	case 7:
		administrate(below(3));
		break;
	case 8:
		/* A fault of the next call only: see below. */
		host.fault = below(6);
		host.executed_anyway = below(2);
		random_call(from);
		host.fault = 0;
		break;
	case 9:
		if (below(4) == 0)
			shim_doubt_all(&core, TDX_SHIM_DOUBT_EMULATOR);
		break;
	default:
		random_call(from);
	}
}

/* What is left at the end is torn down or given up, and then nothing is left. */
static void finish(void)
{
	struct tdx_shim_forget forget = { .size = sizeof(forget) };
	u32 i;

	for (i = 0; i < SESSIONS; i++)
		shim_close(&core, session[i]);
	while (core.sessions) {
		core.sessions->stuck = true;
		forget.session = core.sessions->id;
		forget.pages = forget.keyids = 0;
		if (shim_forget(&core, &forget))
			abort();
	}
	if (host.memories || core.nr_sessions || host.orphans)
		abort();
	shim_core_end(&core);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	u32 i;

	data = input;
	left = size;
	host_init(&host, &core, OBJECTS_MAX);
	truthful = below(2);
	watching = below(4) == 0;
	host.liar = truthful ? NULL : lie;
	for (i = 0; i < SESSIONS; i++)
		shim_open(&core, &session[i]);
	for (i = 0; i < OPERATIONS_MAX && left; i++) {
		operate();
		if (i % CHECK_EVERY == 0)
			host_check(&host, &core, truthful);
	}
	host_check(&host, &core, truthful);
	finish();
	return 0;
}
