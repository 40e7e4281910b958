/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef TDX_SHIM_H
#define TDX_SHIM_H

/*
 * What /dev/tdx_shim and its programs say to each other: one file, compiled by both sides, the layouts asserted in both.
 *
 * Whoever opens the device has a session. In it live objects (pages, KeyIDs, host memory), named by handles that carry a
 * generation. A physical address or the number of a KeyID is never taken from user space; where one is given out, it is
 * for display.
 *
 * Each structure begins with its own size; a wrong size, an unknown flag or a reserved field that is not zero is EINVAL.
 * There are no pointers in them, and 32-bit programs see the same layout.
 *
 * Every request can fail with:
 *   EINVAL      malformed: size, flags, reserved fields, operand of the wrong sort, the same object twice
 *   ENOENT      no such object or session here: never was, gone since (stale), or another session's
 *   EPROTOTYPE  the object is of another kind than asked for, or in another state
 *   EBUSY       the object takes part in another call, or is held by the module
 *   EOPNOTSUPP  no such leaf for user space, or this back end lacks it
 *   ENXIO       no such processor, or it is offline
 *   ENODEV      no back end, or the emulator is gone: nothing was executed; tdx_shim_info says why
 *   ETIMEDOUT   the emulator did not take the call in time: nothing was executed
 *   ENOSPC      a quota or the table is full            ENOMEM  no memory
 *   EINTR       a signal came before anything was executed
 *   EFAULT, ENOTTY as always                             EPERM   at open: CAP_SYS_ADMIN is needed
 * None of them changes any state. Once a call has been attempted, TDX_SHIM_SEAMCALL returns 0: see tdx_shim_call.
 */

#ifdef __KERNEL__
#include <linux/ioctl.h>
#include <linux/types.h>
#else
#include <linux/types.h>
#include <sys/ioctl.h>
#endif

#define TDX_SHIM_ABI_VERSION 1
#define TDX_SHIM_NODE "/dev/tdx_shim"
/* Only where the emulation was compiled in. */
#define TDX_SHIM_UPCALL_NODE "/dev/tdx_shim_upcall"
#define TDX_SHIM_IOCTL_TYPE 0xBD

/* RCX, RDX, R8, R9, R10, R11, in this order wherever registers are listed. */
#define TDX_SHIM_REGISTERS 6
#define TDX_SHIM_PAGE_BYTES 4096
/* Host memory in one piece, and what a session may have of it in all. */
#define TDX_SHIM_MEMORY_BYTES_MAX (4u << 20)
#define TDX_SHIM_SESSION_MEMORY_BYTES_MAX (64u << 20)
/* Leaf numbers that a bitmap has room for: bit n % 64 of word n / 64. */
#define TDX_SHIM_LEAVES 256

/* As a processor: wherever the call finds itself. As an association: none. */
#define TDX_SHIM_ANY_PROCESSOR 0xffffffffu
#define TDX_SHIM_NO_PROCESSOR 0xffffffffu
/* As what made an object doubtful: no call. */
#define TDX_SHIM_NO_LEAF 0xffff

enum tdx_shim_backend {
	/* Every call is refused; `reason` says why. */
	TDX_SHIM_BACKEND_NONE = 0,
	/* The wrappers that the kernel exports. */
	TDX_SHIM_BACKEND_EXPORTS = 1,
	/* The bare instruction: a build for one test, which wants it to fault. */
	TDX_SHIM_BACKEND_INSTRUCTION = 2,
	/* A program behind TDX_SHIM_UPCALL_NODE: tests only. */
	TDX_SHIM_BACKEND_UPCALL = 3,
};

