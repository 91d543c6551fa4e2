/* SPDX-License-Identifier: Apache-2.0 */
/* hostler: start, commands that are not made from the schema, end. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/context.h"
#include "cli/help.h"
#include "cli/login.h"
#include "cli/out.h"
#include "cli/text.h"
#include "cli/web.h"

/* ---- what all share ---- */

int cli_exit_code(const struct err *e)
{
	switch (e->code) {
	case ERR_NONE: return EXIT_OK;
	case ERR_SYNTAX:
	case ERR_RANGE: return EXIT_USAGE;
	case ERR_NO_ENTITY:
	case ERR_NOT_FOUND: return EXIT_NOT_FOUND;
	case ERR_AUTH:
	case ERR_DENIED: return EXIT_DENIED;
	case ERR_NETWORK: return EXIT_CONNECTION;
	case ERR_TIMEOUT: return EXIT_LATE;
	case ERR_IMMUTABLE: return EXIT_REFUSED;
	case ERR_CANCELLED: return EXIT_INTERRUPTED;
	default: return EXIT_FAULT;
	}
}

void cli_say(const char *fmt, ...)
{
	g_autofree char *text = NULL;
	g_autoptr(GString) clean = g_string_new(NULL);
	va_list args;

	va_start(args, fmt);
	text = g_strdup_vprintf(fmt, args);
	va_end(args);
	text_append_printable(clean, text, -1, true);
	fprintf(stderr, "%s\n", clean->str);
}

int cli_confirm(struct cli *c, struct err *e, const char *fmt, ...)
{
	g_autofree char *text = NULL, *clean = NULL;
	char line[16] = "";
	va_list args;

	if (c->opt.yes)
		return 0;
	va_start(args, fmt);
	text = g_strdup_vprintf(fmt, args);
	va_end(args);
	clean = text_printable(text);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return err_set(e, ERR_SYNTAX, "%s Nobody can be asked here; --yes says so.", clean);
	fprintf(stderr, "%s [y/N] ", clean);
	fflush(stderr);
	if (fgets(line, sizeof(line), stdin) &&
	    (g_ascii_strcasecmp(g_strstrip(line), "y") == 0 || g_ascii_strcasecmp(line, "yes") == 0))
		return 0;
	return err_set(e, ERR_IMMUTABLE, "Not done."); /* exits with EXIT_REFUSED */
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	if (interrupted)
		_exit(EXIT_INTERRUPTED); /* asked twice */
	interrupted = 1;
}

void cli_catch_interrupts(void)
{
	struct sigaction sa = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool cli_interrupted(void) { return interrupted; }

int cli_pause(int ms, struct err *e)
{
	int64_t end = cli_now_ms() + ms;

	while (!interrupted && cli_now_ms() < end)
		poll(NULL, 0, (int)MIN(end - cli_now_ms() + 1, 100));
	return interrupted ? err_set(e, ERR_CANCELLED, "Interrupted.") : 0;
}

int64_t cli_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the connection ---- */

static const char *env(const char *name)
{
	const char *v = g_getenv(name);

	return v && *v ? v : NULL;
}

static int read_ca(struct cli *c, const char *path, char **pem, struct err *e)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) ge = NULL;

	if (!g_file_get_contents(path, &text, NULL, &ge))
		return err_set(e, ERR_BACKEND, "%s", ge->message);
	*pem = pool_strdup(c->pool, text);
	return 0;
}

static char *base_url(struct cli *c, const char *url)
{
	const char *host = strstr(url, "://");
	size_t scheme = host ? (size_t)(host - url) + 3 : 0;

	return pool_printf(c->pool, "%s%.*s", host ? "" : "https://", (int)(scheme + strcspn(url + scheme, "/")), url);
}

