/* SPDX-License-Identifier: Apache-2.0 */
/* Graphical consoles: which there are, where they are, and passwords and tickets for them. */
#include <string.h>

#include "base/auto.h"
#include "manager/api/generic.h"
#include "manager/console/console.h"
#include "manager/hosts/pki.h"
#include "manager/vms/viewer_file.h"
#include "manager/vms/vm_int.h"

enum { TICKET_MS = 30 * 1000, EXPIRY_S = 120, MAX_EXPIRY_S = 365 * 86400, VNC_LEN = 8, SPICE_LEN = 12, N_GRAPHICS = 2 };

static const struct {
	enum m_graphics_type type;
	enum console_protocol protocol;
	const char *id; /* its name in hexadecimal */
	const char *name;
} SORTS[N_GRAPHICS] = {
	{ M_GRAPHICS_TYPE_SPICE, CONSOLE_SPICE, "7370696365", "spice" },
	{ M_GRAPHICS_TYPE_VNC, CONSOLE_VNC, "766e63", "vnc" },
};

static int sort_of(enum m_graphics_type type)
{
	for (int i = 0; i < N_GRAPHICS; i++)
		if (SORTS[i].type == type)
			return i;
	return -1;
}

/* ---- what there is ---- */

static bool has_graphics(const struct m_vm *vm, int sort)
{
	enum m_graphics_type list[N_GRAPHICS];
	size_t n = domain_graphics(vm, list);

	for (size_t i = 0; i < n; i++)
		if (list[i] == SORTS[sort].type)
			return true;
	return false;
}

/* What the host says of the running one: a new reference, or NULL. */
static json_t *display_of(const struct m_vm *vm, int sort)
{
	json_t *list = vm->display_info && vm_is_live(vm) ? json_loads(vm->display_info, 0, NULL) : NULL, *o,
	       *found = NULL;
	size_t i;

	json_array_foreach (list, i, o)
		if (!found && strcmp(rep_text(o, "type"), SORTS[sort].name) == 0)
			found = json_incref(o);
	json_decref(list);
	return found;
}

static const char *address_of(struct core *c, const struct m_vm *vm, json_t *d)
{
	const char *a = rep_text(d, "ipAddress");
	const struct m_host *h = INV_GET(c->inv, HOST, host, vm->host.id);

	if (h && h->display && h->display->address && *h->display->address)
		return h->display->address;
	return *a && strcmp(a, "0") != 0 ? a : h ? STR_OR(h->address, "") : "";
}

/* NULL: it is not there (with is_current: it does not run). */
static struct m_graphics_console *make(struct call *c, const struct m_vm *vm, int sort, bool is_current)
{
	struct m_graphics_console *g;
	auto_json *d = display_of(vm, sort);

	if (is_current ? !d : !has_graphics(vm, sort))
		return NULL;
	g = m_new(c->pool, &M_TYPE_graphics_console);
	g->id = (char *)SORTS[sort].id;
	g->protocol = SORTS[sort].type;
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
	void **list = POOL_ARRAY(c->pool, void *, N_GRAPHICS);
	size_t n = 0;

	if (!vm)
		return -1;
	for (int i = 0; i < N_GRAPHICS; i++)
		if ((list[n] = make(c, vm, i, c->query.current)))
			n++;
	return call_reply_list(c, &M_TYPE_graphics_console, list, n);
}

/* The VM and which of its consoles the path names. */
static const struct m_vm *console_vm(struct call *c, int *sort, struct err *e)
{
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);

	if (!vm)
		return NULL;
	for (*sort = 0; *sort < N_GRAPHICS; (*sort)++)
		if (c->n_ids > 1 && strcmp(c->ids[1], SORTS[*sort].id) == 0 &&
		    make(c, vm, *sort,
		         c->query.current || (vm_is_live(vm) && vm->display_info && !has_graphics(vm, *sort))))
			return vm;
	err_set(e, ERR_NO_ENTITY, "The VM has no such console.");
	return NULL;
}

/* ---- adding and removing: a VM without is headless ---- */

