// SPDX-License-Identifier: GPL-2.0
/*
 * Emulation, for tests: each call goes to a program behind a second node, which answers it. Nothing is executed, and no
 * lock is held while it thinks. A kernel in which this is loaded is marked as under test.
 */
#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "backend.h"

/* Notes that nobody reads are dropped beyond this, and counted. */
#define NOTES_MAX 65536
#define KEYID_MAX 0xffff
#define ADDRESS_BITS 52

static unsigned int upcall_timeout_ms = 5000;
module_param(upcall_timeout_ms, uint, 0644);
MODULE_PARM_DESC(upcall_timeout_ms, "how long the emulator may take for one call (5000)");

/* ABANDONED: its caller waits no longer, and it is on no list. */
enum upcall_state { QUEUED, TAKEN, ANSWERED, ABANDONED, LOST };

struct upcall {
	struct list_head entry;
	struct kref references;
	struct completion done;
	enum upcall_state state;
	/* Whether it had been taken when the emulator was lost. */
	bool taken;
	bool note;
	struct tdx_shim_upcall_request request;
	struct tdx_shim_upcall_reply reply;
	u8 memory[];
};

/* All of it under the lock. */
static DEFINE_SPINLOCK(upcall_lock);
static LIST_HEAD(queued);
static LIST_HEAD(taken);
static DECLARE_WAIT_QUEUE_HEAD(readers);
static u64 last_sequence;
static u32 nr_notes;
static u64 notes_dropped;
static bool attached;
/* The node is open; once for all threads of an emulator. */
static bool owned;

static struct tdx_shim_module emulated;
static DEFINE_IDA(keyids);
static bool global_reserved;

static void upcall_release(struct kref *references)
{
	kfree(container_of(references, struct upcall, references));
}

static void upcall_put(struct upcall *upcall)
{
	kref_put(&upcall->references, upcall_release);
}

static struct upcall *upcall_new(u32 kind, u32 memory_bytes, gfp_t how)
{
	struct upcall *upcall = kzalloc(struct_size(upcall, memory, memory_bytes), how);

	if (!upcall)
		return NULL;
	kref_init(&upcall->references);
	init_completion(&upcall->done);
	upcall->request.size = sizeof(upcall->request) + memory_bytes;
	upcall->request.memory_bytes = memory_bytes;
	upcall->request.kind = kind;
	return upcall;
}

/* False if there is nobody to send it to. */
static bool enqueue(struct upcall *upcall)
{
	bool sent;

	spin_lock(&upcall_lock);
	sent = attached && (!upcall->note || nr_notes < NOTES_MAX);
	if (sent) {
		upcall->request.sequence = ++last_sequence;
		list_add_tail(&upcall->entry, &queued);
		nr_notes += upcall->note;
	} else if (attached) {
		notes_dropped++;
	}
	spin_unlock(&upcall_lock);
	if (sent)
		wake_up_interruptible(&readers);
	return sent;
}

/*
 * Waits for the answer. 0 if the call was taken, whatever came of it (see `state`); else why it was not: then it has been
 * withdrawn, and nothing was executed.
 */
static int await(struct upcall *upcall)
{
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(upcall_timeout_ms)), end = jiffies + timeout;
	long left = wait_for_completion_interruptible_timeout(&upcall->done, timeout);
	int error = 0;

	spin_lock(&upcall_lock);
	if (left < 0 && upcall->state == TAKEN) {
		/* Too late to give up: only the answer tells what it changed. */
		spin_unlock(&upcall_lock);
		wait_for_completion_timeout(&upcall->done, time_before(jiffies, end) ? end - jiffies : 1);
		spin_lock(&upcall_lock);
	}
	if (upcall->state == QUEUED) {
		list_del(&upcall->entry);
		upcall->state = ABANDONED;
		error = left < 0 ? -EINTR : -ETIMEDOUT;
	} else if (upcall->state == TAKEN) {
		list_del(&upcall->entry);
		upcall->state = ABANDONED;
	} else if (upcall->state == LOST && !upcall->taken) {
		error = -ENODEV;
	}
	spin_unlock(&upcall_lock);
	return error;
}

static void fill(struct upcall *upcall, const struct shim_execution *execution)
{
	struct tdx_shim_upcall_request *request = &upcall->request;
	const struct shim_memory *memory = execution->memory;
	u32 offset = execution->memory_offset;

	request->rax = execution->leaf | (u64)execution->version << 16;
	memcpy(request->registers, execution->in, sizeof(request->registers));
	if (execution->leaf == SHIM_LEAF_WBINVD)
		request->registers[0] |= (u64)(execution->wbinvd_global ? emulated.global_keyid : execution->wbinvd_keyid)
					 << emulated.keyid_shift;
	request->flushed = execution->flush;
	request->processor = execution->ran_on;
	request->package = topology_physical_package_id(execution->ran_on);
	if (!memory)
		return;
	/* What a leaf reads lies within one page. */
	request->memory = page_to_phys(memory->page[offset / PAGE_SIZE]) + offset % PAGE_SIZE;
	memcpy(upcall->memory, page_address(memory->page[offset / PAGE_SIZE]) + offset % PAGE_SIZE,
	       execution->memory_bytes);
}

