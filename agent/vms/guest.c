/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/guest.h"

#include <glib.h>
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/vms/virt.h"
#include "agent/vms/vms.h"
#include "base/log.h"

enum {
	TICK_MS = 2500,
	YOUNG_MS = 120000, /* a guest that just started is asked often */
	YOUNG_PERIOD_MS = 5000,
	PERIOD_MS = 15000,
	SLOW_PERIOD_MS = 120000,
	ANSWER_S = 1,
};

/* --- asking ------------------------------------------------------------------------ */

struct question {
	unsigned what;
	bool is_version_asked;
	json_t *answer;
	int n_cpus;
	char *version;
};

/* An answer of megabytes stays in libvirt's daemon: it gives up above its own limit. */
static void ask_version(virDomainPtr dom, struct question *q)
{
	char *answer = virDomainQemuAgentCommand(dom, "{\"execute\":\"guest-info\"}", ANSWER_S, 0);

	q->version = guest_agent_version(answer);
	free(answer);
}

static int ask_work(virDomainPtr dom, void *arg, struct err *e)
{
	struct question *q = arg;
	virTypedParameterPtr params = NULL;
	int n = 0;

	virDomainAgentSetResponseTimeout(dom, ANSWER_S, 0);
	if (virDomainGetGuestInfo(dom, q->what, &params, &n, 0) < 0)
		return virt_err(e, "ask the guest agent");
	q->answer = guest_json(params, n);
	virTypedParamsFree(params, n);
	if (q->is_version_asked)
		ask_version(dom, q);
	q->n_cpus = virDomainGetVcpusFlags(dom, VIR_DOMAIN_VCPU_GUEST | VIR_DOMAIN_VCPU_LIVE);
	return 0;
}

static void take_answer(struct vm *vm, struct question *q)
{
	if (json_object_get(q->answer, GUEST_IS_CUT)) {
		json_object_del(q->answer, GUEST_IS_CUT);
		if (!vm->is_guest_cut)
			log_warn("the guest tells more than is kept", "VM", vm->id);
		vm->is_guest_cut = true;
	}
	json_object_update(vm->guest, q->answer);
	if (q->n_cpus > 0)
		json_object_set_new(vm->guest, "guestCPUCount", json_integer(q->n_cpus));
	if (q->version)
		json_object_set_new(vm->guest, "appsList",
		                    json_pack("[o]", json_sprintf("qemu-guest-agent-%s", q->version)));
}

static void ask_fiber(void *arg)
{
	struct vm *vm = arg;
	struct agent *a = vm->agent;
	const int64_t now = loop_now_ms(a->loop);
	const bool is_young = loop_wall_ms(a->loop) - vm->started_wall_ms < YOUNG_MS;
	const bool is_slow_due = is_young || now >= vm->guest_slow_due_ms;
	struct question q = { .what = VIR_DOMAIN_GUEST_INFO_USERS | VIR_DOMAIN_GUEST_INFO_INTERFACES };
	struct err e = ERR_INIT;

	if (is_slow_due) {
		q.what |= VIR_DOMAIN_GUEST_INFO_OS | VIR_DOMAIN_GUEST_INFO_TIMEZONE | VIR_DOMAIN_GUEST_INFO_HOSTNAME |
		          VIR_DOMAIN_GUEST_INFO_FILESYSTEM;
		vm->guest_slow_due_ms = now + SLOW_PERIOD_MS;
		q.is_version_asked = !json_object_get(vm->guest, "appsList");
	}
	vm->guest_due_ms = now + (is_young ? YOUNG_PERIOD_MS : PERIOD_MS);
	if (virt_run_domain(a, VIRT_GUEST, vm->id, ask_work, &q, &e) < 0) {
		log_debug("guest agent", "VM", vm->id, "ERROR", e.detail);
	} else if (vm_is_active(vm)) {
		take_answer(vm, &q);
	}
	json_decref(q.answer);
	g_free(q.version);
	vm->is_guest_busy = false;
	vm_unref(vm);
}

static void ask_due(struct agent *a)
{
	const int64_t now = loop_now_ms(a->loop);
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, a->vms->by_id);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		struct vm *vm = value;

		if (vm->status != VM_UP || !vm->domain->is_agent_connected || vm->is_guest_busy ||
		    now < vm->guest_due_ms)
			continue;
		vm->is_guest_busy = true;
		fiber_start(a->loop, "guest agent", ask_fiber, vm_ref(vm));
	}
}

static void guest_fiber(void *arg)
{
	struct agent *a = arg;

	while (!a->is_stopping) {
		if (virt_is_connected(a))
			ask_due(a);
		fiber_sleep(TICK_MS);
	}
}

void guest_init(struct agent *a) { fiber_start(a->loop, "guest agents", guest_fiber, a); }