/* Why there is no back end. */
enum tdx_shim_reason {
	TDX_SHIM_REASON_NONE = 0,
	/* This kernel has no tdh_* wrappers. */
	TDX_SHIM_REASON_NO_EXPORTS = 1,
	/* It has them, for KVM's own modules only. */
	TDX_SHIM_REASON_EXPORTS_RESTRICTED = 2,
	/* The processor, or its firmware, does not offer TDX. */
	TDX_SHIM_REASON_NO_PLATFORM = 3,
	/* The kernel has not brought the TDX module up: kvm_intel with tdx=1 does. */
	TDX_SHIM_REASON_NO_MODULE = 4,
	/* Built for emulation, and no emulator is attached. */
	TDX_SHIM_REASON_NO_EMULATOR = 5,
};

struct tdx_shim_info {
	__u32 size;
	/* TDX_SHIM_ABI_VERSION of the kernel's side. */
	__u32 abi_version;
	/* enum tdx_shim_backend, enum tdx_shim_reason */
	__u32 backend;
	__u32 reason;
	/* Leaves that this back end can execute for us. */
	__u64 leaf_bitmap[TDX_SHIM_LEAVES / 64];
	/* This session, and what ADOPT wants if it must be found again after its program died. */
	__u64 session;
	__u64 token[2];
	/* Pages this session may have, and has; KeyIDs it has. */
	__u32 pages_max;
	__u32 pages;
	__u32 keyids;
	/* Sessions whose program has gone and for which the module still holds pages. */
	__u32 orphans;
	__u64 reserved[2];
};

struct tdx_shim_cpuid {
	__u32 leaf;
	/* 0xffffffff where the leaf has none. */
	__u32 subleaf;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
};

#define TDX_SHIM_CPUID_MAX 128

enum tdx_shim_module_flags {
	/* A call that lacked entropy was repeated already. */
	TDX_SHIM_MODULE_RETRIES_ENTROPY = 1 << 0,
	/* VP.INIT takes version 1, with an x2APIC id. */
	TDX_SHIM_MODULE_VP_INIT_X2APIC = 1 << 1,
	/* Registers that the kernel's wrapper has no name for are not given back. */
	TDX_SHIM_MODULE_NAMED_OUTPUTS = 1 << 2,
	/* KeyIDs are shared with KVM: those we do not have need not be free. */
	TDX_SHIM_MODULE_SHARED_KEYIDS = 1 << 3,
};

/* What the back end knows of the TDX module; a field it does not know is 0. ENODEV without a back end. */
struct tdx_shim_module {
	__u32 size;
	__u32 flags;
	__u16 major_version;
	__u16 minor_version;
	__u16 update_version;
	__u16 build_number;
	__u32 build_date;
	__u16 global_keyid;
	/* Private KeyIDs, the global one among them. */
	__u16 first_keyid;
	__u16 last_keyid;
	__u8 keyid_shift;
	__u8 reserved0;
	__u32 nr_cpuid;
	__u64 features0;
	/* 4 KiB pages; the TDVPR counts as one of the TDVPS. */
	__u32 tdcs_pages;
	__u32 tdcs_pages_per_l2_vm;
	__u32 tdvps_pages;
	__u32 tdvps_pages_per_l2_vm;
	__u64 attributes_fixed0;
	__u64 attributes_fixed1;
	__u64 xfam_fixed0;
	__u64 xfam_fixed1;
	__u64 config_flags_fixed0;
	__u64 config_flags_fixed1;
	__u32 tsc_khz;
	__u32 max_vcpus_per_td;
	/* Leaves the module behind the back end has. */
	__u64 leaf_bitmap[TDX_SHIM_LEAVES / 64];
	__u64 reserved[6];
	struct tdx_shim_cpuid cpuid[TDX_SHIM_CPUID_MAX];
};

struct tdx_shim_processor {
	__u32 processor;
	__u32 package;
};

#define TDX_SHIM_PROCESSORS_MAX 64

/* Online processors in ascending order, from `cursor` on; `cursor` is then where to go on, or ANY at the end. */
struct tdx_shim_processors {
	__u32 size;
	__u32 cursor;
	__u32 count;
	__u32 reserved;
	struct tdx_shim_processor processor[TDX_SHIM_PROCESSORS_MAX];
};

