// SPDX-License-Identifier: GPL-2.0
/* /dev/tdx_shim: structures come in, are checked by the core, and go out. */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/uaccess.h>
#include <linux/version.h>

#include "backend.h"

/* What fits here need not be allocated: all that is asked often. */
#define SMALL_REQUEST_BYTES 192

static unsigned int pages_max = 1u << 18;
module_param(pages_max, uint, 0444);
MODULE_PARM_DESC(pages_max, "pages that one session may have (262144)");

struct shim_core shim_core;

void shim_set_leaves(const u64 bitmap[TDX_SHIM_LEAVES / 64])
{
	u64 table[TDX_SHIM_LEAVES / 64];
	u32 i;

	shim_leaves(table);
	for (i = 0; i < ARRAY_SIZE(table); i++)
		WRITE_ONCE(shim_core.leaf_bitmap[i], table[i] & bitmap[i]);
}

static int shim_device_open(struct inode *inode, struct file *file)
{
	struct shim_session *session;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (shim_backend.test_only && security_locked_down(LOCKDOWN_DEV_MEM))
		return -EPERM;
	error = shim_open(&shim_core, &session);
	if (!error)
		file->private_data = session;
	return error;
}

static int shim_device_release(struct inode *inode, struct file *file)
{
	shim_close(&shim_core, file->private_data);
	return 0;
}

static long get_info(struct shim_session *session, struct tdx_shim_info *info)
{
	if (info->size != sizeof(*info))
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->abi_version = TDX_SHIM_ABI_VERSION;
	info->reason = shim_backend.reason();
	info->backend = info->reason ? TDX_SHIM_BACKEND_NONE : shim_backend.number;
	shim_info(&shim_core, session, info);
	return 0;
}

static long get_module(struct tdx_shim_module *module)
{
	if (module->size != sizeof(*module))
		return -EINVAL;
	if (shim_backend.reason())
		return -ENODEV;
	memset(module, 0, sizeof(*module));
	shim_backend.module(module);
	module->size = sizeof(*module);
	return 0;
}

static long dispatch(struct shim_session *session, unsigned int command, void *request)
{
	switch (command) {
	case TDX_SHIM_GET_INFO:
		return get_info(session, request);
	case TDX_SHIM_GET_MODULE:
		return get_module(request);
	case TDX_SHIM_GET_PROCESSORS:
		return shim_processors(request);
	case TDX_SHIM_ALLOC:
		return shim_alloc(&shim_core, session, request);
	case TDX_SHIM_FREE:
		return shim_free(&shim_core, session, request);
	case TDX_SHIM_QUERY:
		return shim_query(&shim_core, session, request);
	case TDX_SHIM_SEAMCALL:
		return shim_call(&shim_core, session, request);
	case TDX_SHIM_ADOPT:
		return shim_adopt(&shim_core, session, request);
	case TDX_SHIM_LIST:
		return shim_list(&shim_core, session, request);
	case TDX_SHIM_SESSIONS:
		return shim_sessions(&shim_core, request);
	case TDX_SHIM_RECLAIM:
		return shim_reclaim(&shim_core, request);
	case TDX_SHIM_FORGET:
		return shim_forget(&shim_core, request);
	default:
		return -ENOTTY;
	}
}

/* Numbers with another size in them are requests we never had. */
static bool is_request(unsigned int command)
{
	switch (command) {
	case TDX_SHIM_GET_INFO:
	case TDX_SHIM_GET_MODULE:
	case TDX_SHIM_GET_PROCESSORS:
	case TDX_SHIM_ALLOC:
	case TDX_SHIM_FREE:
	case TDX_SHIM_QUERY:
	case TDX_SHIM_SEAMCALL:
	case TDX_SHIM_ADOPT:
	case TDX_SHIM_LIST:
	case TDX_SHIM_SESSIONS:
	case TDX_SHIM_RECLAIM:
	case TDX_SHIM_FORGET:
		return true;
	default:
		return false;
	}
}

