// SPDX-License-Identifier: GPL-2.0
/* What is refused before anything is executed, and with which errno; and that it changes nothing. */
#include "unit.h"

static void a_structure_of_another_size_or_with_something_reserved_set_is_malformed(void)
{
	struct tdx_shim_call call = call_of(40, value(0), NO_OPERAND);
	struct tdx_shim_object object = { .size = sizeof(object), .type = TDX_SHIM_TYPE_PAGE };
	struct tdx_shim_list list = { .size = sizeof(list), .reserved = 1 };

	call.size--;
	IS(issue(&call), -EINVAL);
	call.size++;
	call.flags = 1;
	IS(issue(&call), -EINVAL);
	call.flags = 0;
	call.reserved1[1] = 1;
	IS(issue(&call), -EINVAL);
	call.reserved1[1] = 0;
	IS(issue(&call), 0);
	IS(world.host.model.calls, 1);

	object.reserved = 1;
	IS(CHANGING(shim_alloc(&world.core, world.session, &object)), -EINVAL);
	object.reserved = 0;
	object.bytes = 4096;
	IS(CHANGING(shim_alloc(&world.core, world.session, &object)), -EINVAL);
	object.bytes = 0;
	object.type = 4;
	IS(CHANGING(shim_alloc(&world.core, world.session, &object)), -EINVAL);
	object.type = TDX_SHIM_TYPE_MEMORY;
	IS(CHANGING(shim_alloc(&world.core, world.session, &object)), -EINVAL);
	object.bytes = TDX_SHIM_MEMORY_BYTES_MAX + 1;
	IS(CHANGING(shim_alloc(&world.core, world.session, &object)), -EINVAL);
	IS(CHANGING(shim_list(&world.core, world.session, &list)), -EINVAL);
	IS(world.host.pages + world.host.memories, 0);
}

static void a_leaf_that_is_not_for_user_space_is_refused(void)
{
	/* VP.ENTER, PROMOTE, SYS.INIT, SYS.RD, SYS.CONFIG, one nobody knows, and one beyond the bitmap. */
	static const u16 leaves[] = { 0, 23, 33, 34, 45, 42, 255, 256, 0xffff };
	struct tdx_shim_call call = call_of(40, value(0), NO_OPERAND);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		IS(refusal(leaves[i], NO_OPERAND, NO_OPERAND), -EOPNOTSUPP);
	call.version = 1;
	IS(issue(&call), -EOPNOTSUPP);
	world.core.leaf_bitmap[0] &= ~(1ull << 40);
	IS(refusal(40, value(0), NO_OPERAND), -EOPNOTSUPP);
	IS(world.host.model.calls, 0);
}

static void without_a_back_end_nothing_is_executed(void)
{
	struct tdx_shim_object object = { .size = sizeof(object), .type = TDX_SHIM_TYPE_KEYID };

	world.host.has_backend = false;
	IS(refusal(40, value(0), NO_OPERAND), -ENODEV);
	IS(CHANGING(shim_alloc(&world.core, world.session, &object)), -ENODEV);
}

static void a_handle_that_never_was_or_is_no_more_or_is_anothers_is_unknown(void)
{
	u64 mine = new_page(), stale = new_page(), theirs;
	struct shim_session *session = world.session, *other;

	IS(free_object(stale), 0);
	IS(free_object(stale), -ENOENT);
	IS(new_page() != stale, 1);
	IS(shim_open(&world.core, &other), 0);
	world.session = other;
	theirs = new_page();
	world.session = session;
	IS(refusal(28, page(stale), NO_OPERAND), -ENOENT);
	IS(refusal(28, page(theirs), NO_OPERAND), -ENOENT);
	IS(refusal(28, page(0), NO_OPERAND), -ENOENT);
	IS(refusal(28, page(~0ull), NO_OPERAND), -ENOENT);
	IS(refusal(28, page(mine + (1ull << 32)), NO_OPERAND), -ENOENT);
	IS(free_object(theirs), -ENOENT);
	shim_close(&world.core, other);
}

static void a_page_of_the_wrong_kind_is_refused(void)
{
	struct td td = build_td();
	u64 vcpu = build_vcpu(&td, 0), fresh = new_page(), keyid = new_object(TDX_SHIM_TYPE_KEYID, 0);
	u64 memory = new_object(TDX_SHIM_TYPE_MEMORY, 4096), calls = world.host.model.calls;

	IS(refusal(9, page(td.tdr), page(keyid)), -EPROTOTYPE);
	IS(refusal(9, page(fresh), page(td.keyid)), -EPROTOTYPE);
	IS(refusal(9, page(fresh), page(memory)), -EPROTOTYPE);
	IS(refusal(1, page(td.tdcs[0]), page(td.tdr)), -EPROTOTYPE);
	IS(refusal(1, page(fresh), page(vcpu)), -EPROTOTYPE);
	IS(refusal(1, page(memory), page(td.tdr)), -EPROTOTYPE);
	IS(refusal(4, page(fresh), page(td.tdr)), -EPROTOTYPE);
	IS(refusal(18, page(td.tdr), NO_OPERAND), -EPROTOTYPE);
	IS(refusal(19, page(vcpu), NO_OPERAND), -EPROTOTYPE);
	IS(refusal(28, page(fresh), NO_OPERAND), -EPROTOTYPE);
	IS(refusal(41, page(td.tdr), NO_OPERAND), -EPROTOTYPE);
	IS(refusal(41, page(fresh), NO_OPERAND), -EPROTOTYPE);
	IS(refusal(21, page(td.tdr), page(fresh)), -EPROTOTYPE);
	IS(world.host.model.calls, calls);
}