enum tdx_shim_kind {
	TDX_SHIM_NOTHING = 0,
	/* Pages. The host's: may be given to the module, or freed. */
	TDX_SHIM_PAGE_FREE = 1,
	TDX_SHIM_PAGE_TDR = 2,
	TDX_SHIM_PAGE_TDCS = 3,
	TDX_SHIM_PAGE_TDVPR = 4,
	TDX_SHIM_PAGE_TDCX = 5,
	TDX_SHIM_PAGE_SEPT = 6,
	TDX_SHIM_PAGE_GUEST = 7,
	/* The module has let go of it, and PAGE.WBINVD is due; then it is FREE. */
	TDX_SHIM_PAGE_RETURNED = 8,
	/* Whose it is cannot be known: it is never used or freed again. */
	TDX_SHIM_PAGE_QUARANTINED = 9,

	/* KeyIDs: idle, used by a TD, and lost with one. */
	TDX_SHIM_KEYID_IDLE = 16,
	TDX_SHIM_KEYID_ASSIGNED = 17,
	TDX_SHIM_KEYID_QUARANTINED = 18,

	/* Host memory, which the module reads and is never given. */
	TDX_SHIM_MEMORY = 24,
};

/* Why an object is quarantined. */
enum tdx_shim_doubt {
	TDX_SHIM_DOUBT_NONE = 0,
	/* The call was taken and not answered in time. */
	TDX_SHIM_DOUBT_TIMEOUT = 1,
	/* SEAMCALL failed as VMfailInvalid: there is no module any more. */
	TDX_SHIM_DOUBT_VMFAIL = 2,
	/* The emulator died, and with it what it knew. */
	TDX_SHIM_DOUBT_EMULATOR = 3,
	/* The module's answer contradicts what we know of our pages. */
	TDX_SHIM_DOUBT_CONTRADICTION = 4,
};

/* One object. */
struct tdx_shim_entry {
	/* Generation in bits 63:32 (never 0), slot in bits 31:0. */
	__u64 handle;
	/* Of a page: its TD's TDR; of a TDCX: its TDVPR, as long as that is there. Of an assigned KeyID: the TDR. */
	__u64 parent;
	/* Of a TDR: its KeyID. */
	__u64 keyid;
	/* For display. Pages: the physical address, if asked for. KeyIDs: the number. Memory: bytes. */
	__u64 number;
	/* enum tdx_shim_kind, enum tdx_shim_doubt */
	__u32 kind;
	__u32 doubt;
	/* Of a TDVPR: where it is associated, as far as we know. */
	__u32 processor;
	/* Of a TDR: pages of the TD apart from itself. */
	__u32 children;
	/* What made it doubtful: status and leaf, or TDX_SHIM_NO_LEAF. */
	__u64 status;
	__u16 leaf;
	/* enum tdx_shim_kind that it had before it was quarantined; else 0. FREE or IDLE: `leaf` may have taken it. */
	__u16 before;
	__u16 reserved[2];
};

enum tdx_shim_object_flags {
	/* Fill `number` of a page with its physical address. */
	TDX_SHIM_WITH_ADDRESS = 1 << 0,
};

enum tdx_shim_object_type {
	TDX_SHIM_TYPE_PAGE = 1,
	TDX_SHIM_TYPE_KEYID = 2,
	TDX_SHIM_TYPE_MEMORY = 3,
};

/*
 * ALLOC: in flags, type, bytes (memory only, 1 to TDX_SHIM_MEMORY_BYTES_MAX; rounded up to pages); out entry, and for
 *        memory mmap_offset: mmap the device there, shared, as long as the memory is, to write and read it. Pages and
 *        memory come zeroed.
 * FREE:  in entry.handle. A page the module holds is EBUSY; one that awaits PAGE.WBINVD likewise, unless its TD's KeyID
 *        has been freed since. Memory that a call reads is EBUSY; a mapping of it lives on.
 * QUERY: in flags, entry.handle; out entry.
 */
