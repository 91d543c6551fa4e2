/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts register themselves here (the role of VDSM-REG). The old commands answer as hosts of other makes know them; `enroll`
 * brings a certificate request along, and `enroll-status` gives out the certificate once somebody has approved.
 */
#include <jansson.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/core/txn.h"
#include "manager/hosts/host_int.h"
#include "manager/hosts/pki.h"
#include "manager/hosts/register_pages.h"

enum { MAX_PENDING = 1000, MAX_BODY = 64 * 1024 };

static void reply_text(struct page_call *pc, int status, const char *text)
{
	pc->status = status;
	pc->content_type = "text/plain";
	pc->body = g_string_new(text);
}

static void reply_json(struct page_call *pc, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	pc->status = 200;
	pc->content_type = "application/json";
	pc->body = g_string_new(text);
	free(text);
	json_decref(body);
}

static void refuse(struct page_call *pc, const struct err *e)
{
	g_autofree char *text = g_strdup_printf("%s%s%s\n", e->field, e->field[0] ? ": " : "", e->detail);

	reply_text(pc, front_status(e->code), text);
}

/* What a host says about itself. */
struct application {
	const char *name, *address, *unique_id, *csr, *nonce, *secret;
	int64_t port;
};

static int check(const struct application *a, struct err *e)
{
	struct m_host probe = { .name = (char *)a->name, .address = (char *)a->address };

	if (!a->name || !a->address)
		return err_field(e, ERR_MISSING, !a->name ? "name" : "address", "It is missing.");
	if (a->port < 1 || a->port > 65535)
		return err_field(e, ERR_RANGE, "port", "It must be 1 to 65535.");
	if (a->nonce && (strlen(a->nonce) != 64 || strspn(a->nonce, "0123456789abcdef") != 64))
		return err_field(e, ERR_INVALID, "nonce", "64 hexadecimal digits are wanted.");
	return m_validate(&M_TYPE_host, &probe, e);
}

static const struct m_host *find_applicant(struct core *c, const struct application *a)
{
	INV_EACH (en, c->inv, KIND_HOST) {
		const struct m_host *h = en->latest;
		if (!h)
			continue;
		if ((a->nonce && g_strcmp0(h->nonce, a->nonce) == 0) ||
		    (h->status == M_HOST_STATUS_PENDING_APPROVAL && a->unique_id && *a->unique_id &&
		     g_strcmp0(h->unique_id, a->unique_id) == 0))
			return h;
	}
	return NULL;
}

/* The same machine, known from an earlier life: installed anew, or its certificate has ended. */
static const struct m_host *find_former(struct core *c, const struct application *a)
{
	INV_EACH (en, c->inv, KIND_HOST) {
		const struct m_host *h = en->latest;

		if (h && h->status != M_HOST_STATUS_PENDING_APPROVAL && a->unique_id && *a->unique_id &&
		    g_strcmp0(h->unique_id, a->unique_id) == 0)
			return h;
	}
	return NULL;
}

/* It may come back, to be approved again, for somebody who has a token, and not while it is in use. */
static int check_former(const struct m_host *h, const struct application *a, struct err *e)
{
	if (h->status != M_HOST_STATUS_MAINTENANCE && h->status != M_HOST_STATUS_INSTALL_FAILED &&
	    h->status != M_HOST_STATUS_NON_RESPONSIVE && h->status != M_HOST_STATUS_DOWN)
		return err_field(e, ERR_CONFLICT, "uniqueId",
		                 "This machine is host %s already, which is %s. Move it to maintenance first.", h->name,
		                 m_enum_name(&M_ENUM_host_status, h->status));
	if (!a->secret || !*a->secret)
		return err_field(
		    e, ERR_CONFLICT, "uniqueId",
		    "This machine is host %s already. To enroll it again, a token is needed; or remove the "
		    "host in the Manager first.",
		    h->name);
	return 0;
}

static unsigned pending(struct core *c)
{
	unsigned n = 0;

	INV_EACH (en, c->inv, KIND_HOST)
		n += ENTITY_OBJ(en, host)->status == M_HOST_STATUS_PENDING_APPROVAL;
	return n;
}