static void an_operand_of_the_wrong_sort_is_malformed(void)
{
	struct td td = build_td();
	u64 fresh = new_page();
	struct tdx_shim_operand odd = { 3, 0, 0 }, offset = { TDX_SHIM_OPERAND_OBJECT, 4096, td.tdr };
	struct tdx_shim_call call = call_of(8, page(td.tdr), NO_OPERAND);

	/* An address, which is what one would pass to the module itself. */
	IS(refusal(8, value(0x100000000), NO_OPERAND), -EINVAL);
	IS(refusal(9, page(fresh), value(2)), -EINVAL);
	IS(refusal(8, NO_OPERAND, NO_OPERAND), -EINVAL);
	IS(refusal(8, page(td.tdr), value(0)), -EINVAL);
	IS(refusal(40, page(td.tdr), NO_OPERAND), -EINVAL);
	IS(refusal(8, odd, NO_OPERAND), -EINVAL);
	IS(refusal(8, offset, NO_OPERAND), -EINVAL);
	call.operand[5].value = 1;
	IS(issue(&call), -EINVAL);
	/* One page in two places. */
	IS(refusal(1, page(td.tdr), page(td.tdr)), -EINVAL);
	IS(refusal(1, page(fresh), page(fresh)), -EINVAL);
}

static void a_large_page_cannot_be_named(void)
{
	struct td td = build_td();
	struct tdx_shim_call call = call_of(6, value(0x200001), page(td.tdr));

	call.operand[2] = page(new_page());
	IS(issue(&call), -EINVAL);
	IS(refusal(29, value(1), page(td.tdr)), -EINVAL);
}

static void memory_is_read_within_its_bounds_and_where_it_is_aligned(void)
{
	struct td td = create_td();
	u64 memory = new_object(TDX_SHIM_TYPE_MEMORY, 5000);
	struct tdx_shim_operand at = page(memory);
	u32 i;

	configure(&td);
	for (i = 0; i < 6; i++)
		IS(leaf(1, page(new_page()), page(td.tdr)), 0);
	IS(look(memory).number, 8192);
	at.offset = 512;
	IS(refusal(21, page(td.tdr), at), -EINVAL);
	at.offset = 8192;
	IS(refusal(21, page(td.tdr), at), -EINVAL);
	at.offset = 0xfffffc00;
	IS(refusal(21, page(td.tdr), at), -EINVAL);
	at.offset = 7168;
	IS(leaf(21, page(td.tdr), at), 0);
	IS(world.host.last.in[1], 0x7000000000 + 7168);
	IS(world.host.last.memory_bytes, 1024);
}

static void a_processor_that_is_not_there_is_refused(void)
{
	struct td td = create_td();
	struct tdx_shim_call call = call_of(8, page(td.tdr), NO_OPERAND);
	u64 calls = world.host.model.calls;

	call.processor = HOST_PROCESSORS;
	IS(issue(&call), -ENXIO);
	IS(world.host.model.calls, calls);
	host_check(&world.host, &world.core, true);
	call.processor = TDX_SHIM_ANY_PROCESSOR;
	IS(issue(&call), 0);
	IS(call.ran_on, 0);
}

static void fields_that_hold_addresses_of_the_host_cannot_be_written(void)
{
	static const u64 fields[] = { 0x0024000300002016, 0x0024000300002017, 0x002400030000203C, 0x002400030000203D,
				      0x2024000300002016 };
	struct td td = build_td();
	u64 vcpu = build_vcpu(&td, 0);
	struct tdx_shim_call call;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		IS(refusal(43, page(vcpu), value(fields[i])), -EOPNOTSUPP);
	call = call_of(43, page(vcpu), value(0x0024000100000002));
	IS(issue(&call), 0);
	IS(call.status, 0);
	IS(call.output_kind[2], TDX_SHIM_OUTPUT_VALUE);
	IS(call.output[2], 0x1234);
}

static void a_quota_is_a_quota(void)
{
	struct tdx_shim_object page = { .size = sizeof(page), .type = TDX_SHIM_TYPE_PAGE };
	struct tdx_shim_object memory = { .size = sizeof(memory), .type = TDX_SHIM_TYPE_MEMORY };
	u32 i;

	for (i = 0; i < 1000; i++)
		new_page();
	IS(CHANGING(shim_alloc(&world.core, world.session, &page)), -ENOSPC);
	for (i = 0; i < TDX_SHIM_SESSION_MEMORY_BYTES_MAX / TDX_SHIM_MEMORY_BYTES_MAX; i++)
		new_object(TDX_SHIM_TYPE_MEMORY, TDX_SHIM_MEMORY_BYTES_MAX);
	memory.bytes = 1;
	IS(CHANGING(shim_alloc(&world.core, world.session, &memory)), -ENOSPC);
	world.host.alloc_error = -ENOMEM;
	page.type = TDX_SHIM_TYPE_KEYID;
	IS(CHANGING(shim_alloc(&world.core, world.session, &page)), -ENOMEM);
}

u32 run_operand_tests(void)
{
	return RUN(a_structure_of_another_size_or_with_something_reserved_set_is_malformed) +
	       RUN(a_leaf_that_is_not_for_user_space_is_refused) + RUN(without_a_back_end_nothing_is_executed) +
	       RUN(a_handle_that_never_was_or_is_no_more_or_is_anothers_is_unknown) +
	       RUN(a_page_of_the_wrong_kind_is_refused) + RUN(an_operand_of_the_wrong_sort_is_malformed) +
	       RUN(a_large_page_cannot_be_named) + RUN(memory_is_read_within_its_bounds_and_where_it_is_aligned) +
	       RUN(a_processor_that_is_not_there_is_refused) +
	       RUN(fields_that_hold_addresses_of_the_host_cannot_be_written) + RUN(a_quota_is_a_quota);
}
