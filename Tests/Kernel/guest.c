// SPDX-License-Identifier: GPL-2.0
/*
 * Tests the module as its programs do.
 * usage: guest none|instruction|upcall      as root, with the module built for that loaded
 *
 * The last line says how many checks there were and how many failed.
 */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UD_STATUS 0x8000FF0000000006ull
#define ROUNDS 1000
#define TAINT_TEST 18
/* What insmod sets upcall_timeout_ms to. */
#define TIMEOUT_MS 300

static const struct tdx_shim_operand none;

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Without CAP_SYS_ADMIN the node's mode lets root in, and the module does not. */
static void test_permission(void)
{
	int status, process = fork();

	if (!process) {
		prctl(PR_CAPBSET_DROP, 21);
		/* Only a new program loses what the bound no longer has. */
		execl("/bin/busybox", "sh", "-c", ": <" TDX_SHIM_NODE, NULL);
		_exit(99);
	}
	waitpid(process, &status, 0);
	IS(WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 99, 1);
}

static void test_none(void)
{
	struct tdx_shim_module module = { .size = sizeof(module) };
	struct tdx_shim_object keyid = { .size = sizeof(keyid), .type = TDX_SHIM_TYPE_KEYID };
	__u64 page;

	IS(open_device(), 0);
	IS(info().backend, TDX_SHIM_BACKEND_NONE);
	IS(info().reason, TDX_SHIM_REASON_NO_EXPORTS);
	IS(info().leaf_bitmap[0], 0);
	IS(request(TDX_SHIM_GET_MODULE, &module), ENODEV);
	IS(request(TDX_SHIM_ALLOC, &keyid), ENODEV);
	page = new_page();
	IS(try_leaf(28, object(page), none), ENODEV);
	IS(try_leaf(40, value(0), none), ENODEV);
	IS(try_leaf(33, none, none), EOPNOTSUPP);
	IS(free_object(page), 0);
	test_permission();
	close(device);
	IS(unload(), 0);
	IS(is_loaded(), false);
}

static void test_instruction(void)
{
	struct tdx_shim_call call = call_of(40, value(0), none);
	__u64 tdr, keyid;
	long start;
	int i;

	IS(open_device(), 0);
	IS(info().backend, TDX_SHIM_BACKEND_INSTRUCTION);
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.fault, TDX_SHIM_FAULT_UD);
	IS(call.status, UD_STATUS);
	IS(call.output_kind[0], TDX_SHIM_OUTPUT_NONE);
	/* What was to be given is still ours. */
	tdr = new_page();
	keyid = new_object(TDX_SHIM_TYPE_KEYID, 0, NULL);
	call = call_of(9, object(tdr), object(keyid));
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.fault, TDX_SHIM_FAULT_UD);
	IS(look(tdr).kind, TDX_SHIM_PAGE_FREE);
	IS(free_object(tdr), 0);
	IS(free_object(keyid), 0);
	start = milliseconds();
	for (i = 0; i < ROUNDS; i++) {
		call = call_of(40, value(0), none);
		call.processor = i % 2;
		IS(request(TDX_SHIM_SEAMCALL, &call), 0);
		IS(call.fault, TDX_SHIM_FAULT_UD);
		IS(call.ran_on, i % 2);
	}
	printf("%d trapping calls on two processors in %ld ms\n", ROUNDS, milliseconds() - start);
	close(device);
	IS(unload(), 0);
}

static void test_lifetime(void)
{
	struct td td = build_td();

	IS(look(td.tdr).kind, TDX_SHIM_PAGE_TDR);
	IS(look(td.tdr).number, 0);
	IS(look(td.tdr).children, 12);
	IS(look(td.tdvpr).processor, 0);
	IS(unload(), EAGAIN);
	destroy_td(&td);
	IS(controls->held_pages, 0);
	IS(info().pages, 0);
	IS(info().keyids, 0);
}

