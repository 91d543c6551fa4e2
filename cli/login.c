/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/login.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/context.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/web.h"

#define CA_PATH "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA"

struct login {
	const char *url, *user, *password_file, *ca_file, *fingerprint, *name, *state;
	bool is_local, is_insecure;
	char *password, *ca;
};

/* "manager" -> "https://manager"; no path. */
static char *normal_url(struct pool *p, const char *text, struct err *e)
{
	const char *host = strstr(text, "://");
	size_t len;

	if (host && !g_str_has_prefix(text, "https://")) {
		err_set(e, ERR_SYNTAX, "The URL must begin with https://");
		return NULL;
	}
	host = host ? host + 3 : text;
	len = strcspn(host, "/");
	if (!len || strpbrk(text, " @\\") || !g_utf8_validate(text, -1, NULL)) {
		err_set(e, ERR_SYNTAX,
		        "'%.80s' is not the URL of a Manager; write https://manager or https://manager:8443", text);
		return NULL;
	}
	return pool_printf(p, "https://%.*s", (int)len, host);
}

/* SHA-256 of a PEM certificate, "AB:CD:..."; NULL when it is none. */
static char *fingerprint_of(const char *pem, char **subject)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	GString *out = g_string_new(NULL);

	BIO_free(bio);
	if (x && X509_digest(x, EVP_sha256(), digest, &n))
		for (unsigned i = 0; i < n; i++)
			g_string_append_printf(out, "%s%02X", i ? ":" : "", digest[i]);
	if (x && subject) {
		char *line = X509_NAME_oneline(X509_get_subject_name(x), NULL, 0);

		*subject = g_strdup(line);
		OPENSSL_free(line);
	}
	X509_free(x);
	return g_string_free(out, n == 0);
}

static bool same_fingerprint(const char *a, const char *b)
{
	return text_same_without(": ", a, g_ascii_strncasecmp(b, "sha256:", 7) == 0 ? b + 7 : b);
}

static int probe(const struct web_config *cfg, struct err *e)
{
	struct web *w = web_new(cfg);
	struct web_request r = {
		.method = "GET", .path = "/ovirt-engine/services/health", .accept = "*/*", .timeout_ms = 30000
	};
	auto_answer a = { 0 };
	int rc = web_ask(w, &r, &a, e);

	web_free(w);
	return rc;
}

static char *fetch_ca(const char *url, struct err *e)
{
	struct web_config cfg = { .url = url, .is_insecure = true };
	struct web *w = web_new(&cfg);
	struct web_request r = { .method = "GET", .path = CA_PATH, .accept = "*/*", .timeout_ms = 30000 };
	auto_answer a = { 0 };
	char *pem = NULL;

	if (web_ask(w, &r, &a, e) == 0) {
		if (a.status == 200 && strstr(a.body->str, "-----BEGIN CERTIFICATE-----"))
			pem = g_strdup(a.body->str);
		else
			err_set(e, ERR_NETWORK, "%s gives no CA certificate; is it a Manager?", url);
	}
	web_free(w);
	return pem;
}

/* Trust on first use: show the CA's fingerprint and ask. */
static int ask_trust(struct cli *c, struct login *l, struct err *e)
{
	g_autofree char *pem = fetch_ca(l->url, e), *subject = NULL, *print = NULL;
	struct web_config cfg = { .url = l->url, .ca_pem = pem };

	if (!pem)
		return -1;
	print = fingerprint_of(pem, &subject);
	if (!print)
		return err_set(e, ERR_NETWORK, "The CA certificate of %s cannot be read.", l->url);
	if (probe(&cfg, e) < 0)
		return err_wrap(e, "The certificate of %s does not come from the CA that it gives", l->url);
	if (l->fingerprint && !same_fingerprint(print, l->fingerprint))
		return err_set(e, ERR_NETWORK, "The CA of %s is another one: its SHA-256 fingerprint is %s.", l->url,
		               print);
	if (!l->fingerprint) {
		cli_say("The Manager at %s shows a certificate of a CA that is not known here.", l->url);
		cli_say("  CA:      %s", subject);
		cli_say("  SHA-256: %s", print);
		if (cli_confirm(c, e, "Trust it from now on?") < 0)
			return e->code == ERR_SYNTAX
			           ? err_set(e, ERR_NETWORK,
			                     "%s is not trusted. Give --ca-file FILE, or --fingerprint %s.", l->url,
			                     print)
			           : -1;
	}
	l->ca = pool_strdup(c->pool, pem);
	return 0;
}