struct tdx_shim_object {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 reserved;
	__u64 bytes;
	__u64 mmap_offset;
	struct tdx_shim_entry entry;
};

enum tdx_shim_operand_kind {
	/* The register is not used, and zero. */
	TDX_SHIM_OPERAND_NONE = 0,
	/* A value as it is: GPA with level, field id, data, mask, resume flag. Never an address of the host. */
	TDX_SHIM_OPERAND_VALUE = 1,
	/* The handle of a page, a KeyID, or memory. */
	TDX_SHIM_OPERAND_OBJECT = 2,
};

struct tdx_shim_operand {
	/* enum tdx_shim_operand_kind */
	__u32 kind;
	/* Bytes into memory; 0 otherwise. */
	__u32 offset;
	__u64 value;
};

/* What became of the instruction. */
enum tdx_shim_fault {
	/* Executed: `status` is the module's answer. */
	TDX_SHIM_FAULT_NONE = 0,
	/* Trapped, so it was not executed: nothing changed. */
	TDX_SHIM_FAULT_UD = 1,
	TDX_SHIM_FAULT_GP = 2,
	/* Outcome unknown: what the call might have changed is quarantined. */
	TDX_SHIM_FAULT_VMFAIL = 3,
	TDX_SHIM_FAULT_TIMEOUT = 4,
	TDX_SHIM_FAULT_EMULATOR_LOST = 5,
};

enum tdx_shim_output {
	/* The leaf has no such output, or the back end does not give it: the value is 0. */
	TDX_SHIM_OUTPUT_NONE = 0,
	TDX_SHIM_OUTPUT_VALUE = 1,
	/* The module named a page; the value is its handle, or 0 if it is none of this session's. */
	TDX_SHIM_OUTPUT_OBJECT = 2,
	/* A secure EPT entry, its address bits (51:12) taken out. */
	TDX_SHIM_OUTPUT_ENTRY = 3,
};

/*
 * One leaf on one processor. The operands have the leaf's own order of registers, with these differences:
 *   MNG.CREATE    RDX is the handle of an idle KeyID
 *   MNG.INIT      RDX is memory of 1024 bytes, offset a multiple of 1024
 *   PAGE.ADD      R9 is memory of 4096 bytes, offset a multiple of 4096
 *   PAGE.WBINVD   RCX is a RETURNED page; which KeyID is due is known here
 *   SEPT.ADD, PAGE.AUG, PAGE.REMOVE: version 0, without flags; guest pages are 4 KiB
 *   VP.WR         not the fields that hold addresses of the host (EOPNOTSUPP)
 * A page that a leaf takes is flushed from the caches here, before.
 */
struct tdx_shim_call {
	__u32 size;
	__u32 flags;
	__u16 leaf;
	__u8 version;
	__u8 reserved0;
	/* Online processor, or TDX_SHIM_ANY_PROCESSOR. Others cannot go offline meanwhile. */
	__u32 processor;
	/* Out, all of the rest but the operands. enum tdx_shim_fault, and where it ran. */
	__u32 fault;
	__u32 ran_on;
	/* RAX; with a fault, the code that Linux makes of it. */
	__u64 status;
	struct tdx_shim_operand operand[TDX_SHIM_REGISTERS];
	__u64 output[TDX_SHIM_REGISTERS];
	/* enum tdx_shim_output */
	__u8 output_kind[TDX_SHIM_REGISTERS];
	__u8 reserved1[2];
};

/*
 * Takes over everything of a session whose program has gone. In session and token, out how much. The handles stay as they
 * were. A wrong session or token is ENOENT, one whose device is still open EBUSY, one that would exceed our quota ENOSPC.
 */
struct tdx_shim_adopt {
	__u32 size;
	__u32 flags;
	__u64 session;
	__u64 token[2];
	__u32 pages;
	__u32 keyids;
};

