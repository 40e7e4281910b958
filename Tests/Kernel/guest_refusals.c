// SPDX-License-Identifier: GPL-2.0
/* What the device refuses, and with which errno. After each refusal, all that can be seen of it is as before. */
#include "guest.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct tdx_shim_operand none;

static void mix(__u64 *digest, const void *bytes, size_t count)
{
	const unsigned char *next = bytes;

	while (count--)
		*digest = (*digest ^ *next++) * 0x100000001B3ull;
}

/* Of the session and every object in it, of the other sessions, and of how often the emulator was asked. */
static __u64 survey(void)
{
	struct tdx_shim_info session = info();
	struct tdx_shim_list list = { .size = sizeof(list), .flags = TDX_SHIM_WITH_ADDRESS };
	struct tdx_shim_sessions sessions = { .size = sizeof(sessions) };
	unsigned long calls = controls->calls;
	__u64 digest = 1;

	mix(&digest, &session, sizeof(session));
	mix(&digest, &calls, sizeof(calls));
	do {
		IS(request(TDX_SHIM_LIST, &list), 0);
		mix(&digest, list.entry, list.count * sizeof(list.entry[0]));
	} while (list.cursor);
	do {
		IS(request(TDX_SHIM_SESSIONS, &sessions), 0);
		mix(&digest, sessions.session, sessions.count * sizeof(sessions.session[0]));
	} while (sessions.cursor);
	return digest;
}

#define REFUSED(request, wanted)               \
	do {                                   \
		__u64 before = survey();       \
		IS(request, wanted);           \
		IS(survey() == before, true);  \
	} while (0)

/* Each request that begins with its size, with one that is too small, too large, and none. */
static void test_sizes(void)
{
	static const unsigned long requests[] = {
		TDX_SHIM_GET_INFO, TDX_SHIM_GET_MODULE, TDX_SHIM_GET_PROCESSORS, TDX_SHIM_ALLOC,    TDX_SHIM_FREE,	   TDX_SHIM_QUERY,
		TDX_SHIM_SEAMCALL, TDX_SHIM_ADOPT,	TDX_SHIM_LIST,		 TDX_SHIM_SESSIONS, TDX_SHIM_RECLAIM, TDX_SHIM_FORGET,
	};
	static union {
		__u32 size;
		unsigned char bytes[sizeof(struct tdx_shim_module)];
	} any;
	unsigned int i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		memset(&any, 0, sizeof(any));
		REFUSED(request(requests[i], &any), EINVAL);
		any.size = _IOC_SIZE(requests[i]) - 1;
		REFUSED(request(requests[i], &any), EINVAL);
		any.size = _IOC_SIZE(requests[i]) + 8;
		REFUSED(request(requests[i], &any), EINVAL);
		REFUSED(request(requests[i], NULL), EFAULT);
		REFUSED(request(requests[i], (void *)-4096l), EFAULT);
		/* The same number with another size is another request. */
		REFUSED(request(requests[i] ^ 4ul << _IOC_SIZESHIFT, &any), ENOTTY);
	}
	REFUSED(request(_IO(TDX_SHIM_IOCTL_TYPE, 0x99), NULL), ENOTTY);
}