static int settle_trust(struct cli *c, struct login *l, struct err *e)
{
	struct web_config cfg = { .url = l->url };
	g_autofree char *pem = NULL;
	struct context old;
	struct err quiet = ERR_INIT;

	if (l->is_insecure) {
		cli_say("Warning: whoever answers at %s is believed to be the Manager, and gets the password.", l->url);
		return 0;
	}
	if (l->ca_file) {
		if (!g_file_get_contents(l->ca_file, &pem, NULL, NULL))
			return err_set(e, ERR_BACKEND, "%s cannot be read.", l->ca_file);
		l->ca = pool_strdup(c->pool, pem);
		cfg.ca_pem = l->ca;
		return probe(&cfg, e);
	}
	if (context_get(c->pool, l->name, &old, &quiet) == 0 && old.ca && !l->fingerprint &&
	    g_strcmp0(old.url, l->url) == 0) {
		cfg.ca_pem = old.ca;
		l->ca = old.ca;
		if (probe(&cfg, e) == 0)
			return 0;
		return strstr(e->detail, "trusted")
		           ? err_set(
		                 e, ERR_NETWORK,
		                 "The certificate of %s is not of the CA that was trusted before. If that is right, "
		                 "'hostler context remove %s' and log in again.",
		                 l->url, l->name)
		           : -1;
	}
	if (!l->fingerprint && probe(&cfg, &quiet) == 0)
		return 0; /* the machine trusts it anyway */
	return ask_trust(c, l, e);
}

/* ---- the password ---- */

static int prompt(struct cli *c, struct login *l, struct err *e)
{
	auto_close int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct pollfd wait = { .fd = tty, .events = POLLIN };
	struct termios old, silent;
	char line[512];
	ssize_t n;

	if (tty < 0)
		return err_set(e, ERR_SYNTAX,
		               "No password: give --password-file FILE or HOSTLER_PASSWORD, or use a terminal.");
	cli_catch_interrupts(); /* or the terminal would stay silent */
	if (tcgetattr(tty, &old) == 0) {
		silent = old;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(tty, TCSAFLUSH, &silent);
	}
	dprintf(tty, "Password of %s: ", l->user); /* after that: who types at once is not shown, and is heard */
	while (!cli_interrupted() && poll(&wait, 1, 100) <= 0)
		;
	n = cli_interrupted() ? -1 : read(tty, line, sizeof(line) - 1);
	tcsetattr(tty, TCSAFLUSH, &old);
	dprintf(tty, "\n");
	if (n <= 0)
		return err_set(e, ERR_CANCELLED, "No password was given.");
	line[n] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	l->password = pool_strdup(c->pool, line);
	explicit_bzero(line, sizeof(line));
	return 0;
}

static int get_password(struct cli *c, struct login *l, struct err *e)
{
	g_autofree char *text = NULL;
	const char *path = l->password_file ? l->password_file : g_getenv("HOSTLER_PASSWORD_FILE");

	if (l->password)
		return 0;
	if (!l->password_file && g_getenv("HOSTLER_PASSWORD")) {
		l->password = pool_strdup(c->pool, g_getenv("HOSTLER_PASSWORD"));
		return 0;
	}
	if (!path)
		return prompt(c, l, e);
	if (!g_file_get_contents(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, NULL, NULL))
		return err_set(e, ERR_BACKEND, "%s cannot be read.", path);
	text[strcspn(text, "\r\n")] = '\0';
	l->password = pool_strdup(c->pool, text);
	return 0;
}

