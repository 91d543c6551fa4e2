/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about VMs: what may be said of one, and what may be done in which status. Pure but for the schema's tables. */
#include <string.h>

#include "manager/clusters/clusters.h"
#include "manager/core/tables.h"
#include "manager/vms/init_media.h"
#include "manager/vms/vm_hardware.h"
#include "manager/vms/vm_int.h"

/* ---- statuses ---- */

bool vm_is_down(const struct m_vm *vm)
{
	return vm->status == M_VM_STATUS_DOWN || vm->status == M_VM_STATUS_SUSPENDED ||
	       vm->status == M_VM_STATUS_IMAGE_LOCKED || vm->status == M_VM_STATUS_NONE;
}

bool vm_is_launching(const struct m_vm *vm)
{
	return vm->status == M_VM_STATUS_WAIT_FOR_LAUNCH || vm->status == M_VM_STATUS_RESTORING_STATE;
}

bool vm_may_run(const struct m_vm *vm) { return !vm_is_down(vm) && vm->host.id; }

bool vm_is_live(const struct m_vm *vm)
{
	switch (vm->status) {
	case M_VM_STATUS_UP:
	case M_VM_STATUS_POWERING_UP:
	case M_VM_STATUS_PAUSED:
	case M_VM_STATUS_POWERING_DOWN:
	case M_VM_STATUS_REBOOT_IN_PROGRESS:
	case M_VM_STATUS_MIGRATING: return vm->host.id;
	default: return false;
	}
}

#define S(x) (1u << M_VM_STATUS_##x)

static const struct {
	const char *what;
	unsigned allowed;
} ACTIONS[] = {
	[VM_RUN] = { "run VM", S(DOWN) | S(PAUSED) | S(SUSPENDED) },
	[VM_STOP] = { "stop VM", S(WAIT_FOR_LAUNCH) | S(UP) | S(POWERING_DOWN) | S(POWERING_UP) |
	                             S(REBOOT_IN_PROGRESS) | S(MIGRATING) | S(SUSPENDED) | S(PAUSED) |
	                             S(NOT_RESPONDING) },
	[VM_SHUTDOWN] = { "shutdown VM", S(WAIT_FOR_LAUNCH) | S(UP) | S(POWERING_DOWN) | S(POWERING_UP) |
	                                     S(REBOOT_IN_PROGRESS) | S(MIGRATING) | S(PAUSED) | S(NOT_RESPONDING) },
	[VM_REBOOT] = { "reboot VM", S(UP) | S(POWERING_UP) },
	[VM_RESET] = { "reset VM", S(UP) | S(POWERING_UP) | S(REBOOT_IN_PROGRESS) },
	[VM_REMOVE] = { "remove VM", S(DOWN) },
	[VM_SUSPEND] = { "hibernate VM", S(UP) },
	[VM_MIGRATE] = { "migrate VM", S(UP) | S(POWERING_UP) | S(REBOOT_IN_PROGRESS) | S(PAUSED) },
};

int vm_check_action(const struct m_vm *vm, enum vm_action a, struct err *e)
{
	const char *what = ACTIONS[a].what;

	if (ACTIONS[a].allowed & 1u << vm->status)
		return 0;
	switch (vm->status) {
	case M_VM_STATUS_IMAGE_LOCKED:
		return err_set(e, ERR_CONFLICT, "Cannot %s. VM is locked. Please try again in a few minutes.", what);
	case M_VM_STATUS_DOWN:
	case M_VM_STATUS_SUSPENDED: return err_set(e, ERR_CONFLICT, "Cannot %s. VM is not running.", what);
	case M_VM_STATUS_UP: return err_set(e, ERR_CONFLICT, "Cannot %s. VM is running.", what);
	case M_VM_STATUS_UNKNOWN:
		return err_set(e, ERR_CONFLICT,
		               "Cannot %s. The status of the VM is not known, since its host does not answer.", what);
	default:
		return err_set(e, ERR_CONFLICT, "Cannot %s. VM is running: its status is %s.", what,
		               m_enum_name(&M_ENUM_vm_status, vm->status));
	}
}

int vm_check_down(const struct m_vm *vm, const char *what, struct err *e)
{
	if (vm->status == M_VM_STATUS_DOWN)
		return 0;
	if (vm->status == M_VM_STATUS_IMAGE_LOCKED)
		return err_set(e, ERR_CONFLICT, "Cannot %s. VM is locked. Please try again in a few minutes.", what);
	return err_set(e, ERR_CONFLICT, "Cannot %s. VM is running.", what);
}

/* ---- configuration ---- */