/* A name that is taken gets a number, so that a row of new hosts with one name can be told apart. */
static char *free_name(struct core *c, struct pool *p, const char *name, const char *self)
{
	char *out = pool_strdup(p, name);

	for (int i = 2; i < 1000 && inv_name_taken(c->inv, KIND_HOST, NULL, out, self); i++)
		out = pool_printf(p, "%s-%d", name, i);
	return out;
}

/* Nothing that was not said before; the old form does not take back a certificate request. */
static bool is_old_news(const struct m_host *h, const struct application *a)
{
	if (h->csr && !a->csr)
		return true;
	return g_strcmp0(h->csr, a->csr) == 0 && g_strcmp0(h->nonce, a->nonce) == 0 &&
	       g_strcmp0(h->address, a->address) == 0 && g_strcmp0(h->unique_id, a->unique_id) == 0 &&
	       M_GET(h, port, 0) == a->port;
}

/* New or renewed: pending approval. The id goes to id_out. */
static int take_applicant(struct page_call *pc, const struct application *a, char id_out[UUID_LEN + 1], struct err *e)
{
	struct core *c = pc->core;
	const struct m_host *known = find_applicant(c, a), *former = NULL;
	struct txn *t;
	struct m_host *h;
	struct pool *p;

	if (known && (known->status != M_HOST_STATUS_PENDING_APPROVAL || is_old_news(known, a))) {
		g_strlcpy(id_out, known->id, UUID_LEN + 1);
		return 0; /* approved already, and its status says more; or said before */
	}
	if (!known && a->csr && (known = former = find_former(c, a)) && check_former(former, a, e) < 0)
		return -1;
	if (!known && pending(c) >= MAX_PENDING)
		return err_set(e, ERR_BUSY, "Too many hosts wait for approval.");
	t = txn_begin(c);
	p = txn_pool(t);
	h = known ? txn_edit(t, KIND_HOST, known->id) : txn_new(t, KIND_HOST, NULL);
	if (former) /* keeps its name and its place */
		h->certificate = NULL;
	else
		h->name = free_name(c, p, a->name, h->id);
	h->address = pool_strdup(p, a->address);
	h->unique_id = pool_strdup(p, a->unique_id);
	h->csr = pool_strdup(p, a->csr);
	h->nonce = pool_strdup(p, a->nonce);
	h->type = M_HOST_TYPE_RHEL;
	h->status = M_HOST_STATUS_PENDING_APPROVAL;
	h->external_status = M_EXTERNAL_STATUS_OK;
	h->protocol = M_HOST_PROTOCOL_STOMP;
	M_SET(h, port, a->port);
	if (a->csr) {
		g_autofree char *fp = pki_csr_fingerprint(a->csr);
		if (!fp) {
			txn_cancel(t);
			return err_field(e, ERR_INVALID, "csr", "The certificate request cannot be read.");
		}
		h->key_fingerprint = pool_strdup(p, fp);
		h->ssh = m_new(p, &M_TYPE_ssh);
		h->ssh->fingerprint = h->key_fingerprint;
	}
	g_strlcpy(id_out, h->id, UUID_LEN + 1);
	txn_event(t, "VDS_REGISTER_SUCCEEDED", &(struct event_refs){ .host = h->id },
	          "Host %s registered%s. Key fingerprint: %s. It waits for approval.", h->name,
	          a->secret && *a->secret ? " with a token" : "", h->key_fingerprint ? h->key_fingerprint : "-");
	return txn_commit(t, e);
}

/* A token is used up by whoever comes with it first; one that would be refused anyway does not cost it. */
static int check_token(struct core *c, const struct application *a, struct err *e)
{
	const struct m_host *former = find_applicant(c, a) ? NULL : find_former(c, a);

	if (former && check_former(former, a, e) < 0)
		return -1;
	if (a->secret && *a->secret && !find_applicant(c, a) && !pki_use_token(c->state_dir, a->secret))
		return err_field(e, ERR_DENIED, "secret", "The token is unknown, used, or older than an hour.");
	return 0;
}

