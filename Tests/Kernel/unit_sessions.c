// SPDX-License-Identifier: GPL-2.0
/* Programs die: what they leave is adopted, reclaimed or given up. */
#include "unit.h"

struct left {
	u64 session;
	u64 token[2];
};

static struct left leave(void)
{
	struct tdx_shim_info info = {};
	struct left left;

	shim_info(&world.core, world.session, &info);
	left = (struct left){ info.session, { info.token[0], info.token[1] } };
	shim_close(&world.core, world.session);
	IS(shim_open(&world.core, &world.session), 0);
	return left;
}

static int adopt(struct left left, struct tdx_shim_adopt *adopt)
{
	*adopt = (struct tdx_shim_adopt){ .size = sizeof(*adopt), .session = left.session,
					  .token = { left.token[0], left.token[1] } };
	return shim_adopt(&world.core, world.session, adopt);
}

static struct tdx_shim_reclaim reclaim(u64 session, u32 steps)
{
	struct tdx_shim_reclaim request = { .size = sizeof(request), .session = session, .steps_max = steps };

	IS(shim_reclaim(&world.core, &request), 0);
	host_check(&world.host, &world.core, true);
	return request;
}

static void closing_frees_what_the_module_does_not_hold(void)
{
	new_page();
	new_object(TDX_SHIM_TYPE_KEYID, 0);
	new_object(TDX_SHIM_TYPE_MEMORY, 100000);
	leave();
	IS(world.host.pages, 0);
	IS(world.host.keyids, 0);
	IS(world.host.memories, 0);
	IS(world.host.orphans, 0);
	IS(world.core.nr_sessions, 1);
}

static void a_session_with_pages_at_the_module_is_adopted_by_its_token_alone(void)
{
	struct td td = build_td();
	u64 vcpu = build_vcpu(&td, 2);
	struct tdx_shim_adopt request;
	struct tdx_shim_list list = { .size = sizeof(list) };
	struct left left, wrong;

	new_page();
	left = leave();
	IS(world.host.orphans, 1);
	IS(world.host.pages, 13);
	wrong = left;
	wrong.token[1] ^= 1;
	IS(adopt(wrong, &request), -ENOENT);
	wrong = left;
	wrong.session++;
	IS(adopt(wrong, &request), -ENOENT);
	IS(adopt(left, &request), 0);
	IS(request.pages, 13);
	IS(request.keyids, 1);
	IS(world.host.orphans, 0);
	IS(adopt(left, &request), -ENOENT);
	IS(look(td.tdr).kind, TDX_SHIM_PAGE_TDR);
	IS(look(vcpu).processor, 2);
	IS(shim_list(&world.core, world.session, &list), 0);
	IS(list.count, 14);
	IS(list.cursor, 0);
}

static void a_session_that_is_open_is_not_adopted_nor_reclaimed_nor_forgotten(void)
{
	struct shim_session *mine = world.session, *other;
	struct tdx_shim_reclaim request = { .size = sizeof(request), .steps_max = 1 };
	struct tdx_shim_forget forget = { .size = sizeof(forget) };
	struct tdx_shim_adopt ignored;
	struct tdx_shim_info info = {};

	IS(shim_open(&world.core, &other), 0);
	shim_info(&world.core, other, &info);
	IS(adopt((struct left){ info.session, { info.token[0], info.token[1] } }, &ignored), -EBUSY);
	request.session = forget.session = info.session;
	IS(shim_reclaim(&world.core, &request), -EBUSY);
	IS(CHANGING(shim_forget(&world.core, &forget)), -EBUSY);
	request.session = 12345;
	IS(shim_reclaim(&world.core, &request), -ENOENT);
	request.steps_max = 0;
	IS(shim_reclaim(&world.core, &request), -EINVAL);
	shim_close(&world.core, other);
	IS(world.session == mine, 1);
}

static void an_orphan_whose_token_is_lost_can_be_reclaimed(void)
{
	struct td first = build_td(), second, third;
	struct tdx_shim_reclaim result;
	struct tdx_shim_call call;
	struct left left;
	u32 rounds = 0;

	build_vcpu(&first, 1);
	build_vcpu(&first, 3);
	second = build_td();
	build_vcpu(&second, 2);
	third = create_td();
	call = call_of(6, value(0x7000), page(second.tdr));
	call.operand[2] = page(new_page());
	IS(issue(&call), 0);
	call = call_of(6, value(0x8000), page(second.tdr));
	call.operand[2] = page(new_page());
	IS(issue(&call), 0);
	IS(leaf(29, value(0x8000), page(second.tdr)), 0);
	world.host.model.interrupt_every = 2;
	IS(look(third.tdr).kind, TDX_SHIM_PAGE_TDR);
	left = leave();
	do {
		result = reclaim(left.session, 7);
		rounds++;
		IS(result.steps <= 7, 1);
	} while (result.state == TDX_SHIM_RECLAIM_MORE && rounds < 1000);
	IS(result.state, TDX_SHIM_RECLAIM_DONE);
	IS(result.remaining, 0);
	IS(rounds > 5, 1);
	IS(world.host.pages, 0);
	IS(world.host.keyids, 0);
	IS(world.host.orphans, 0);
	IS(model_pages(&world.host.model), 0);
	IS(model_keyids(&world.host.model), 0);
}

static void lose_the_back_end(void *calls)
{
	if (!(*(u32 *)calls)--)
		world.host.execute_error = -ENODEV;
}