/* What is written by mapping is what the emulator gets with the call. */
static void test_memory(void)
{
	struct td td = build_td();
	__u64 offset, memory = new_object(TDX_SHIM_TYPE_MEMORY, 8192, &offset), target = new_page();
	unsigned char *bytes = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)offset);
	struct tdx_shim_call call = call_of(2, value(0x1000), object(td.tdr));

	IS(bytes == MAP_FAILED, false);
	IS(bytes[0] + bytes[8191], 0);
	memset(bytes + 4096, 3, 4096);
	call.operand[2] = object(target);
	call.operand[3] = object(memory);
	call.operand[3].offset = 4096;
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.status, 0);
	IS(controls->memory_sum, 3 * 4096);
	IS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, device, (off_t)offset) == MAP_FAILED && errno == EINVAL, 1);
	IS(mmap(NULL, 16384, PROT_READ, MAP_SHARED, device, (off_t)offset) == MAP_FAILED && errno == EINVAL, 1);
	IS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, 4096) == MAP_FAILED && errno == EINVAL, 1);
	/* A page that can be given to the module cannot be mapped. */
	IS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, (off_t)((__u32)td.tdr) * TDX_SHIM_MEMORY_BYTES_MAX) == MAP_FAILED &&
	   errno == ENOENT, 1);
	IS(free_object(memory), 0);
	/* It lives as long as it is mapped. */
	IS(bytes[4096], 3);
	munmap(bytes, 8192);
	call = call_of(29, value(0x1000), object(td.tdr));
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.output_kind[0], TDX_SHIM_OUTPUT_OBJECT);
	IS(call.output[0], target);
	IS(leaf(41, object(target), none), 0);
	IS(free_object(target), 0);
	destroy_td(&td);
}

static int set_online(int processor, bool online)
{
	char path[64];
	int file, error;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", processor);
	file = open(path, O_WRONLY);
	error = write(file, online ? "1" : "0", 1) == 1 ? 0 : errno;
	close(file);
	return error;
}

/* One may go as long as no vCPU is associated with it. */
static void test_processors(void)
{
	struct tdx_shim_processors processors = { .size = sizeof(processors) };
	struct tdx_shim_call call;
	struct td td;

	IS(request(TDX_SHIM_GET_PROCESSORS, &processors), 0);
	IS(processors.cursor, TDX_SHIM_ANY_PROCESSOR);
	/* User-Mode Linux has one, and it cannot go. */
	if (processors.count < 2)
		return;
	td = build_td();
	IS(leaf(18, object(td.tdvpr), none), 0);
	call = call_of(26, object(td.tdvpr), value(2));
	call.processor = 1;
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.ran_on, 1);
	IS(look(td.tdvpr).processor, 1);
	IS(set_online(1, false), EBUSY);
	call = call_of(18, object(td.tdvpr), none);
	call.processor = 1;
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(set_online(1, false), 0);
	IS(request(TDX_SHIM_SEAMCALL, &call), ENXIO);
	processors.cursor = 0;
	IS(request(TDX_SHIM_GET_PROCESSORS, &processors), 0);
	IS(processors.count, 1);
	IS(set_online(1, true), 0);
	call = call_of(26, object(td.tdvpr), value(2));
	call.processor = 0;
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	destroy_td(&td);
}

/* A program that is killed with a TD; the next one adopts it. */
static void test_adoption(void)
{
	static struct tdx_shim_info *seen;
	struct tdx_shim_adopt adopt = { .size = sizeof(adopt) };
	struct tdx_shim_list list = { .size = sizeof(list) };
	int process;

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	process = fork();
	if (!process) {
		open_device();
		build_td();
		new_page();
		*seen = info();
		raise(SIGKILL);
	}
	waitpid(process, NULL, 0);
	IS(info().orphans, 1);
	IS(unload(), EAGAIN);
	adopt.session = seen->session;
	adopt.token[0] = seen->token[0];
	IS(request(TDX_SHIM_ADOPT, &adopt), ENOENT);
	adopt.token[1] = seen->token[1];
	IS(request(TDX_SHIM_ADOPT, &adopt), 0);
	IS(adopt.pages, 13);
	IS(adopt.keyids, 1);
	IS(info().orphans, 0);
	IS(request(TDX_SHIM_LIST, &list), 0);
	IS(list.count, 14);
	close(device);
	/* Nobody has it now, and its token is lost. */
	IS(unload(), EAGAIN);
	IS(open_device(), 0);
	IS(info().orphans, 1);
}

static __u64 only_orphan(void)
{
	struct tdx_shim_sessions sessions = { .size = sizeof(sessions) };
	__u64 found = 0;
	__u32 i;

	IS(request(TDX_SHIM_SESSIONS, &sessions), 0);
	for (i = 0; i < sessions.count; i++)
		if (!sessions.session[i].open)
			found = sessions.session[i].session;
	return found;
}