static long shim_device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	u8 small[SMALL_REQUEST_BYTES] __aligned(8);
	void __user *user = (void __user *)argument;
	u32 bytes = _IOC_SIZE(command);
	void *request = small;
	long result;

	if (!is_request(command))
		return -ENOTTY;
	if (bytes > sizeof(small))
		request = kmalloc(bytes, GFP_KERNEL);
	if (!request)
		return -ENOMEM;
	result = copy_from_user(request, user, bytes) ? -EFAULT : dispatch(file->private_data, command, request);
	if (!result && _IOC_DIR(command) & _IOC_READ && copy_to_user(user, request, bytes))
		result = -EFAULT;
	if (request != small)
		kfree(request);
	return result;
}

/* Only host memory can be mapped, whole or its first part. */
static int shim_device_mmap(struct file *file, struct vm_area_struct *vma)
{
	const unsigned long span = TDX_SHIM_MEMORY_BYTES_MAX / PAGE_SIZE;
	unsigned long count = vma_pages(vma), i;
	struct shim_object *object;
	struct shim_memory *memory;
	int error = 0;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC || vma->vm_pgoff % span)
		return -EINVAL;
	object = shim_borrow(&shim_core, file->private_data, vma->vm_pgoff / span);
	if (!object)
		return -ENOENT;
	memory = object->backing;
	/* A child that inherits the mapping would keep the session open. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
#else
	vma->vm_flags = (vma->vm_flags | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP) & ~VM_MAYEXEC;
#endif
	if (count > memory->nr_pages)
		error = -EINVAL;
	for (i = 0; !error && i < count; i++)
		error = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, memory->page[i]);
	shim_bring_back(&shim_core, object);
	return error;
}

static const struct file_operations shim_operations = {
	.owner = THIS_MODULE,
	.open = shim_device_open,
	.release = shim_device_release,
	.unlocked_ioctl = shim_device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = shim_device_mmap,
	.llseek = noop_llseek,
};

static struct miscdevice shim_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tdx_shim",
	.fops = &shim_operations,
	.mode = 0600,
};

static const char *const reasons[] = {
	[TDX_SHIM_REASON_NONE] = "ready",
	[TDX_SHIM_REASON_NO_EXPORTS] =
		"refusing every call: this kernel exports no TDX wrappers; a kernel from 6.16 to 6.18 does",
	[TDX_SHIM_REASON_EXPORTS_RESTRICTED] =
		"refusing every call: this kernel exports its TDX wrappers to KVM alone; add tdx_shim to that list, or use 6.16 to 6.18",
	[TDX_SHIM_REASON_NO_PLATFORM] =
		"refusing every call: the processor or its firmware does not offer TDX; look for it in the firmware's setup",
	[TDX_SHIM_REASON_NO_MODULE] =
		"refusing every call: the TDX module is not up; load kvm_intel with tdx=1, then load this module again",
	[TDX_SHIM_REASON_NO_EMULATOR] = "emulation: waiting for an emulator on " TDX_SHIM_UPCALL_NODE,
};

static int __init shim_load(void)
{
	int error;

	if (!pages_max || pages_max > SHIM_OBJECTS_MAX) {
		pr_err("pages_max must be 1 to %u\n", SHIM_OBJECTS_MAX);
		return -EINVAL;
	}
	error = shim_core_init(&shim_core, &shim_surroundings, NULL, pages_max);
	if (error)
		return error;
	error = shim_backend.start();
	if (error)
		goto end_core;
	error = shim_watch_processors();
	if (error)
		goto stop_backend;
	error = misc_register(&shim_device);
	if (error)
		goto unwatch_processors;
	pr_info("%s\n", reasons[shim_backend.reason()]);
	return 0;

unwatch_processors:
	shim_unwatch_processors();
stop_backend:
	shim_backend.stop();
end_core:
	shim_core_end(&shim_core);
	return error;
}

static void __exit shim_unload(void)
{
	misc_deregister(&shim_device);
	shim_unwatch_processors();
	shim_backend.stop();
	if (shim_core.forgotten)
		pr_warn("%llu pages and KeyIDs were given up and stay lost until the machine is restarted\n",
			shim_core.forgotten);
	shim_core_end(&shim_core);
}

module_init(shim_load);
module_exit(shim_unload);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("SEAMCALLs of the Intel TDX module for tdxd, by handles and without addresses");
MODULE_VERSION("1");
