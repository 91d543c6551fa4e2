/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/console/console.h"

#include <string.h>

#include "base/log.h"
#include "manager/core/events.h"
#include "manager/core/perm.h"
#include "manager/vms/vms.h"

enum { SHUTDOWN_S = 30, SHUTDOWN_CALL_MS = 60000 };
enum { MAX_TICKETS = 10000, SPICE_CHANNELS = 16, WATCH_MS = 2000, END_NORMAL = 1000, END_POLICY = 1008 };

struct ticket {
	char *text;
	struct console_grant grant;
	int64_t until_ms;
	int n_left;
	GList *place; /* in the queue, oldest first */
};

struct screen {
	struct identity who; /* user_id "": nobody yet */
	char *client;
	struct identity shown; /* whom the event of connecting named */
};

struct open {
	struct console_grant grant;
	struct relay *relay;
	uuid_text host_id;
};

struct consoles {
	struct core *core;
	const struct console_ops *ops;
	GHashTable *tickets;
	GQueue order;
	GHashTable *screens; /* VM's id -> struct screen */
	GPtrArray *open;
	bool is_watching;
};

static void ticket_free(void *p)
{
	struct ticket *t = p;

	g_free(t->text);
	g_free(t);
}

static void screen_free(void *p)
{
	struct screen *s = p;

	g_free(s->client);
	g_free(s);
}

static struct consoles *consoles_of(struct core *c)
{
	struct consoles *cs = c->consoles;

	if (cs)
		return cs;
	cs = c->consoles = g_new0(struct consoles, 1);
	cs->core = c;
	cs->tickets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, ticket_free);
	cs->screens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, screen_free);
	cs->open = g_ptr_array_new_with_free_func(g_free);
	g_queue_init(&cs->order);
	return cs;
}

void console_set_ops(struct core *c, const struct console_ops *ops) { consoles_of(c)->ops = ops; }

void consoles_free(struct core *c)
{
	struct consoles *cs = c->consoles;

	if (!cs)
		return;
	for (guint i = 0; i < cs->open->len; i++)
		cs->ops->unref(((struct open *)cs->open->pdata[i])->relay);
	g_ptr_array_free(cs->open, TRUE);
	g_queue_clear(&cs->order);
	g_hash_table_destroy(cs->tickets);
	g_hash_table_destroy(cs->screens);
	g_free(cs);
	c->consoles = NULL;
}

const char *console_protocol_name(enum console_protocol p)
{
	static const char *const NAMES[N_CONSOLE] = { "vnc", "spice", "serial" };
	return NAMES[p];
}

/* ---- tickets ---- */

static void ticket_drop(struct consoles *cs, struct ticket *t)
{
	g_queue_delete_link(&cs->order, t->place);
	g_hash_table_remove(cs->tickets, t->text);
}

static void drop_old_tickets(struct consoles *cs)
{
	int64_t now = loop_now_ms(cs->core->loop);
	struct ticket *t;

	while ((t = g_queue_peek_head(&cs->order)) && (t->until_ms <= now || cs->order.length >= MAX_TICKETS))
		ticket_drop(cs, t);
}

const char *console_ticket_new(struct core *c, struct pool *p, const struct console_grant *g)
{
	static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct consoles *cs = consoles_of(c);
	struct ticket *t = g_new0(struct ticket, 1);
	uint8_t raw[40];

	drop_old_tickets(cs);
	chance_bytes(c->chance, raw, sizeof(raw));
	t->text = g_malloc(sizeof(raw) + 1);
	for (size_t i = 0; i < sizeof(raw); i++)
		t->text[i] = LETTERS[raw[i] & 63];
	t->text[sizeof(raw)] = '\0';
	t->grant = *g;
	t->until_ms = loop_now_ms(c->loop) + CONSOLE_TICKET_S * 1000;
	t->n_left = g->protocol == CONSOLE_SPICE ? SPICE_CHANNELS : 1;
	g_queue_push_tail(&cs->order, t);
	t->place = g_queue_peek_tail_link(&cs->order);
	g_hash_table_insert(cs->tickets, t->text, t);
	return pool_strdup(p, t->text);
}

