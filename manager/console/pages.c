/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/console/pages.h"

#include <jansson.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/api/page.h"
#include "manager/console/console.h"
#include "manager/console/png.h"
#include "manager/console/relay.h"
#include "manager/core/events.h"
#include "manager/core/perm.h"
#include "manager/hosts/hosts.h"
#include "manager/hosts/pki.h"
#include "manager/http/websocket.h"
#include "manager/vms/vms.h"

#define CONSOLE_ROOT "/ovirt-engine/hostler/console/"
#define VMS_ROOT     "/ovirt-engine/hostler/vms/"

enum { AGENT_PORT = 54321, SCREENSHOT_MS = 20000, PICTURE_MAX = 64 << 20 };

static struct relay_cred *cred_console, *cred_agent; /* the core's thread changes them; relays hold theirs */

/* ---- who asks ---- */

/* From the Authorization header. */
static int authenticate(struct page_call *pc, struct console_grant *g, struct err *e)
{
	char token[PAGE_TOKEN_MAX];

	if (page_login(pc, &g->who, token, e) < 0)
		return -1;
	g_strlcpy(g->token, token, sizeof(g->token));
	return 0;
}

/* The VM of the path, which must be there, visible and allowed. Borrowed until the next wait. */
static const struct m_vm *allowed_vm(struct page_call *pc, const struct console_grant *g, const char *permit,
                                     struct err *e)
{
	const struct m_vm *vm = INV_GET(pc->core->inv, VM, vm, g->vm_id);

	if (!vm) {
		err_set(e, ERR_NO_ENTITY, "There is no VM %s.", g->vm_id);
		return NULL;
	}
	if (perm_check(pc->core, &g->who, permit, KIND_VM, g->vm_id, e) < 0)
		return NULL;
	return vm;
}

/* ---- where to ---- */

struct resolving {
	const char *host;
	char port[12];
	struct addrinfo *list;
};

static void resolve_work(void *arg)
{
	struct resolving *r = arg;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };

	if (getaddrinfo(r->host, r->port, &hints, &r->list) != 0)
		r->list = NULL;
}

static int resolve(struct page_call *pc, const char *host, int port, struct relay_target *to, struct err *e)
{
	struct resolving r = { .host = pool_strdup(pc->pool, host) };

	g_snprintf(r.port, sizeof(r.port), "%d", port);
	if (task_run(pc->core->tasks, resolve_work, &r, e) < 0)
		return -1;
	for (const struct addrinfo *a = r.list; a && to->n_addresses < RELAY_MAX_ADDRESSES; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(to->addresses[0]))
			continue;
		memcpy(&to->addresses[to->n_addresses], a->ai_addr, a->ai_addrlen);
		to->lengths[to->n_addresses++] = a->ai_addrlen;
	}
	if (r.list)
		freeaddrinfo(r.list);
	return to->n_addresses ? 0 : err_set(e, ERR_CONFLICT, "The host's address %.200s is not known.", host);
}

static int number_of(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	return json_is_string(v) ? atoi(json_string_value(v)) : (int)json_integer_value(v);
}

/* The entry of a protocol in what the host said of the VM's screens, or NULL. */
static json_t *display_entry(json_t *list, enum console_protocol p)
{
	json_t *o;
	size_t i;

	json_array_foreach (list, i, o) {
		const char *type = json_string_value(json_object_get(o, "type"));
		if (type && strcmp(type, console_protocol_name(p)) == 0)
			return o;
	}
	return NULL;
}

static int graphics_target(struct page_call *pc, const struct m_vm *vm, enum console_protocol p,
                           struct relay_target *to, struct err *e)
{
	const struct m_host *h = INV_GET(pc->core->inv, HOST, host, vm->host.id);
	json_t *list = vm->display_info ? json_loads(vm->display_info, 0, NULL) : NULL, *o = display_entry(list, p);
	const char *address = o ? json_string_value(json_object_get(o, "ipAddress")) : NULL;
	int port = number_of(o, "port"), tls_port = number_of(o, "tlsPort"), rc;

