/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/web.h"

#include <curl/curl.h>
#include <libxml/parser.h>
#include <string.h>

#include "base/auto.h"
#include "cli/cli.h"

#define MAX_ANSWER ((size_t)1 << 30)

struct web {
	struct web_config cfg;
	char *url, *token, *ca, *correlation;
	CURL *curl;
	char error[CURL_ERROR_SIZE];
};

void web_answer_clear(struct web_answer *a)
{
	g_free(a->type);
	g_free(a->location);
	g_free(a->cursor);
	if (a->body)
		g_string_free(a->body, TRUE);
	*a = (struct web_answer){ 0 };
}

struct web *web_new(const struct web_config *cfg)
{
	struct web *w = g_new0(struct web, 1);

	w->cfg = *cfg;
	w->url = g_strdup(cfg->url);
	w->token = g_strdup(cfg->token);
	w->ca = g_strdup(cfg->ca_pem);
	return w;
}

void web_free(struct web *w)
{
	if (!w)
		return;
	if (w->curl)
		curl_easy_cleanup(w->curl);
	g_free(w->url);
	g_free(w->token);
	g_free(w->ca);
	g_free(w->correlation);
	g_free(w);
}

const char *web_url(const struct web *w) { return w->url; }
const char *web_token(const struct web *w) { return w->token; }

void web_set_token(struct web *w, const char *token)
{
	g_free(w->token);
	w->token = g_strdup(token);
}

void web_set_correlation(struct web *w, const char *id)
{
	g_free(w->correlation);
	w->correlation = g_strdup(id);
}

void web_append_escaped(GString *out, const char *s)
{
	for (; *s; s++)
		if (g_ascii_isalnum(*s) || strchr("-_.~", *s))
			g_string_append_c(out, *s);
		else
			g_string_append_printf(out, "%%%02X", (unsigned char)*s);
}

/* ---- a transfer ---- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct web_answer *a = arg;

	if (a->body->len + size * n > MAX_ANSWER)
		return 0;
	g_string_append_len(a->body, data, (gssize)(size * n));
	return size * n;
}

struct parts {
	struct web_answer *answer;
	const struct web_request *request;
	CURL *curl;
	bool is_enough;
};

static size_t on_part(char *data, size_t size, size_t n, void *arg)
{
	struct parts *p = arg;
	long status = 0;

	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return on_body(data, size, n, p->answer);
	p->is_enough = !p->request->part(p->request->arg, data, size * n);
	return p->is_enough ? 0 : size * n;
}

static void take_header(char **out, const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len > n && g_ascii_strncasecmp(line, name, n) == 0) {
		g_free(*out);
		*out = g_strstrip(g_strndup(line + n, len - n));
	}
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct web_answer *a = arg;

	take_header(&a->type, data, size * n, "content-type:");
	take_header(&a->location, data, size * n, "location:");
	take_header(&a->cursor, data, size * n, "x-hostler-cursor:");
	return size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) { return cli_interrupted(); }

static void set_trust(const struct web *w, CURL *curl)
{
	if (w->cfg.is_insecure) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (w->ca) {
		struct curl_blob blob = { .data = w->ca, .len = strlen(w->ca), .flags = CURL_BLOB_COPY };

		curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
	}
}

static CURL *new_handle(struct web *w)
{
	CURL *curl;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	curl = curl_easy_init();
	if (!curl)
		g_error("no memory");
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, w->error);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 15L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "hostler/" HOSTLER_VERSION);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L * 1024);
	curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L); /* silence is not waited out */
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 180L);
	set_trust(w, curl);
	return curl;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	g_autofree char *line = value ? g_strconcat(name, ": ", value, NULL) : NULL;

	return line ? curl_slist_append(list, line) : list;
}

static struct curl_slist *headers_of(const struct web *w, const struct web_request *r)
{
	g_autofree char *bearer = w->token ? g_strconcat("Bearer ", w->token, NULL) : NULL;
	struct curl_slist *list = NULL;

	list = add_header(list, "Accept", r->accept ? r->accept : "application/json");
	list = add_header(list, "Version", "4");
	list = add_header(list, "Authorization", bearer);
	list = add_header(list, "Correlation-Id",
	                  r->correlation_id ? r->correlation_id
	                  : r->body         ? w->correlation
	                                    : NULL);
	list = add_header(list, "All-Content", r->all_content ? "true" : NULL);
	list = add_header(list, "Expect", "");
	if (r->body)
		list = add_header(list, "Content-Type", r->type ? r->type : "application/json");
	return list;
}

static int connection_error(const struct web *w, CURLcode rc, struct err *e)
{
	const char *why = *w->error ? w->error : curl_easy_strerror(rc);

	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return err_set(e, ERR_CANCELLED, "Interrupted.");
	if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_SSL_CERTPROBLEM)
		return err_set(e, ERR_NETWORK,
		               "%s cannot be trusted: %s. 'hostler login %s' shows its certificate and asks.", w->url,
		               why, w->url);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, ERR_NETWORK, "%s does not answer: %s", w->url, why);
	return err_set(e, ERR_NETWORK, "%s cannot be reached: %s", w->url, why);
}

