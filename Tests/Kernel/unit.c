// SPDX-License-Identifier: GPL-2.0
/* Unit tests of the core: each case is a function, its name a sentence. */
#include "unit.h"

#include <stdio.h>

struct world world;
static const char *running;
static u32 failures, failed_tests;

void fail(const char *file, int line, const char *what, long long got, long long wanted)
{
	printf("%s:%d: %s: %s is %lld, not %lld\n", file, line, running, what, got, wanted);
	failures++;
}

void begin(void)
{
	if (world.session)
		end();
	host_init(&world.host, &world.core, 1000);
	IS(shim_open(&world.core, &world.session), 0);
}

/* Sessions that are left are closed; what the module still holds is given up. */
void end(void)
{
	struct tdx_shim_forget forget = { .size = sizeof(forget) };

	if (world.session)
		shim_close(&world.core, world.session);
	world.session = NULL;
	while (world.core.sessions) {
		world.core.sessions->stuck = true;
		forget.session = world.core.sessions->id;
		forget.pages = forget.keyids = 0;
		IS(shim_forget(&world.core, &forget), 0);
	}
	shim_core_end(&world.core);
}

u64 new_object(u32 type, u64 bytes)
{
	struct tdx_shim_object object = { .size = sizeof(object), .type = type, .bytes = bytes };

	IS(shim_alloc(&world.core, world.session, &object), 0);
	return object.entry.handle;
}

u64 new_page(void)
{
	return new_object(TDX_SHIM_TYPE_PAGE, 0);
}

struct tdx_shim_entry look(u64 handle)
{
	struct tdx_shim_object object = { .size = sizeof(object), .entry.handle = handle };

	IS(shim_query(&world.core, world.session, &object), 0);
	return object.entry;
}

int free_object(u64 handle)
{
	struct tdx_shim_object object = { .size = sizeof(object), .entry.handle = handle };

	return CHANGING(shim_free(&world.core, world.session, &object));
}

struct tdx_shim_operand page(u64 handle)
{
	return (struct tdx_shim_operand){ TDX_SHIM_OPERAND_OBJECT, 0, handle };
}

struct tdx_shim_operand value(u64 value)
{
	return (struct tdx_shim_operand){ TDX_SHIM_OPERAND_VALUE, 0, value };
}

struct tdx_shim_call call_of(u16 leaf, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx)
{
	return (struct tdx_shim_call){ .size = sizeof(struct tdx_shim_call), .leaf = leaf, .operand = { rcx, rdx } };
}

int issue(struct tdx_shim_call *call)
{
	return CHANGING(shim_call(&world.core, world.session, call));
}

u64 leaf(u16 number, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx)
{
	struct tdx_shim_call call = call_of(number, rcx, rdx);

	IS(issue(&call), 0);
	IS(call.fault, 0);
	host_check(&world.host, &world.core, true);
	return call.status;
}

int refusal(u16 number, struct tdx_shim_operand rcx, struct tdx_shim_operand rdx)
{
	struct tdx_shim_call call = call_of(number, rcx, rdx);
	int error = issue(&call);

	host_check(&world.host, &world.core, true);
	return error;
}

struct td create_td(void)
{
	struct td td = { .keyid = new_object(TDX_SHIM_TYPE_KEYID, 0), .tdr = new_page() };

	IS(leaf(9, page(td.tdr), page(td.keyid)), 0);
	return td;
}

void configure(struct td *td)
{
	struct tdx_shim_call call;
	u32 i;

	for (i = 0; i < HOST_PACKAGES; i++) {
		call = call_of(8, page(td->tdr), (struct tdx_shim_operand){});
		call.processor = i;
		IS(issue(&call), 0);
		IS(call.status, 0);
	}
}

struct td build_td(void)
{
	u64 parameters = new_object(TDX_SHIM_TYPE_MEMORY, 1024);
	struct td td = create_td();
	u32 i;

	configure(&td);
	for (i = 0; i < 6; i++) {
		td.tdcs[i] = new_page();
		IS(leaf(1, page(td.tdcs[i]), page(td.tdr)), 0);
	}
	IS(leaf(21, page(td.tdr), page(parameters)), 0);
	IS(free_object(parameters), 0);
	return td;
}

u64 build_vcpu(const struct td *td, u32 processor)
{
	struct tdx_shim_call call;
	u64 tdvpr = new_page();
	u32 i;

	IS(leaf(10, page(tdvpr), page(td->tdr)), 0);
	for (i = 0; i < 5; i++)
		IS(leaf(4, page(new_page()), page(tdvpr)), 0);
	call = call_of(22, page(tdvpr), value(0));
	call.processor = processor;
	IS(issue(&call), 0);
	IS(call.status, 0);
	return tdvpr;
}

void run(const char *name, void (*test)(void))
{
	u32 before = failures;

	running = name;
	begin();
	test();
	host_check(&world.host, &world.core, !world.lied);
	world.lied = false;
	end();
	failed_tests += failures != before;
}

int main(void)
{
	u32 tests = run_operand_tests() + run_life_tests() + run_session_tests();

	printf("%u passed, %u failed\n", tests - failed_tests, failed_tests);
	return failed_tests ? 1 : 0;
}