static void test_reclaim(void)
{
	struct tdx_shim_reclaim reclaim = { .size = sizeof(reclaim), .session = only_orphan(), .steps_max = 4 };
	int rounds = 0;

	do
		IS(request(TDX_SHIM_RECLAIM, &reclaim), 0);
	while (reclaim.state == TDX_SHIM_RECLAIM_MORE && ++rounds < 100);
	IS(reclaim.state, TDX_SHIM_RECLAIM_DONE);
	IS(reclaim.remaining, 0);
	IS(info().orphans, 0);
	IS(controls->held_pages, 0);
	IS(controls->held_keyids, 0);
}

static void test_silence(void)
{
	struct tdx_shim_call call;
	__u64 tdr = new_page(), keyid = new_object(TDX_SHIM_TYPE_KEYID, 0, NULL);
	long start;

	/* Nobody took it: nothing was executed. */
	controls->deaf = true;
	usleep(100000);
	start = milliseconds();
	IS(try_leaf(9, object(tdr), object(keyid)), ETIMEDOUT);
	IS(milliseconds() - start >= TIMEOUT_MS, 1);
	IS(look(tdr).kind, TDX_SHIM_PAGE_FREE);
	controls->deaf = false;
	/* Somebody did, and says nothing. */
	controls->hung = true;
	call = call_of(9, object(tdr), object(keyid));
	IS(request(TDX_SHIM_SEAMCALL, &call), 0);
	IS(call.fault, TDX_SHIM_FAULT_TIMEOUT);
	IS(look(tdr).kind, TDX_SHIM_PAGE_QUARANTINED);
	IS(look(tdr).doubt, TDX_SHIM_DOUBT_TIMEOUT);
	IS(look(tdr).leaf, 9);
	IS(look(keyid).kind, TDX_SHIM_KEYID_QUARANTINED);
	IS(free_object(tdr), EBUSY);
	controls->hung = false;
}

static void test_death(int emulator)
{
	struct td td = build_td();
	struct tdx_shim_forget forget = { .size = sizeof(forget) };

	stop_emulator(emulator);
	IS(info().backend, TDX_SHIM_BACKEND_NONE);
	IS(info().reason, TDX_SHIM_REASON_NO_EMULATOR);
	IS(try_leaf(40, value(0), none), ENODEV);
	IS(look(td.tdr).kind, TDX_SHIM_PAGE_QUARANTINED);
	IS(look(td.tdr).doubt, TDX_SHIM_DOUBT_EMULATOR);
	close(device);
	IS(unload(), EAGAIN);
	IS(open_device(), 0);
	forget.session = only_orphan();
	IS(request(TDX_SHIM_FORGET, &forget), 0);
	IS(forget.pages, 14);
	IS(forget.keyids, 2);
	IS(info().orphans, 0);
	close(device);
	IS(unload(), 0);
	IS(is_loaded(), false);
}

static void measure_round_trips(void)
{
	struct tdx_shim_call call = call_of(40, value(0), none);
	long start = milliseconds();
	int i;

	for (i = 0; i < ROUNDS; i++)
		request(TDX_SHIM_SEAMCALL, &call);
	printf("%d up-calls in %ld ms\n", ROUNDS, milliseconds() - start);
	start = milliseconds();
	for (i = 0; i < ROUNDS; i++)
		info();
	printf("%d requests that call nothing in %ld ms\n", ROUNDS, milliseconds() - start);
}

/* A kernel in which calls are made up says so. */
static void test_taint(void)
{
	FILE *file = fopen("/proc/sys/kernel/tainted", "r");
	unsigned long taints = 0;

	IS(fscanf(file, "%lu", &taints), 1);
	fclose(file);
	IS(taints >> TAINT_TEST & 1, 1);
}

static void test_upcall(void)
{
	int emulator;

	test_taint();
	IS(open_device(), 0);
	IS(info().reason, TDX_SHIM_REASON_NO_EMULATOR);
	IS(try_leaf(40, value(0), none), ENODEV);
	emulator = start_emulator();
	IS(info().backend, TDX_SHIM_BACKEND_UPCALL);
	test_permission();
	test_refusals();
	test_lifetime();
	test_memory();
	test_processors();
	test_adoption();
	test_reclaim();
	measure_round_trips();
	test_silence();
	test_death(emulator);
}

int main(int count, char **arguments)
{
	const char *what = count > 1 ? arguments[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "none"))
		test_none();
	else if (!strcmp(what, "instruction"))
		test_instruction();
	else if (!strcmp(what, "upcall"))
		test_upcall();
	else
		return 2;
	printf("RESULT %s: %u checks, %u failed\n", what, checks, failures);
	return failures ? 1 : 0;
}