#define TDX_SHIM_LIST_MAX 32

/* The session's objects by slot, from `cursor` (0 at first) on; `cursor` is then where to go on, or 0 at the end. */
struct tdx_shim_list {
	__u32 size;
	/* TDX_SHIM_WITH_ADDRESS */
	__u32 flags;
	__u64 cursor;
	__u32 count;
	__u32 reserved;
	struct tdx_shim_entry entry[TDX_SHIM_LIST_MAX];
};

struct tdx_shim_session {
	__u64 session;
	__u32 pages;
	__u32 keyids;
	__u32 quarantined;
	/* 1 while its device is open. */
	__u32 open;
};

/* All sessions, from `cursor` (0 at first) on, as above. */
struct tdx_shim_sessions {
	__u32 size;
	__u32 flags;
	__u64 cursor;
	__u32 count;
	__u32 reserved;
	struct tdx_shim_session session[TDX_SHIM_LIST_MAX];
};

enum tdx_shim_reclaim_state {
	TDX_SHIM_RECLAIM_DONE = 0,
	/* Ask again: `steps` calls were made. */
	TDX_SHIM_RECLAIM_MORE = 1,
	/* The call that `leaf`, `status` and `handle` name was refused; what it was for stays. */
	TDX_SHIM_RECLAIM_STUCK = 2,
};

#define TDX_SHIM_RECLAIM_STEPS_MAX 1024

/* Tears down the TDs of an orphan session, whose token is not asked for, and frees what comes back. EBUSY if it is open. */
struct tdx_shim_reclaim {
	__u32 size;
	__u32 flags;
	__u64 session;
	/* In: 1 to TDX_SHIM_RECLAIM_STEPS_MAX. */
	__u32 steps_max;
	/* Out. enum tdx_shim_reclaim_state; objects that are left. */
	__u32 steps;
	__u32 state;
	__u32 remaining;
	__u64 status;
	__u64 handle;
	__u16 leaf;
	__u16 reserved[3];
};

/*
 * Gives up what an orphan session has in quarantine, and pages and KeyIDs of its that a STUCK reclaim left: they are never
 * used again until the machine is restarted, and no longer keep the module loaded.
 */
struct tdx_shim_forget {
	__u32 size;
	__u32 flags;
	__u64 session;
	__u32 pages;
	__u32 keyids;
};

#define TDX_SHIM_GET_INFO _IOWR(TDX_SHIM_IOCTL_TYPE, 0x00, struct tdx_shim_info)
#define TDX_SHIM_GET_MODULE _IOWR(TDX_SHIM_IOCTL_TYPE, 0x01, struct tdx_shim_module)
#define TDX_SHIM_GET_PROCESSORS _IOWR(TDX_SHIM_IOCTL_TYPE, 0x02, struct tdx_shim_processors)
#define TDX_SHIM_ALLOC _IOWR(TDX_SHIM_IOCTL_TYPE, 0x10, struct tdx_shim_object)
#define TDX_SHIM_FREE _IOW(TDX_SHIM_IOCTL_TYPE, 0x11, struct tdx_shim_object)
#define TDX_SHIM_QUERY _IOWR(TDX_SHIM_IOCTL_TYPE, 0x12, struct tdx_shim_object)
#define TDX_SHIM_SEAMCALL _IOWR(TDX_SHIM_IOCTL_TYPE, 0x20, struct tdx_shim_call)
#define TDX_SHIM_ADOPT _IOWR(TDX_SHIM_IOCTL_TYPE, 0x30, struct tdx_shim_adopt)
#define TDX_SHIM_LIST _IOWR(TDX_SHIM_IOCTL_TYPE, 0x31, struct tdx_shim_list)
#define TDX_SHIM_SESSIONS _IOWR(TDX_SHIM_IOCTL_TYPE, 0x32, struct tdx_shim_sessions)
#define TDX_SHIM_RECLAIM _IOWR(TDX_SHIM_IOCTL_TYPE, 0x33, struct tdx_shim_reclaim)
#define TDX_SHIM_FORGET _IOWR(TDX_SHIM_IOCTL_TYPE, 0x34, struct tdx_shim_forget)