static void test_unknown(void)
{
	/* VP.ENTER, PROMOTE, SYS.INIT, SYS.RD, SYS.CONFIG, and some that nobody knows. */
	static const __u16 leaves[] = { 0, 23, 33, 34, 45, 42, 255, 256, 0xffff };
	static const __u32 processors[] = { 2, 64, 0x7fffffff, 0xfffffffe };
	struct tdx_shim_call call = call_of(40, value(0), none);
	struct tdx_shim_object strange = { .size = sizeof(strange), .type = 9 };
	unsigned int i;

	for (i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		REFUSED(try_leaf(leaves[i], none, none), EOPNOTSUPP);
	call.version = 1;
	REFUSED(request(TDX_SHIM_SEAMCALL, &call), EOPNOTSUPP);
	call.version = 0;
	for (i = 0; i < sizeof(processors) / sizeof(processors[0]); i++) {
		call.processor = processors[i];
		REFUSED(request(TDX_SHIM_SEAMCALL, &call), ENXIO);
	}
	call.processor = TDX_SHIM_ANY_PROCESSOR;
	call.flags = 1;
	REFUSED(request(TDX_SHIM_SEAMCALL, &call), EINVAL);
	REFUSED(request(TDX_SHIM_ALLOC, &strange), EINVAL);
}

/* Objects of a session are nothing to another one, KeyIDs among them. */
static void test_foreign(const struct td *td, __u64 fresh, __u64 keyid)
{
	int owner = device;
	__u64 theirs, their_keyid;

	IS(open_device(), 0);
	REFUSED(try_leaf(28, object(td->page[0]), none), ENOENT);
	REFUSED(try_leaf(9, object(fresh), object(keyid)), ENOENT);
	REFUSED(try_leaf(11, object(td->tdr), value(0)), ENOENT);
	REFUSED(free_object(fresh), ENOENT);
	REFUSED(free_object(keyid), ENOENT);
	theirs = new_page();
	their_keyid = new_object(TDX_SHIM_TYPE_KEYID, 0, NULL);
	REFUSED(try_leaf(9, object(theirs), object(keyid)), ENOENT);
	REFUSED(try_leaf(9, object(fresh), object(their_keyid)), ENOENT);
	close(device);
	device = owner;
	/* Not even while it has them: closing freed them. */
	REFUSED(try_leaf(28, object(theirs), none), ENOENT);
	REFUSED(try_leaf(9, object(fresh), object(their_keyid)), ENOENT);
}

static void test_handles(void)
{
	struct td td = build_td();
	__u64 fresh = new_page(), keyid = new_object(TDX_SHIM_TYPE_KEYID, 0, NULL), stale = new_page();
	__u64 memory = new_object(TDX_SHIM_TYPE_MEMORY, 4096, NULL);

	IS(free_object(stale), 0);
	REFUSED(free_object(stale), ENOENT);
	REFUSED(try_leaf(28, object(stale), none), ENOENT);
	REFUSED(try_leaf(9, object(stale), object(keyid)), ENOENT);
	REFUSED(try_leaf(28, object(0), none), ENOENT);
	REFUSED(try_leaf(28, object(0x100000000ull), none), ENOENT);
	REFUSED(try_leaf(28, object(fresh + (1ull << 32)), none), ENOENT);
	REFUSED(try_leaf(28, object(~0ull), none), ENOENT);
	/* An address, and a KeyID's number. */
	REFUSED(try_leaf(28, value(0x1000), none), EINVAL);
	REFUSED(try_leaf(9, object(fresh), value(2)), EINVAL);
	/* The same twice. */
	REFUSED(try_leaf(1, object(fresh), object(fresh)), EINVAL);
	REFUSED(try_leaf(1, object(td.tdr), object(td.tdr)), EINVAL);
	/* Of the wrong kind, or somebody's. */
	REFUSED(try_leaf(9, object(td.tdr), object(keyid)), EPROTOTYPE);
	REFUSED(try_leaf(9, object(fresh), object(td.keyid)), EPROTOTYPE);
	REFUSED(try_leaf(9, object(fresh), object(memory)), EPROTOTYPE);
	REFUSED(try_leaf(1, object(fresh), object(td.tdvpr)), EPROTOTYPE);
	REFUSED(try_leaf(1, object(td.page[0]), object(td.tdr)), EPROTOTYPE);
	REFUSED(try_leaf(1, object(keyid), object(td.tdr)), EPROTOTYPE);
	REFUSED(try_leaf(28, object(fresh), none), EPROTOTYPE);
	REFUSED(try_leaf(41, object(td.tdr), none), EPROTOTYPE);
	REFUSED(free_object(td.page[3]), EBUSY);
	REFUSED(free_object(td.keyid), EBUSY);
	test_foreign(&td, fresh, keyid);
	IS(free_object(memory), 0);
	IS(free_object(fresh), 0);
	IS(free_object(keyid), 0);
	destroy_td(&td);
}

void test_refusals(void)
{
	test_sizes();
	test_unknown();
	test_handles();
}