static void a_reclaim_that_is_interrupted_is_not_done(void)
{
	struct tdx_shim_reclaim request = { .size = sizeof(request), .steps_max = 1000 };
	struct tdx_shim_reclaim result;
	struct left left;
	u32 calls = 1;

	build_td();
	left = leave();
	world.host.meanwhile = lose_the_back_end;
	world.host.argument = &calls;
	result = reclaim(left.session, 1000);
	IS(result.steps, 1);
	IS(result.remaining, 8);
	IS(result.state, TDX_SHIM_RECLAIM_MORE);
	request.session = left.session;
	IS(shim_reclaim(&world.core, &request), -ENODEV);
	world.host.meanwhile = NULL;
	world.host.execute_error = 0;
	IS(reclaim(left.session, 1000).state, TDX_SHIM_RECLAIM_DONE);
	IS(world.host.pages, 0);
}

static void a_reclaim_goes_on_where_the_dead_program_stopped(void)
{
	struct td td = build_td();
	struct left left;

	IS(leaf(19, page(td.tdr), NO_OPERAND), 0);
	IS(leaf(40, value(0), NO_OPERAND), 0);
	left = leave();
	IS(reclaim(left.session, 1000).state, TDX_SHIM_RECLAIM_DONE);
	IS(world.host.pages, 0);
	IS(model_pages(&world.host.model), 0);
}

static void a_vcpu_that_was_flushed_without_our_knowledge_does_not_stop_a_reclaim(void)
{
	struct td td = build_td();
	u64 vcpu = build_vcpu(&td, 1);
	struct tdx_shim_call call = call_of(18, page(vcpu), NO_OPERAND);

	call.processor = 1;
	IS(issue(&call), 0);
	shim_at(&world.core, (u32)vcpu)->processor = 1;
	IS(reclaim(leave().session, 1000).state, TDX_SHIM_RECLAIM_DONE);
	IS(world.host.pages, 0);
}

static void what_cannot_be_reclaimed_is_named_and_can_be_given_up(void)
{
	u64 fresh = new_page(), keyid = new_object(TDX_SHIM_TYPE_KEYID, 0);
	struct tdx_shim_call call = call_of(9, page(fresh), page(keyid));
	struct tdx_shim_forget forget = { .size = sizeof(forget) };
	struct tdx_shim_sessions sessions = { .size = sizeof(sessions) };
	struct tdx_shim_reclaim result;
	struct left left;

	world.host.fault = TDX_SHIM_FAULT_TIMEOUT;
	IS(issue(&call), 0);
	world.host.fault = 0;
	build_td();
	left = leave();
	IS(shim_sessions(&world.core, &sessions), 0);
	IS(sessions.count, 2);
	IS(sessions.session[0].quarantined + sessions.session[1].quarantined, 2);
	result = reclaim(left.session, 1000);
	IS(result.state, TDX_SHIM_RECLAIM_STUCK);
	IS(result.remaining, 2);
	forget.session = left.session;
	IS(shim_forget(&world.core, &forget), 0);
	IS(forget.pages, 1);
	IS(forget.keyids, 1);
	IS(world.host.orphans, 0);
	/* Lost, and not freed. */
	IS(world.host.pages, 1);
	IS(world.host.keyids, 1);
	IS(world.core.forgotten, 2);
}

static void a_reclaim_that_is_refused_says_by_which_leaf(void)
{
	struct td td = build_td();
	struct tdx_shim_forget forget = { .size = sizeof(forget) };
	struct tdx_shim_reclaim result;
	struct left left;
	u64 vcpu;

	/* A vCPU that we do not know to be associated: as if the module had done it by itself. */
	world.lied = true;
	vcpu = build_vcpu(&td, 1);
	shim_at(&world.core, (u32)vcpu)->processor = TDX_SHIM_NO_PROCESSOR;
	left = leave();
	result = reclaim(left.session, 1000);
	IS(result.state, TDX_SHIM_RECLAIM_STUCK);
	IS(result.leaf, 19);
	IS(result.status, 0x8000082400000000);
	IS(result.handle, td.tdr);
	IS(result.remaining, 14);
	forget.session = left.session;
	IS(shim_forget(&world.core, &forget), 0);
	IS(forget.pages, 13);
	IS(forget.keyids, 1);
}

static void lists_are_paged_and_go_in_order(void)
{
	struct tdx_shim_list list = { .size = sizeof(list) };
	u32 i, total = 0;
	u64 last = 0;

	for (i = 0; i < 70; i++)
		new_page();
	do {
		IS(shim_list(&world.core, world.session, &list), 0);
		for (i = 0; i < list.count; i++) {
			IS((u32)list.entry[i].handle > (u32)last, 1);
			IS(list.entry[i].number, 0);
			last = list.entry[i].handle;
		}
		total += list.count;
	} while (list.cursor);
	IS(total, 70);
	list.flags = TDX_SHIM_WITH_ADDRESS;
	IS(shim_list(&world.core, world.session, &list), 0);
	IS(list.entry[0].number != 0, 1);
}

u32 run_session_tests(void)
{
	return RUN(closing_frees_what_the_module_does_not_hold) +
	       RUN(a_session_with_pages_at_the_module_is_adopted_by_its_token_alone) +
	       RUN(a_session_that_is_open_is_not_adopted_nor_reclaimed_nor_forgotten) +
	       RUN(an_orphan_whose_token_is_lost_can_be_reclaimed) + RUN(a_reclaim_that_is_interrupted_is_not_done) +
	       RUN(a_reclaim_goes_on_where_the_dead_program_stopped) +
	       RUN(a_vcpu_that_was_flushed_without_our_knowledge_does_not_stop_a_reclaim) +
	       RUN(what_cannot_be_reclaimed_is_named_and_can_be_given_up) +
	       RUN(a_reclaim_that_is_refused_says_by_which_leaf) + RUN(lists_are_paged_and_go_in_order);
}
