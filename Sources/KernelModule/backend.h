/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TDX_SHIM_BACKEND_H
#define TDX_SHIM_BACKEND_H

#include "core.h"

/* Who executes. Exactly one is built in: see Kbuild. */
struct shim_backend {
	/* enum tdx_shim_backend, once it is ready. */
	u32 number;
	int (*start)(void);
	void (*stop)(void);
	/* 0, or the enum tdx_shim_reason why not. */
	u32 (*reason)(void);
	/* What it knows of the module; asked only if it is ready. */
	void (*module)(struct tdx_shim_module *module);
	/* Whether a call must run on the processor it is for; else it only has to know. */
	bool directed;
	int (*execute)(struct shim_execution *execution);
	int (*keyid_alloc)(u16 *number);
	void (*keyid_free)(u16 number);
	/* Something of enum tdx_shim_upcall_kind has happened. */
	void (*note)(u32 kind, u64 number);
	/* Test back ends are not for machines that distrust their root. */
	bool test_only;
};

extern const struct shim_backend shim_backend;
extern struct shim_core shim_core;

/* The leaves of the back end have changed: those we have in the table, if it has them too. */
void shim_set_leaves(const u64 bitmap[TDX_SHIM_LEAVES / 64]);

/* pages.c */
struct shim_memory {
	u32 nr_pages;
	struct page *page[];
};

extern const struct shim_surroundings shim_surroundings;

/* processors.c */
int shim_watch_processors(void);
void shim_unwatch_processors(void);
void shim_stay(void *context);
void shim_leave(void *context);
int shim_execute(void *context, struct shim_execution *execution);
int shim_package_processor(void *context, u32 index, u32 *processor);
int shim_processors(struct tdx_shim_processors *request);

#endif
