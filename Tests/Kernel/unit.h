/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TDX_SHIM_UNIT_H
#define TDX_SHIM_UNIT_H

#include "host.h"

struct world {
	struct host host;
	struct shim_core core;
	struct shim_session *session;
	/* The module's answers were made up: core and model need not agree. */
	bool lied;
};

struct td {
	u64 keyid;
	u64 tdr;
	u64 tdcs[6];
};

extern struct world world;

#define NO_OPERAND ((struct tdx_shim_operand){})
#define IS(got, wanted) \
	do { \
		long long got_ = (long long)(got), wanted_ = (long long)(wanted); \
		if (got_ != wanted_) \
			fail(__FILE__, __LINE__, #got, got_, wanted_); \
	} while (0)
/* What is asked, and with it that nothing has changed if it is refused. */
#define CHANGING(request) \
	({ \
		u64 before_ = host_digest(&world.host, &world.core); \
		int error_ = request; \
		if (error_) \
			IS(host_digest(&world.host, &world.core) == before_, true); \
		error_; \
	})
/* Names a test by its function, with underscores for spaces. */
#define RUN(test) (run(#test, test), 1)

void fail(const char *file, int line, const char *what, long long got, long long wanted);
void begin(void);
void end(void);
void run(const char *name, void (*test)(void));
u64 new_object(u32 type, u64 bytes);
u64 new_page(void);
struct tdx_shim_entry look(u64 handle);
int free_object(u64 handle);
struct tdx_shim_operand page(u64 handle);
struct tdx_shim_operand value(u64 value);
struct tdx_shim_call call_of(u16 leaf, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx);
int issue(struct tdx_shim_call *call);
/* The status of a call that must be executed; the errno of one that must not. */
u64 leaf(u16 number, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx);
int refusal(u16 number, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx);
struct td create_td(void);
void configure(struct td *td);
struct td build_td(void);
u64 build_vcpu(const struct td *td, u32 processor);

u32 run_operand_tests(void);
u32 run_life_tests(void);
u32 run_session_tests(void);

#endif
