/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TDX_SHIM_TEST_HOST_H
#define TDX_SHIM_TEST_HOST_H

/* The core's surroundings in user space: pages that are numbers, and the model as the back end. */
#include "../../Sources/KernelModule/core.h"
#include "model.h"

enum { HOST_PAGES = MODEL_PAGES / 2, HOST_PROCESSORS = 4, HOST_PACKAGES = 2, HOST_KEYID_SHIFT = 46 };

struct host {
	struct model model;
	bool page_used[HOST_PAGES];
	bool keyid_used[MODEL_KEYIDS];
	u32 pages;
	u32 keyids;
	u32 memories;
	int orphans;
	int staying;
	bool has_backend;
	/* The next allocation fails; the next call is not executed, for this reason; it is, and faults so. */
	int alloc_error;
	int execute_error;
	u32 fault;
	/* The call is executed although it faults, if that fault leaves it open. */
	bool executed_anyway;
	/* There was such a fault. */
	bool doubted;
	/* Answers come from here instead of from the model, which then knows nothing of them. */
	void (*liar)(struct shim_execution *execution);
	/* Called while a call is executed, when others could ask for something. */
	void (*meanwhile)(void *argument);
	void *argument;
	u64 seed;
	struct shim_execution last;
};

extern const struct shim_surroundings host_surroundings;

void host_init(struct host *host, struct shim_core *core, u32 pages_max);
/* Aborts if the core contradicts itself or, unless it was lied to, the model. */
void host_check(struct host *host, struct shim_core *core, bool truthful);
/* Of all the core and the host know of objects and sessions: the same as long as nothing has changed. */
u64 host_digest(const struct host *host, struct shim_core *core);

#endif
