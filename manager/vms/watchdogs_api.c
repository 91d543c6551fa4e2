/* SPDX-License-Identifier: Apache-2.0 */
/* Watchdogs: a VM, a template, an instance type has one or none. It is part of the machine, its id is always the same. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/vms/vm_hardware.h"

#define WATCHDOG_ID "00000000-0000-0000-0000-000000000001"

/* Whose it is: what the tables of VMs, templates and instance types have in common. */
struct owner {
	const char *name;
	enum kind kind;
	enum m_watchdog_model *model;
	enum m_watchdog_action *action;
};

static enum kind kind_of(const struct call *c)
{
	return g_str_has_prefix(c->op->name, "vm_")         ? KIND_VM
	       : g_str_has_prefix(c->op->name, "template_") ? KIND_TEMPLATE
	                                                    : KIND_INSTANCE_TYPE;
}

/* The members of a version or of a draft. */
static struct owner members(enum kind k, const void *obj)
{
	struct owner o = { .kind = k };

#define OF(type)                                                                                                       \
	do {                                                                                                           \
		struct m_##type *x = (struct m_##type *)obj;                                                           \
		o.name = x->name, o.model = &x->watchdog_model, o.action = &x->watchdog_action;                        \
	} while (0)
	if (k == KIND_VM)
		OF(vm);
	else if (k == KIND_TEMPLATE)
		OF(template);
	else
		OF(instance_type);
#undef OF
	return o;
}

static struct m_watchdog *make(struct call *c, enum kind k, const void *obj)
{
	struct owner o = members(k, obj);
	struct m_watchdog *w;

	if (!*o.model)
		return NULL;
	w = m_new(c->pool, &M_TYPE_watchdog);
	w->id = WATCHDOG_ID;
	w->model = *o.model;
	w->action = *o.action;
	if (k == KIND_VM)
		REF_SET(c->pool, w->vm, c->ids[0]);
	else if (k == KIND_TEMPLATE)
		REF_SET(c->pool, w->template, c->ids[0]);
	else
		REF_SET(c->pool, w->instance_type, c->ids[0]);
	return w;
}

static int watchdog_list(struct call *c, struct err *e)
{
	enum kind k = kind_of(c);
	const void *obj = call_visible(c, 0, k, e);
	void **list = POOL_ARRAY(c->pool, void *, 1);

	if (!obj)
		return -1;
	list[0] = make(c, k, obj);
	return call_reply_list(c, &M_TYPE_watchdog, list, list[0] ? 1 : 0);
}

static int none(struct err *e) { return err_set(e, ERR_NO_ENTITY, "There is no such watchdog."); }

static int watchdog_get(struct call *c, struct err *e)
{
	enum kind k = kind_of(c);
	const void *obj = call_visible(c, 0, k, e);
	struct m_watchdog *w = obj ? make(c, k, obj) : NULL;

	if (!obj)
		return -1;
	return w && strcmp(c->ids[1], WATCHDOG_ID) == 0 ? call_reply_entity(c, &M_TYPE_watchdog, w) : none(e);
}

/* ---- changes ---- */

static int check_model(const struct m_watchdog *body, struct err *e)
{
	if (body->model == M_WATCHDOG_MODEL_DIAG288)
		return err_field(e, ERR_INVALID, "watchdog.model",
		                 "The watchdog diag288 is of S390 machines; i6300esb is supported.");
	return 0;
}

static int check_owner(struct call *c, enum kind k, const void *obj, struct err *e)
{
	const char *id = m_entity(M_KINDS[k].type, obj)->id;

	if (k == KIND_VM && vm_check_down(obj, "edit VM", e) < 0)
		return -1;
	return lock_check(c->core, id, NULL, e);
}

/* The draft is changed in one transaction. model NONE: removed. */
static int change(struct call *c, enum m_watchdog_model model, enum m_watchdog_action action, struct err *e)
{
	enum kind k = kind_of(c);
	struct txn *t = txn_begin(c->core);
	void *draft = txn_edit(t, k, c->ids[0]);
	struct event_refs refs = call_refs(c);
	struct owner o;

	if (!draft || check_owner(c, k, draft, e) < 0) {
		txn_cancel(t);
		return draft ? -1 : err_set(e, ERR_NO_ENTITY, "It is gone.");
	}
	o = members(k, draft);
	*o.model = model;
	*o.action = action;
	if (k == KIND_VM) {
		refs.vm = c->ids[0];
		txn_event(t, "USER_UPDATE_VM", &refs, "VM %s configuration was updated.", o.name);
	} else {
		refs.template = k == KIND_TEMPLATE ? c->ids[0] : NULL;
		txn_event(t, "USER_UPDATE_VM_TEMPLATE", &refs, "Template %s configuration was updated.", o.name);
	}
	return txn_commit(t, e);
}

