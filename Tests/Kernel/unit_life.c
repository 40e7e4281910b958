// SPDX-License-Identifier: GPL-2.0
/* What calls change: pages and KeyIDs go to the module and come back, or into quarantine. */
#include "unit.h"

static void tear_down(const struct td *td)
{
	struct tdx_shim_call call;
	u32 i;

	IS(leaf(19, page(td->tdr), NO_OPERAND), 0);
	for (i = 0; i < HOST_PACKAGES; i++) {
		call = call_of(40, value(0), NO_OPERAND);
		call.processor = i;
		IS(issue(&call), 0);
		IS(call.status, 0);
	}
	IS(leaf(20, page(td->tdr), NO_OPERAND), 0);
}

static void a_tds_whole_life_leaves_nothing_behind(void)
{
	struct td td = build_td();
	u64 vcpu = build_vcpu(&td, 1), slot;
	struct tdx_shim_call call = call_of(18, page(vcpu), NO_OPERAND);
	u32 i;

	IS(look(td.tdr).kind, TDX_SHIM_PAGE_TDR);
	IS(look(td.tdr).keyid, td.keyid);
	IS(look(td.tdr).children, 12);
	IS(look(td.tdcs[0]).kind, TDX_SHIM_PAGE_TDCS);
	IS(look(td.tdcs[0]).parent, td.tdr);
	IS(look(vcpu).processor, 1);
	IS(look(td.keyid).kind, TDX_SHIM_KEYID_ASSIGNED);
	IS(look(td.keyid).parent, td.tdr);
	IS(free_object(td.keyid), -EBUSY);
	IS(free_object(td.tdcs[0]), -EBUSY);

	IS(leaf(19, page(td.tdr), NO_OPERAND), 0x8000082400000000);
	call.processor = 1;
	IS(issue(&call), 0);
	IS(look(vcpu).processor, TDX_SHIM_NO_PROCESSOR);
	tear_down(&td);
	IS(look(td.keyid).kind, TDX_SHIM_KEYID_IDLE);
	IS(look(td.tdr).keyid, 0);
	IS(leaf(28, page(td.tdr), NO_OPERAND), 0xC000040000000000);
	for (i = 0; i < 6; i++)
		IS(leaf(28, page(td.tdcs[i]), NO_OPERAND), 0);
	IS(leaf(28, page(vcpu), NO_OPERAND), 0);
	for (slot = 1; slot < world.core.slots; slot++)
		if (shim_at(&world.core, (u32)slot)->kind == TDX_SHIM_PAGE_TDCX)
			IS(leaf(28, page(shim_handle(shim_at(&world.core, (u32)slot))), NO_OPERAND), 0);
	IS(leaf(28, page(td.tdr), NO_OPERAND), 0);
	IS(look(td.tdr).kind, TDX_SHIM_PAGE_RETURNED);
	IS(free_object(td.tdr), -EBUSY);
	IS(leaf(41, page(td.tdr), NO_OPERAND), 0);
	IS(free_object(td.tdr), 0);
	IS(free_object(td.keyid), 0);
	IS(model_pages(&world.host.model), 0);
	IS(model_keyids(&world.host.model), 0);
}