/* Whether a token is still good only the Manager knows: use makes it live longer. */
static int check_token(const struct context *ctx, struct err *e)
{
	if (ctx->token)
		return 0;
	return err_set(e, ERR_AUTH, "You are not logged in to %s. 'hostler login %s' does it.", ctx->url, ctx->url);
}

struct web *cli_web(struct cli *c, struct err *e)
{
	const char *url = c->opt.url ? c->opt.url : env("HOSTLER_URL"),
	           *token = c->opt.token ? c->opt.token : env("HOSTLER_TOKEN");
	const char *ca_file = c->opt.ca_file ? c->opt.ca_file : env("HOSTLER_CA_FILE");
	const char *name = c->opt.context ? c->opt.context : env("HOSTLER_CONTEXT");
	struct web_config cfg = { .is_debug = c->opt.debug };
	struct context ctx = { 0 };
	char *pem = NULL;

	if (c->web)
		return c->web;
	if (!url || !token || name) {
		if (context_get(c->pool, name, &ctx, e) < 0)
			return NULL;
		if (url && g_strcmp0(base_url(c, url), ctx.url) != 0) {
			err_set(e, ERR_AUTH, "There is no token for %s: log in to it, or set HOSTLER_TOKEN.", url);
			return NULL;
		}
		if (token)
			ctx.token = (char *)token;
		else if (check_token(&ctx, e) < 0)
			return NULL;
	}
	cfg.url = url ? base_url(c, url) : ctx.url;
	cfg.token = token ? token : ctx.token;
	if (ca_file && read_ca(c, ca_file, &pem, e) < 0)
		return NULL;
	cfg.ca_pem = pem ? pem : ctx.ca;
	cfg.is_insecure = c->opt.insecure || ctx.is_insecure || env("HOSTLER_INSECURE");
	if (cfg.is_insecure && !ctx.is_insecure)
		cli_say("Warning: whoever answers at %s is believed to be the Manager.", cfg.url);
	c->web = web_new(&cfg);
	return c->web;
}

/* ---- commands beside the schema ---- */

static int api_command(struct cli *c, int argc, char **argv, struct err *e)
{
	const char *words[2] = { NULL, NULL }, *data = NULL, *accept = NULL, *type = NULL;
	const struct flag flags[] = {
		{ "data", FLAG_TEXT, &data, 'd' },         { "accept", FLAG_TEXT, &accept },
		{ "content-type", FLAG_TEXT, &type },      { "output", FLAG_TEXT, &c->opt.output, 'o' },
		{ "context", FLAG_TEXT, &c->opt.context }, { "all-content", FLAG_BOOL, &c->opt.all_content },
		{ "debug", FLAG_BOOL, &c->opt.debug },     { NULL }
	};
	g_autofree char *method = NULL, *path = NULL, *text = NULL;
	struct web_request r = { 0 };
	auto_answer a = { 0 };
	struct web *w;

	if (flags_parse(flags, argc, argv, words, 2, e) < 0)
		return -1;
	if (!words[0])
		return err_set(e, ERR_SYNTAX, "hostler api [GET|POST|PUT|DELETE] PATH [-d BODY|@FILE]");
	method = words[1] ? g_ascii_strup(words[0], -1) : g_strdup(data ? "POST" : "GET");
	if (!words[1])
		words[1] = words[0];
	if (g_str_has_prefix(words[1], "/ovirt-engine"))
		path = g_strdup(words[1]);
	else
		path = g_strconcat(API_BASE, words[1][0] == '/' || !*words[1] ? "" : "/", words[1], NULL);
	if (data && data[0] == '@') {
		if (!g_file_get_contents(strcmp(data, "@-") == 0 ? "/dev/stdin" : data + 1, &text, NULL, NULL))
			return err_set(e, ERR_BACKEND, "%s cannot be read.", data + 1);
		data = text;
	}
	r.method = method;
	r.path = path;
	r.body = data ? data : strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ? "{}" : NULL;
	r.type = type ? type : data && data[strspn(data, " \t\r\n")] == '<' ? "application/xml" : "application/json";
	r.accept = accept ? accept : g_strcmp0(c->opt.output, "xml") == 0 ? "application/xml" : "application/json";
	r.all_content = c->opt.all_content;
	w = cli_web(c, e);
	if (!w || web_ask(w, &r, &a, e) < 0)
		return -1;
	if (a.body->len && (a.status < 400 || !c->is_tty)) {
		auto_json *j = a.type && strstr(a.type, "json") && c->is_tty
		                   ? json_loadb(a.body->str, a.body->len, 0, NULL)
		                   : NULL;
		char *pretty = j ? json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;

		out_text(c, pretty ? pretty : a.body->str, pretty ? strlen(pretty) : a.body->len);
		if (!pretty ? a.body->str[a.body->len - 1] != '\n' : true)
			out_text(c, "\n", 1);
		free(pretty);
	}
	return a.status >= 400 ? web_fault(&a, e) : 0;
}

