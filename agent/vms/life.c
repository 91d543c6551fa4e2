/* SPDX-License-Identifier: Apache-2.0 */
/* Shut down, reboot, reset, pause and go on. */
#include "agent/vms/life.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/hooks/hooks.h"
#include "agent/vms/virt.h"
#include "base/log.h"

enum { SHUTDOWN_WAIT_S = 30 };

int vms_running(struct agent *a, struct verb_call *c, struct vm **out, struct err *e)
{
	if (vms_of_call(a, c, out, e) < 0)
		return -1;
	if (!vm_is_active(*out))
		return err_agent(e, 6, "Virtual machine is not running: %s", vm_status_name((*out)->status));
	return 0;
}

/* --- simple calls ---------------------------------------------------------- */

static int reset_work(virDomainPtr dom, void *arg, struct err *e)
{
	return virDomainReset(dom, 0) < 0 ? virt_err(e, "reset") : 0;
}

static int pause_work(virDomainPtr dom, void *arg, struct err *e)
{
	return virDomainSuspend(dom) < 0 ? virt_err(e, "pause") : 0;
}

static int cont_work(virDomainPtr dom, void *arg, struct err *e)
{
	return virDomainResume(dom) < 0 ? virt_err(e, "resume") : 0;
}

static int kill_work(virDomainPtr dom, void *arg, struct err *e)
{
	return virDomainDestroyFlags(dom, 0) < 0 ? virt_err(e, "destroy") : 0;
}

static int hooked(struct agent *a, struct verb_call *c, virt_domain_fn fn, enum hook_point before,
                  enum hook_point after, struct err *e)
{
	auto_vm_lock held = NULL;
	struct vm *vm;

	if (vms_running(a, c, &vm, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	if (before != HOOK_NONE && hooks_vm(vm, before, NULL, e) < 0)
		return -1;
	if (virt_run_domain(a, VIRT_OPS, vm->id, fn, NULL, e) < 0)
		return -1;
	return after != HOOK_NONE ? hooks_vm(vm, after, NULL, e) : 0;
}

int vm_reset(struct agent *a, struct verb_call *c, struct err *e)
{
	return hooked(a, c, reset_work, HOOK_NONE, HOOK_NONE, e);
}

/* What is known may be older than what was asked for last: then libvirt says. */
static bool is_already(struct vm *vm, enum vm_status status)
{
	struct err ignored = ERR_INIT;

	return vm->status == status && vm_sync(vm, &ignored) == 0 && vm->status == status;
}

/* Done when whoever asks next finds it so. */
static int change_over(struct agent *a, struct verb_call *c, enum vm_status to, virt_domain_fn fn,
                       enum hook_point before, enum hook_point after, struct err *e)
{
	struct err ignored = ERR_INIT;
	auto_vm vm = NULL;
	struct vm *found;

	if (vms_running(a, c, &found, e) < 0)
		return -1;
	vm = vm_ref(found);
	c->result = json_pack("{s:{}}", "vmList");
	if (is_already(vm, to))
		return 0;
	if (hooked(a, c, fn, before, after, e) < 0)
		return -1;
	if (!vm->is_removed)
		vm_sync(vm, &ignored);
	return 0;
}

int vm_pause(struct agent *a, struct verb_call *c, struct err *e)
{
	return change_over(a, c, VM_PAUSED, pause_work, HOOK_BEFORE_VM_PAUSE, HOOK_AFTER_VM_PAUSE, e);
}

int vm_cont(struct agent *a, struct verb_call *c, struct err *e)
{
	return change_over(a, c, VM_UP, cont_work, HOOK_BEFORE_VM_CONT, HOOK_AFTER_VM_CONT, e);
}

/* --- shutdown and reboot ------------------------------------------------------ */

struct shutdown {
	struct vm *vm;
	bool is_reboot, is_forced;
	int64_t delay_s, wait_s;
};

/* Agent first, then the power button. */
static int ask_agent(virDomainPtr dom, void *arg, struct err *e)
{
	const struct shutdown *s = arg;
	const int r = s->is_reboot ? virDomainReboot(dom, VIR_DOMAIN_REBOOT_GUEST_AGENT)
	                           : virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT);

	return r < 0 ? virt_err(e, "ask the guest agent") : 0;
}

static int press_button(virDomainPtr dom, void *arg, struct err *e)
{
	const struct shutdown *s = arg;
	const int r = s->is_reboot ? virDomainReboot(dom, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN)
	                           : virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);

	return r < 0 ? virt_err(e, "press the power button") : 0;
}