static void outputs_that_are_pages_come_as_handles_and_entries_without_addresses(void)
{
	struct td td = build_td();
	u64 source = new_object(TDX_SHIM_TYPE_MEMORY, 8192), guest = new_page();
	struct tdx_shim_call call = call_of(2, value(0x1000), page(td.tdr));

	call.operand[2] = page(guest);
	call.operand[3] = (struct tdx_shim_operand){ TDX_SHIM_OPERAND_OBJECT, 4096, source };
	IS(issue(&call), 0);
	IS(call.status, 0);
	IS(look(guest).kind, TDX_SHIM_PAGE_GUEST);
	IS(world.host.last.memory_offset, 4096);

	call = call_of(2, value(0x1000), page(td.tdr));
	call.operand[2] = page(new_page());
	call.operand[3] = page(source);
	IS(issue(&call), 0);
	IS(call.status, 0xC0000B0D00000001);
	IS(call.output_kind[0], TDX_SHIM_OUTPUT_ENTRY);
	IS(call.output[0], 0x8000000000000007);
	IS(call.output[1], 0x8400);

	call = call_of(28, page(guest), NO_OPERAND);
	IS(issue(&call), 0);
	IS(call.status, 0xC000060700000000);
	IS(call.output[0], MODEL_REG);
	IS(call.output_kind[1], TDX_SHIM_OUTPUT_OBJECT);
	IS(call.output[1], td.tdr);

	call = call_of(29, value(0x1000), page(td.tdr));
	IS(issue(&call), 0);
	IS(call.output_kind[0], TDX_SHIM_OUTPUT_OBJECT);
	IS(call.output[0], guest);
	IS(look(guest).kind, TDX_SHIM_PAGE_RETURNED);
	IS(free_object(guest), -EBUSY);
	call = call_of(41, page(guest), NO_OPERAND);
	IS(issue(&call), 0);
	IS(world.host.last.wbinvd_global, 0);
	IS(world.host.last.wbinvd_keyid, look(td.keyid).number);
	IS(look(guest).kind, TDX_SHIM_PAGE_FREE);
}

static void a_removed_page_is_free_once_its_key_is(void)
{
	struct td td = build_td();
	struct tdx_shim_call call = call_of(6, value(0x3000), page(td.tdr));
	u64 guest = new_page();

	call.operand[2] = page(guest);
	IS(issue(&call), 0);
	IS(leaf(29, value(0x3000), page(td.tdr)), 0);
	IS(look(guest).kind, TDX_SHIM_PAGE_RETURNED);
	tear_down(&td);
	IS(look(guest).kind, TDX_SHIM_PAGE_FREE);
	IS(refusal(41, page(guest), NO_OPERAND), -EPROTOTYPE);
	IS(free_object(guest), 0);
}

static void a_refused_leaf_changes_nothing(void)
{
	struct td td = create_td();
	u64 fresh = new_page();

	IS(leaf(1, page(fresh), page(td.tdr)), 0x8000081000000000);
	IS(look(fresh).kind, TDX_SHIM_PAGE_FREE);
	IS(leaf(20, page(td.tdr), NO_OPERAND), 0xC000060700000000);
	IS(look(td.keyid).kind, TDX_SHIM_KEYID_ASSIGNED);
	IS(free_object(fresh), 0);
}

static void a_call_that_trapped_changes_nothing(void)
{
	u64 keyid = new_object(TDX_SHIM_TYPE_KEYID, 0), fresh = new_page();
	struct tdx_shim_call call = call_of(9, page(fresh), page(keyid));

	world.host.fault = TDX_SHIM_FAULT_UD;
	IS(issue(&call), 0);
	IS(call.fault, TDX_SHIM_FAULT_UD);
	IS(look(fresh).kind, TDX_SHIM_PAGE_FREE);
	IS(free_object(fresh), 0);
	IS(free_object(keyid), 0);
}

static void a_call_that_was_not_executed_changes_nothing(void)
{
	u64 keyid = new_object(TDX_SHIM_TYPE_KEYID, 0), fresh = new_page();

	world.host.execute_error = -ETIMEDOUT;
	IS(refusal(9, page(fresh), page(keyid)), -ETIMEDOUT);
	IS(free_object(fresh), 0);
	IS(free_object(keyid), 0);
}