static void take_answer(const struct upcall *upcall, struct shim_execution *execution)
{
	if (upcall->state == ANSWERED) {
		execution->status = upcall->reply.rax;
		memcpy(execution->out, upcall->reply.registers, sizeof(execution->out));
		execution->given = (1u << TDX_SHIM_REGISTERS) - 1;
	} else {
		execution->fault = upcall->state == LOST ? TDX_SHIM_FAULT_EMULATOR_LOST : TDX_SHIM_FAULT_TIMEOUT;
	}
}

static int upcall_execute(struct shim_execution *execution)
{
	struct upcall *upcall = upcall_new(TDX_SHIM_UPCALL_CALL, execution->memory_bytes, GFP_KERNEL);
	int error;

	if (!upcall)
		return -ENOMEM;
	fill(upcall, execution);
	error = enqueue(upcall) ? await(upcall) : -ENODEV;
	if (!error)
		take_answer(upcall, execution);
	upcall_put(upcall);
	return error;
}

static void upcall_note(u32 kind, u64 number)
{
	struct upcall *upcall;

	if (!READ_ONCE(attached))
		return;
	upcall = upcall_new(kind, 0, GFP_KERNEL);
	if (!upcall)
		return;
	upcall->note = true;
	upcall->request.registers[0] = number;
	if (!enqueue(upcall))
		upcall_put(upcall);
}

static int upcall_node_open(struct inode *inode, struct file *file)
{
	int error = 0;

	if (!capable(CAP_SYS_ADMIN) || security_locked_down(LOCKDOWN_DEV_MEM))
		return -EPERM;
	spin_lock(&upcall_lock);
	if (owned)
		error = -EBUSY;
	owned = true;
	spin_unlock(&upcall_lock);
	return error;
}

static void lose(struct list_head *list, bool were_taken)
{
	struct upcall *upcall, *next;

	list_for_each_entry_safe(upcall, next, list, entry) {
		list_del(&upcall->entry);
		if (upcall->note) {
			upcall_put(upcall);
			continue;
		}
		upcall->state = LOST;
		upcall->taken = were_taken;
		complete(&upcall->done);
	}
}

static int upcall_node_release(struct inode *inode, struct file *file)
{
	static const u64 none[TDX_SHIM_LEAVES / 64];
	bool was;

	spin_lock(&upcall_lock);
	was = attached;
	attached = false;
	lose(&queued, false);
	lose(&taken, true);
	nr_notes = 0;
	spin_unlock(&upcall_lock);
	if (was) {
		shim_set_leaves(none);
		/* What the emulator knew of our pages died with it. */
		shim_doubt_all(&shim_core, TDX_SHIM_DOUBT_EMULATOR);
		if (global_reserved)
			ida_free(&keyids, emulated.global_keyid);
		global_reserved = false;
		if (notes_dropped)
			pr_warn("%llu notes were not read and dropped\n", notes_dropped);
	}
	spin_lock(&upcall_lock);
	owned = false;
	spin_unlock(&upcall_lock);
	return 0;
}

static struct upcall *take_first(size_t room, int *error)
{
	struct upcall *upcall;

	*error = 0;
	spin_lock(&upcall_lock);
	upcall = list_first_entry_or_null(&queued, struct upcall, entry);
	if (upcall && upcall->request.size > room) {
		upcall = NULL;
		*error = -EINVAL;
	}
	if (upcall && upcall->note) {
		/* Ours alone from here on. */
		list_del(&upcall->entry);
		nr_notes--;
	} else if (upcall) {
		kref_get(&upcall->references);
		upcall->state = TAKEN;
		list_move_tail(&upcall->entry, &taken);
	}
	spin_unlock(&upcall_lock);
	return upcall;
}

/* It could not be delivered: as if nobody had taken it. */
static void put_back(struct upcall *upcall)
{
	spin_lock(&upcall_lock);
	if (upcall->note) {
		kref_get(&upcall->references);
		list_add(&upcall->entry, &queued);
		nr_notes++;
	} else if (upcall->state == TAKEN) {
		upcall->state = QUEUED;
		list_move(&upcall->entry, &queued);
	}
	spin_unlock(&upcall_lock);
}

static ssize_t upcall_node_read(struct file *file, char __user *buffer, size_t room, loff_t *position)
{
	struct upcall *upcall;
	ssize_t result;
	int error;

	if (!READ_ONCE(attached))
		return -ENODEV;
	while (!(upcall = take_first(room, &error))) {
		if (error)
			return error;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		error = wait_event_interruptible(readers, !list_empty_careful(&queued));
		if (error)
			return error;
	}
	result = upcall->request.size;
	if (copy_to_user(buffer, &upcall->request, sizeof(upcall->request)) ||
	    copy_to_user(buffer + sizeof(upcall->request), upcall->memory, upcall->request.memory_bytes)) {
		put_back(upcall);
		result = -EFAULT;
	}
	upcall_put(upcall);
	return result;
}

