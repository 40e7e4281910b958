// SPDX-License-Identifier: GPL-2.0
/* The model behind the up-call node. */
#include "guest.h"
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 20 };

struct emulator_controls *controls;
static struct model model;

static void answer(int node, const struct tdx_shim_upcall_request *request, const unsigned char *memory)
{
	struct tdx_shim_upcall_reply reply = { .size = sizeof(reply), .sequence = request->sequence };
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < request->memory_bytes; i++)
		sum += memory[i];
	if (request->memory_bytes)
		controls->memory_sum = sum;
	memcpy(reply.registers, request->registers, sizeof(reply.registers));
	reply.rax = model_call(&model, (__u16)request->rax, (__u8)(request->rax >> 16), request->processor, 0,
			       request->flushed, reply.registers);
	controls->held_pages = model_pages(&model);
	controls->held_keyids = model_keyids(&model);
	controls->calls++;
	if (!controls->hung && write(node, &reply, sizeof(reply)) < 0 && errno != ENOENT)
		exit(3);
}

static void serve(int node)
{
	static unsigned char buffer[sizeof(struct tdx_shim_upcall_request) + TDX_SHIM_PAGE_BYTES];
	struct tdx_shim_upcall_request *request = (void *)buffer;
	struct pollfd ready = { .fd = node, .events = POLLIN };

	for (;;) {
		if (controls->deaf || poll(&ready, 1, POLL_MS) <= 0 || !(ready.revents & POLLIN)) {
			if (controls->deaf)
				usleep(POLL_MS * 1000);
			continue;
		}
		if (read(node, buffer, sizeof(buffer)) < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			exit(4);
		}
		if (request->kind == TDX_SHIM_UPCALL_CALL)
			answer(node, request, buffer + sizeof(*request));
		else
			controls->notes++;
	}
}

static void emulate(void)
{
	static struct tdx_shim_module module = {
		.size = sizeof(module), .major_version = 1, .minor_version = 5, .global_keyid = 1, .first_keyid = 1,
		.last_keyid = MODEL_KEYIDS - 1, .keyid_shift = EMULATED_SHIFT, .tdcs_pages = 6, .tdvps_pages = 6,
	};
	int node = open(TDX_SHIM_UPCALL_NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	memset(module.leaf_bitmap, 0xff, sizeof(module.leaf_bitmap));
	model_init(&model, EMULATED_PACKAGES, EMULATED_SHIFT);
	if (node < 0 || ioctl(node, TDX_SHIM_ATTACH, &module))
		exit(2);
	controls->attached = true;
	serve(node);
}

int start_emulator(void)
{
	int process;

	if (!controls)
		controls = mmap(NULL, sizeof(*controls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(controls, 0, sizeof(*controls));
	fflush(stdout);
	process = fork();
	if (!process) {
		/* The test's device is not the emulator's to keep open. */
		if (device >= 0)
			close(device);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		emulate();
	}
	while (!controls->attached && waitpid(process, NULL, WNOHANG) == 0)
		usleep(1000);
	IS(controls->attached, true);
	return process;
}

void stop_emulator(int process)
{
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
}