static void what_a_call_without_answer_might_have_taken_is_quarantined(void)
{
	struct td td = create_td();
	u64 fresh = new_page(), keyid = new_object(TDX_SHIM_TYPE_KEYID, 0), tdr = new_page();
	struct tdx_shim_call call;

	configure(&td);
	world.host.fault = TDX_SHIM_FAULT_TIMEOUT;
	world.host.executed_anyway = true;
	call = call_of(1, page(fresh), page(td.tdr));
	IS(issue(&call), 0);
	IS(call.fault, TDX_SHIM_FAULT_TIMEOUT);
	IS(look(fresh).kind, TDX_SHIM_PAGE_QUARANTINED);
	IS(look(fresh).doubt, TDX_SHIM_DOUBT_TIMEOUT);
	IS(look(fresh).leaf, 1);
	/* It was the host's until then: that call may have made a TDCS of it. */
	IS(look(fresh).before, TDX_SHIM_PAGE_FREE);
	IS(look(fresh).parent, td.tdr);
	IS(free_object(fresh), -EBUSY);
	IS(refusal(1, page(fresh), page(td.tdr)), -EPROTOTYPE);
	call = call_of(9, page(tdr), page(keyid));
	IS(issue(&call), 0);
	IS(look(tdr).kind, TDX_SHIM_PAGE_QUARANTINED);
	IS(look(keyid).kind, TDX_SHIM_KEYID_QUARANTINED);
	IS(look(keyid).before, TDX_SHIM_KEYID_IDLE);
	IS(look(keyid).leaf, 9);
	IS(free_object(keyid), -EBUSY);
	/* The module's own word resolves it, once the TD is torn down. */
	world.host.fault = 0;
	tear_down(&td);
	IS(leaf(28, page(fresh), NO_OPERAND), 0);
	IS(look(fresh).kind, TDX_SHIM_PAGE_FREE);
	IS(look(fresh).doubt, 0);
	IS(look(fresh).before, TDX_SHIM_NOTHING);
}

static void say_yes(struct shim_execution *execution)
{
	execution->status = 0;
	memset(execution->out, 0, sizeof(execution->out));
}

static void answers_that_cannot_be_are_not_believed(void)
{
	struct td td = build_td();
	struct tdx_shim_call call = call_of(28, page(td.tdr), NO_OPERAND);

	world.lied = true;
	world.host.liar = say_yes;
	IS(issue(&call), 0);
	IS(look(td.tdr).kind, TDX_SHIM_PAGE_RETURNED);
	IS(look(td.tdcs[3]).kind, TDX_SHIM_PAGE_QUARANTINED);
	IS(look(td.tdcs[3]).doubt, TDX_SHIM_DOUBT_CONTRADICTION);
	IS(look(td.tdcs[3]).before, TDX_SHIM_PAGE_TDCS);
	IS(look(td.tdcs[3]).leaf, 28);
	IS(look(td.keyid).kind, TDX_SHIM_KEYID_QUARANTINED);
	IS(look(td.keyid).before, TDX_SHIM_KEYID_ASSIGNED);
	host_check(&world.host, &world.core, false);
}

static void a_field_that_is_refused_associates_its_vcpu_all_the_same(void)
{
	struct td td = build_td();
	u64 vcpu = build_vcpu(&td, 0);
	struct tdx_shim_call call = call_of(18, page(vcpu), NO_OPERAND);

	IS(issue(&call), 0);
	IS(look(vcpu).processor, TDX_SHIM_NO_PROCESSOR);
	call = call_of(26, page(vcpu), value(99));
	call.processor = 3;
	IS(issue(&call), 0);
	IS(call.status, 0xC0000C0000000002);
	IS(look(vcpu).processor, 3);
}

static u64 busy_tdr, busy_page, busy_memory;

static void interfere(void *argument)
{
	struct tdx_shim_call call;

	(void)argument;
	world.host.meanwhile = NULL;
	IS(free_object(busy_page), -EBUSY);
	IS(free_object(busy_memory), -EBUSY);
	call = call_of(1, page(busy_page), page(busy_tdr));
	IS(issue(&call), -EBUSY);
	call = call_of(28, page(busy_tdr), NO_OPERAND);
	IS(issue(&call), -EBUSY);
	/* Another leaf on the same TD is the module's to allow. */
	call = call_of(11, page(busy_tdr), value(0));
	IS(issue(&call), 0);
}

static void what_takes_part_in_a_call_is_busy_meanwhile(void)
{
	struct td td = build_td();
	struct tdx_shim_call call = call_of(2, value(0x5000), page(td.tdr));

	busy_tdr = td.tdr;
	busy_page = new_page();
	busy_memory = new_object(TDX_SHIM_TYPE_MEMORY, 4096);
	call.operand[2] = page(busy_page);
	call.operand[3] = page(busy_memory);
	world.host.meanwhile = interfere;
	IS(issue(&call), 0);
	IS(call.status, 0);
	IS(look(busy_page).kind, TDX_SHIM_PAGE_GUEST);
	IS(free_object(busy_memory), 0);
}

