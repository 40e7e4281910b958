/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TDX_SHIM_CORE_H
#define TDX_SHIM_CORE_H

/*
 * What makes the device safe to hand out, without anything of the kernel in it: which objects there are, whose they are,
 * what may be done with them, and what a call of the module changes.
 *
 * One mutex guards all of it. It is never held while a call is executed, or while pages are allocated or freed: an object
 * that takes part in a call is pinned instead, shared (as a parent) or exclusively (as what changes hands).
 */

#include "platform.h"
#include "../CTDXShim/include/tdx_shim.h"

/* Slot 0 is nobody's. */
#define SHIM_CHUNK_OBJECTS 256u
#define SHIM_CHUNKS_MAX 4096u
#define SHIM_OBJECTS_MAX (SHIM_CHUNK_OBJECTS * SHIM_CHUNKS_MAX)
#ifndef SHIM_BUCKETS
#define SHIM_BUCKETS 16384u
#endif
#define SHIM_SESSIONS_MAX 1024u
/* How often a reclaim repeats a call that found a lock taken, or was interrupted, before it gives up. */
#define SHIM_RECLAIM_REPEATS_MAX 10000u

#define SHIM_STATUS_ERROR (1ull << 63)
#define SHIM_STATUS_LOST (1ull << 62)
#define SHIM_STATUS_CODE 0xffffffff00000000ull
#define SHIM_INTERRUPTED_RESUMABLE 0x8000000300000000ull
#define SHIM_OPERAND_BUSY 0x8000020000000000ull
#define SHIM_LIFECYCLE_STATE_INCORRECT 0xC000060700000000ull
#define SHIM_VCPU_NOT_ASSOCIATED 0x8000070200000000ull
#define SHIM_PAGE_TYPE_TDR 4

/* Leaves the core itself knows by name. */
enum {
	SHIM_LEAF_VP_WR = 43,
	SHIM_LEAF_VP_FLUSH = 18,
	SHIM_LEAF_VPFLUSHDONE = 19,
	SHIM_LEAF_KEY_FREEID = 20,
	SHIM_LEAF_RECLAIM = 28,
	SHIM_LEAF_CACHE_WB = 40,
	SHIM_LEAF_WBINVD = 41,
};

struct shim_session;

struct shim_object {
	u32 slot;
	u32 generation;
	/* Of the free list, or of a bucket's chain. */
	u32 next;
	/* Slot of the TDR: of a page its owner, of an assigned KeyID who uses it. A TDR outlives its pages. */
	u32 parent;
	u32 children;
	/* Of a TDCX: the TDVPR it was given to, which may go first. */
	u64 vcpu;
	/* Of a TDR, and of a page returned by its TD: the KeyID, and how often that had been freed by then. */
	u64 keyid;
	u32 keyid_cycle;
	u32 processor;
	u16 kind;
	u16 doubt;
	u16 doubt_leaf;
	/* Of what is quarantined: the kind it had. */
	u16 before;
	/* Calls it takes part in as a parent; and whether one has it to itself. */
	u16 readers;
	bool writer;
	/* The module has had it: it must be erased before it is used as ordinary memory. */
	bool used;
	/* How far the reclaim of a TD has come, and with which package. */
	u8 teardown;
	bool tried;
	u32 package;
	u64 doubt_status;
	/* Of a page its address; of a KeyID its number; of memory its bytes. */
	u64 number;
	/* Of a KeyID: how often it has been freed by the module. */
	u32 cycle;
	void *backing;
	struct shim_session *session;
};

struct shim_session {
	struct shim_session *next;
	u64 id;
	u64 token[2];
	u32 pages;
	u32 keyids;
	u32 memories;
	u64 memory_bytes;
	bool open;
	/* A reclaim is at work on it: nobody adopts it meanwhile. */
	bool reclaiming;
	bool stuck;
	u32 repeats;
	/* Where a reclaim looks on: for objects, for the TD it is at, and for what belongs to that. Slots. */
	u32 scan;
	u32 td;
	u32 child;
};