/*
 * The emulation: a program opens TDX_SHIM_UPCALL_NODE (one at a time: EBUSY), looks at the processors with
 * TDX_SHIM_GET_PROCESSORS, attaches with TDX_SHIM_ATTACH, then reads requests and writes replies; several threads may, and
 * replies may come in any order. A read gives one whole request (`size` bytes; a shorter buffer is EINVAL), and waits for
 * one unless O_NONBLOCK; poll works. Requests are read in the order in which they were made. A reply to a request that is no longer waited for is ENOENT.
 */
#define TDX_SHIM_ATTACH _IOW(TDX_SHIM_IOCTL_TYPE, 0x40, struct tdx_shim_module)

enum tdx_shim_upcall_kind {
	/* A SEAMCALL. */
	TDX_SHIM_UPCALL_CALL = 1,
	/* What the host did otherwise, so that an emulator can watch the host's duties. No reply: it would be ENOENT. */
	TDX_SHIM_UPCALL_PAGE_ALLOCATED = 2,
	/* Erased, so that it can be used as ordinary memory. */
	TDX_SHIM_UPCALL_PAGE_CLEARED = 3,
	TDX_SHIM_UPCALL_PAGE_FREED = 4,
	TDX_SHIM_UPCALL_KEYID_ALLOCATED = 5,
	TDX_SHIM_UPCALL_KEYID_FREED = 6,
};

/* Followed by `memory_bytes` bytes: what host memory the call names holds (TD_PARAMS, the source page). */
struct tdx_shim_upcall_request {
	/* With the memory. */
	__u32 size;
	/* enum tdx_shim_upcall_kind */
	__u32 kind;
	__u64 sequence;
	/* RAX on entry. */
	__u64 rax;
	/* Physical addresses and KeyIDs as they are. For the other kinds, the first is the address or the number. */
	__u64 registers[TDX_SHIM_REGISTERS];
	/* The page that was flushed for this call; 0 if none. */
	__u64 flushed;
	/* Where the memory is; 0 if none. */
	__u64 memory;
	__u32 memory_bytes;
	__u32 processor;
	__u32 package;
	__u32 reserved;
};

struct tdx_shim_upcall_reply {
	__u32 size;
	__u32 reserved;
	__u64 sequence;
	/* RAX on return. */
	__u64 rax;
	__u64 registers[TDX_SHIM_REGISTERS];
};

