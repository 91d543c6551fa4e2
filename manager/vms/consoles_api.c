/* SPDX-License-Identifier: Apache-2.0 */
/* Graphical consoles: where they are, and passwords for them. */
#include <string.h>

#include "base/auto.h"
#include "manager/api/generic.h"
#include "manager/vms/vm_int.h"

#define VNC_ID "766e63" /* the protocol's name in hexadecimal */

enum { TICKET_MS = 30 * 1000, EXPIRY_S = 120, MAX_EXPIRY_S = 365 * 86400, TICKET_LEN = 8 }; /* VNC uses no more */

/* ---- what there is ---- */

static json_t *display_of(const struct m_vm *vm)
{
	json_t *list = vm->display_info ? json_loads(vm->display_info, 0, NULL) : NULL;
	json_t *first = vm_is_live(vm) ? json_incref(json_array_get(list, 0)) : NULL;

	json_decref(list);
	return first;
}

static const char *address_of(struct core *c, const struct m_vm *vm, json_t *d)
{
	const char *a = rep_text(d, "ipAddress");
	const struct m_host *h = INV_GET(c->inv, HOST, host, vm->host.id);

	return *a && strcmp(a, "0") != 0 ? a : h ? STR_OR(h->address, "") : "";
}

static struct m_graphics_console *make(struct call *c, const struct m_vm *vm)
{
	struct m_graphics_console *g = m_new(c->pool, &M_TYPE_graphics_console);
	auto_json *d = display_of(vm);

	g->id = VNC_ID;
	g->protocol = M_GRAPHICS_TYPE_VNC;
	REF_SET(c->pool, g->vm, vm->id);
	if (!d)
		return g;
	g->address = pool_strdup(c->pool, address_of(c->core, vm, d));
	if (rep_number(d, "port") > 0)
		M_SET(g, port, (int64_t)rep_number(d, "port"));
	if (rep_number(d, "tlsPort") > 0)
		M_SET(g, tls_port, (int64_t)rep_number(d, "tlsPort"));
	return g;
}

static int console_list(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);
	void **list = POOL_ARRAY(c->pool, void *, 1);

	if (!vm)
		return -1;
	if (vm->display)
		list[0] = make(c, vm);
	return call_reply_list(c, &M_TYPE_graphics_console, list, vm->display ? 1 : 0);
}

static const struct m_vm *console_vm(struct call *c, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);

	if (vm && (!vm->display || c->n_ids < 2 || strcmp(c->ids[1], VNC_ID) != 0)) {
		err_set(e, ERR_NO_ENTITY, "The VM has no such console.");
		return NULL;
	}
	return vm;
}

static int console_get(struct call *c, struct err *e)
{
	const struct m_vm *vm = console_vm(c, e);
	return vm ? call_reply_entity(c, &M_TYPE_graphics_console, make(c, vm)) : -1;
}

/* ---- adding and removing: a VM without is headless ---- */

static int set_display(struct call *c, const char *vm_id, bool is_there, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);

	if (!vm || vm_check_down(vm, is_there ? "add graphics console" : "remove graphics console", e) < 0) {
		txn_cancel(t);
		return vm ? -1 : err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
	}
	vm->display = is_there ? m_new(txn_pool(t), &M_TYPE_display) : NULL;
	if (is_there) {
		vm->display->type = M_DISPLAY_TYPE_VNC;
		M_SET(vm->display, monitors, 1);
	}
	return txn_commit(t, e);
}

static int console_add(struct call *c, struct err *e)
{
	const struct m_graphics_console *body = c->body;
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);
	char *id;

	if (!vm)
		return -1;
	if (body->protocol != M_GRAPHICS_TYPE_VNC)
		return err_field(e, ERR_UNSUPPORTED, "graphics_console.protocol",
		                 "SPICE consoles are not supported; VNC is.");
	if (vm->display)
		return err_set(e, ERR_CONFLICT, "Cannot add graphics console. The VM has one already.");
	id = pool_strdup(c->pool, vm->id);
	if (set_display(c, id, true, e) < 0)
		return -1;
	vm = INV_GET(c->core->inv, VM, vm, id);
	return vm ? call_reply_entity(c, &M_TYPE_graphics_console, make(c, vm))
	          : err_set(e, ERR_NO_ENTITY, "The VM is gone.");
}

static int console_remove(struct call *c, struct err *e)
{
	if (!console_vm(c, e) || set_display(c, pool_strdup(c->pool, c->ids[0]), false, e) < 0)
		return -1;
	return call_reply_action(c, NULL);
}

/* ---- tickets ---- */