static void lose_all(void *argument)
{
	(void)argument;
	world.host.meanwhile = NULL;
	shim_doubt_all(&world.core, TDX_SHIM_DOUBT_EMULATOR);
}

static void when_the_emulator_dies_all_it_held_is_quarantined_with_the_call_in_flight(void)
{
	struct td td = create_td();
	u64 fresh = new_page(), untouched = new_page();
	struct tdx_shim_call call = call_of(1, page(fresh), page(td.tdr));

	configure(&td);
	world.host.meanwhile = lose_all;
	IS(issue(&call), 0);
	IS(look(td.tdr).kind, TDX_SHIM_PAGE_QUARANTINED);
	IS(look(td.keyid).kind, TDX_SHIM_KEYID_QUARANTINED);
	IS(look(fresh).kind, TDX_SHIM_PAGE_QUARANTINED);
	IS(look(fresh).doubt, TDX_SHIM_DOUBT_EMULATOR);
	IS(look(untouched).kind, TDX_SHIM_PAGE_FREE);
}

static void what_is_quarantined_without_a_call_tells_what_it_was(void)
{
	struct td td = build_td();
	u64 vcpu = build_vcpu(&td, 0), idle = new_object(TDX_SHIM_TYPE_KEYID, 0);
	const struct {
		u64 handle;
		u32 before;
	} all[] = {
		{ td.tdr, TDX_SHIM_PAGE_TDR },	      { td.tdcs[0], TDX_SHIM_PAGE_TDCS },
		{ vcpu, TDX_SHIM_PAGE_TDVPR },	      { td.keyid, TDX_SHIM_KEYID_ASSIGNED },
		{ idle, TDX_SHIM_KEYID_IDLE },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		IS(look(all[i].handle).before, TDX_SHIM_NOTHING);
	shim_doubt_all(&world.core, TDX_SHIM_DOUBT_EMULATOR);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		IS(look(all[i].handle).before, all[i].before);
		IS(look(all[i].handle).leaf, TDX_SHIM_NO_LEAF);
		IS(look(all[i].handle).status, 0);
		IS(look(all[i].handle).doubt, TDX_SHIM_DOUBT_EMULATOR);
	}
}

static void a_processor_with_a_vcpu_and_the_last_of_a_package_are_needed(void)
{
	struct td td;
	u64 vcpu;
	struct tdx_shim_call call;

	IS(shim_needs_processor(&world.core, 0, true), false);
	td = build_td();
	vcpu = build_vcpu(&td, 3);
	IS(shim_needs_processor(&world.core, 3, false), true);
	IS(shim_needs_processor(&world.core, 2, false), false);
	IS(shim_needs_processor(&world.core, 2, true), true);
	call = call_of(18, page(vcpu), NO_OPERAND);
	call.processor = 3;
	IS(issue(&call), 0);
	IS(shim_needs_processor(&world.core, 3, false), false);
	tear_down(&td);
	IS(shim_needs_processor(&world.core, 2, true), false);
}

u32 run_life_tests(void)
{
	return RUN(a_tds_whole_life_leaves_nothing_behind) +
	       RUN(outputs_that_are_pages_come_as_handles_and_entries_without_addresses) +
	       RUN(a_removed_page_is_free_once_its_key_is) + RUN(a_refused_leaf_changes_nothing) +
	       RUN(a_processor_with_a_vcpu_and_the_last_of_a_package_are_needed) +
	       RUN(a_call_that_trapped_changes_nothing) + RUN(a_call_that_was_not_executed_changes_nothing) +
	       RUN(what_a_call_without_answer_might_have_taken_is_quarantined) +
	       RUN(answers_that_cannot_be_are_not_believed) +
	       RUN(a_field_that_is_refused_associates_its_vcpu_all_the_same) +
	       RUN(what_takes_part_in_a_call_is_busy_meanwhile) +
	       RUN(when_the_emulator_dies_all_it_held_is_quarantined_with_the_call_in_flight) +
	       RUN(what_is_quarantined_without_a_call_tells_what_it_was);
}
