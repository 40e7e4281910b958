/* The shim's core, compiled for user space, as a device that a test can open: what the kernel does around it, the test
 * does by the functions of `struct core_host`. */
#ifndef SHIM_CORE_H
#define SHIM_CORE_H

#include <stdbool.h>
#include <stdint.h>

struct core_call {
	uint16_t leaf;
	uint8_t version;
	uint32_t processor;
	uint64_t in[6];
	uint64_t flush;
	/* What the leaf reads of host memory. */
	const void *memory;
	uint32_t memory_bytes;
	bool wbinvd_global;
	uint16_t wbinvd_keyid;
	uint32_t fault;
	uint32_t ran_on;
	uint64_t status;
	uint64_t out[6];
};

struct core_host {
	void *context;
	int (*page_alloc)(void *context, uint64_t *address);
	void (*page_free)(void *context, uint64_t address, bool erase);
	int (*keyid_alloc)(void *context, uint16_t *number);
	void (*keyid_free)(void *context, uint16_t number);
	/* 0, or a negative error number. */
	int (*execute)(void *context, struct core_call *call);
};

struct core_machine;

/* `module` is a struct tdx_shim_module. Processors are numbered from 0, half of them in each of two packages. */
struct core_machine *core_machine_new(const struct core_host *host, const void *module, uint32_t processors,
				      uint32_t pages_max);
void core_machine_free(struct core_machine *machine);
/* As the kernel says it in GET_INFO. */
void core_machine_backend(struct core_machine *machine, uint32_t backend, uint32_t reason, uint32_t abi_version);
void core_machine_doubt_all(struct core_machine *machine, uint16_t doubt);

struct core_session;
struct core_session *core_session_open(struct core_machine *machine);
void core_session_close(struct core_machine *machine, struct core_session *session);
/* 0, or an error number. */
int core_session_request(struct core_machine *machine, struct core_session *session, unsigned long number,
			 void *argument);
/* Where host memory is. */
void *core_session_map(struct core_machine *machine, struct core_session *session, uint64_t offset);

#endif
