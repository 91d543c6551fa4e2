/* SPDX-License-Identifier: Apache-2.0 */
/* hostlerd, the Manager: options, set-up, start, stop. */
#include <argp.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "manager/api/event_stream_http.h"
#include "manager/api/front.h"
#include "manager/api/search.h"
#include "manager/console/pages.h"
#include "manager/core/agents.h"
#include "manager/core/sessions.h"
#include "manager/hosts/host_int.h"
#include "manager/hosts/host_pages.h"
#include "manager/hosts/pki.h"
#include "manager/hosts/register_pages.h"
#include "manager/http/files.h"
#include "manager/manager.h"
#include "manager/system/bootstrap.h"
#include "manager/system/pages.h"
#include "manager/users/users.h"

const char *argp_program_version = "hostlerd " HOSTLER_VERSION;

struct options {
	const char *command; /* "run", "init", "token", "coverage" */
	const char *state, *listen, *http_listen, *db, *password_file, *log_level, *portal;
	const char *names[16];
	int n_names, ready_fd;
	bool print_password;
};

enum { OPT_HTTP = 256, OPT_DB, OPT_READY, OPT_PRINT, OPT_PASSWORD, OPT_LOG, OPT_CERT_LIFE, OPT_PORTAL };

static const struct argp_option OPTIONS[] = {
	{ "state", 's', "DIR", 0, "Where configuration, certificates and journal are (/var/lib/hostler)", 0 },
	{ "listen", 'l', "ADDR:PORT", 0, "HTTPS address (0.0.0.0:8443)", 0 },
	{ "http-listen", OPT_HTTP, "ADDR:PORT", 0, "HTTP address, for the CA's certificate and health alone (none)",
	  0 },
	{ "db", OPT_DB, "URL", 0, "Journal: sqlite:PATH or postgresql://... (sqlite:DIR/journal.db)", 0 },
	{ "name", 'n', "NAME", 0, "init: host name or address for the server's certificate; may be repeated", 0 },
	{ "password-file", OPT_PASSWORD, "FILE", 0, "init: password of admin@internal (else one is made)", 0 },
	{ "print-password", OPT_PRINT, NULL, 0, "init: print the password", 0 },
	{ "ready-fd", OPT_READY, "N", 0, "Write READY there when serving", 0 },
	{ "certificate-life", OPT_CERT_LIFE, "SECONDS", 0,
	  "How long new certificates are good for (157852800, 5 years)", 0 },
	{ "portal", OPT_PORTAL, "DIR", 0, "Built portals to serve (" PORTAL_DIR ", if it is there)", 0 },
	{ "log-level", OPT_LOG, "LEVEL", 0, "error, warn, info or debug (info)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 's': o->state = arg; break;
	case 'l': o->listen = arg; break;
	case OPT_HTTP: o->http_listen = arg; break;
	case OPT_DB: o->db = arg; break;
	case OPT_PASSWORD: o->password_file = arg; break;
	case OPT_PRINT: o->print_password = true; break;
	case OPT_READY: o->ready_fd = atoi(arg); break;
	case OPT_LOG: o->log_level = arg; break;
	case OPT_PORTAL: o->portal = arg; break;
	case OPT_CERT_LIFE:
		if (g_ascii_strtoll(arg, NULL, 10) < 10)
			argp_error(state, "certificates last for 10 seconds at least");
		pki_set_life(g_ascii_strtoll(arg, NULL, 10));
		break;
	case 'n':
		if (o->n_names == (int)G_N_ELEMENTS(o->names))
			argp_error(state, "too many names");
		o->names[o->n_names++] = arg;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_usage(state);
		o->command = arg;
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp ARGP = {
	.options = OPTIONS,
	.parser = parse,
	.args_doc = "[run|init|token|coverage]",
	.doc =
	    "The Manager of Hostler.\v"
	    "run (the default) serves; init makes certificates and the administrator's password and may be repeated; "
	    "token prints a one-time token for enrolling a host; coverage prints how many of the API's operations are "
	    "there.",
};

/* ---- init ---- */

static int read_password(const struct options *o, char **out, struct err *e)
{
	g_autofree char *path = g_build_filename(o->state, "admin-password", NULL);
	static const char letters[] = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	struct chance *chance;
	char made[21] = { 0 };

	if (o->password_file) {
		if (!g_file_get_contents(o->password_file, out, NULL, NULL))
			return err_set(e, ERR_BACKEND, "The password file %s cannot be read.", o->password_file);
		g_strchomp(*out);
	} else if (g_file_get_contents(path, out, NULL, NULL)) {
		g_strchomp(*out);
		return 0;
	} else {
		chance = chance_new_real();
		for (int i = 0; i < 20; i++)
			made[i] = letters[chance_below(chance, sizeof(letters) - 1)];
		chance_free(chance);
		*out = g_strdup(made);
	}
	if (strlen(*out) < 6)
		return err_set(e, ERR_INVALID, "The password must have 6 characters at least.");
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || dprintf(fd, "%s\n", *out) < 0 || fsync(fd) < 0)
		return err_errno(e, errno, "write %s", path);
	return 0;
}

static int init(const struct options *o, struct err *e)
{
	static const char *const local[] = { "localhost", "127.0.0.1", "::1" };
	g_autofree char *dir = g_build_filename(o->state, "pki", NULL), *password = NULL;
	const char *names[G_N_ELEMENTS(o->names) + 3];
	int n = 0;

	for (int i = 0; i < o->n_names; i++)
		names[n++] = o->names[i];
	for (size_t i = 0; i < G_N_ELEMENTS(local); i++)
		names[n++] = local[i];
	if (g_mkdir_with_parents(o->state, 0755) < 0)
		return err_errno(e, errno, "make folder %s", o->state);
	if (pki_init(dir, names, n, e) < 0 || read_password(o, &password, e) < 0)
		return -1;
	if (o->print_password)
		printf("%s\n", password);
	return 0;
}

static int token(const struct options *o, struct err *e)
{
	g_autofree char *dir = g_build_filename(o->state, "pki", NULL), *text = NULL;
	struct pki *pki = pki_open(dir, e);

	if (!pki)
		return -1;
	text = pki_make_token(o->state, pki, e);
	pki_free(pki);
	if (!text)
		return -1;
	printf("%s\n", text);
	return 0;
}

/* ---- run ---- */

struct manager {
	const struct options *o;
	struct core *core;
	struct loop *loop;
	struct agents *agents;
	struct http_server *http;
	struct front *front;
	struct http_files *files; /* portals, or NULL */
	struct loop_watch signals;
	char *url;
	struct err error;
	bool is_failed;
};

static void on_signal(void *arg, int events)
{
	struct manager *m = arg;
	struct signalfd_siginfo si;

	if (read(m->signals.fd, &si, sizeof(si)) == sizeof(si)) {
		log_info("stopping", "SIGNAL", si.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
		loop_stop(m->loop);
	}
}

static void watch_signals(struct manager *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	watch_start(m->loop, &m->signals, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), LOOP_READ, on_signal, m);
}

static const char *admin_hash_now(const struct core *c)
{
	INV_EACH (en, c->inv, KIND_USER)
		if (g_strcmp0(ENTITY_OBJ(en, user)->user_name, "admin@internal-authz") == 0)
			return ENTITY_OBJ(en, user)->password_hash;
	return NULL;
}

/* The hash of the password that init left; only computed when it is not the stored one. The file is gone once the
 * administrator has chosen another; written anew, it counts again. */
static char *admin_hash(struct manager *m, struct err *e)
{
	g_autofree char *path = g_build_filename(m->o->state, "admin-password", NULL), *password = NULL;
	const char *now = admin_hash_now(m->core);

	if (!g_file_get_contents(path, &password, NULL, NULL)) {
		if (now)
			return g_strdup(now);
		err_set(e, ERR_BACKEND, "%s cannot be read. Run 'hostlerd init' first.", path);
		return NULL;
	}
	g_strchomp(password);
	return now && password_matches(now, password) ? g_strdup(now) : password_hash(m->core->chance, password);
}

static void reload_certificate(void *arg)
{
	struct manager *m = arg;
	struct err e = ERR_INIT;

	if (m->http && http_server_reload_certificate(m->http, &e) < 0)
		log_error("the new certificate cannot be used", "ERROR", e.detail);
	if (console_pages_reload(m->core, &e) < 0)
		log_error("consoles go on with the old certificate", "ERROR", e.detail);
}

static int serve(struct manager *m, struct err *e)
{
	static const struct page *const tables[] = { SSO_PAGES,     SERVICE_PAGES, REGISTER_PAGES,
		                                     CONSOLE_PAGES, HOST_PAGES,    PORTAL_PAGES,
		                                     SEARCH_PAGES,  USER_PAGES,    DASHBOARD_PAGES };
	struct http_config cfg = {
		.tls_listen = m->o->listen,
		.plain_listen = m->o->http_listen,
		.cert_file = pki_file(m->core->pki, "server.pem"),
		.key_file = pki_file(m->core->pki, "server.key"),
		.handler = front_handle,
	};

	if (console_pages_init(m->core, e) < 0)
		return -1;
	if (m->o->portal || access(PORTAL_DIR "/index.html", R_OK) == 0)
		if (!(m->files = http_files_read(m->o->portal ? m->o->portal : PORTAL_DIR, e)))
			return -1;
	m->front = front_new(m->core, tables, G_N_ELEMENTS(tables));
	front_set_files(m->front, m->files);
	cfg.arg = m->front;
	m->http = http_server_start(&cfg, e);
	m->core->hosts->reload = reload_certificate;
	m->core->hosts->reload_arg = m;
	return m->http ? 0 : -1;
}

static void start_fiber(void *arg)
{
	struct manager *m = arg;
	struct err *e = &m->error;
	g_autofree char *hash = admin_hash(m, e);
	char port[16];

	if (!hash || bootstrap(m->core, hash, e) < 0 || bootstrap_set_password(m->core, hash, e) < 0 ||
	    serve(m, e) < 0) {
		m->is_failed = true;
		loop_stop(m->loop);
		return;
	}
	manager_start_all(m->core);
	search_warm(m->core);
	event_streams_start(m->core, &EVENT_STREAM_HTTP);
	event_emit(m->core, "VDC_START", NULL, "The Manager was started.");
	g_snprintf(port, sizeof(port), "%d", http_server_tls_port(m->http));
	log_info("serving", "PORT", port);
	if (m->o->ready_fd >= 0 && dprintf(m->o->ready_fd, "READY %s\n", port) < 0)
		log_warn("nobody listens to the ready descriptor");
}

static int open_core(struct manager *m, struct err *e)
{
	g_autofree char *dir = g_build_filename(m->o->state, "pki", NULL),
	                *path = g_build_filename(m->o->state, "journal.db", NULL);
	g_autofree char *dflt = g_strconcat("sqlite:", path, NULL);
	struct core_config cfg = { .state_dir = m->o->state };
	struct pki *pki = pki_open(dir, e);

	if (!pki)
		return -1;
	m->loop = cfg.loop = loop_new();
	cfg.chance = chance_new_real();
	cfg.tasks = task_pool_new("worker", 4, 1000);
	cfg.journal = journal_open(m->o->db ? m->o->db : dflt, m->loop, e);
	if (!cfg.journal) {
		pki_free(pki);
		return -1;
	}
	m->core = core_new(&cfg);
	m->core->pki = pki;
	manager_register_all(m->core);
	if (core_load(m->core, e) < 0)
		return -1;
	m->agents =
	    agents_new(m->core, pki_file(pki, "ca.pem"), pki_file(pki, "client.pem"), pki_file(pki, "client.key"), e);
	if (!m->agents)
		return -1;
	m->core->agents = agents_door(m->agents);
	m->core->hosts->agents = m->agents;
	return 0;
}

/* What waits (jobs, monitors) is left where it is: the journal knows, and the next start goes on. */
static void close_all(struct manager *m)
{
	if (m->http)
		http_server_stop(m->http);
	agents_free(m->agents);
	if (m->core) {
		m->core->hosts->agents = NULL;
		core_close_journal(m->core);
		while (loop_turn(m->loop, 0))
			;
		fiber_abandon_all(m->loop);
	}
}

static int run(const struct options *o, struct err *e)
{
	struct manager m = { .o = o };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (open_core(&m, e) < 0) {
		close_all(&m);
		return -1;
	}
	watch_signals(&m);
	fiber_start(m.loop, "start", start_fiber, &m);
	loop_run(m.loop);
	close_all(&m);
	if (m.is_failed)
		*e = m.error;
	return m.is_failed ? -1 : 0;
}

static int coverage(void)
{
	struct core_config cfg = { .loop = loop_new_virtual(0), .chance = chance_new_seeded(1) };
	struct core *c = core_new(&cfg);
	int n = 0;

	manager_register_all(c);
	while (M_OPS[n])
		n++;
	for (int i = 0; i < n; i++)
		printf("%s %s\n", api_find(M_OPS[i]) ? "yes" : "no ", M_OPS[i]->name);
	printf("%d of %d\n", api_count(), n);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .command = "run", .state = "/var/lib/hostler", .listen = "0.0.0.0:8443", .ready_fd = -1 };
	struct err e = ERR_INIT;
	int rc;

	argp_parse(&ARGP, argc, argv, 0, NULL, &o);
	log_set_name("hostlerd");
	if (o.log_level && log_level_from_name(o.log_level) < 0) {
		fprintf(stderr, "hostlerd: --log-level must be error, warn, info or debug\n");
		return 2;
	}
	if (o.log_level)
		log_set_level(log_level_from_name(o.log_level));
	if (strcmp(o.command, "run") == 0) {
		rc = run(&o, &e);
		if (rc == 0) { /* all is in the journal; taking the inventory apart would only cost time */
			fflush(NULL);
			_exit(0);
		}
	} else if (strcmp(o.command, "init") == 0) {
		rc = init(&o, &e);
	} else if (strcmp(o.command, "token") == 0) {
		rc = token(&o, &e);
	} else if (strcmp(o.command, "coverage") == 0) {
		rc = coverage();
	} else {
		fprintf(stderr, "hostlerd: unknown command '%s'; see --help\n", o.command);
		return 2;
	}
	if (rc < 0)
		fprintf(stderr, "hostlerd: %s\n", e.detail);
	return rc < 0 ? 1 : 0;
}
