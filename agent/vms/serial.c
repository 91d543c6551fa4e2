/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/vms/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/vms/vms.h"
#include "agent/vms/xml.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/uuid.h"
#include "rpc/stream.h"

enum {
	HISTORY = 64 * 1024,
	HEAD_MAX = 4096,
	HEAD_MS = 10000,
	CLIENTS_MAX = 512,
	DOWN_MAX = 256 * 1024, /* waiting for the client: then the guest is not read */
	LOOK_MS = 100,         /* ... until it has taken some */
	AGAIN_MS = 2000,       /* between tries to open the console */
};

struct client {
	struct agent *agent;
	struct serial *serial; /* once it is attached */
	struct rpc_stream *stream;
	GString *head;
	struct loop_timer limit; /* of the head; of the end */
};

struct serial {
	struct vm *vm;
	struct loop *loop;
	char *path;
	bool is_socket;
	int fd; /* -1: closed */
	struct loop_watch watch;
	struct loop_timer again;
	char *history; /* a ring, made when there is something */
	size_t at, len;
	GByteArray *up; /* for the guest */
	struct client *client;
};

static int n_clients;

static void update(struct serial *s);

/* --- clients ------------------------------------------------------------------------- */

static void on_free_client(void *arg)
{
	struct client *c = arg;

	rpc_stream_free(c->stream);
	timer_stop(c->agent->loop, &c->limit);
	g_string_free(c->head, TRUE);
	g_free(c);
	n_clients--;
}