static const char *make_password(struct core *c, struct pool *p)
{
	static const char LETTERS[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
	char *s = pool_alloc(p, TICKET_LEN + 1);

	for (int i = 0; i < TICKET_LEN; i++)
		s[i] = LETTERS[chance_below(c->chance, sizeof(LETTERS) - 1)];
	return s;
}

static int tell_host(struct call *c, const char *host, const char *vm_id, const char *password, int64_t expiry_s,
                     struct err *e)
{
	json_t *user = json_pack("{s:s,s:s}", "userName", c->who.user_name, "userId", c->who.user_id);

	return agent_call(c->core, host, "VM.updateDevice",
	                  json_pack("{s:s,s:{s:s,s:s,s:s,s:I,s:s,s:o}}", "vmID", vm_id, "params", "deviceType",
	                            "graphics", "graphicsType", "vnc", "password", password, "ttl",
	                            (json_int_t)expiry_s, "existingConnAction", "disconnect", "params", user),
	                  TICKET_MS, c->correlation_id, NULL, e);
}

int vm_set_ticket(struct call *c, const char *vm_id, const char *value, int64_t expiry_s, const char **used,
                  struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	struct event_refs refs;
	const char *host, *name;

	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
	if (!vm_is_live(vm))
		return err_set(e, ERR_CONFLICT, "Cannot set VM Ticket. VM is not running.");
	if (!vm->display)
		return err_set(e, ERR_CONFLICT, "Cannot set VM Ticket. The VM has no graphical console.");
	host = vm_host(c->core, c->pool, vm, e);
	if (!host)
		return -1;
	*used = value && *value ? value : make_password(c->core, c->pool);
	refs = vm_refs(m_copy(c->pool, &M_TYPE_vm, vm), c->who.user_id, c->correlation_id);
	name = pool_strdup(c->pool, vm->name);
	if (tell_host(c, host, vm_id, *used, CLAMP(expiry_s, 1, MAX_EXPIRY_S), e) < 0) {
		event_emit(c->core, "VM_SET_TICKET_FAILED", &refs,
		           "User %s failed to initiate a console session for VM %s.", c->who.user_name, name);
		return -1;
	}
	event_emit(c->core, "VM_SET_TICKET", &refs, "User %s initiated console session for VM %s.", c->who.user_name,
	           name);
	return 0;
}

static int reply_ticket(struct call *c, const char *vm_id, struct err *e)
{
	struct m_ticket *in = c->action ? c->action->ticket : NULL, *out;
	int64_t expiry = in ? M_GET(in, expiry, EXPIRY_S) : EXPIRY_S;
	const char *used;

	if (in && m_validate(&M_TYPE_ticket, in, e) < 0)
		return -1;
	if (vm_set_ticket(c, vm_id, in ? in->value : NULL, expiry, &used, e) < 0)
		return -1;
	if (!c->action)
		c->action = m_new(c->pool, &M_TYPE_action);
	out = c->action->ticket = m_new(c->pool, &M_TYPE_ticket);
	out->value = (char *)used;
	M_SET(out, expiry, expiry);
	return call_reply_action(c, NULL);
}

static int console_ticket(struct call *c, struct err *e)
{
	return console_vm(c, e) ? reply_ticket(c, pool_strdup(c->pool, c->ids[0]), e) : -1;
}

static int vm_ticket(struct call *c, struct err *e)
{
	return call_entity(c, 0, KIND_VM, e) ? reply_ticket(c, pool_strdup(c->pool, c->ids[0]), e) : -1;
}

/* ---- the file that remote-viewer opens ---- */

static const char *viewer_file(struct call *c, const struct m_vm *vm, const char *password)
{
	struct m_graphics_console *g = make(c, vm);
	g_autoptr(GString) s = g_string_new("[virt-viewer]\ntype=vnc\n");

	g_string_append_printf(s, "host=%s\nport=%d\npassword=%s\n", STR_OR(g->address, ""), (int)M_GET(g, port, 0),
	                       password);
	g_string_append_printf(s, "# Password is valid for %d seconds.\ndelete-this-file=1\nfullscreen=0\n", EXPIRY_S);
	g_string_append_printf(s, "title=%s:%%d\n", vm->name);
	g_string_append(s, "toggle-fullscreen=shift+f11\nrelease-cursor=shift+f12\nsecure-attention=ctrl+alt+end\n");
	return pool_strdup(c->pool, s->str);
}

static int console_file(struct call *c, struct err *e)
{
	char *vm_id = pool_strdup(c->pool, c->ids[0]);
	const struct m_vm *vm;
	const char *password;

	if (!console_vm(c, e) || vm_set_ticket(c, vm_id, NULL, EXPIRY_S, &password, e) < 0)
		return -1;
	vm = INV_GET(c->core->inv, VM, vm, vm_id);
	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "The VM is gone.");
	if (!c->action)
		c->action = m_new(c->pool, &M_TYPE_action);
	c->action->remote_viewer_connection_file = (char *)viewer_file(c, vm, password);
	return call_reply_action(c, NULL);
}

const struct api_op VM_CONSOLE_OPS[] = {
	ROW("vm_graphics_consoles.list", console_list, NO_KIND),
	ROW("vm_graphics_console.get", console_get, NO_KIND),
	ROW("vm_graphics_consoles.add", console_add, NO_KIND, ON("edit_vm_properties", KIND_VM)),
	ROW("vm_graphics_console.remove", console_remove, NO_KIND, ON("edit_vm_properties", KIND_VM)),
	ROW("vm_graphics_console.ticket", console_ticket, NO_KIND, ON("connect_to_vm", KIND_VM)),
	ROW("vm_graphics_console.remote_viewer_connection_file", console_file, NO_KIND, ON("connect_to_vm", KIND_VM)),
	ROW("vm.ticket", vm_ticket, NO_KIND, ON("connect_to_vm", KIND_VM)),
	{ .name = NULL },
};