/* True when the machine did what was asked (or went away) within the time. */
static bool wait_over(struct shutdown *s, int64_t wait_s)
{
	struct vm *vm = s->vm;
	const int64_t until = loop_now_ms(vm->agent->loop) + wait_s * 1000;

	for (;;) {
		const int64_t left = until - loop_now_ms(vm->agent->loop);

		if (vm->is_removed || vm->is_doomed || vm->status == VM_DOWN)
			return true;
		if (s->is_reboot && vm->status != VM_REBOOTING)
			return true;
		if (left <= 0)
			return false;
		waitq_wait(&vm->moved, left);
	}
}

static bool try_shutdown(struct shutdown *s, enum virt_line line, virt_domain_fn fn)
{
	struct err e = ERR_INIT;

	if (virt_run_domain(s->vm->agent, line, s->vm->id, fn, s, &e) < 0) {
		log_debug("shutdown step", "VM", s->vm->id, "ERROR", e.detail);
		return false;
	}
	return wait_over(s, s->wait_s);
}

static void shutdown_fiber(void *arg)
{
	struct shutdown *s = arg;
	struct vm *vm = s->vm;
	struct err e = ERR_INIT;
	bool is_over = wait_over(s, s->delay_s);

	if (!is_over && vm->domain->is_agent_connected)
		is_over = try_shutdown(s, VIRT_GUEST, ask_agent);
	if (!is_over)
		is_over = try_shutdown(s, VIRT_OPS, press_button);
	if (!is_over && s->is_forced) {
		log_info("guest does not react, forced", "VM", vm->id);
		is_over =
		    virt_run_domain(vm->agent, VIRT_OPS, vm->id, s->is_reboot ? reset_work : kill_work, NULL, &e) == 0;
		if (is_over && s->is_reboot)
			life_rebooted(vm);
	}
	if (!is_over && !vm->is_removed && (vm->status == VM_POWERING_DOWN || vm->status == VM_REBOOTING)) {
		log_warn("guest does not react to the request to shut down", "VM", vm->id);
		vm->is_admin_shutdown = false;
		vm_move(vm, VM_UP);
		vm_sync_soon(vm);
	}
	vm_unref(vm);
	g_free(s);
}

int vm_shutdown(struct agent *a, struct verb_call *c, struct err *e)
{
	struct shutdown s = { .vm = NULL };

	if (vms_running(a, c, &s.vm, e) < 0 || verb_int_or(c, "delay", 0, 3600, 0, &s.delay_s, e) < 0 ||
	    verb_int_or(c, "timeout", 0, 3600, SHUTDOWN_WAIT_S, &s.wait_s, e) < 0 ||
	    verb_bool_or(c, "reboot", false, &s.is_reboot, e) < 0 ||
	    verb_bool_or(c, "force", false, &s.is_forced, e) < 0)
		return -1;
	if (s.vm->status == VM_PAUSED && !s.is_forced)
		return err_agent(e, 100, "A paused virtual machine cannot shut down; resume it first");
	vm_ref(s.vm);
	s.vm->is_admin_shutdown = !s.is_reboot;
	vm_move(s.vm, s.is_reboot ? VM_REBOOTING : VM_POWERING_DOWN);
	fiber_start(a->loop, "vm shutdown", shutdown_fiber, g_memdup2(&s, sizeof(s)));
	return 0;
}

/* --- reboot ------------------------------------------------------------------ */

static void destroy_rebooted(void *arg)
{
	struct vm *vm = arg;
	struct err e = ERR_INIT;

	if (virt_run_domain(vm->agent, VIRT_OPS, vm->id, kill_work, NULL, &e) < 0)
		log_warn("not destroyed on reboot", "VM", vm->id, "ERROR", e.detail);
	vm_unref(vm);
}

void life_rebooted(struct vm *vm)
{
	if (!vm_is_active(vm))
		return;
	json_object_clear(vm->guest);
	vm->guest_due_ms = vm->guest_slow_due_ms = 0;
	vm_move(vm, VM_REBOOTING);
	if (vm->is_reboot_destroy)
		fiber_start(vm->agent->loop, "reboot", destroy_rebooted, vm_ref(vm));
	else
		vm_move(vm, VM_UP);
}

int vm_set_destroy_on_reboot(struct agent *a, struct verb_call *c, struct err *e)
{
	const struct domain_meta value = { "destroy_on_reboot", "True" };
	auto_vm_lock held = NULL;
	struct vm *vm;

	if (vms_running(a, c, &vm, e) < 0 || vm_hold(vm, &held, e) < 0 || vm_write_meta(vm, &value, 1, e) < 0)
		return -1;
	vm->is_reboot_destroy = true;
	return 0;
}
