#include "include/shim_core.h"
#include "../../Sources/KernelModule/core.h"

struct core_machine {
	struct shim_core core;
	struct core_host host;
	struct tdx_shim_module module;
	uint32_t processors;
	uint32_t backend, reason, abi_version;
	uint64_t seed;
};

static int page_alloc(void *context, u64 *address, void **backing)
{
	struct core_machine *machine = context;
	uint64_t found = 0;
	int error = machine->host.page_alloc(machine->host.context, &found);

	*address = found;
	*backing = NULL;
	return error;
}

static void page_free(void *context, u64 address, void *backing, bool erase)
{
	struct core_machine *machine = context;

	(void)backing;
	machine->host.page_free(machine->host.context, address, erase);
}

static int keyid_alloc(void *context, u16 *number)
{
	struct core_machine *machine = context;

	return machine->host.keyid_alloc(machine->host.context, number);
}

static void keyid_free(void *context, u16 number)
{
	struct core_machine *machine = context;

	machine->host.keyid_free(machine->host.context, number);
}

static int memory_alloc(void *context, u32 bytes, void **backing)
{
	(void)context;
	*backing = calloc(1, bytes);
	return *backing ? 0 : -ENOMEM;
}

static void memory_free(void *context, void *backing)
{
	(void)context;
	free(backing);
}

static u64 memory_address(void *context, void *backing, u32 offset)
{
	(void)context;
	return (u64)(uintptr_t)backing + offset;
}

/* All processors stay, always. */
static void stay(void *context)
{
	(void)context;
}

static int execute(void *context, struct shim_execution *execution)
{
	struct core_machine *machine = context;
	struct core_call call = { 0 };
	int error;

	if (execution->processor != TDX_SHIM_ANY_PROCESSOR && execution->processor >= machine->processors)
		return -ENXIO;
	call.leaf = execution->leaf;
	call.version = execution->version;
	call.processor = execution->processor == TDX_SHIM_ANY_PROCESSOR ? 0 : execution->processor;
	call.ran_on = call.processor;
	memcpy(call.in, execution->in, sizeof(call.in));
	call.flush = execution->flush;
	if (execution->memory)
		call.memory = (const char *)execution->memory + execution->memory_offset;
	call.memory_bytes = execution->memory_bytes;
	call.wbinvd_global = execution->wbinvd_global;
	call.wbinvd_keyid = execution->wbinvd_keyid;
	error = machine->host.execute(machine->host.context, &call);
	execution->fault = call.fault;
	execution->ran_on = call.ran_on;
	execution->status = call.status;
	memcpy(execution->out, call.out, sizeof(call.out));
	execution->given = (1u << TDX_SHIM_REGISTERS) - 1;
	return error;
}

static int package_processor(void *context, u32 index, u32 *processor)
{
	struct core_machine *machine = context;

	if (index >= 2)
		return -ENXIO;
	*processor = index * (machine->processors / 2);
	return 0;
}

static int backend(void *context)
{
	struct core_machine *machine = context;

	return machine->backend == TDX_SHIM_BACKEND_NONE ? -ENODEV : 0;
}

/* Different each time, the same in each run. */
static void random_bytes(void *context, void *bytes, u32 count)
{
	struct core_machine *machine = context;
	unsigned char *out = bytes;

	while (count--) {
		machine->seed = machine->seed * 6364136223846793005ull + 1442695040888963407ull;
		*out++ = (unsigned char)(machine->seed >> 56);
	}
}

static void hold(void *context, int orphans)
{
	(void)context;
	(void)orphans;
}

static const struct shim_surroundings surroundings = {
	.page_alloc = page_alloc,
	.page_free = page_free,
	.keyid_alloc = keyid_alloc,
	.keyid_free = keyid_free,
	.memory_alloc = memory_alloc,
	.memory_free = memory_free,
	.memory_address = memory_address,
	.stay = stay,
	.leave = stay,
	.execute = execute,
	.package_processor = package_processor,
	.backend = backend,
	.random = random_bytes,
	.hold = hold,
};

