/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/enroll.h"

#include <ctype.h>
#include <curl/curl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/identity.h"
#include "agent/pki.h"
#include "base/auto.h"
#include "base/uuid.h"

enum { POLL_S = 2, TIMEOUT_S = 30, MAX_ANSWER = 1 << 20, MAX_FAILURES = 30 };

struct enrolment {
	const struct enroll_options *o;
	struct pool *pool;
	struct pki pki;
	CURL *curl;
	char *ca;      /* PEM, once it is trusted */
	char *address; /* of ours, as the Manager is reached */
	json_t *state; /* manager, nonce, id: what a second run goes on with */
	char *state_path;
	long status; /* of the last HTTP answer */
	GString *body;
};

/* --- HTTP ------------------------------------------------------------------------------- */

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	GString *body = arg;

	if (body->len + size * n > MAX_ANSWER)
		return 0;
	g_string_append_len(body, data, (gssize)(size * n));
	return size * n;
}

static int http(struct enrolment *en, const char *url, const char *post, struct err *e)
{
	struct curl_slist *headers = post ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
	struct curl_blob ca = { .data = en->ca, .len = en->ca ? strlen(en->ca) : 0, .flags = CURL_BLOB_COPY };
	char *ip = NULL;
	CURLcode r;

	curl_easy_reset(en->curl);
	g_string_truncate(en->body, 0);
	curl_easy_setopt(en->curl, CURLOPT_URL, url);
	curl_easy_setopt(en->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(en->curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(en->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(en->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(en->curl, CURLOPT_WRITEDATA, en->body);
	curl_easy_setopt(en->curl, CURLOPT_NOSIGNAL, 1L);
	if (en->ca) {
		curl_easy_setopt(en->curl, CURLOPT_CAINFO_BLOB, &ca);
		curl_easy_setopt(en->curl, CURLOPT_CAPATH, NULL);
	} else { /* only to fetch the CA, which is then compared with its fingerprint */
		curl_easy_setopt(en->curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(en->curl, CURLOPT_SSL_VERIFYHOST, 0L);
		curl_easy_setopt(en->curl, CURLOPT_FORBID_REUSE, 1L);
	}
	if (post) {
		curl_easy_setopt(en->curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(en->curl, CURLOPT_POSTFIELDS, post);
	}
	r = curl_easy_perform(en->curl);
	curl_slist_free_all(headers);
	if (r != CURLE_OK)
		return err_set(e, ERR_NETWORK, "%s: %s", en->o->manager, curl_easy_strerror(r));
	curl_easy_getinfo(en->curl, CURLINFO_RESPONSE_CODE, &en->status);
	if (curl_easy_getinfo(en->curl, CURLINFO_LOCAL_IP, &ip) == CURLE_OK && ip && *ip)
		en->address = pool_strdup(en->pool, ip);
	return 0;
}

static const char *url_of(struct enrolment *en, const char *command)
{
	g_autofree char *base = g_strdup(en->o->manager);

	while (*base && base[strlen(base) - 1] == '/')
		base[strlen(base) - 1] = '\0';
	return pool_printf(en->pool, "%s/ovirt-engine/services/host-register?version=1&command=%s", base, command);
}

/* The answer's sentence, whatever form it has. */
static int refused(struct enrolment *en, const char *what, struct err *e)
{
	auto_json *j = json_loadb(en->body->str, en->body->len, 0, NULL);
	const char *text = json_string_value(json_object_get(j, "detail"));

	if (!text)
		text = json_string_value(json_object_get(j, "message"));
	if (!text)
		text = g_utf8_validate(en->body->str, (gssize)en->body->len, NULL) ? g_strstrip(en->body->str) : "";
	return err_set(e, ERR_DENIED, "%s: the Manager answered %ld %.300s", what, en->status, text);
}

/* --- trust ------------------------------------------------------------------------------- */

/* 64 hexadecimal characters, lower case, without colons. */
static char *canonical_fingerprint(struct pool *p, const char *text)
{
	g_autoptr(GString) s = g_string_new(NULL);

	for (; text && *text; text++)
		if (*text != ':' && *text != ' ')
			g_string_append_c(s, g_ascii_tolower(*text));
	return s->len == 64 && strspn(s->str, "0123456789abcdef") == 64 ? pool_strdup(p, s->str) : NULL;
}

static int fetch_ca(struct enrolment *en, struct err *e)
{
	if (en->o->ca_pem) {
		g_string_assign(en->body, en->o->ca_pem);
		return 0;
	}
	if (http(en, url_of(en, "get-pki-trust"), NULL, e) < 0)
		return -1;
	return en->status == 200 ? 0 : refused(en, "fetch the CA", e);
}

static int find_trust(struct enrolment *en, struct err *e)
{
	const char *dot = en->o->token ? strchr(en->o->token, '.') : NULL;
	const char *wanted = canonical_fingerprint(en->pool, dot ? dot + 1 : en->o->fingerprint), *found;

	if (en->o->token && (dot ? !wanted : !en->o->ca_pem))
		return err_set(e, ERR_INVALID, "the token must be a secret, a dot and 64 hexadecimal characters");
	if (en->o->fingerprint && !wanted)
		return err_set(e, ERR_INVALID, "the fingerprint must be 64 hexadecimal characters");
	if (fetch_ca(en, e) < 0)
		return -1;
	found = pki_cert_fingerprint(en->pool, en->body->str, e);
	if (!found)
		return err_wrap(e, "the CA of %s", en->o->manager);
	if (!wanted && !en->o->ca_pem)
		return err_set(e, ERR_MISSING,
		               "the Manager's CA has the SHA-256 fingerprint\n  %s\nCompare it with what the Manager's "
		               "administrator sees, then run this again with --fingerprint (or with a --token)",
		               found);
	if (wanted && strcmp(found, wanted) != 0)
		return err_set(e, ERR_DENIED,
		               "the CA of %s has the fingerprint %s, not the one that was given: this may be another "
		               "Manager, or somebody in between",
		               en->o->manager, found);
	en->ca = pool_strdup(en->pool, en->body->str);
	return 0;
}

/* --- registration ---------------------------------------------------------------------------- */

static const char *saved(const struct enrolment *en, const char *key)
{
	return json_string_value(json_object_get(en->state, key));
}

static int save_state(struct enrolment *en, struct err *e)
{
	g_autofree char *text = json_dumps(en->state, JSON_INDENT(2));

	return pki_write_file(en->state_path, text, 0600, e);
}

static int prepare_state(struct enrolment *en, struct err *e)
{
	struct chance *chance;
	unsigned char bytes[32];
	g_autoptr(GString) nonce = g_string_new(NULL);

	en->state_path = pool_printf(en->pool, "%s/enroll.json", en->o->state_dir);
	en->state = json_load_file(en->state_path, 0, NULL);
	if (saved(en, "nonce") && g_strcmp0(saved(en, "manager"), en->o->manager) == 0)
		return 0;
	json_decref(en->state);
	chance = chance_new_real();
	chance_bytes(chance, bytes, sizeof(bytes));
	chance_free(chance);
	for (size_t i = 0; i < sizeof(bytes); i++)
		g_string_append_printf(nonce, "%02x", bytes[i]);
	en->state = json_pack("{s:s, s:s}", "manager", en->o->manager, "nonce", nonce->str);
	return save_state(en, e);
}

static int submit(struct enrolment *en, struct err *e)
{
	const size_t secret_len = en->o->token ? strcspn(en->o->token, ".") : 0;
	const char *address, *csr_print;
	char *csr, host[256] = "host";
	g_autofree char *post = NULL;
	auto_json *body = NULL, *answer = NULL;
	uuid_text id;

	gethostname(host, sizeof(host) - 1);
	if (!en->address && http(en, url_of(en, "get-version"), NULL, e) < 0) /* to see which address we have */
		return -1;
	address = en->o->address ? en->o->address : en->address;
	if (identity_read(en->o->state_dir, id, e) < 0 || pki_request(en->pool, &en->pki, address, &csr, e) < 0)
		return -1;
	csr_print = pki_request_fingerprint(en->pool, csr, e);
	body = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s%, s:s}", "name", en->o->name ? en->o->name : host, "address",
	                 address, "port", en->o->port, "uniqueId", id, "csr", csr, "secret",
	                 en->o->token ? en->o->token : "", secret_len, "nonce", saved(en, "nonce"));
	if (!body || !csr_print)
		return err_set(e, ERR_INVALID, "name and address must be valid text");
	post = json_dumps(body, JSON_COMPACT);
	if (http(en, url_of(en, "enroll"), post, e) < 0)
		return -1;
	answer = json_loadb(en->body->str, en->body->len, 0, NULL);
	if (en->status != 200 || !json_string_value(json_object_get(answer, "id")))
		return refused(en, "register", e);
	json_object_set(en->state, "id", json_object_get(answer, "id"));
	printf("Registered at %s as \"%s\", address %s.\n"
	       "Approve the host there if its key has this SHA-256 fingerprint:\n  %s\n",
	       en->o->manager, en->o->name ? en->o->name : host, address, csr_print);
	fflush(stdout);
	return save_state(en, e);
}

/* --- approval ---------------------------------------------------------------------------------- */

/* 1: approved and installed, 0: not yet. */
static int look(struct enrolment *en, struct err *e)
{
	const char *url = pool_printf(en->pool, "%s&id=%s&nonce=%s", url_of(en, "enroll-status"), saved(en, "id"),
	                              saved(en, "nonce"));
	const char *status, *cert, *ca;
	auto_json *answer = NULL;

	if (http(en, url, NULL, e) < 0)
		return -1;
	answer = json_loadb(en->body->str, en->body->len, 0, NULL);
	status = json_string_value(json_object_get(answer, "status"));
	if (en->status != 200 || !status)
		return refused(en, "ask for the approval", e);
	if (strcmp(status, "refused") == 0)
		return err_set(e, ERR_DENIED, "the Manager's administrator refused this host");
	if (strcmp(status, "approved") != 0)
		return 0;
	cert = json_string_value(json_object_get(answer, "certificate"));
	ca = json_string_value(json_object_get(answer, "ca"));
	if (!cert || !ca)
		return err_set(e, ERR_SYNTAX, "the Manager approved, but sent no certificates");
	return pki_install(&en->pki, cert, ca, e) < 0 ? -1 : 1;
}

static int wait_approval(struct enrolment *en, struct err *e)
{
	int n_failures = 0;

	for (;;) {
		const int r = look(en, e);

		if (r > 0)
			break;
		if (r < 0 && (e->code != ERR_NETWORK || ++n_failures > MAX_FAILURES))
			return -1;
		n_failures = r < 0 ? n_failures : 0;
		sleep(POLL_S);
	}
	unlink(en->state_path);
	printf("Approved: certificates are in %s\n", en->pki.dir);
	return 0;
}

static int run(struct enrolment *en, struct err *e)
{
	if (!g_str_has_prefix(en->o->manager, "https://"))
		return err_set(e, ERR_INVALID, "the Manager's address must begin with https://");
	if (g_mkdir_with_parents(en->o->state_dir, 0755) < 0)
		return err_errno(e, errno, "make %s", en->o->state_dir);
	if (pki_open(en->pool, en->o->state_dir, &en->pki, e) < 0 || find_trust(en, e) < 0 || prepare_state(en, e) < 0)
		return -1;
	if (submit(en, e) < 0)
		return -1;
	if (!en->o->is_no_wait)
		return wait_approval(en, e);
	printf("Run the same command again to fetch the certificates after the approval.\n");
	return 0;
}

int enroll(const struct enroll_options *o, struct err *e)
{
	struct enrolment en = { .o = o, .pool = pool_new(), .body = g_string_new(NULL) };
	int r = -1;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	en.curl = curl_easy_init();
	if (!en.curl)
		err_set(e, ERR_INTERNAL, "libcurl does not start");
	else
		r = run(&en, e);
	curl_easy_cleanup(en.curl);
	curl_global_cleanup();
	g_string_free(en.body, TRUE);
	json_decref(en.state);
	pool_free(en.pool);
	return r;
}