/* A token for a password. */
static int get_token(struct pool *p, struct web *w, const char *user, const char *password, char **token,
                     int64_t *expires, struct err *e)
{
	g_autoptr(GString) form = g_string_new("grant_type=password&scope=ovirt-app-api&username=");
	struct web_request r = { .method = "POST",
		                 .path = "/ovirt-engine/sso/oauth/token",
		                 .type = "application/x-www-form-urlencoded",
		                 .timeout_ms = 60000 };
	auto_answer a = { 0 };
	auto_json *j = NULL;
	const char *text;

	web_append_escaped(form, user);
	g_string_append(form, "&password=");
	web_append_escaped(form, password);
	r.body = form->str;
	if (web_ask(w, &r, &a, e) < 0)
		return -1;
	j = json_loadb(a.body->str, a.body->len, 0, NULL);
	text = json_string_value(json_object_get(j, "access_token"));
	if (text) {
		*token = pool_strdup(p, text);
		text = json_string_value(json_object_get(j, "exp"));
		*expires = text ? strtoll(text, NULL, 10) : 0;
		return 0;
	}
	text = json_string_value(json_object_get(j, "error"));
	return err_set(e, text ? ERR_AUTH : ERR_NETWORK, "%s",
	               text ? text : "The login page does not answer as a Manager does.");
}

static int log_in(struct cli *c, struct login *l, struct err *e)
{
	struct context ctx = {
		.url = (char *)l->url, .user = (char *)l->user, .ca = l->ca, .is_insecure = l->is_insecure
	};
	struct web_config cfg = { .url = l->url, .ca_pem = l->ca, .is_insecure = l->is_insecure };
	struct web *w = web_new(&cfg);
	int rc = get_token(c->pool, w, l->user, l->password, &ctx.token, &ctx.expires_ms, e);

	web_free(w);
	if (rc < 0)
		return -1;
	ctx.name = (char *)l->name;
	if (context_save(&ctx, e) < 0)
		return err_wrap(e, "The login worked, but cannot be kept");
	cli_say("Logged in to %s as %s (context %s).", l->url, l->user, ctx.name);
	return 0;
}

/* ---- a Manager on this machine ---- */

static int find_local(struct cli *c, struct login *l, struct err *e)
{
	const char *demo = g_getenv("HOSTLER_DEMO_DIR"), *port = g_getenv("HOSTLER_PORT");
	g_autofree char *demo_state = g_build_filename(demo ? demo : "/var/lib/hostler-demo", "manager", NULL);
	const char *const states[] = { l->state ? l->state : demo_state, l->state ? NULL : "/var/lib/hostler", NULL };

	for (int i = 0; states[i]; i++) {
		g_autofree char *ca = g_build_filename(states[i], "pki", "ca.pem", NULL), *pem = NULL, *password = NULL,
		                *secret = g_build_filename(states[i], "admin-password", NULL);

		if (!g_file_get_contents(ca, &pem, NULL, NULL) || !g_file_get_contents(secret, &password, NULL, NULL))
			continue;
		l->ca = pool_strdup(c->pool, pem);
		l->password = pool_strdup(c->pool, g_strchomp(password));
		if (!l->url)
			l->url = pool_printf(c->pool, "https://localhost:%s", port ? port : "8443");
		return 0;
	}
	return err_set(e, ERR_AUTH,
	               "No Manager's state can be read here (%s%s%s). Its owner can: try with sudo, or log in with "
	               "'hostler login https://MANAGER'.",
	               states[0], states[1] ? ", " : "", states[1] ? states[1] : "");
}

