/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters that a network card gives to the filter of its profile: addresses and the like. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/core/locks.h"
#include "manager/vms/vm_hardware.h"

enum { MAX_PARAMETERS = 64, MAX_TEXT = 255 };

/* Network card ids[1] of VM ids[0], published. */
static const struct m_nic *find_nic(struct call *c, struct err *e)
{
	const struct m_nic *nic;

	if (!call_visible(c, 0, KIND_VM, e))
		return NULL;
	nic = INV_GET(c->core->inv, NIC, nic, c->ids[1]);
	if (!nic || g_strcmp0(nic->vm.id, c->ids[0]) != 0) {
		err_set(e, ERR_NO_ENTITY, "The VM has no network interface %s.", c->ids[1]);
		return NULL;
	}
	return nic;
}

static struct m_network_filter_parameter *view(struct call *c, const struct m_network_filter_parameter *fp)
{
	struct m_network_filter_parameter *copy = m_copy(c->pool, &M_TYPE_network_filter_parameter, fp);

	REF_SET(c->pool, copy->nic, c->ids[1]);
	return copy;
}

static int position(const struct m_nic *nic, const char *id)
{
	for (uint32_t i = 0; i < nic->filter_parameters.n; i++)
		if (g_strcmp0(nic->filter_parameters.v[i]->id, id) == 0)
			return (int)i;
	return -1;
}

static int parameter_list(struct call *c, struct err *e)
{
	const struct m_nic *nic = find_nic(c, e);
	void **list = nic ? POOL_ARRAY(c->pool, void *, nic->filter_parameters.n + 1) : NULL;

	for (uint32_t i = 0; nic && i < nic->filter_parameters.n; i++)
		list[i] = view(c, nic->filter_parameters.v[i]);
	return nic ? call_reply_list(c, &M_TYPE_network_filter_parameter, list, nic->filter_parameters.n) : -1;
}

static int reply_one(struct call *c, const char *id, struct err *e)
{
	const struct m_nic *nic = find_nic(c, e);
	int at = nic ? position(nic, id) : -1;

	if (at < 0)
		return nic ? err_set(e, ERR_NO_ENTITY, "There is no filter parameter %s.", id) : -1;
	return call_reply_entity(c, &M_TYPE_network_filter_parameter, view(c, nic->filter_parameters.v[at]));
}

static int parameter_get(struct call *c, struct err *e) { return reply_one(c, c->ids[2], e); }

/* Names of variables; values without control characters. */
static int check(const char *name, const char *value, struct err *e)
{
	if (!name || !*name || strlen(name) > MAX_TEXT)
		return err_field(e, ERR_MISSING, "network_filter_parameter.name", "A filter parameter needs a name.");
	for (const char *at = name; *at; at++)
		if (!g_ascii_isalnum(*at) && *at != '_')
			return err_field(e, ERR_INVALID, "network_filter_parameter.name",
			                 "Names of filter parameters have letters, digits and '_'.");
	if (!value || strlen(value) > MAX_TEXT)
		return err_field(e, ERR_MISSING, "network_filter_parameter.value",
		                 "A filter parameter needs a value of at most %d bytes.", MAX_TEXT);
	for (const char *at = value; *at; at++)
		if (!g_ascii_isalnum(*at) && !strchr("_.:-, /", *at))
			return err_field(e, ERR_INVALID, "network_filter_parameter.value",
			                 "Values of filter parameters are addresses, numbers or lists of them.");
	return 0;
}

static struct m_nic *begin(struct call *c, struct txn *t, struct err *e)
{
	struct m_nic *nic = find_nic(c, e) ? txn_edit(t, KIND_NIC, c->ids[1]) : NULL;

	return nic && lock_check(c->core, c->ids[0], NULL, e) == 0 ? nic : NULL;
}

static int parameter_add(struct call *c, struct err *e)
{
	const struct m_network_filter_parameter *body = c->body;
	struct txn *t = txn_begin(c->core);
	struct m_nic *nic = begin(c, t, e);
	struct m_network_filter_parameter *fp, **list;
	char *id = core_uuid(c->core, c->pool);

	if (!nic || check(body->name, body->value, e) < 0 ||
	    (nic->filter_parameters.n >= MAX_PARAMETERS &&
	     err_set(e, ERR_CONFLICT, "A network interface has %d filter parameters at most.", MAX_PARAMETERS) < 0)) {
		txn_cancel(t);
		return -1;
	}
	fp = m_new(txn_pool(t), &M_TYPE_network_filter_parameter);
	fp->id = pool_strdup(txn_pool(t), id);
	fp->name = pool_strdup(txn_pool(t), body->name);
	fp->value = pool_strdup(txn_pool(t), body->value);
	list = POOL_ARRAY(txn_pool(t), struct m_network_filter_parameter *, nic->filter_parameters.n + 1);
	if (nic->filter_parameters.n)
		memcpy(list, nic->filter_parameters.v, nic->filter_parameters.n * sizeof(*list));
	list[nic->filter_parameters.n++] = fp;
	nic->filter_parameters.v = list;
	return txn_commit(t, e) < 0 ? -1 : reply_one(c, id, e);
}

static int parameter_update(struct call *c, struct err *e)
{
	const struct m_network_filter_parameter *body = c->body;
	struct txn *t = txn_begin(c->core);
	struct m_nic *nic = begin(c, t, e);
	int at = nic ? position(nic, c->ids[2]) : -1;
	struct m_network_filter_parameter *fp = at >= 0 ? nic->filter_parameters.v[at] : NULL;

	if (!fp || check(STR_OR(body->name, fp->name), STR_OR(body->value, fp->value), e) < 0) {
		txn_cancel(t);
		return fp || !nic ? -1 : err_set(e, ERR_NO_ENTITY, "There is no filter parameter %s.", c->ids[2]);
	}
	fp->name = pool_strdup(txn_pool(t), STR_OR(body->name, fp->name));
	fp->value = pool_strdup(txn_pool(t), STR_OR(body->value, fp->value));
	return txn_commit(t, e) < 0 ? -1 : reply_one(c, c->ids[2], e);
}

static int parameter_remove(struct call *c, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_nic *nic = begin(c, t, e);
	int at = nic ? position(nic, c->ids[2]) : -1;

	if (at < 0) {
		txn_cancel(t);
		return nic ? err_set(e, ERR_NO_ENTITY, "There is no filter parameter %s.", c->ids[2]) : -1;
	}
	nic->filter_parameters.n--;
	memmove(nic->filter_parameters.v + at, nic->filter_parameters.v + at + 1,
	        (nic->filter_parameters.n - (size_t)at) * sizeof(*nic->filter_parameters.v));
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

#define MAY_EDIT .permit = "configure_vm_network", .on = KIND_VM, .flags = OP_WAITS | OP_HREF_HERE

const struct api_op NIC_FILTER_OPS[] = {
	ROW("nic_network_filter_parameters.list", parameter_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("nic_network_filter_parameter.get", parameter_get, NO_KIND, .flags = OP_HREF_HERE),
	ROW("nic_network_filter_parameters.add", parameter_add, NO_KIND, MAY_EDIT),
	ROW("nic_network_filter_parameter.update", parameter_update, NO_KIND, MAY_EDIT),
	ROW("nic_network_filter_parameter.remove", parameter_remove, NO_KIND, MAY_EDIT),
	{ .name = NULL },
};