#define TDX_SHIM_SAME(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has the agreed size")
#define TDX_SHIM_AT(type, field, offset) \
	_Static_assert(__builtin_offsetof(type, field) == (offset), #type "." #field " is where agreed")

TDX_SHIM_SAME(struct tdx_shim_info, 104);
TDX_SHIM_AT(struct tdx_shim_info, leaf_bitmap, 16);
TDX_SHIM_AT(struct tdx_shim_info, session, 48);
TDX_SHIM_AT(struct tdx_shim_info, token, 56);
TDX_SHIM_AT(struct tdx_shim_info, pages_max, 72);
TDX_SHIM_SAME(struct tdx_shim_cpuid, 24);
TDX_SHIM_SAME(struct tdx_shim_module, 3264);
TDX_SHIM_AT(struct tdx_shim_module, build_date, 16);
TDX_SHIM_AT(struct tdx_shim_module, keyid_shift, 26);
TDX_SHIM_AT(struct tdx_shim_module, features0, 32);
TDX_SHIM_AT(struct tdx_shim_module, attributes_fixed0, 56);
TDX_SHIM_AT(struct tdx_shim_module, tsc_khz, 104);
TDX_SHIM_AT(struct tdx_shim_module, leaf_bitmap, 112);
TDX_SHIM_AT(struct tdx_shim_module, cpuid, 192);
TDX_SHIM_SAME(struct tdx_shim_processors, 528);
TDX_SHIM_SAME(struct tdx_shim_entry, 64);
TDX_SHIM_AT(struct tdx_shim_entry, kind, 32);
TDX_SHIM_AT(struct tdx_shim_entry, status, 48);
TDX_SHIM_AT(struct tdx_shim_entry, leaf, 56);
TDX_SHIM_AT(struct tdx_shim_entry, before, 58);
TDX_SHIM_SAME(struct tdx_shim_object, 96);
TDX_SHIM_AT(struct tdx_shim_object, bytes, 16);
TDX_SHIM_AT(struct tdx_shim_object, entry, 32);
TDX_SHIM_SAME(struct tdx_shim_operand, 16);
TDX_SHIM_SAME(struct tdx_shim_call, 184);
TDX_SHIM_AT(struct tdx_shim_call, leaf, 8);
TDX_SHIM_AT(struct tdx_shim_call, processor, 12);
TDX_SHIM_AT(struct tdx_shim_call, fault, 16);
TDX_SHIM_AT(struct tdx_shim_call, status, 24);
TDX_SHIM_AT(struct tdx_shim_call, operand, 32);
TDX_SHIM_AT(struct tdx_shim_call, output, 128);
TDX_SHIM_AT(struct tdx_shim_call, output_kind, 176);
TDX_SHIM_SAME(struct tdx_shim_adopt, 40);
TDX_SHIM_SAME(struct tdx_shim_list, 2072);
TDX_SHIM_AT(struct tdx_shim_list, entry, 24);
TDX_SHIM_SAME(struct tdx_shim_session, 24);
TDX_SHIM_SAME(struct tdx_shim_sessions, 792);
TDX_SHIM_SAME(struct tdx_shim_reclaim, 56);
TDX_SHIM_AT(struct tdx_shim_reclaim, status, 32);
TDX_SHIM_SAME(struct tdx_shim_forget, 24);
TDX_SHIM_SAME(struct tdx_shim_upcall_request, 104);
TDX_SHIM_AT(struct tdx_shim_upcall_request, registers, 24);
TDX_SHIM_AT(struct tdx_shim_upcall_request, flushed, 72);
TDX_SHIM_AT(struct tdx_shim_upcall_request, memory_bytes, 88);
TDX_SHIM_SAME(struct tdx_shim_upcall_reply, 72);

#ifndef __KERNEL__
/* Swift does not see macros that compute: the requests' numbers as functions. */
static inline unsigned long tdx_shim_get_info_request(void) { return TDX_SHIM_GET_INFO; }
static inline unsigned long tdx_shim_get_module_request(void) { return TDX_SHIM_GET_MODULE; }
static inline unsigned long tdx_shim_get_processors_request(void) { return TDX_SHIM_GET_PROCESSORS; }
static inline unsigned long tdx_shim_alloc_request(void) { return TDX_SHIM_ALLOC; }
static inline unsigned long tdx_shim_free_request(void) { return TDX_SHIM_FREE; }
static inline unsigned long tdx_shim_query_request(void) { return TDX_SHIM_QUERY; }
static inline unsigned long tdx_shim_seamcall_request(void) { return TDX_SHIM_SEAMCALL; }
static inline unsigned long tdx_shim_adopt_request(void) { return TDX_SHIM_ADOPT; }
static inline unsigned long tdx_shim_list_request(void) { return TDX_SHIM_LIST; }
static inline unsigned long tdx_shim_sessions_request(void) { return TDX_SHIM_SESSIONS; }
static inline unsigned long tdx_shim_reclaim_request(void) { return TDX_SHIM_RECLAIM; }
static inline unsigned long tdx_shim_forget_request(void) { return TDX_SHIM_FORGET; }
static inline unsigned long tdx_shim_attach_request(void) { return TDX_SHIM_ATTACH; }
#endif

#endif