static void close_fd(struct serial *s)
{
	watch_stop(s->loop, &s->watch);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void detach(struct client *c)
{
	struct serial *s = c->serial;

	c->serial = NULL;
	if (!s)
		return;
	s->client = NULL;
	g_byte_array_set_size(s->up, 0);
	if (!s->is_socket)
		close_fd(s);
	else
		update(s);
}

/* Free soon: this may come from within a callback of the stream. */
static void drop(struct client *c)
{
	detach(c);
	timer_start(c->agent->loop, &c->limit, 0, on_free_client, c);
}

/* What is queued is still sent. */
static void finish(struct client *c)
{
	detach(c);
	timer_stop(c->agent->loop, &c->limit);
	rpc_stream_finish(c->stream); /* ends in on_closed */
}

static void answer(struct client *c, const char *status)
{
	g_autofree char *text =
	    g_strdup_printf("HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
	struct err e;

	rpc_stream_write(c->stream, text, strlen(text), &e);
	finish(c);
}

/* --- the guest's side ------------------------------------------------------------------ */

static void keep(struct serial *s, const char *data, size_t n)
{
	if (!s->history)
		s->history = g_malloc(HISTORY);
	if (n > HISTORY) {
		data += n - HISTORY;
		n = HISTORY;
	}
	while (n) {
		size_t part = MIN(n, HISTORY - s->at);

		memcpy(s->history + s->at, data, part);
		s->at = (s->at + part) % HISTORY;
		s->len = MIN(s->len + part, (size_t)HISTORY);
		data += part;
		n -= part;
	}
}

static void tell_history(struct serial *s, struct client *c)
{
	size_t from = (s->at + HISTORY - s->len) % HISTORY, first = MIN(s->len, HISTORY - from);
	struct err e;

	if (!s->len)
		return;
	rpc_stream_write(c->stream, s->history + from, first, &e);
	rpc_stream_write(c->stream, s->history, s->len - first, &e);
}

static bool is_client_full(const struct serial *s)
{
	return s->client && rpc_stream_queued(s->client->stream) > DOWN_MAX;
}

static void on_again(void *arg) { update(arg); }

static void lost(struct serial *s)
{
	close_fd(s);
	if (s->client && !s->is_socket) /* the machine is ending */
		finish(s->client);
	timer_start(s->loop, &s->again, AGAIN_MS, on_again, s);
}

static void flush_up(struct serial *s)
{
	while (s->up->len && s->fd >= 0) {
		ssize_t put = write(s->fd, s->up->data, s->up->len);

		if (put <= 0)
			break;
		g_byte_array_remove_range(s->up, 0, (guint)put);
	}
	if (s->client)
		rpc_stream_hold(s->client->stream, s->up->len > 0);
}

static void on_guest(void *arg, int events)
{
	struct serial *s = arg;
	char buf[16384];
	struct err e;

	if (events & LOOP_WRITE)
		flush_up(s);
	while (s->fd >= 0 && !is_client_full(s)) {
		ssize_t got = read(s->fd, buf, sizeof(buf));

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (got <= 0) {
			lost(s);
			return;
		}
		keep(s, buf, (size_t)got);
		if (s->client)
			rpc_stream_write(s->client->stream, buf, (size_t)got, &e);
		if ((size_t)got < sizeof(buf))
			break;
	}
	update(s);
}

static int open_terminal(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios t;

	if (fd >= 0 && tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

static int open_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || g_strlcpy(a.sun_path, path, sizeof(a.sun_path)) >= sizeof(a.sun_path))
		goto failed;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	log_debug("serial console not open", "PATH", path, "ERROR", g_strerror(errno));
failed:
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Open it if it is to be open, and watch for what can be done. */
static void update(struct serial *s)
{
	int events = 0;

	if (s->fd < 0 && (s->client || s->is_socket) && !timer_is_running(&s->again)) {
		s->fd = s->is_socket ? open_socket(s->path) : open_terminal(s->path);
		if (s->fd >= 0)
			watch_start(s->loop, &s->watch, s->fd, LOOP_READ, on_guest, s);
		else
			timer_start(s->loop, &s->again, AGAIN_MS, on_again, s);
	}
	if (s->fd < 0)
		return;
	if (!is_client_full(s))
		events = LOOP_READ;
	else if (!timer_is_running(&s->again))
		timer_start(s->loop, &s->again, LOOK_MS, on_again, s);
	watch_change(s->loop, &s->watch, events | (s->up->len ? LOOP_WRITE : 0));
}

/* --- life -------------------------------------------------------------------------------- */

/* Path of the first serial console in the definition of a running machine, or NULL. */
static char *find_path(const struct vm *vm, bool *is_socket)
{
	struct err e = ERR_INIT;
	auto_xml doc = vm->xml ? xml_parse(vm->xml, &e) : NULL;
	auto_pool p = pool_new();
	xmlNodePtr devices = doc ? xml_child(xmlDocGetRootElement(doc), "devices") : NULL;
	static const char *const KINDS[] = { "serial", "console" };

	for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++)
		for (xmlNodePtr n = xml_child(devices, KINDS[i]); n; n = xml_next(n)) {
			const char *path = xml_attr(p, xml_child(n, "source"), "path");

			*is_socket = xml_attr_is(n, "type", "unix");
			if (path && *path == '/' && (*is_socket || xml_attr_is(n, "type", "pty")))
				return g_strdup(path);
		}
	return NULL;
}

void serial_follow(struct vm *vm)
{
	struct serial *s;
	bool is_socket;
	char *path;

	if (vm->serial || !vm->is_live_xml)
		return;
	path = find_path(vm, &is_socket);
	if (!path)
		return;
	s = vm->serial = g_new0(struct serial, 1);
	s->vm = vm;
	s->loop = vm->agent->loop;
	s->path = path;
	s->is_socket = is_socket;
	s->fd = -1;
	s->up = g_byte_array_new();
	update(s);
}

void serial_free(struct vm *vm)
{
	struct serial *s = vm->serial;

	if (!s)
		return;
	vm->serial = NULL;
	if (s->client)
		finish(s->client);
	close_fd(s);
	timer_stop(s->loop, &s->again);
	g_byte_array_free(s->up, TRUE);
	g_free(s->history);
	g_free(s->path);
	g_free(s);
}

/* Sockets made in the folder get its group, which is ours: libvirt makes them as root, writable for the group. */
void serial_init(struct agent *a)
{
	const char *dir = a->opt.serial_dir ? a->opt.serial_dir : SERIAL_DIR;

	if (g_mkdir_with_parents(dir, 0755) < 0)
		log_info("serial consoles are terminals, since their folder cannot be made", "FOLDER", dir, "ERROR",
		         g_strerror(errno));
	else if (chmod(dir, 02775) < 0)
		log_info("serial consoles may be out of reach", "FOLDER", dir, "ERROR", g_strerror(errno));
}

/* --- the request ---------------------------------------------------------------------------- */

static void attach(struct client *c, struct vm *vm, bool is_history)
{
	static const char YES[] =
	    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: hostler-serial\r\n\r\n";
	struct serial *s = vm->serial;
	struct err e;

	if (s->client)
		finish(s->client);
	timer_stop(c->agent->loop, &c->limit);
	c->serial = s;
	s->client = c;
	rpc_stream_write(c->stream, YES, sizeof(YES) - 1, &e);
	if (is_history)
		tell_history(s, c);
	log_info("serial console attached", "VM", vm->id, "PEER", rpc_stream_peer_address(c->stream));
	timer_stop(s->loop, &s->again);
	update(s);
}

/* The request's target: "/serial/ID?force=1&history=0". */
static void take_request(struct client *c, const char *target)
{
	static const char ROOT[] = "/serial/";
	const char *query = strchr(target, '?');
	g_autofree char *id = NULL;
	struct vm *vm;

	if (strncmp(target, ROOT, sizeof(ROOT) - 1) != 0) {
		answer(c, "404 Not Found");
		return;
	}
	target += sizeof(ROOT) - 1;
	id = g_ascii_strdown(target, query ? query - target : -1);
	vm = uuid_is_valid(id) ? vms_find(c->agent, id) : NULL;
	if (!vm || !vm->serial)
		answer(c, "404 Not Found");
	else if (vm->serial->client && !(query && strstr(query, "force=1")))
		answer(c, "409 Conflict");
	else
		attach(c, vm, !query || !strstr(query, "history=0"));
}

static void take_head(struct client *c)
{
	char *end = strstr(c->head->str, "\r\n\r\n"), *target, *blank;

	if (!end) {
		if (c->head->len > HEAD_MAX)
			answer(c, "431 Request Header Fields Too Large");
		return;
	}
	*strchr(c->head->str, '\r') = '\0';
	target = strchr(c->head->str, ' ');
	blank = target ? strchr(target + 1, ' ') : NULL;
	if (!g_str_has_prefix(c->head->str, "GET ") || !blank || strcmp(blank, " HTTP/1.1") != 0) {
		answer(c, "501 Not Implemented");
		return;
	}
	*blank = '\0';
	take_request(c, target + 1);
}

static void on_data(void *arg, const char *data, size_t n)
{
	struct client *c = arg;
	struct serial *s = c->serial;

	if (s) {
		g_byte_array_append(s->up, (const guint8 *)data, (guint)n);
		flush_up(s);
		update(s);
	} else if (timer_is_running(&c->limit) && c->head) {
		g_string_append_len(c->head, data, (gssize)n);
		take_head(c);
	}
}

static void on_ready(void *arg) {}

static void on_closed(void *arg, const struct err *e) { drop(arg); }

static void on_limit(void *arg) { drop(arg); }

void serial_serve(struct agent *a, struct rpc_stream *stream, const char *data, size_t n)
{
	static const struct rpc_stream_ops OPS = { on_ready, on_data, on_closed };
	struct client *c = g_new0(struct client, 1);

	c->agent = a;
	c->stream = stream;
	c->head = g_string_new(NULL);
	n_clients++;
	rpc_stream_give(stream, &OPS, c);
	timer_start(a->loop, &c->limit, HEAD_MS, on_limit, c);
	if (n_clients > CLIENTS_MAX)
		drop(c);
	else
		on_data(c, data, n);
}
