/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest is asked to do by way of its agent: file systems stand still and go on, a user is logged on. */
#include <string.h>

#include "manager/vms/vm_int.h"

enum { ASK_MS = 40 * 1000, NO_GUEST_AGENT = 19 };

struct guest_verb {
	const char *verb, *word, *begun, *done, *failed;
};

static int tell(struct call *c, const char *vm_id, const char *event, const char *text, const char *why)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	struct event_refs refs;
	struct txn *t;
	struct err ignored = ERR_INIT;

	if (!vm || !event)
		return 0;
	t = txn_begin(c->core);
	refs = vm_refs(vm, c->who.user_id, c->correlation_id);
	txn_event(t, event, &refs, "%s (VM %s, user %s).%s%s", text, vm->name, c->who.user_name, why ? " " : "",
	          why ? why : "");
	return txn_commit(t, &ignored);
}

/* The VM and its host; ERR_CONFLICT unless its guest runs. */
static const char *host_of(struct call *c, const char *word, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, c->ids[0]);

	if (!vm) {
		err_set(e, ERR_NO_ENTITY, "There is no VM %s.", c->ids[0]);
		return NULL;
	}
	if (vm->status != M_VM_STATUS_UP) {
		err_set(e, ERR_CONFLICT, "Cannot %s. The VM is not up.", word);
		return NULL;
	}
	return vm_host(c->core, c->pool, vm, e);
}

static int ask(struct call *c, const struct guest_verb *v, struct err *e)
{
	const char *host = host_of(c, v->word, e), *id = pool_strdup(c->pool, c->ids[0]);
	struct err cause;

	if (!host)
		return -1;
	if (v->begun)
		tell(c, id, v->begun, "Asked the guest to freeze its file systems", NULL);
	if (agent_call(c->core, host, v->verb, json_pack("{s:s}", "vmID", id), ASK_MS, c->correlation_id, NULL, e) ==
	    0) {
		tell(c, id, v->done, "The guest did it", NULL);
		return call_reply_action(c, NULL);
	}
	cause = *e;
	tell(c, id, v->failed, "The guest did not do it", cause.detail);
	if (cause.code == ERR_AGENT)
		return err_set(e, ERR_CONFLICT, "Cannot %s. %s", v->word,
		               cause.agent_code == NO_GUEST_AGENT ? "The guest agent does not answer." : cause.detail);
	return err_wrap(e, "Cannot %s", v->word);
}

static int freeze(struct call *c, struct err *e)
{
	static const struct guest_verb V = { "VM.freeze", "freeze the VM's file systems", "FREEZE_VM_INITIATED",
		                             "FREEZE_VM_SUCCESS", "FAILED_TO_FREEZE_VM" };

	return ask(c, &V, e);
}

static int thaw(struct call *c, struct err *e)
{
	static const struct guest_verb V = { "VM.thaw", "thaw the VM's file systems", NULL, "THAW_VM_SUCCESS",
		                             "FAILED_TO_THAW_VM" };

	return ask(c, &V, e);
}

/* With the user's own name; the password that it would take is known to nobody here. */
static int logon(struct call *c, struct err *e)
{
	const char *host = host_of(c, "log on to the VM", e), *id = pool_strdup(c->pool, c->ids[0]);
	g_auto(GStrv) name = g_strsplit(c->who.user_name, "@", 2);
	struct err cause;

	if (!host)
		return -1;
	if (agent_call(c->core, host, "VM.desktopLogin",
	               json_pack("{s:s,s:s,s:s,s:s}", "vmID", id, "domain", name[0] && name[1] ? name[1] : "",
	                         "username", name[0] ? name[0] : "", "password", ""),
	               ASK_MS, c->correlation_id, NULL, e) == 0)
		return call_reply_action(c, NULL);
	cause = *e;
	if (cause.code != ERR_AGENT)
		return err_wrap(e, "Cannot log on to the VM");
	return err_set(e, ERR_CONFLICT, "Cannot log on to the VM. %s",
	               cause.agent_code == NO_GUEST_AGENT ? "The guest agent does not answer." : cause.detail);
}

const struct api_op VM_GUEST_ACTION_OPS[] = {
	ROW("vm.freeze_filesystems", freeze, NO_KIND, ON("manipulate_vm_snapshots", KIND_VM)),
	ROW("vm.thaw_filesystems", thaw, NO_KIND, ON("manipulate_vm_snapshots", KIND_VM)),
	ROW("vm.logon", logon, NO_KIND, ON("connect_to_vm", KIND_VM)),
	{ .name = NULL },
};
