/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TDX_SHIM_GUEST_H
#define TDX_SHIM_GUEST_H

/* For the programs that run in a guest, as root, with the module loaded. */
#include "../../Sources/CTDXShim/include/tdx_shim.h"

#include <stdbool.h>

enum { EMULATED_PACKAGES = 1, EMULATED_SHIFT = 46 };

/* What a test tells the emulator, and what it sees of it; in shared memory. */
struct emulator_controls {
	volatile bool attached;
	/* Takes requests and does not answer. */
	volatile bool hung;
	/* Takes none. */
	volatile bool deaf;
	volatile unsigned long calls;
	volatile unsigned long notes;
	/* Sum of the bytes of the last memory that came with a call. */
	volatile unsigned long memory_sum;
	volatile unsigned int held_pages;
	volatile unsigned int held_keyids;
};

extern struct emulator_controls *controls;
/* Starts one in a process of its own and waits until it is attached. */
int start_emulator(void);
void stop_emulator(int process);

extern int device;
extern unsigned int checks, failures;

#define IS(got, wanted) check(__FILE__, __LINE__, #got, (long long)(got), (long long)(wanted))
void check(const char *file, int line, const char *what, long long got, long long wanted);
int open_device(void);
/* 0, or the errno. */
int request(unsigned long number, void *structure);
__u64 new_object(__u32 type, __u64 bytes, __u64 *mmap_offset);
__u64 new_page(void);
int free_object(__u64 handle);
struct tdx_shim_entry look(__u64 handle);
struct tdx_shim_operand object(__u64 handle);
struct tdx_shim_operand value(__u64 value);
struct tdx_shim_call call_of(__u16 leaf, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx);
/* A call that must be executed; its status. */
__u64 leaf(__u16 number, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx);
/* Any call; 0, or the errno. */
int try_leaf(__u16 number, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx);
struct tdx_shim_info info(void);
/* Sets of pages and a KeyID at the module: a TD that is initialised, with one vCPU that is associated. */
struct td {
	__u64 keyid;
	__u64 tdr;
	__u64 page[12];
	__u64 tdvpr;
};
struct td build_td(void);
void destroy_td(struct td *td);
/* What is refused, and with which errno; and that it changes nothing. An emulator is attached. */
void test_refusals(void);
bool is_loaded(void);
int unload(void);

#endif