int login_command(struct cli *c, int argc, char **argv, struct err *e)
{
	struct login l = { .user = g_getenv("HOSTLER_USER") };
	const struct flag flags[] = {
		{ "user", FLAG_TEXT, &l.user },
		{ "password-file", FLAG_TEXT, &l.password_file },
		{ "ca-file", FLAG_TEXT, &l.ca_file },
		{ "fingerprint", FLAG_TEXT, &l.fingerprint },
		{ "insecure", FLAG_BOOL, &l.is_insecure },
		{ "local", FLAG_BOOL, &l.is_local },
		{ "state", FLAG_TEXT, &l.state },
		{ "context", FLAG_TEXT, &l.name },
		{ "yes", FLAG_BOOL, &c->opt.yes },
		{ NULL },
	};
	const char *words[1] = { NULL };
	g_autofree char *name = NULL;

	if (flags_parse(flags, argc, argv, words, 1, e) < 0)
		return -1;
	l.url = words[0] ? words[0] : c->opt.url ? c->opt.url : g_getenv("HOSTLER_URL");
	if (!l.user)
		l.user = "admin@internal";
	if (!strchr(l.user, '@'))
		l.user = pool_printf(c->pool, "%s@internal", l.user);
	if (l.is_local && find_local(c, &l, e) < 0)
		return -1;
	if (!l.url)
		return err_set(e, ERR_SYNTAX, "Which Manager? hostler login https://MANAGER");
	l.url = normal_url(c->pool, l.url, e);
	if (!l.url)
		return -1;
	name = context_name_of(l.url);
	if (!l.name)
		l.name = c->opt.context ? c->opt.context : l.is_local ? "local" : name;
	if ((!l.is_local && settle_trust(c, &l, e) < 0) || get_password(c, &l, e) < 0)
		return -1;
	return log_in(c, &l, e);
}

int logout_command(struct cli *c, int argc, char **argv, struct err *e)
{
	struct context ctx;
	struct err quiet = ERR_INIT;

	if (flags_parse((const struct flag[]){ { NULL } }, argc, argv, NULL, 0, e) < 0 ||
	    context_get(c->pool, c->opt.context ? c->opt.context : g_getenv("HOSTLER_CONTEXT"), &ctx, e) < 0)
		return -1;
	if (ctx.token) {
		struct web_config cfg = { .url = ctx.url, .ca_pem = ctx.ca, .is_insecure = ctx.is_insecure };
		struct web *w = web_new(&cfg);
		g_autofree char *form = g_strconcat("token=", ctx.token, NULL);
		struct web_request r = { .method = "POST",
			                 .path = "/ovirt-engine/sso/oauth/revoke",
			                 .body = form,
			                 .type = "application/x-www-form-urlencoded",
			                 .timeout_ms = 30000 };
		auto_answer a = { 0 };

		if (web_ask(w, &r, &a, &quiet) < 0)
			cli_say("The token could not be revoked: %s", quiet.detail);
		web_free(w);
	}
	if (context_forget(ctx.name, true, e) < 0)
		return -1;
	cli_say("Logged out of %s.", ctx.url);
	return 0;
}

/* ---- contexts ---- */

static int list_contexts(struct cli *c, struct err *e)
{
	auto_json *store = contexts_load(e);
	const char *name, *current = json_string_value(json_object_get(store, "current"));
	struct table *t;
	json_t *each;

	if (!store)
		return -1;
	t = table_new((const char *const[]){ "CURRENT", "NAME", "URL", "USER", "LOGIN" }, 5);
	json_object_foreach (json_object_get(store, "contexts"), name, each) {
		struct context ctx;
		if (context_get(c->pool, name, &ctx, e) < 0) {
			table_free(t);
			return -1;
		}
		table_row(t, (const char *const[]){ current && strcmp(current, name) == 0 ? "*" : "", name, ctx.url,
		                                    ctx.user, ctx.token ? "yes" : "no" });
	}
	table_print(t, stdout, !c->opt.no_headers, false);
	table_free(t);
	return 0;
}

int context_command(struct cli *c, int argc, char **argv, struct err *e)
{
	const char *words[2] = { NULL, NULL };
	const struct flag flags[] = { { "no-headers", FLAG_BOOL, &c->opt.no_headers }, { NULL } };

	if (flags_parse(flags, argc, argv, words, 2, e) < 0)
		return -1;
	if (!words[0] || strcmp(words[0], "list") == 0)
		return list_contexts(c, e);
	if (strcmp(words[0], "use") == 0 && words[1])
		return context_use(words[1], e);
	if (strcmp(words[0], "remove") == 0 && words[1])
		return context_forget(words[1], false, e);
	return err_set(e, ERR_SYNTAX, "hostler context list, hostler context use NAME or hostler context remove NAME");
}