static int check_memory(const struct m_vm *vm, const char *what, struct err *e)
{
	const struct m_memory_policy *mp = vm->memory_policy;

	if (!mp)
		return 0;
	if (M_GET(mp, guaranteed, 0) > vm->memory)
		return err_field(e, ERR_CONFLICT, "vm.memory_policy.guaranteed",
		                 "Cannot %s. Physical Memory Guaranteed cannot exceed Memory Size.", what);
	if (M_GET(mp, max, vm->memory) < vm->memory)
		return err_field(e, ERR_CONFLICT, "vm.memory_policy.max",
		                 "Cannot %s. Maximum memory cannot be less than memory size.", what);
	return 0;
}

static bool is_known_os(const char *type)
{
	for (const struct os_type *o = OS_TYPES; o->key; o++)
		if (strcmp(o->key, type) == 0)
			return true;
	return false;
}

/* Texts that end up in the domain: no control characters. */
static bool is_plain(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static int check_os(const struct m_vm *vm, struct err *e)
{
	const struct m_operating_system *os = vm->os;

	if (!os)
		return 0;
	if (os->type && !is_known_os(os->type))
		return err_field(e, ERR_INVALID, "vm.os.type", "'%.80s' is no known operating system.", os->type);
	if (!is_plain(os->kernel) || !is_plain(os->initrd) || !is_plain(os->cmdline))
		return err_field(e, ERR_INVALID, "vm.os", "Control characters are not allowed here.");
	if ((os->kernel && *os->kernel && *os->kernel != '/') || (os->initrd && *os->initrd && *os->initrd != '/'))
		return err_field(e, ERR_UNSUPPORTED, "vm.os.kernel",
		                 "Kernel and initrd must be absolute paths of files on the host.");
	if (!(os->kernel && *os->kernel) && ((os->initrd && *os->initrd) || (os->cmdline && *os->cmdline)))
		return err_field(e, ERR_CONFLICT, "vm.os.kernel", "Initrd and kernel parameters need a kernel.");
	return 0;
}

static int check_platform(const struct m_vm *vm, const char *what, struct err *e)
{
	if (!is_plain(vm->custom_cpu_model) || !is_plain(vm->custom_emulated_machine) ||
	    (vm->time_zone && !is_plain(vm->time_zone->name)) ||
	    (vm->serial_number && !is_plain(vm->serial_number->value)) ||
	    (vm->display && !is_plain(vm->display->keyboard_layout)))
		return err_field(e, ERR_INVALID, "vm", "Control characters are not allowed here.");
	for (uint32_t i = 0; i < vm->custom_properties.n; i++)
		if (!is_plain(vm->custom_properties.v[i]->value))
			return err_field(e, ERR_INVALID, "vm.custom_properties",
			                 "Control characters are not allowed here.");
	if (M_GET(vm, stateless, false) && vm->high_availability && M_GET(vm->high_availability, enabled, false))
		return err_field(e, ERR_CONFLICT, "vm.stateless",
		                 "Cannot %s. A highly available VM cannot be stateless.", what);
	return 0;
}

int vm_check(struct core *c, const struct m_vm *vm, const char *what, struct err *e)
{
	if (check_memory(vm, what, e) < 0 || check_os(vm, e) < 0 || check_platform(vm, what, e) < 0 ||
	    init_check(vm->initialization, e) < 0)
		return -1;
	return vm_check_hardware(c, vm, what, e);
}

/* ---- what a running machine cannot take over ---- */

#define TAKE(m)   to->m = from->m
#define TAKE_N(m) (from->has.m ? (void)M_SET(to, m, from->m) : (void)0)

static void pick(const struct m_vm *from, struct m_vm *to)
{
	TAKE(name);
	TAKE(bios);
	TAKE(console);
	TAKE(cpu);
	TAKE(custom_compatibility_version);
	TAKE(custom_cpu_model);
	TAKE(custom_emulated_machine);
	to->custom_properties.v = from->custom_properties.v;
	to->custom_properties.n = from->custom_properties.n;
	TAKE(display);
	TAKE(initialization);
	TAKE(io);
	TAKE_N(memory);
	TAKE(memory_policy);
	TAKE_N(multi_queues_enabled);
	TAKE(os);
	TAKE(rng_device);
	TAKE(serial_number);
	TAKE_N(soundcard_enabled);
	TAKE_N(stateless);
	TAKE(storage_error_resume_behaviour);
	TAKE(time_zone);
	TAKE_N(tpm_enabled);
	TAKE(usb);
	TAKE(virtio_scsi);
	TAKE_N(virtio_scsi_multi_queues_enabled);
}

bool vm_differs_at_run_time(const struct m_vm *a, const struct m_vm *b)
{
	struct m_vm x = { 0 }, y = { 0 };

	pick(a, &x);
	pick(b, &y);
	return !m_equal(&M_TYPE_vm, &x, &y);
}
