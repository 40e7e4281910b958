/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TDX_SHIM_PLATFORM_H
#define TDX_SHIM_PLATFORM_H

/* What the core needs of its surroundings, in the kernel and, for its tests, in user space. */

#ifdef __KERNEL__

#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>

#define shim_mutex mutex
#define shim_mutex_init(lock) mutex_init(lock)
#define shim_mutex_lock(lock) mutex_lock(lock)
#define shim_mutex_unlock(lock) mutex_unlock(lock)
#define shim_assert_locked(lock) lockdep_assert_held(lock)
#define shim_zalloc(bytes) kvzalloc((bytes), GFP_KERNEL_ACCOUNT)
#define shim_release(memory) kvfree(memory)
/* False is a fault of ours and not of a caller's: said once, and the machine goes on. */
static inline bool shim_sane(bool condition)
{
	return !WARN_ON_ONCE(!condition);
}

#else

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

struct shim_mutex {
	pthread_mutex_t lock;
};

#define shim_mutex_init(mutex) pthread_mutex_init(&(mutex)->lock, NULL)
#define shim_mutex_lock(mutex) pthread_mutex_lock(&(mutex)->lock)
#define shim_mutex_unlock(mutex) pthread_mutex_unlock(&(mutex)->lock)
#define shim_assert_locked(mutex) ((void)(mutex))
#define shim_zalloc(bytes) calloc(1, (bytes))
#define shim_release(memory) free(memory)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static inline bool shim_sane(bool condition)
{
	if (!condition)
		abort();
	return condition;
}

#endif

#endif