struct core_machine *core_machine_new(const struct core_host *host, const void *module, uint32_t processors,
				      uint32_t pages_max)
{
	struct core_machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return NULL;
	machine->host = *host;
	memcpy(&machine->module, module, sizeof(machine->module));
	machine->processors = processors;
	machine->backend = TDX_SHIM_BACKEND_UPCALL;
	machine->abi_version = TDX_SHIM_ABI_VERSION;
	machine->seed = 1;
	if (shim_core_init(&machine->core, &surroundings, machine, pages_max)) {
		free(machine);
		return NULL;
	}
	shim_leaves(machine->core.leaf_bitmap);
	return machine;
}

void core_machine_free(struct core_machine *machine)
{
	struct shim_session *session;

	/* What tests left with the module ends with the machine. */
	while ((session = machine->core.sessions)) {
		machine->core.sessions = session->next;
		free(session);
	}
	shim_core_end(&machine->core);
	free(machine);
}

void core_machine_backend(struct core_machine *machine, uint32_t backend, uint32_t reason, uint32_t abi_version)
{
	machine->backend = backend;
	machine->reason = reason;
	machine->abi_version = abi_version;
}

void core_machine_doubt_all(struct core_machine *machine, uint16_t doubt)
{
	shim_doubt_all(&machine->core, doubt);
}

struct core_session *core_session_open(struct core_machine *machine)
{
	struct shim_session *session = NULL;

	return shim_open(&machine->core, &session) ? NULL : (struct core_session *)session;
}

void core_session_close(struct core_machine *machine, struct core_session *session)
{
	shim_close(&machine->core, (struct shim_session *)session);
}

static int get_info(struct core_machine *machine, struct shim_session *session, struct tdx_shim_info *info)
{
	if (info->size != sizeof(*info))
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->abi_version = machine->abi_version;
	info->backend = machine->backend;
	info->reason = machine->reason;
	shim_info(&machine->core, session, info);
	return 0;
}

static int get_module(struct core_machine *machine, struct tdx_shim_module *module)
{
	if (module->size != sizeof(*module))
		return -EINVAL;
	if (machine->backend == TDX_SHIM_BACKEND_NONE)
		return -ENODEV;
	*module = machine->module;
	module->size = sizeof(*module);
	return 0;
}

/* Two at a time, so that whoever asks has to ask again. */
static int get_processors(struct core_machine *machine, struct tdx_shim_processors *request)
{
	u32 from = request->cursor, i;

	if (request->size != sizeof(*request))
		return -EINVAL;
	request->count = 0;
	for (i = from; i < machine->processors && request->count < 2; i++) {
		request->processor[request->count].processor = i;
		request->processor[request->count++].package = i / (machine->processors / 2);
	}
	request->cursor = i < machine->processors ? i : TDX_SHIM_ANY_PROCESSOR;
	return 0;
}

static int dispatch(struct core_machine *machine, struct shim_session *session, unsigned long number, void *argument)
{
	struct shim_core *core = &machine->core;

	switch (number) {
	case TDX_SHIM_GET_INFO:
		return get_info(machine, session, argument);
	case TDX_SHIM_GET_MODULE:
		return get_module(machine, argument);
	case TDX_SHIM_GET_PROCESSORS:
		return get_processors(machine, argument);
	case TDX_SHIM_ALLOC:
		return shim_alloc(core, session, argument);
	case TDX_SHIM_FREE:
		return shim_free(core, session, argument);
	case TDX_SHIM_QUERY:
		return shim_query(core, session, argument);
	case TDX_SHIM_SEAMCALL:
		return shim_call(core, session, argument);
	case TDX_SHIM_ADOPT:
		return shim_adopt(core, session, argument);
	case TDX_SHIM_LIST:
		return shim_list(core, session, argument);
	case TDX_SHIM_SESSIONS:
		return shim_sessions(core, argument);
	case TDX_SHIM_RECLAIM:
		return shim_reclaim(core, argument);
	case TDX_SHIM_FORGET:
		return shim_forget(core, argument);
	default:
		return -ENOTTY;
	}
}

int core_session_request(struct core_machine *machine, struct core_session *session, unsigned long number,
			 void *argument)
{
	return -dispatch(machine, (struct shim_session *)session, number, argument);
}

void *core_session_map(struct core_machine *machine, struct core_session *session, uint64_t offset)
{
	struct shim_object *object =
		shim_borrow(&machine->core, (struct shim_session *)session, offset / TDX_SHIM_MEMORY_BYTES_MAX);
	void *backing;

	if (!object)
		return NULL;
	backing = object->backing;
	shim_bring_back(&machine->core, object);
	return backing;
}