	if (!h || !h->address || !o || (port <= 0 && tls_port <= 0)) {
		json_decref(list);
		return err_set(e, ERR_CONFLICT, "The VM does not run, or has no %s console.", console_protocol_name(p));
	}
	if (!address || !*address || strcmp(address, "0") == 0)
		address = h->address;
	to->protocol = p;
	to->is_tls = p == CONSOLE_SPICE && tls_port > 0;
	to->cred = relay_cred_ref(cred_console);
	to->name = g_strdup(h->address);
	rc = resolve(pc, address, to->is_tls ? tls_port : port, to, e);
	json_decref(list);
	return rc;
}

static bool is_true(const char *v) { return v && (!*v || strcmp(v, "1") == 0 || strcasecmp(v, "true") == 0); }

static int serial_target(struct page_call *pc, const struct m_vm *vm, struct relay_target *to, struct err *e)
{
	const struct m_host *h = INV_GET(pc->core->inv, HOST, host, vm->host.id);
	const char *history = http_query(pc->x, "history");

	if (!h || !h->address)
		return err_set(e, ERR_CONFLICT, "The VM does not run.");
	to->protocol = CONSOLE_SERIAL;
	to->is_tls = true;
	to->cred = relay_cred_ref(cred_agent);
	to->key = g_strdup(host_key_of(pc->core, pc->pool, h->id));
	to->name = g_strdup(h->address);
	to->head =
	    g_strdup_printf("GET /serial/%s?force=%d&history=%d HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
	                    "Upgrade: hostler-serial\r\n\r\n",
	                    vm->id, is_true(http_query(pc->x, "force")), !history || is_true(history), h->address);
	return resolve(pc, h->address, (int)M_GET(h, port, AGENT_PORT), to, e);
}

/* ---- opening ---- */

struct opening {
	struct console_grant grant;
};

static void on_opened(struct core *c, struct relay *r, void *arg)
{
	const struct opening *o = arg;

	log_info("console opened", "VM_ID", o->grant.vm_id, "USER", o->grant.who.user_name, "PROTOCOL",
	         console_protocol_name(o->grant.protocol));
}

static void on_closed(struct core *c, struct relay *r, void *arg)
{
	struct opening *o = arg;

	log_info("console closed", "VM_ID", o->grant.vm_id, "USER", o->grant.who.user_name, "PROTOCOL",
	         console_protocol_name(o->grant.protocol));
	console_closed(c, r);
	g_free(o);
}

static void start_relay(struct page_call *pc, const struct console_grant *g)
{
	struct relay_target to = { .n_addresses = 0 };
	const struct m_vm *vm = INV_GET(pc->core->inv, VM, vm, g->vm_id);
	struct err e = ERR_INIT;
	struct opening *o;
	struct relay *r;

	if (!vm)
		err_set(&e, ERR_NO_ENTITY, "There is no VM %s.", g->vm_id);
	else if (g->protocol == CONSOLE_SERIAL)
		serial_target(pc, vm, &to, &e);
	else
		graphics_target(pc, vm, g->protocol, &to, &e);
	if (e.code != ERR_NONE) {
		relay_target_clear(&to);
		page_refuse(pc, &e);
		return;
	}
	o = g_new0(struct opening, 1);
	o->grant = *g;
	r = relay_new(pc->core, pc->x, &to, on_opened, on_closed, o);
	console_opened(pc->core, g, relay_ref(r));
	pc->take_over = relay_run;
	pc->take_over_arg = r;
}

/* True: the request is one for a WebSocket. */
static bool check_request(struct page_call *pc)
{
	const char *why = NULL;
	int status = http_is_tls(pc->x) ? http_ws_check(pc->x, &why) : 403;

	if (status)
		page_refuse_status(pc, status, why ? why : "This is only there over HTTPS.");
	return status == 0;
}

