/* SPDX-License-Identifier: Apache-2.0 */
/* File systems of a guest stand still and go on; and what only an agent of the desktop could do. */
#include "agent/vms/freeze.h"

#include <libvirt/libvirt.h>

#include "agent/agent.h"
#include "agent/vms/life.h"
#include "agent/vms/virt.h"
#include "base/log.h"

enum { NO_AGENT = 19, NOT_FROZEN = 76, NOT_THAWED = 77, TURN_MS = 5000, TURN_LOOK_MS = 50 };

/* The time limit of answers belongs to the machine, so those who ask take turns. */
static void take_turn(struct vm *vm)
{
	const int64_t until = loop_now_ms(vm->agent->loop) + TURN_MS;

	while (vm->is_guest_busy && loop_now_ms(vm->agent->loop) < until)
		fiber_sleep(TURN_LOOK_MS);
	vm->is_guest_busy = true;
}

struct ask {
	int64_t limit_s;
	int n;
};

static int freeze_work(virDomainPtr dom, void *arg, struct err *e)
{
	struct ask *ask = arg;

	virDomainAgentSetResponseTimeout(dom, (int)ask->limit_s, 0);
	ask->n = virDomainFSFreeze(dom, NULL, 0, 0);
	return ask->n < 0 ? virt_err(e, "freeze") : 0;
}

static int thaw_work(virDomainPtr dom, void *arg, struct err *e)
{
	struct ask *ask = arg;

	virDomainAgentSetResponseTimeout(dom, (int)ask->limit_s, 0);
	ask->n = virDomainFSThaw(dom, NULL, 0, 0);
	return ask->n < 0 ? virt_err(e, "thaw") : 0;
}

static int ask(struct vm *vm, virt_domain_fn fn, int64_t limit_s, int code, struct err *e)
{
	struct ask ask = { .limit_s = limit_s };
	int r;

	if (!vm->domain->is_agent_connected)
		return err_agent(e, NO_AGENT, "The guest agent does not answer");
	take_turn(vm);
	r = virt_run_domain(vm->agent, VIRT_GUEST, vm->id, fn, &ask, e);
	vm->is_guest_busy = false;
	if (r < 0) {
		const struct err cause = *e;

		return err_agent(e, cause.code == ERR_TIMEOUT ? NO_AGENT : code, "%s", cause.detail);
	}
	log_info(fn == freeze_work ? "file systems are frozen" : "file systems go on", "VM", vm->id);
	return 0;
}

int freeze_guest(struct vm *vm, int64_t limit_s, struct err *e) { return ask(vm, freeze_work, limit_s, NOT_FROZEN, e); }

int thaw_guest(struct vm *vm, struct err *e) { return ask(vm, thaw_work, FREEZE_S, NOT_THAWED, e); }

/* --- verbs ---------------------------------------------------------------------- */

static int with_vm(struct agent *a, struct verb_call *c, bool is_freeze, struct err *e)
{
	auto_vm_lock held = NULL;
	struct vm *vm;

	if (vms_running(a, c, &vm, e) < 0 || vm_hold(vm, &held, e) < 0)
		return -1;
	if (!is_freeze)
		return thaw_guest(vm, e);
	if (freeze_guest(vm, FREEZE_S, e) == 0)
		return 0;
	if (e->agent_code == NO_AGENT && vm->domain->is_agent_connected) {
		struct err ignored = ERR_INIT; /* it may freeze after all, when it wakes up */

		thaw_guest(vm, &ignored);
	}
	return -1;
}

int vm_freeze(struct agent *a, struct verb_call *c, struct err *e) { return with_vm(a, c, true, e); }

int vm_thaw(struct agent *a, struct verb_call *c, struct err *e) { return with_vm(a, c, false, e); }

int vm_desktop(struct agent *a, struct verb_call *c, struct err *e)
{
	struct vm *vm;

	if (vms_running(a, c, &vm, e) < 0)
		return -1;
	if (!vm->domain->is_agent_connected)
		return err_agent(e, NO_AGENT, "The guest agent does not answer");
	return err_agent(e, 75, "The QEMU guest agent knows no desktop sessions: it cannot log in, log off or lock");
}