static void enroll(struct page_call *pc)
{
	size_t len;
	const char *body = http_body(pc->x, &len);
	auto_json *o = len && len < MAX_BODY ? json_loadb(body, len, 0, NULL) : NULL;
	struct application a = { .port = json_integer_value(json_object_get(o, "port")) };
	struct err e = ERR_INIT;
	char id[UUID_LEN + 1];

	a.name = json_string_value(json_object_get(o, "name"));
	a.address = json_string_value(json_object_get(o, "address"));
	a.unique_id = json_string_value(json_object_get(o, "uniqueId"));
	a.csr = json_string_value(json_object_get(o, "csr"));
	a.nonce = json_string_value(json_object_get(o, "nonce"));
	a.secret = json_string_value(json_object_get(o, "secret"));
	if (!json_is_object(o))
		err_set(&e, ERR_SYNTAX, "A JSON object is wanted.");
	else if (!a.csr || !a.nonce)
		err_field(&e, ERR_MISSING, !a.csr ? "csr" : "nonce", "It is missing.");
	else if (check(&a, &e) == 0 && check_token(pc->core, &a, &e) == 0)
		log_debug("a host enrolls", "NAME", a.name, "ADDRESS", a.address);
	if (e.code == ERR_NONE && take_applicant(pc, &a, id, &e) == 0)
		reply_json(pc, json_pack("{s:s,s:s}", "id", id, "status", "pending"));
	else
		refuse(pc, &e);
}

static void enroll_status(struct page_call *pc)
{
	const char *id = page_param(pc, "id"), *nonce = page_param(pc, "nonce");
	const struct m_host *h = id ? INV_GET(pc->core->inv, HOST, host, id) : NULL;

	if (h && h->certificate && h->certificate->content && h->csr && nonce && g_strcmp0(h->nonce, nonce) == 0)
		reply_json(pc, json_pack("{s:s,s:s,s:s}", "status", "approved", "certificate", h->certificate->content,
		                         "ca", pki_ca_pem(pc->core->pki)));
	else if (h && nonce && g_strcmp0(h->nonce, nonce) == 0)
		reply_json(pc, json_pack("{s:s}", "status", "pending"));
	else
		reply_json(pc, json_pack("{s:s}", "status", "refused"));
}

/* The old form: everything in the query, no certificate; pairing follows when the host is approved or added. */
static void register_old(struct page_call *pc)
{
	const char *port = page_param(pc, "vdsPort");
	struct application a = { .name = page_param(pc, "name"),
		                 .address = page_param(pc, "address"),
		                 .unique_id = page_param(pc, "uniqueId"),
		                 .port = port ? g_ascii_strtoll(port, NULL, 10) : 54321 };
	struct err e = ERR_INIT;
	char id[UUID_LEN + 1];

	if (!a.name)
		a.name = a.address;
	if (check(&a, &e) == 0 && take_applicant(pc, &a, id, &e) == 0)
		reply_text(pc, 200, "OK\n");
	else
		refuse(pc, &e);
}

static void host_register(struct page_call *pc)
{
	const char *command = page_param(pc, "command"), *version = page_param(pc, "version");
	bool is_post = strcmp(http_method(pc->x), "POST") == 0;
	g_autofree char *key = NULL;

	if (!pc->core->pki || !command || g_strcmp0(version, "1") != 0) {
		reply_text(pc, 400,
		           "version=1 and a command are needed: get-version, get-pki-trust, get-ssh-trust, register, "
		           "enroll, enroll-status\n");
	} else if (strcmp(command, "get-version") == 0) {
		reply_text(pc, 200, "1\n");
	} else if (strcmp(command, "get-pki-trust") == 0) {
		reply_text(pc, 200, pki_ca_pem(pc->core->pki));
	} else if (strcmp(command, "get-ssh-trust") == 0) {
		key = pki_server_ssh_key(pc->core->pki);
		reply_text(pc, key ? 200 : 500, key ? key : "");
	} else if (strcmp(command, "register") == 0) {
		register_old(pc);
	} else if (strcmp(command, "enroll") == 0 && is_post) {
		enroll(pc);
	} else if (strcmp(command, "enroll-status") == 0) {
		enroll_status(pc);
	} else {
		reply_text(pc, 400, "unknown command\n");
	}
}

const struct page REGISTER_PAGES[] = {
	{ "/ovirt-engine/services/host-register", "GET,POST", host_register },
	{ .path = NULL },
};
