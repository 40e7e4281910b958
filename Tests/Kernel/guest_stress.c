// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes at one device: TDs are built and torn down, requests are wrong, calls run on the same TD at once, programs
 * die in the middle. In the end the accounts balance.
 * usage: stress SECONDS [PROCESSES [SEED]]      (default: 8 processes)
 */
#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES_MAX = 64, DEATH_IN = 40, ORPHAN_STEPS = 1024 };

struct tally {
	unsigned long lives;
	unsigned long requests;
	unsigned long deaths;
	unsigned long failed;
};

static struct tally *tallies;
static struct tally *mine;
static unsigned long seed;

static unsigned long any(unsigned long limit)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (seed >> 33) % limit;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* What nobody should be able to do any harm with. */
static void pester(const struct td *td)
{
	struct tdx_shim_call call;
	struct tdx_shim_list list = { .size = sizeof(list), .cursor = any(1000) };
	struct tdx_shim_sessions sessions = { .size = sizeof(sessions) };
	unsigned char *bytes = (unsigned char *)&call;
	unsigned long i, count = 1 + any(20);

	for (i = 0; i < count; i++) {
		call = call_of((__u16)any(60), object(any(2) ? td->tdr : td->page[any(12)]), object(any(4) ? td->tdr : any(1000)));
		/* Which would be right, and end the TD before its time. */
		if (call.leaf == 18 || call.leaf == 19 || call.leaf == 20 || call.leaf == 28)
			call.leaf = 11;
		call.operand[1].kind = (__u32)any(4);
		if (any(3) == 0)
			bytes[any(sizeof(call))] ^= (unsigned char)any(256);
		/* The same again, should that have made it right. */
		if (call.leaf == 18 || call.leaf == 19 || call.leaf == 20 || call.leaf == 28 || call.leaf == 43)
			continue;
		call.processor %= 3;
		request(TDX_SHIM_SEAMCALL, &call);
		mine->requests++;
	}
	request(TDX_SHIM_LIST, &list);
	request(TDX_SHIM_SESSIONS, &sessions);
	free_object(td->page[any(12)]);
	mine->requests += 3;
}

/* A reclaim of whatever orphan there is: of the dead, and of those another is at. */
static void bury_the_dead(void)
{
	struct tdx_shim_sessions sessions = { .size = sizeof(sessions) };
	struct tdx_shim_reclaim reclaim = { .size = sizeof(reclaim) };
	__u32 i;

	if (request(TDX_SHIM_SESSIONS, &sessions))
		return;
	for (i = 0; i < sessions.count; i++) {
		if (sessions.session[i].open)
			continue;
		reclaim.session = sessions.session[i].session;
		reclaim.steps_max = 1 + (__u32)any(ORPHAN_STEPS);
		request(TDX_SHIM_RECLAIM, &reclaim);
		mine->requests++;
	}
}

static void live(long end)
{
	struct td td;

	while (now() < end) {
		if (open_device()) {
			usleep(1000);
			continue;
		}
		td = build_td();
		pester(&td);
		/* Somebody's calls may have associated it elsewhere; ours all ran on the first. */
		if (any(DEATH_IN) == 0) {
			mine->deaths++;
			raise(SIGKILL);
		}
		destroy_td(&td);
		bury_the_dead();
		close(device);
		mine->lives++;
		mine->requests += 70;
		if (failures)
			break;
	}
	mine->failed += failures;
}

/* In place of one that died, as often as it did. */
static int start(int number, long end)
{
	int process;

	fflush(stdout);
	process = fork();
	if (process)
		return process;
	mine = &tallies[number];
	seed += (unsigned long)number * 1000003 + mine->deaths * 7919;
	live(end);
	_exit(0);
}

static int number_of(int process, const int *processes, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (processes[i] == process)
			return i;
	return -1;
}

static void start_all(int count, long end)
{
	int processes[PROCESSES_MAX], i, alive = count, process;

	for (i = 0; i < count; i++)
		processes[i] = start(i, end);
	while (alive && (process = wait(NULL)) > 0) {
		i = number_of(process, processes, count);
		if (i < 0)
			continue;
		alive--;
		if (now() >= end || tallies[i].failed)
			continue;
		processes[i] = start(i, end);
		alive++;
	}
}

/* Nothing is left but what the dead had, and that can be had back. */
static void settle(void)
{
	struct tdx_shim_info info = { .size = sizeof(info) };
	int rounds = 0;

	IS(open_device(), 0);
	do {
		bury_the_dead();
		IS(request(TDX_SHIM_GET_INFO, &info), 0);
	} while (info.orphans && ++rounds < 1000);
	IS(info.orphans, 0);
	IS(info.pages, 0);
	IS(controls->held_pages, 0);
	IS(controls->held_keyids, 0);
	close(device);
}

int main(int count, char **arguments)
{
	int seconds = count > 1 ? atoi(arguments[1]) : 5, processes = count > 2 ? atoi(arguments[2]) : 8, emulator, i;
	struct tally total = {};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (processes < 1 || processes > PROCESSES_MAX)
		return 2;
	seed = count > 3 ? strtoul(arguments[3], NULL, 0) : (unsigned long)time(NULL);
	printf("seed %lu\n", seed);
	tallies = mmap(NULL, sizeof(*tallies) * PROCESSES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mine = &tallies[PROCESSES_MAX - 1];
	emulator = start_emulator();
	start_all(processes, now() + seconds);
	settle();
	stop_emulator(emulator);
	IS(unload(), 0);
	for (i = 0; i < processes; i++) {
		total.lives += tallies[i].lives;
		total.requests += tallies[i].requests;
		total.deaths += tallies[i].deaths;
		total.failed += tallies[i].failed;
	}
	IS(total.lives > 0, 1);
	failures += total.failed;
	printf("%d processes, %d s: %lu lives of a TD, %lu requests, %lu programs killed, %lu calls of the module\n", processes,
	       seconds, total.lives, total.requests, total.deaths, controls->calls);
	printf("RESULT stress: %u checks, %u failed\n", checks, failures);
	return failures ? 1 : 0;
}