int console_ticket_use(struct core *c, const char *ticket, struct console_grant *out, struct err *e)
{
	struct consoles *cs = consoles_of(c);
	struct ticket *t;

	drop_old_tickets(cs);
	t = ticket ? g_hash_table_lookup(cs->tickets, ticket) : NULL;
	if (!t)
		return err_set(e, ERR_AUTH, "The ticket is not known, was used, or is out of date.");
	*out = t->grant;
	if (--t->n_left <= 0)
		ticket_drop(cs, t);
	return 0;
}

/* ---- who is at the screen ---- */

static struct screen *screen_of(struct core *c, const char *vm_id)
{
	struct consoles *cs = consoles_of(c);
	struct screen *s = g_hash_table_lookup(cs->screens, vm_id);

	if (s)
		return s;
	s = g_new0(struct screen, 1);
	s->client = g_strdup("");
	g_hash_table_insert(cs->screens, g_strdup(vm_id), s);
	return s;
}

static struct screen *screen_if_any(struct core *c, const char *vm_id)
{
	return c->consoles ? g_hash_table_lookup(c->consoles->screens, vm_id) : NULL;
}

void console_user_set(struct core *c, const char *vm_id, const struct identity *who)
{
	screen_of(c, vm_id)->who = *who;
}

const struct identity *console_user(struct core *c, const char *vm_id)
{
	const struct screen *s = screen_if_any(c, vm_id);

	if (!s)
		return NULL;
	if (*s->client && s->shown.user_id[0])
		return &s->shown;
	return s->who.user_id[0] ? &s->who : NULL;
}

const char *console_client(struct core *c, const char *vm_id)
{
	const struct screen *s = screen_if_any(c, vm_id);
	return s ? s->client : "";
}

static void tell(struct core *c, const char *vm_id, const char *event, const struct identity *who, const char *how)
{
	const struct m_vm *vm = INV_GET(c->inv, VM, vm, vm_id);
	struct event_refs refs = { .vm = vm_id, .user = who->user_id[0] ? who->user_id : NULL };

	if (!vm)
		return;
	refs.cluster = vm->cluster.id;
	refs.host = vm->host.id;
	event_emit(c, event, &refs, "User %s is %s VM %s.", who->user_name[0] ? who->user_name : "(unknown)", how,
	           vm->name);
}

/* ---- what is to be done when the last one leaves ---- */

struct leaving {
	struct core *core;
	uuid_text vm_id;
	int64_t delay_ms;
	bool is_reboot;
};

static void leaving_fiber(void *arg)
{
	struct leaving *l = arg;
	const struct m_vm *vm;
	struct err e = ERR_INIT;

	fiber_sleep(l->delay_ms);
	vm = INV_GET(l->core->inv, VM, vm, l->vm_id);
	if (vm && vm->status == M_VM_STATUS_UP && vm->host.id && !*console_client(l->core, l->vm_id) &&
	    agent_call(l->core, vm->host.id, "VM.shutdown",
	               json_pack("{s:s,s:i,s:s,s:b,s:i,s:b}", "vmID", l->vm_id, "delay", 0, "message",
	                         "The console was left.", "reboot", l->is_reboot, "timeout", SHUTDOWN_S, "force", 0),
	               SHUTDOWN_CALL_MS, NULL, NULL, &e) < 0)
		log_warn("nothing was done after the console was left", "VM_ID", l->vm_id, "REASON", e.detail);
	g_free(l);
}

/* Locking the screen and logging out are things of an agent in the guest that speaks of desktops; there is none here. */
static void act_on_leaving(struct core *c, const char *vm_id)
{
	const struct m_vm *vm = INV_GET(c->inv, VM, vm, vm_id);
	const char *action = vm && vm->display ? vm->display->disconnect_action : NULL;
	bool is_reboot = action && strcmp(action, "REBOOT") == 0;
	struct leaving *l;

	if (!action || vm->status != M_VM_STATUS_UP || (!is_reboot && strcmp(action, "SHUTDOWN") != 0))
		return;
	l = g_new0(struct leaving, 1);
	l->core = c;
	g_strlcpy(l->vm_id, vm_id, sizeof(l->vm_id));
	l->is_reboot = is_reboot;
	l->delay_ms = is_reboot ? 0 : CLAMP(M_GET(vm->display, disconnect_action_delay, 0), 0, 1440) * 60000;
	fiber_start(c->loop, "console left", leaving_fiber, l);
}