static int whoami_command(struct cli *c, int argc, char **argv, struct err *e)
{
	struct web *w;
	auto_json *info = NULL;
	g_autofree char *form = NULL;
	struct web_request r = { .method = "POST",
		                 .path = "/ovirt-engine/sso/oauth/token-info",
		                 .type = "application/x-www-form-urlencoded" };
	auto_answer a = { 0 };
	const char *user, *expires;
	int64_t left;

	if (flags_parse((const struct flag[]){ { NULL } }, argc, argv, NULL, 0, e) < 0 || !(w = cli_web(c, e)))
		return -1;
	form = g_strconcat("token=", web_token(w), NULL);
	r.body = form;
	if (web_ask(w, &r, &a, e) < 0)
		return -1;
	info = json_loadb(a.body->str, a.body->len, 0, NULL);
	user = json_string_value(json_object_get(info, "user_id"));
	expires = json_string_value(json_object_get(info, "exp"));
	if (!user)
		return err_set(e, ERR_AUTH, "The login has expired.");
	left = expires ? (g_ascii_strtoll(expires, NULL, 10) - g_get_real_time() / 1000) / 60000 : 0;
	printf("%s at %s", user, web_url(w));
	if (left > 0 && left < 100000)
		printf(", for %" G_GINT64_FORMAT " minutes without use", left);
	printf("\n");
	return 0;
}

static int version_command(struct cli *c, int argc, char **argv, struct err *e)
{
	printf("hostler " HOSTLER_VERSION "\n");
	return 0;
}

static int help_command(struct cli *c, int argc, char **argv, struct err *e)
{
	struct command cmd;
	int rc;

	if (!argc || strcmp(argv[0], "flags") == 0) {
		help_all();
		return 0;
	}
	for (const struct builtin *b = BUILTINS; b->word; b++)
		if (strcmp(b->word, argv[0]) == 0) {
			help_builtin(b);
			return 0;
		}
	rc = command_parse(&cmd, c, argc, argv, e);
	if (rc == 0)
		help_place(&cmd);
	command_clear(&cmd);
	return rc;
}

const struct builtin BUILTINS[] = {
	{ "login", "[URL] [flags]", "Log in to a Manager, and remember it as a context.", login_command,
	  "  --user NAME           name@profile (admin@internal)\n"
	  "  --password-file FILE  first line; - is standard input. Else HOSTLER_PASSWORD, else it is asked for\n"
	  "  --ca-file FILE        the CA's certificate; else it is fetched, and its fingerprint shown\n"
	  "  --fingerprint SHA256  trust the CA with this fingerprint without asking\n"
	  "  --insecure            trust whoever answers\n"
	  "  --local               a Manager on this machine, if its state can be read\n"
	  "  --state DIR           where that state is\n"
	  "  --context NAME        name of the context (the Manager's host)\n" },
	{ "logout", "", "Revoke the token of the context.", logout_command, NULL },
	{ "context", "list | use NAME | remove NAME", "Show, choose and forget Managers.", context_command, NULL },
	{ "whoami", "", "Show who is logged in, and where.", whoami_command, NULL },
	{ "api", "[GET|POST|PUT|DELETE] PATH [-d BODY|@FILE] [-o json|xml]", "Send any request.", api_command, NULL },
	{ "completion", "bash | zsh | fish", "Print a script of completions for a shell.", completion_command, NULL },
	{ "help", "[TYPE [VERB]]", "Show what there is.", help_command, NULL },
	{ "version", "", "Show the version.", version_command, NULL },
	{ "__complete", "WORDS...", "What shells ask.", complete_command, NULL },
	{ "__man", "FOLDER", "Write man pages.", man_command, NULL },
	{ .word = NULL },
};