static ssize_t upcall_node_write(struct file *file, const char __user *buffer, size_t bytes, loff_t *position)
{
	struct tdx_shim_upcall_reply reply;
	struct upcall *upcall;
	ssize_t result = -ENOENT;

	if (bytes != sizeof(reply))
		return -EINVAL;
	if (copy_from_user(&reply, buffer, sizeof(reply)))
		return -EFAULT;
	if (reply.size != sizeof(reply) || reply.reserved)
		return -EINVAL;
	spin_lock(&upcall_lock);
	list_for_each_entry(upcall, &taken, entry) {
		if (upcall->request.sequence != reply.sequence)
			continue;
		upcall->reply = reply;
		upcall->state = ANSWERED;
		list_del(&upcall->entry);
		complete(&upcall->done);
		result = bytes;
		break;
	}
	spin_unlock(&upcall_lock);
	return result;
}

static __poll_t upcall_node_poll(struct file *file, struct poll_table_struct *table)
{
	poll_wait(file, &readers, table);
	return EPOLLOUT | EPOLLWRNORM | (list_empty_careful(&queued) ? 0 : EPOLLIN | EPOLLRDNORM);
}

static bool is_sound(const struct tdx_shim_module *module)
{
	u32 i;

	if (module->size != sizeof(*module) || module->reserved0 || module->flags & ~TDX_SHIM_MODULE_VP_INIT_X2APIC)
		return false;
	for (i = 0; i < ARRAY_SIZE(module->reserved); i++)
		if (module->reserved[i])
			return false;
	return module->first_keyid && module->first_keyid <= module->last_keyid && module->keyid_shift &&
	       module->keyid_shift < ADDRESS_BITS && module->last_keyid >> (ADDRESS_BITS - module->keyid_shift) == 0 &&
	       module->nr_cpuid <= TDX_SHIM_CPUID_MAX && module->tdcs_pages && module->tdvps_pages;
}

static long attach(const struct tdx_shim_module *module)
{
	long error = 0;

	if (!is_sound(module))
		return -EINVAL;
	spin_lock(&upcall_lock);
	if (attached)
		error = -EBUSY;
	else
		emulated = *module;
	spin_unlock(&upcall_lock);
	if (error)
		return error;
	/* The module's own is nobody else's; if one of ours has it from before, that is lost anyway. */
	global_reserved = module->global_keyid &&
			  ida_alloc_range(&keyids, module->global_keyid, module->global_keyid, GFP_KERNEL) >= 0;
	shim_set_leaves(module->leaf_bitmap);
	spin_lock(&upcall_lock);
	attached = true;
	spin_unlock(&upcall_lock);
	return 0;
}

static long upcall_node_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void __user *user = (void __user *)argument;
	void *request;
	long result;

	if (command != TDX_SHIM_ATTACH && command != TDX_SHIM_GET_PROCESSORS)
		return -ENOTTY;
	request = memdup_user(user, _IOC_SIZE(command));
	if (IS_ERR(request))
		return PTR_ERR(request);
	result = command == TDX_SHIM_ATTACH ? attach(request) : shim_processors(request);
	if (!result && _IOC_DIR(command) & _IOC_READ && copy_to_user(user, request, _IOC_SIZE(command)))
		result = -EFAULT;
	kfree(request);
	return result;
}

static const struct file_operations upcall_operations = {
	.owner = THIS_MODULE,
	.open = upcall_node_open,
	.release = upcall_node_release,
	.read = upcall_node_read,
	.write = upcall_node_write,
	.poll = upcall_node_poll,
	.unlocked_ioctl = upcall_node_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice upcall_node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tdx_shim_upcall",
	.fops = &upcall_operations,
	.mode = 0600,
};

static int upcall_start(void)
{
	add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
	pr_warn("built with emulation, for tests: nothing that is called here is executed\n");
	return misc_register(&upcall_node);
}

static void upcall_stop(void)
{
	misc_deregister(&upcall_node);
	ida_destroy(&keyids);
}

static u32 upcall_reason(void)
{
	return READ_ONCE(attached) ? TDX_SHIM_REASON_NONE : TDX_SHIM_REASON_NO_EMULATOR;
}

static void upcall_module(struct tdx_shim_module *module)
{
	spin_lock(&upcall_lock);
	*module = emulated;
	spin_unlock(&upcall_lock);
}

static int upcall_keyid_alloc(u16 *number)
{
	int keyid = ida_alloc_range(&keyids, emulated.first_keyid, min_t(u32, emulated.last_keyid, KEYID_MAX), GFP_KERNEL);

	if (keyid < 0)
		return keyid;
	*number = keyid;
	return 0;
}

static void upcall_keyid_free(u16 number)
{
	ida_free(&keyids, number);
}

const struct shim_backend shim_backend = {
	.number = TDX_SHIM_BACKEND_UPCALL,
	.start = upcall_start,
	.stop = upcall_stop,
	.reason = upcall_reason,
	.module = upcall_module,
	.execute = upcall_execute,
	.keyid_alloc = upcall_keyid_alloc,
	.keyid_free = upcall_keyid_free,
	.note = upcall_note,
	.test_only = true,
};