static int reply(struct call *c, struct err *e)
{
	enum kind k = kind_of(c);
	const void *obj = inv_get(c->core->inv, k, c->ids[0]);
	struct m_watchdog *w = obj ? make(c, k, obj) : NULL;

	return w ? call_reply_entity(c, &M_TYPE_watchdog, w) : none(e);
}

static int watchdog_add(struct call *c, struct err *e)
{
	const struct m_watchdog *body = c->body;
	enum kind k = kind_of(c);
	const void *obj = call_visible(c, 0, k, e);

	if (!obj || check_model(body, e) < 0)
		return -1;
	if (*members(k, obj).model)
		return err_set(e, ERR_CONFLICT, "There is a watchdog already; there can be one.");
	if (!body->model)
		return err_field(e, ERR_MISSING, "watchdog.model", "Watchdog [model] required for add");
	if (!body->action)
		return err_field(e, ERR_MISSING, "watchdog.action", "Watchdog [action] required for add");
	return change(c, body->model, body->action, e) < 0 ? -1 : reply(c, e);
}

static const void *find(struct call *c, struct err *e)
{
	enum kind k = kind_of(c);
	const void *obj = call_visible(c, 0, k, e);

	if (obj && (!*members(k, obj).model || strcmp(c->ids[1], WATCHDOG_ID) != 0)) {
		none(e);
		return NULL;
	}
	return obj;
}

static int watchdog_update(struct call *c, struct err *e)
{
	const struct m_watchdog *body = c->body;
	const void *obj = find(c, e);
	struct owner o;

	if (!obj || check_model(body, e) < 0)
		return -1;
	o = members(kind_of(c), obj);
	if (change(c, body->model ? body->model : *o.model, body->action ? body->action : *o.action, e) < 0)
		return -1;
	return reply(c, e);
}

static int watchdog_remove(struct call *c, struct err *e)
{
	if (!find(c, e) || change(c, M_WATCHDOG_MODEL_NONE, M_WATCHDOG_ACTION_ABSENT, e) < 0)
		return -1;
	return call_reply_action(c, NULL);
}

#define ROWS(ONE, MANY, PERMIT, KIND_)                                                                                 \
	ROW(MANY ".list", watchdog_list, NO_KIND, .flags = OP_HREF_HERE),                                              \
	    ROW(ONE ".get", watchdog_get, NO_KIND, .flags = OP_HREF_HERE),                                             \
	    ROW(MANY ".add", watchdog_add, NO_KIND, .permit = PERMIT, .on = KIND_, .flags = OP_WAITS | OP_HREF_HERE),  \
	    ROW(ONE ".update", watchdog_update, NO_KIND, .permit = PERMIT, .on = KIND_,                                \
	        .flags = OP_WAITS | OP_HREF_HERE),                                                                     \
	    ROW(ONE ".remove", watchdog_remove, NO_KIND, .permit = PERMIT, .on = KIND_, .flags = OP_WAITS)

const struct api_op WATCHDOG_OPS[] = {
	ROWS("vm_watchdog", "vm_watchdogs", "edit_vm_properties", KIND_VM),
	ROWS("template_watchdog", "template_watchdogs", "edit_template_properties", KIND_TEMPLATE),
	ROW("instance_type_watchdogs.list", watchdog_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("instance_type_watchdog.get", watchdog_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("instance_type_watchdogs.add", watchdog_add, NO_KIND, .permit = "edit_template_properties",
	    .is_on_system = true, .flags = OP_WAITS | OP_HREF_HERE),
	ROW("instance_type_watchdog.update", watchdog_update, NO_KIND, .permit = "edit_template_properties",
	    .is_on_system = true, .flags = OP_WAITS | OP_HREF_HERE),
	ROW("instance_type_watchdog.remove", watchdog_remove, NO_KIND, .permit = "edit_template_properties",
	    .is_on_system = true, .flags = OP_WAITS),
	{ .name = NULL },
};