void console_client_is(struct core *c, const char *vm_id, const char *address)
{
	struct screen *s = screen_if_any(c, vm_id);
	bool was;

	if (!s && !*address)
		return;
	if (!s)
		s = screen_of(c, vm_id);
	if (strcmp(s->client, address) == 0)
		return;
	was = *s->client;
	g_free(s->client);
	s->client = g_strndup(address, 255);
	if (was && !*address) {
		tell(c, vm_id, "VM_CONSOLE_DISCONNECTED", &s->shown, "disconnected from");
		act_on_leaving(c, vm_id);
	} else if (!was) {
		s->shown = s->who;
		tell(c, vm_id, "VM_CONSOLE_CONNECTED", &s->shown, "connected to");
	}
}

/* ---- open ones ---- */

/* Why it must end, or NULL. */
static const char *must_end(struct core *c, const struct open *o, int *code)
{
	const char *permit = o->grant.protocol == CONSOLE_SERIAL ? "connect_to_serial_console" : "connect_to_vm";
	const struct m_vm *vm = INV_GET(c->inv, VM, vm, o->grant.vm_id);
	struct identity who;
	struct err e = ERR_INIT;

	*code = END_NORMAL;
	if (!vm || !vm->host.id)
		return "the VM has ended";
	if (strcmp(vm->host.id, o->host_id) != 0)
		return "the VM has moved to another host";
	*code = END_POLICY;
	if (o->grant.token[0] && session_by_token(c, o->grant.token, &who, &e) < 0) /* being connected counts as use */
		return "logged out";
	if (perm_check(c, &o->grant.who, permit, KIND_VM, o->grant.vm_id, &e) < 0)
		return "the permission was taken away";
	return NULL;
}

static void watch_fiber(void *arg)
{
	struct core *c = arg;

	while (c->consoles && c->consoles->open->len) {
		struct consoles *cs = c->consoles;

		for (guint i = 0; i < cs->open->len; i++) {
			const struct open *o = cs->open->pdata[i];
			int code;
			const char *why = must_end(c, o, &code);

			if (why)
				cs->ops->stop(o->relay, code, why);
		}
		fiber_sleep(WATCH_MS);
	}
	if (c->consoles)
		c->consoles->is_watching = false;
}

void console_opened(struct core *c, const struct console_grant *g, struct relay *r)
{
	struct consoles *cs = consoles_of(c);
	const struct m_vm *vm = INV_GET(c->inv, VM, vm, g->vm_id);
	struct open *o = g_new0(struct open, 1);

	o->grant = *g;
	o->relay = r;
	g_strlcpy(o->host_id, vm && vm->host.id ? vm->host.id : "", sizeof(o->host_id));
	g_ptr_array_add(cs->open, o);
	if (cs->is_watching)
		return;
	cs->is_watching = true;
	fiber_start(c->loop, "consoles", watch_fiber, c);
}

void console_closed(struct core *c, struct relay *r)
{
	struct consoles *cs = c->consoles;

	for (guint i = 0; cs && i < cs->open->len; i++) {
		struct open *o = cs->open->pdata[i];

		if (o->relay != r)
			continue;
		g_ptr_array_remove_index_fast(cs->open, i);
		cs->ops->unref(r);
		return;
	}
}

unsigned console_kick(struct core *c, const char *vm_id, enum console_protocol p, const char *reason)
{
	struct consoles *cs = c->consoles;
	unsigned n = 0;

	for (guint i = 0; cs && i < cs->open->len; i++) {
		const struct open *o = cs->open->pdata[i];

		if (o->grant.protocol != p || strcmp(o->grant.vm_id, vm_id) != 0)
			continue;
		cs->ops->stop(o->relay, END_POLICY, reason);
		n++;
	}
	return n;
}

unsigned consoles_open(struct core *c) { return c->consoles ? c->consoles->open->len : 0; }
