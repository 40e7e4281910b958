// SPDX-License-Identifier: GPL-2.0
/* On which processor a call runs. Processors neither come nor go while one does. */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include <asm/cacheflush.h>

#include "backend.h"

static int watching;

/* KVM looks after processors that its TDs need, and knows nothing of ours. */
static int refuse_to_go(unsigned int processor)
{
	bool last = true;
	unsigned int other;

	for_each_online_cpu(other)
		if (other != processor && topology_physical_package_id(other) == topology_physical_package_id(processor))
			last = false;
	if (!shim_needs_processor(&shim_core, processor, last))
		return 0;
	pr_warn("processor %u stays: %s\n", processor,
		last ? "TDs need one in each package" : "a vCPU is associated with it");
	return -EBUSY;
}

int shim_watch_processors(void)
{
	watching = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "tdx_shim:online", NULL, refuse_to_go);
	return watching < 0 ? watching : 0;
}

void shim_unwatch_processors(void)
{
	cpuhp_remove_state_nocalls(watching);
}

void shim_stay(void *context)
{
	cpus_read_lock();
}

void shim_leave(void *context)
{
	cpus_read_unlock();
}

static int execute_here(void *argument)
{
	struct shim_execution *execution = argument;

	execution->ran_on = raw_smp_processor_id();
	return shim_backend.execute(execution);
}

static int execute_there(struct shim_execution *execution)
{
	int error = 0;
	bool here;

	migrate_disable();
	here = execution->processor == TDX_SHIM_ANY_PROCESSOR || execution->processor == raw_smp_processor_id();
	if (here)
		error = execute_here(execution);
	migrate_enable();
	return here ? error : smp_call_on_cpu(execution->processor, execute_here, execution, false);
}

int shim_execute(void *context, struct shim_execution *execution)
{
	/*
	 * A line that is dirty under KeyID 0 must not be evicted over what the module writes under another. Done whether or
	 * not the module says that it minds: it is cheap beside the call.
	 */
#ifndef CONFIG_UML
	if (execution->flush)
		clflush_cache_range(page_address(execution->flush_backing), PAGE_SIZE);
#endif
	if (execution->processor != TDX_SHIM_ANY_PROCESSOR &&
	    (execution->processor >= nr_cpu_ids || !cpu_online(execution->processor)))
		return -ENXIO;
	if (shim_backend.directed)
		return execute_there(execution);
	execution->ran_on = execution->processor == TDX_SHIM_ANY_PROCESSOR ? raw_smp_processor_id() : execution->processor;
	return shim_backend.execute(execution);
}

static bool is_first_of_package(unsigned int processor)
{
	unsigned int other;

	for_each_online_cpu(other) {
		if (other >= processor)
			break;
		if (topology_physical_package_id(other) == topology_physical_package_id(processor))
			return false;
	}
	return true;
}

int shim_package_processor(void *context, u32 index, u32 *processor)
{
	unsigned int candidate;
	int error = -ENXIO;

	cpus_read_lock();
	for_each_online_cpu(candidate) {
		if (!is_first_of_package(candidate) || index--)
			continue;
		*processor = candidate;
		error = 0;
		break;
	}
	cpus_read_unlock();
	return error;
}

int shim_processors(struct tdx_shim_processors *request)
{
	unsigned int processor;

	if (request->size != sizeof(*request) || request->reserved)
		return -EINVAL;
	memset(request->processor, 0, sizeof(request->processor));
	request->count = 0;
	cpus_read_lock();
	for_each_online_cpu(processor) {
		if (processor < request->cursor)
			continue;
		if (request->count == TDX_SHIM_PROCESSORS_MAX)
			break;
		request->processor[request->count].processor = processor;
		request->processor[request->count++].package = topology_physical_package_id(processor);
	}
	cpus_read_unlock();
	request->cursor = processor < nr_cpu_ids ? processor : TDX_SHIM_ANY_PROCESSOR;
	return 0;
}