static void graphics_socket(struct page_call *pc)
{
	struct console_grant g = { .protocol = CONSOLE_VNC };
	struct err e = ERR_INIT;

	if (!check_request(pc))
		return;
	if (console_ticket_use(pc->core, http_path(pc->x) + strlen(CONSOLE_ROOT), &g, &e) < 0 ||
	    (g.token[0] && session_by_token(pc->core, g.token, &g.who, &e) < 0) ||
	    !allowed_vm(pc, &g, "connect_to_vm", &e))
		page_refuse(pc, &e);
	else if (g.protocol == CONSOLE_SERIAL)
		page_refuse_status(pc, 401, "The ticket is for a serial console.");
	else
		start_relay(pc, &g);
}

static void serial_socket(struct page_call *pc, const char *vm_id)
{
	struct console_grant g = { .protocol = CONSOLE_SERIAL };
	const char *ticket = http_query(pc->x, "ticket");
	struct err e = ERR_INIT;
	int rc;

	if (!check_request(pc))
		return;
	rc = ticket ? console_ticket_use(pc->core, ticket, &g, &e) : authenticate(pc, &g, &e);
	if (rc == 0 && ticket && (g.protocol != CONSOLE_SERIAL || strcmp(g.vm_id, vm_id) != 0))
		rc = err_set(&e, ERR_AUTH, "The ticket is for another console.");
	g_strlcpy(g.vm_id, vm_id, sizeof(g.vm_id));
	if (rc < 0 || (ticket && g.token[0] && session_by_token(pc->core, g.token, &g.who, &e) < 0) ||
	    !allowed_vm(pc, &g, "connect_to_serial_console", &e))
		page_refuse(pc, &e);
	else
		start_relay(pc, &g);
}

static void serial_ticket(struct page_call *pc, const char *vm_id)
{
	struct console_grant g = { .protocol = CONSOLE_SERIAL };
	struct err e = ERR_INIT;

	g_strlcpy(g.vm_id, vm_id, sizeof(g.vm_id));
	if (authenticate(pc, &g, &e) < 0 || !allowed_vm(pc, &g, "connect_to_serial_console", &e)) {
		page_refuse(pc, &e);
		return;
	}
	page_reply_json(pc, 200,
	                json_pack("{s:s,s:i}", "ticket", console_ticket_new(pc->core, pc->pool, &g), "expires_in",
	                          CONSOLE_TICKET_S));
}

/* ---- hanging up on others ---- */

static void disconnect(struct page_call *pc, const char *vm_id)
{
	struct console_grant g = { .protocol = CONSOLE_VNC };
	struct err e = ERR_INIT;
	unsigned n = 0;

	g_strlcpy(g.vm_id, vm_id, sizeof(g.vm_id));
	if (authenticate(pc, &g, &e) < 0 || !allowed_vm(pc, &g, "connect_to_vm", &e)) {
		page_refuse(pc, &e);
		return;
	}
	for (int p = 0; p < N_CONSOLE; p++)
		n += console_kick(pc->core, vm_id, p, "disconnected by another user");
	page_reply_json(pc, 200, json_pack("{s:i}", "disconnected", (int)n));
}

/* ---- pictures ---- */

struct picture {
	json_t *result;
	GString *png;
	struct err error;
};

static void picture_work(void *arg)
{
	struct picture *p = arg;
	const char *text = json_string_value(json_object_get(p->result, "data"));
	const char *type = json_string_value(json_object_get(p->result, "mime_type"));
	g_autofree guchar *raw = NULL;
	gsize n = 0;

	if (!text || strlen(text) > PICTURE_MAX) {
		err_set(&p->error, ERR_BACKEND, "The host sent no picture.");
		return;
	}
	raw = g_base64_decode(text, &n);
	if (type && strcmp(type, "image/png") == 0)
		p->png = g_string_new_len((char *)raw, (gssize)n);
	else
		p->png = png_from_ppm(raw, n, &p->error);
}