int web_ask(struct web *w, const struct web_request *r, struct web_answer *a, struct err *e)
{
	g_autofree char *url = g_strconcat(w->url, r->path, NULL);
	struct curl_slist *headers = headers_of(w, r);
	struct parts parts = { .answer = a, .request = r };
	CURLcode rc;

	if (!w->curl)
		w->curl = new_handle(w);
	*a = (struct web_answer){ .body = g_string_sized_new(8192) };
	*w->error = '\0';
	curl_easy_setopt(w->curl, CURLOPT_URL, url);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(w->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(w->curl, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(w->curl, CURLOPT_TIMEOUT_MS, r->timeout_ms ? (long)r->timeout_ms : 600000L);
	if (r->part) {
		parts.curl = w->curl;
		curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, on_part);
		curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, &parts);
		curl_easy_setopt(w->curl, CURLOPT_TIMEOUT_MS, 0L);
	}
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(w->curl, CURLOPT_HTTPGET, 1L);
	if (r->body) {
		curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(r->body));
		curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, r->body);
	}
	curl_easy_setopt(w->curl, CURLOPT_NOBODY, strcmp(r->method, "HEAD") == 0 ? 1L : 0L);
	curl_easy_setopt(w->curl, CURLOPT_CUSTOMREQUEST, r->method);
	rc = curl_easy_perform(w->curl);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (rc != CURLE_OK && !parts.is_enough)
		return connection_error(w, rc, e);
	curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &a->status);
	if (w->cfg.is_debug)
		cli_say("%s %s: %ld, %zu bytes", r->method, r->path, a->status, a->body->len);
	return 0;
}

/* ---- faults ---- */

static enum err_code code_of(long status)
{
	switch (status) {
	case 401: return ERR_AUTH;
	case 403: return ERR_DENIED;
	case 404: return ERR_NO_ENTITY;
	case 409: return ERR_CONFLICT;
	case 501: return ERR_NOT_IMPLEMENTED;
	default: return status < 500 ? ERR_INVALID : ERR_BACKEND;
	}
}

static char *xml_text(const char *text, size_t len, const char *name)
{
	xmlDoc *doc = xmlReadMemory(text, (int)MIN(len, 1 << 20), NULL, NULL,
	                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlNode *n = doc ? xmlDocGetRootElement(doc) : NULL;
	char *found = NULL;

	if (n && strcmp((const char *)n->name, "action") == 0)
		for (n = n->children; n && strcmp((const char *)n->name, "fault") != 0; n = n->next)
			;
	for (n = n ? n->children : NULL; n && !found; n = n->next)
		if (strcmp((const char *)n->name, name) == 0) {
			xmlChar *content = xmlNodeGetContent(n);

			found = g_strdup((const char *)content);
			xmlFree(content);
		}
	xmlFreeDoc(doc);
	return found;
}

static char *fault_member(const struct web_answer *a, const char *name)
{
	auto_json *j = NULL;
	const json_t *f;

	if (a->type && strstr(a->type, "xml"))
		return xml_text(a->body->str, a->body->len, name);
	j = json_loadb(a->body->str, a->body->len, 0, NULL);
	f = json_object_get(j, "fault");
	if (!f)
		f = j;
	return g_strdup(json_string_value(json_object_get(f, name)));
}

int web_fault(const struct web_answer *a, struct err *e)
{
	g_autofree char *detail = fault_member(a, "detail"), *reason = fault_member(a, "reason"),
	                *error = detail ? NULL : fault_member(a, "error");
	const char *text = detail ? detail : error ? error : reason;
	size_t n = text ? strlen(text) : 0;

	if (a->status == 401)
		return err_set(e, ERR_AUTH, "%s", text ? text : "You are not logged in, or the login has expired.");
	if (!text && a->status == 404)
		return err_set(e, ERR_NO_ENTITY, "There is no such entity.");
	if (!text)
		return err_set(e, code_of(a->status), "The Manager answered with status %ld.", a->status);
	if (n > 1 && text[0] == '[' && text[n - 1] == ']')
		return err_set(e, code_of(a->status), "%.*s", (int)MIN(n - 2, 500), text + 1);
	return err_set(e, code_of(a->status), "%.500s", text);
}

int web_call(struct web *w, const struct web_request *r, struct web_answer *a, struct err *e)
{
	if (web_ask(w, r, a, e) < 0)
		return -1;
	return a->status >= 400 ? web_fault(a, e) : 0;
}

json_t *web_json(struct web *w, const char *method, const char *path, const json_t *body, struct err *e)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct web_request r = { .method = method, .path = path, .body = text };
	auto_answer a = { 0 };
	json_t *made = NULL;
	int rc = web_call(w, &r, &a, e);

	free(text);
	if (rc < 0)
		return NULL;
	made = a.body->len ? json_loadb(a.body->str, a.body->len, 0, NULL) : json_object();
	if (!made)
		err_set(e, ERR_BACKEND, "The answer to %s %s cannot be read; is %s a Manager?", method, path, w->url);
	return made;
}

void *web_open_stream(struct web *w, struct err *e)
{
	CURL *curl = new_handle(w);
	CURLcode rc;

	*w->error = '\0';
	curl_easy_setopt(curl, CURLOPT_URL, w->url);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	rc = curl_easy_perform(curl);
	if (rc == CURLE_OK)
		return curl;
	connection_error(w, rc, e);
	curl_easy_cleanup(curl);
	return NULL;
}