/* ---- main ---- */

static int run_command(struct cli *c, int argc, char **argv, struct err *e)
{
	struct command cmd;
	int rc = command_parse(&cmd, c, argc, argv, e);

	if (rc == 0 && (c->opt.help || !cmd.verb_word)) {
		help_place(&cmd);
		if (!c->opt.help && (cmd.place.depth || cmd.is_root))
			rc = err_set(e, ERR_SYNTAX, "A verb is missing.");
	} else if (rc == 0 && cmd.nice) {
		rc = cmd.nice->run(&cmd, e);
	} else if (rc == 0) {
		rc = command_run(&cmd, e);
	}
	command_clear(&cmd);
	return rc;
}

/* Flags before the command are taken from argv; returns the index of the command. */
static int take_leading(struct cli *c, int argc, char **argv, struct err *e)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-') {
		int taken;

		if (strcmp(argv[i], "--version") == 0) {
			argv[i] = (char *)"version";
			return i;
		}
		taken = flag_take(command_flags(&c->opt), argc, argv, &i, e);
		if (!taken)
			taken = flag_take(command_weak_flags(&c->opt), argc, argv, &i, e);
		if (!taken)
			return err_set(e, ERR_SYNTAX, "Unknown flag %.60s; 'hostler help' lists them", argv[i]);
		if (taken < 0)
			return -1;
		i++;
	}
	return i;
}

static int dispatch(struct cli *c, int argc, char **argv, struct err *e)
{
	int at = take_leading(c, argc, argv, e);

	if (at < 0)
		return -1;
	if (at >= argc) {
		help_all();
		return c->opt.help ? 0 : err_set(e, ERR_SYNTAX, "A command is missing.");
	}
	for (const struct builtin *b = BUILTINS; b->word; b++) {
		if (strcmp(b->word, argv[at]) != 0)
			continue;
		for (int i = at + 1; i < argc && b->word[0] != '_'; i++)
			if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
				help_builtin(b);
				return 0;
			}
		return b->run(c, argc - at - 1, argv + at + 1, e);
	}
	return run_command(c, argc - at, argv + at, e);
}

int main(int argc, char **argv)
{
	struct cli c = { .pool = pool_new(), .is_tty = isatty(STDOUT_FILENO) };
	struct err e = ERR_INIT, late = ERR_INIT;
	int rc, code;

	setlocale(LC_TIME, "");
	c.has_colour = c.is_tty && !env("NO_COLOR") && g_strcmp0(env("TERM"), "dumb") != 0;
	rc = dispatch(&c, argc, argv, &e);
	code = rc < 0 ? cli_exit_code(&e) : c.exit_code;
	if (out_finish(&late) < 0 && rc == 0) {
		e = late;
		rc = -1;
		code = EXIT_FAULT;
	}
	if (rc < 0)
		cli_say("hostler: %s", e.detail);
	if (rc < 0 && e.code == ERR_AUTH && c.web)
		cli_say("'hostler login %s' logs in again.", web_url(c.web));
	web_free(c.web);
	pool_free(c.pool);
	return code;
}