static int take_picture(struct page_call *pc, const char *vm_id, const char *host_id, GString **png, struct err *e)
{
	struct picture p = { .result = NULL };
	int rc;

	if (agent_call(pc->core, host_id, "VM.screenshot", json_pack("{s:s}", "vmID", vm_id), SCREENSHOT_MS,
	               pc->correlation_id, &p.result, e) < 0)
		return -1;
	rc = task_run(pc->core->tasks, picture_work, &p, e);
	json_decref(p.result);
	if (rc == 0 && !p.png) {
		*e = p.error;
		rc = -1;
	}
	*png = p.png;
	return rc;
}

static void screenshot(struct page_call *pc, const char *vm_id)
{
	struct console_grant g = { .protocol = CONSOLE_VNC };
	const struct m_vm *vm;
	struct err e = ERR_INIT;
	GString *png = NULL;

	g_strlcpy(g.vm_id, vm_id, sizeof(g.vm_id));
	vm = authenticate(pc, &g, &e) < 0 ? NULL : allowed_vm(pc, &g, "connect_to_vm", &e);
	if (vm && !vm->host.id)
		err_set(&e, ERR_CONFLICT, "The VM does not run.");
	if (!vm || e.code != ERR_NONE || take_picture(pc, vm_id, pool_strdup(pc->pool, vm->host.id), &png, &e) < 0) {
		page_refuse(pc, &e);
		return;
	}
	pc->content_type = "image/png";
	pc->body = png;
}

/* ---- the table ---- */

static const struct {
	const char *word, *method;
	void (*run)(struct page_call *pc, const char *vm_id);
} OF_VM[] = {
	{ "serial", "GET", serial_socket },
	{ "serialticket", "POST", serial_ticket },
	{ "disconnect", "POST", disconnect },
	{ "screenshot", "GET", screenshot },
};

static void of_vm(struct page_call *pc)
{
	const char *path = http_path(pc->x) + strlen(VMS_ROOT), *slash = strchr(path, '/'),
	           *method = http_method(pc->x);
	char *vm_id = pool_strndup(pc->pool, path, slash ? (size_t)(slash - path) : strlen(path));

	if (!http_is_tls(pc->x)) {
		page_refuse_status(pc, 403, "This is only there over HTTPS.");
		return;
	}
	for (size_t i = 0; slash && uuid_is_valid(vm_id) && i < G_N_ELEMENTS(OF_VM); i++) {
		if (strcmp(slash + 1, OF_VM[i].word) != 0)
			continue;
		if (strcmp(strcmp(method, "HEAD") == 0 ? "GET" : method, OF_VM[i].method) == 0)
			OF_VM[i].run(pc, vm_id);
		else
			page_refuse_status(pc, 405, "This method is not possible here.");
		return;
	}
	page_refuse_status(pc, 404, "There is no such resource.");
}

const struct page CONSOLE_PAGES[] = {
	{ CONSOLE_ROOT "*", "GET", graphics_socket },
	{ VMS_ROOT "*", "GET,POST", of_vm },
	{ .path = NULL },
};

int console_pages_reload(struct core *c, struct err *e)
{
	const char *ca = pki_file(c->pki, "ca.pem");
	struct relay_cred *console = relay_cred_new(ca, NULL, NULL, e), *agent;

	agent = console ? relay_cred_new(ca, pki_file(c->pki, "client.pem"), pki_file(c->pki, "client.key"), e) : NULL;
	if (!agent) {
		relay_cred_unref(console);
		return -1;
	}
	relay_cred_unref(cred_console);
	relay_cred_unref(cred_agent);
	cred_console = console;
	cred_agent = agent;
	return 0;
}

int console_pages_init(struct core *c, struct err *e)
{
	static const struct console_ops OPS = { relay_stop, relay_unref };

	console_set_ops(c, &OPS);
	return console_pages_reload(c, e);
}