/* A call as a back end gets it. */
struct shim_execution {
	u16 leaf;
	u8 version;
	/* A number, or TDX_SHIM_ANY_PROCESSOR. */
	u32 processor;
	u64 in[TDX_SHIM_REGISTERS];
	/* The page to flush before; 0 if none. */
	u64 flush;
	void *flush_backing;
	/* Host memory that the leaf reads. */
	void *memory;
	u32 memory_offset;
	u32 memory_bytes;
	/* PAGE.WBINVD only: the KeyID, unless it is the module's own. */
	bool wbinvd_global;
	u16 wbinvd_keyid;

	/* Out. */
	u32 fault;
	u32 ran_on;
	u64 status;
	u64 out[TDX_SHIM_REGISTERS];
	/* Bit n: register n was given back. */
	u32 given;
};

/* What the core asks of its surroundings; none of these is called with the mutex held, except `random` and `hold`. */
struct shim_surroundings {
	int (*page_alloc)(void *context, u64 *address, void **backing);
	void (*page_free)(void *context, u64 address, void *backing, bool erase);
	int (*keyid_alloc)(void *context, u16 *number);
	void (*keyid_free)(void *context, u16 number);
	int (*memory_alloc)(void *context, u32 bytes, void **backing);
	void (*memory_free)(void *context, void *backing);
	/* Physical address of the page of `backing` that `offset` lies in, and the offset in it. */
	u64 (*memory_address)(void *context, void *backing, u32 offset);
	/*
	 * Processors neither come nor go from `stay` to `leave`: not while a call is executed, nor before what it changed is
	 * written down. The mutex may be taken in between, and neither is called with it held.
	 */
	void (*stay)(void *context);
	void (*leave)(void *context);
	/* 0 if the instruction was attempted, or why not. */
	int (*execute)(void *context, struct shim_execution *execution);
	/* An online processor of the package with this index; ENXIO beyond the last. */
	int (*package_processor)(void *context, u32 index, u32 *processor);
	/* 0 with a back end; else -ENODEV. */
	int (*backend)(void *context);
	void (*random)(void *context, void *bytes, u32 count);
	/* One more orphan, or one less, keeps the module loaded. */
	void (*hold)(void *context, int orphans);
};

struct shim_core {
	struct shim_mutex lock;
	const struct shim_surroundings *around;
	void *context;
	u32 pages_max;
	u64 leaf_bitmap[TDX_SHIM_LEAVES / 64];

	struct shim_object *chunk[SHIM_CHUNKS_MAX];
	u32 *bucket;
	/* Slots that were ever used, slot 0 included; the first free one, or 0. */
	u32 slots;
	u32 free;
	struct shim_session *sessions;
	u32 nr_sessions;
	u32 orphans;
	/* Rises when all that the module held has become doubtful. */
	u32 epoch;
	/* Given up for good. */
	u64 forgotten;
};

enum shim_operand {
	SHIM_NONE,
	SHIM_VALUE,
	/* GPA with level bits zero: a 4 KiB page. */
	SHIM_GPA_4K,
	SHIM_FREE_PAGE,
	SHIM_TDR,
	SHIM_TDVPR,
	SHIM_HELD_PAGE,
	SHIM_ANY_PAGE,
	SHIM_RETURNED_PAGE,
	SHIM_IDLE_KEYID,
	SHIM_TD_PARAMS,
	SHIM_SOURCE_PAGE,
};

enum shim_effect {
	SHIM_CHANGES_NOTHING,
	SHIM_CREATES,
	SHIM_DONATES,
	SHIM_FREES_KEYID,
	SHIM_RECLAIMS,
	SHIM_REMOVES,
	SHIM_WRITES_BACK_PAGE,
	SHIM_ASSOCIATES,
	SHIM_DISSOCIATES,
};

/* What user space may ask of one leaf. */
struct shim_leaf {
	const char *name;
	u16 number;
	u8 version_max;
	u8 effect;
	/* What a free page, or what is removed, is as the module's. */
	u16 kind;
	/* enum shim_operand */
	u8 operand[TDX_SHIM_REGISTERS];
	/* enum tdx_shim_output, on success and on refusal */
	u8 output[TDX_SHIM_REGISTERS];
	u8 refusal[TDX_SHIM_REGISTERS];
};