static int change_graphics(struct call *c, const char *vm_id, int sort, bool is_there, struct err *e)
{
	struct txn *t = txn_begin(c->core);
	struct m_vm *vm = txn_edit(t, KIND_VM, vm_id);
	enum m_graphics_type list[N_GRAPHICS], *v;
	uint32_t n = 0;
	size_t had;

	if (!vm || vm_check_down(vm, is_there ? "add graphics console" : "remove graphics console", e) < 0) {
		txn_cancel(t);
		return vm ? -1 : err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
	}
	had = domain_graphics(vm, list);
	v = POOL_ARRAY(txn_pool(t), enum m_graphics_type, N_GRAPHICS + 1);
	for (size_t i = 0; i < had; i++)
		if (list[i] != SORTS[sort].type)
			v[n++] = list[i];
	if (is_there)
		v[n++] = SORTS[sort].type;
	vm->graphics.v = v;
	vm->graphics.n = n;
	if (!n) { /* without a screen; and what says nothing of consoles has one, if it has a display */
		vm->graphics.v = NULL;
		vm->display = NULL;
		return txn_commit(t, e);
	}
	if (!vm->display) {
		vm->display = m_new(txn_pool(t), &M_TYPE_display);
		M_SET(vm->display, monitors, 1);
	}
	vm->display->type = M_DISPLAY_TYPE_VNC;
	for (uint32_t i = 0; i < n; i++) /* of two, SPICE is what the display is called */
		if (v[i] == M_GRAPHICS_TYPE_SPICE)
			vm->display->type = M_DISPLAY_TYPE_SPICE;
	return txn_commit(t, e);
}

static int console_add(struct call *c, struct err *e)
{
	const struct m_graphics_console *body = c->body;
	const struct m_vm *vm = CALL_ENTITY(c, 0, VM, vm, e);
	int sort;
	char *id;

	if (!vm)
		return -1;
	sort = sort_of(body->protocol);
	if (sort < 0)
		return err_field(e, ERR_INVALID, "graphics_console.protocol", "The protocol must be vnc or spice.");
	if (has_graphics(vm, sort))
		return err_set(e, ERR_CONFLICT, "Cannot add graphics console. The VM has a %s console already.",
		               SORTS[sort].name);
	id = pool_strdup(c->pool, vm->id);
	if (change_graphics(c, id, sort, true, e) < 0)
		return -1;
	vm = INV_GET(c->core->inv, VM, vm, id);
	return vm ? call_reply_entity(c, &M_TYPE_graphics_console, make(c, vm, sort, false))
	          : err_set(e, ERR_NO_ENTITY, "The VM is gone.");
}

static int console_remove(struct call *c, struct err *e)
{
	int sort;

	if (!console_vm(c, &sort, e) || change_graphics(c, pool_strdup(c->pool, c->ids[0]), sort, false, e) < 0)
		return -1;
	return call_reply_action(c, NULL);
}

/* ---- passwords ---- */