/* core_leaves.c */
const struct shim_leaf *shim_leaf(u16 number);
void shim_leaves(u64 bitmap[TDX_SHIM_LEAVES / 64]);

/* core_table.c */
int shim_core_init(struct shim_core *core, const struct shim_surroundings *around, void *context, u32 pages_max);
/* Every session must be gone. */
void shim_core_end(struct shim_core *core);
struct shim_object *shim_at(struct shim_core *core, u32 slot);
static inline u64 shim_handle(const struct shim_object *object)
{
	return (u64)object->generation << 32 | object->slot;
}
struct shim_object *shim_find(struct shim_core *core, const struct shim_session *session, u64 handle);
struct shim_object *shim_by_address(struct shim_core *core, u64 address);
struct shim_object *shim_insert(struct shim_core *core, struct shim_session *session, u16 kind, u64 number, void *backing);
void shim_remove(struct shim_core *core, struct shim_object *object);
bool shim_key_gone(struct shim_core *core, const struct shim_object *object);
void shim_settle(struct shim_core *core, struct shim_object *object);
void shim_doubt(struct shim_core *core, struct shim_object *object, u16 doubt, u16 leaf, u64 status);
void shim_detach(struct shim_core *core, struct shim_object *object);
void shim_attach(struct shim_object *object, struct shim_object *parent);
/* Host memory by slot, not to be freed until it is brought back; NULL if there is none. */
struct shim_object *shim_borrow(struct shim_core *core, const struct shim_session *session, u64 slot);
void shim_bring_back(struct shim_core *core, struct shim_object *object);
static inline bool shim_is_page(u16 kind)
{
	return kind >= TDX_SHIM_PAGE_FREE && kind <= TDX_SHIM_PAGE_QUARANTINED;
}
static inline bool shim_is_held(u16 kind)
{
	return kind >= TDX_SHIM_PAGE_TDR && kind <= TDX_SHIM_PAGE_GUEST;
}
static inline bool shim_is_keyid(u16 kind)
{
	return kind >= TDX_SHIM_KEYID_IDLE && kind <= TDX_SHIM_KEYID_QUARANTINED;
}
static inline bool shim_is_quarantined(u16 kind)
{
	return kind == TDX_SHIM_PAGE_QUARANTINED || kind == TDX_SHIM_KEYID_QUARANTINED;
}

/* core_objects.c */
int shim_alloc(struct shim_core *core, struct shim_session *session, struct tdx_shim_object *request);
int shim_free(struct shim_core *core, struct shim_session *session, const struct tdx_shim_object *request);
int shim_query(struct shim_core *core, struct shim_session *session, struct tdx_shim_object *request);
int shim_list(struct shim_core *core, struct shim_session *session, struct tdx_shim_list *request);
/* Detaches what is the host's own from a session and gives it back; `limit` objects at most. Says how many. */
u32 shim_give_back(struct shim_core *core, struct shim_session *session, u32 limit);

/* core_call.c */
int shim_call(struct shim_core *core, struct shim_session *session, struct tdx_shim_call *call);
/* Whether something of ours needs this processor: a vCPU is associated with it, or it is the last of its package and there
 * are TDs, whose keys and caches are each package's own. */
bool shim_needs_processor(struct shim_core *core, u32 processor, bool last_of_package);
/* The back end has lost its memory: nothing it held can be trusted. */
void shim_doubt_all(struct shim_core *core, u16 doubt);

/* core_sessions.c */
int shim_open(struct shim_core *core, struct shim_session **session);
void shim_close(struct shim_core *core, struct shim_session *session);
void shim_info(struct shim_core *core, const struct shim_session *session, struct tdx_shim_info *info);
int shim_adopt(struct shim_core *core, struct shim_session *session, struct tdx_shim_adopt *request);
int shim_sessions(struct shim_core *core, struct tdx_shim_sessions *request);
int shim_forget(struct shim_core *core, struct tdx_shim_forget *request);
struct shim_session *shim_session_by_id(struct shim_core *core, u64 id);
/* Ends an orphan that has nothing left; the mutex is held. */
void shim_end_if_empty(struct shim_core *core, struct shim_session *session);

/* core_reclaim.c */
int shim_reclaim(struct shim_core *core, struct tdx_shim_reclaim *request);

#endif