static const char *make_password(struct core *c, struct pool *p, int sort)
{
	static const char LETTERS[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
	int n = SORTS[sort].protocol == CONSOLE_VNC ? VNC_LEN : SPICE_LEN; /* VNC uses no more */
	char *s = pool_alloc(p, (size_t)n + 1);

	for (int i = 0; i < n; i++)
		s[i] = LETTERS[chance_below(c->chance, sizeof(LETTERS) - 1)];
	return s;
}

static int tell_host(struct call *c, const char *host, const char *vm_id, int sort, const char *password,
                     int64_t expiry_s, struct err *e)
{
	json_t *user = json_pack("{s:s,s:s}", "userName", c->who.user_name, "userId", c->who.user_id);

	return agent_call(c->core, host, "VM.updateDevice",
	                  json_pack("{s:s,s:{s:s,s:s,s:s,s:I,s:s,s:o}}", "vmID", vm_id, "params", "deviceType",
	                            "graphics", "graphicsType", SORTS[sort].name, "password", password, "ttl",
	                            (json_int_t)expiry_s, "existingConnAction", "disconnect", "params", user),
	                  TICKET_MS, c->correlation_id, NULL, e);
}

/* Somebody else is at the screen: then only who may push him out. */
static int check_taken(struct call *c, const struct m_vm *vm, struct err *e)
{
	const struct identity *user = console_user(c->core, vm->id);
	struct err denied = ERR_INIT;

	if (!user || !*console_client(c->core, vm->id) || strcmp(user->user_id, c->who.user_id) == 0)
		return 0;
	if (vm->display && M_GET(vm->display, allow_override, false))
		return 0;
	if (call_permit(c, "reconnect_to_vm", KIND_VM, vm->id, &denied) == 0)
		return 0;
	return err_set(e, ERR_CONFLICT, "Cannot set VM Ticket. The console is in use by %s.", user->user_name);
}

/* A password for one protocol, or (sort -1) the same for all that run. In a fiber. */
static int set_ticket(struct call *c, const char *vm_id, int sort, const char *value, int64_t expiry_s,
                      const char **used, struct err *e)
{
	const struct m_vm *vm = INV_LATEST(c->core->inv, VM, vm, vm_id);
	struct event_refs refs;
	const char *host, *name;
	int sorts[N_GRAPHICS], n = 0;

	if (!vm)
		return err_set(e, ERR_NO_ENTITY, "There is no VM %s.", vm_id);
	if (!vm_is_live(vm))
		return err_set(e, ERR_CONFLICT, "Cannot set VM Ticket. VM is not running.");
	for (int i = 0; i < N_GRAPHICS; i++) {
		auto_json *d = sort < 0 || sort == i ? display_of(vm, i) : NULL;
		if (d)
			sorts[n++] = i;
	}
	if (!n)
		return err_set(e, ERR_CONFLICT, "Cannot set VM Ticket. The VM has no such graphical console.");
	if (check_taken(c, vm, e) < 0)
		return -1;
	host = vm_host(c->core, c->pool, vm, e);
	if (!host)
		return -1;
	*used = value && *value ? value : make_password(c->core, c->pool, sorts[n - 1]);
	refs = vm_refs(m_copy(c->pool, &M_TYPE_vm, vm), c->who.user_id, c->correlation_id);
	name = pool_strdup(c->pool, vm->name);
	for (int i = 0; i < n; i++)
		if (tell_host(c, host, vm_id, sorts[i], *used, CLAMP(expiry_s, 1, MAX_EXPIRY_S), e) < 0) {
			event_emit(c->core, "VM_SET_TICKET_FAILED", &refs,
			           "User %s failed to initiate a console session for VM %s.", c->who.user_name, name);
			return -1;
		}
	console_user_set(c->core, vm_id, &c->who);
	event_emit(c->core, "VM_SET_TICKET", &refs, "User %s initiated console session for VM %s.", c->who.user_name,
	           name);
	return 0;
}

static int reply_ticket(struct call *c, const char *vm_id, int sort, struct err *e)
{
	struct m_ticket *in = c->action ? c->action->ticket : NULL, *out;
	int64_t expiry = in ? M_GET(in, expiry, EXPIRY_S) : EXPIRY_S;
	const char *used;

	if (in && m_validate(&M_TYPE_ticket, in, e) < 0)
		return -1;
	if (set_ticket(c, vm_id, sort, in ? in->value : NULL, expiry, &used, e) < 0)
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
	int sort;

	return console_vm(c, &sort, e) ? reply_ticket(c, pool_strdup(c->pool, c->ids[0]), sort, e) : -1;
}

static int vm_ticket(struct call *c, struct err *e)
{
	return call_entity(c, 0, KIND_VM, e) ? reply_ticket(c, pool_strdup(c->pool, c->ids[0]), -1, e) : -1;
}

/* ---- tickets for WebSockets ---- */

static int console_proxy_ticket(struct call *c, struct err *e)
{
	struct console_grant g = { .who = c->who };
	const struct m_vm *vm;
	int sort;

	vm = console_vm(c, &sort, e);
	if (!vm)
		return -1;
	g_strlcpy(g.vm_id, vm->id, sizeof(g.vm_id));
	g.protocol = SORTS[sort].protocol;
	g_strlcpy(g.token, STR_OR(c->token, ""), sizeof(g.token));
	if (!c->action)
		c->action = m_new(c->pool, &M_TYPE_action);
	c->action->proxy_ticket = m_new(c->pool, &M_TYPE_proxy_ticket);
	c->action->proxy_ticket->value = (char *)console_ticket_new(c->core, c->pool, &g);
	return call_reply_action(c, NULL);
}

/* ---- the file that Remote Viewer opens ---- */

/* NULL with e. */
static const char *viewer_file(struct call *c, const char *vm_id, int sort, struct err *e)
{
	struct viewer_file v = { .is_spice = SORTS[sort].protocol == CONSOLE_SPICE, .valid_s = EXPIRY_S };
	const struct m_graphics_console *g;
	const struct m_host *h;
	g_autofree char *text = NULL;

	if (set_ticket(c, vm_id, sort, NULL, EXPIRY_S, &v.password, e) < 0)
		return NULL;
	v.vm = INV_GET(c->core->inv, VM, vm, vm_id);
	g = v.vm ? make(c, v.vm, sort, true) : NULL;
	h = v.vm ? INV_GET(c->core->inv, HOST, host, v.vm->host.id) : NULL;
	if (!g || !h) {
		err_set(e, ERR_CONFLICT, "The VM does not run any more.");
		return NULL;
	}
	v.address = STR_OR(g->address, "");
	v.port = (int)M_GET(g, port, 0);
	v.tls_port = (int)M_GET(g, tls_port, 0);
	v.host_name = STR_OR(h->address, "");
	v.ca = c->core->pki ? pki_ca_pem(c->core->pki) : NULL;
	v.authority = c->query.authority;
	v.token = c->token;
	v.is_admin = c->who.is_admin;
	text = viewer_file_text(&v);
	return pool_strdup(c->pool, text);
}

static int console_file(struct call *c, struct err *e)
{
	const char *text;
	int sort;

	if (!console_vm(c, &sort, e))
		return -1;
	text = viewer_file(c, pool_strdup(c->pool, c->ids[0]), sort, e);
	if (!text)
		return -1;
	if (!c->action)
		c->action = m_new(c->pool, &M_TYPE_action);
	c->action->remote_viewer_connection_file = (char *)text;
	return call_reply_action(c, NULL);
}

static int console_get(struct call *c, struct err *e)
{
	int sort;
	const struct m_vm *vm = console_vm(c, &sort, e);

	if (!vm)
		return -1;
	if (!c->query.is_viewer_file)
		return call_reply_entity(c, &M_TYPE_graphics_console,
		                         make(c, vm, sort, c->query.current || !has_graphics(vm, sort)));
	if (call_permit(c, "connect_to_vm", KIND_VM, vm->id, e) < 0)
		return -1;
	c->text = viewer_file(c, pool_strdup(c->pool, vm->id), sort, e);
	if (!c->text)
		return -1;
	c->result = RESULT_TEXT;
	c->text_type = "application/x-virt-viewer";
	return 0;
}

const struct api_op VM_CONSOLE_OPS[] = {
	ROW("vm_graphics_consoles.list", console_list, NO_KIND),
	ROW("vm_graphics_console.get", console_get, NO_KIND, .flags = OP_WAITS),
	ROW("vm_graphics_consoles.add", console_add, NO_KIND, ON("edit_vm_properties", KIND_VM)),
	ROW("vm_graphics_console.remove", console_remove, NO_KIND, ON("edit_vm_properties", KIND_VM)),
	ROW("vm_graphics_console.ticket", console_ticket, NO_KIND, ON("connect_to_vm", KIND_VM)),
	ROW("vm_graphics_console.proxy_ticket", console_proxy_ticket, NO_KIND, ON("connect_to_vm", KIND_VM)),
	ROW("vm_graphics_console.remote_viewer_connection_file", console_file, NO_KIND, ON("connect_to_vm", KIND_VM)),
	ROW("vm.ticket", vm_ticket, NO_KIND, ON("connect_to_vm", KIND_VM)),
	{ .name = NULL },
};
