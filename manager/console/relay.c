/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/console/relay.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/console/rfb.h"
#include "manager/http/websocket.h"

#define CHUNK      (16 * 1024)
#define SHARE      (8 * CHUNK) /* of one relay at a time */
#define DOWN_MAX   (64 * 1024) /* waiting for the client: then the host is not read */
#define HEAD_MAX   4096
#define BEGIN_MS   15000
#define PRIORITY   "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define REASON_LEN 100

enum state { R_NEW, R_CONNECT, R_TLS, R_HEAD, R_RFB, R_OPEN, R_ENDED };

struct relay {
	atomic_int refs;
	atomic_bool is_closed, is_stopped;
	struct core *core;
	struct edge_thread *thread;
	struct relay_target to;
	void (*opened)(struct core *c, struct relay *r, void *arg);
	void (*closed)(struct core *c, struct relay *r, void *arg);
	void *arg;

	/* from here on the edge's thread alone */
	struct http_ws *ws; /* NULL: gone */
	enum state state;
	struct edge_watch watch;
	int fd, next_address;
	gnutls_session_t tls;
	bool was_open;
	struct rfb rfb;
	GString *up;   /* for the host */
	GString *head; /* of its answer, in R_HEAD; what the client said too early, in R_RFB */
	int64_t begun_ms;

	struct edge_msg stop_msg, release_msg;
	int stop_code;
	char stop_reason[REASON_LEN];
};

/* ---- certificates ---- */

struct relay_cred {
	atomic_uint refs;
	gnutls_certificate_credentials_t cred;
};

struct relay_cred *relay_cred_new(const char *ca_file, const char *cert_file, const char *key_file, struct err *e)
{
	struct relay_cred *c = g_new0(struct relay_cred, 1);
	int rc = gnutls_certificate_allocate_credentials(&c->cred);

	c->refs = 1;
	if (rc >= 0)
		rc = gnutls_certificate_set_x509_trust_file(c->cred, ca_file, GNUTLS_X509_FMT_PEM);
	if (rc >= 0 && cert_file)
		rc = gnutls_certificate_set_x509_key_file(c->cred, cert_file, key_file, GNUTLS_X509_FMT_PEM);
	if (rc >= 0)
		return c;
	err_set(e, ERR_INTERNAL, "certificates for consoles: %s", gnutls_strerror(rc));
	relay_cred_unref(c);
	return NULL;
}

struct relay_cred *relay_cred_ref(struct relay_cred *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void relay_cred_unref(struct relay_cred *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	if (c->cred)
		gnutls_certificate_free_credentials(c->cred);
	g_free(c);
}

/* Whose certificate was found good: is the key the host's own? */
static bool is_key(gnutls_session_t tls, const char *expected)
{
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(tls, &n);
	gnutls_x509_crt_t crt = NULL;
	unsigned char id[32];
	size_t size = sizeof(id);
	char hex[65] = "";

	if (!list || !n || gnutls_x509_crt_init(&crt) < 0)
		return false;
	if (gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) >= 0 &&
	    gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, id, &size) >= 0)
		for (size_t i = 0; i < size; i++)
			g_snprintf(hex + 2 * i, 3, "%02x", id[i]);
	gnutls_x509_crt_deinit(crt);
	return g_ascii_strcasecmp(hex, expected) == 0;
}

/* ---- life ---- */

void relay_target_clear(struct relay_target *t)
{
	relay_cred_unref(t->cred);
	g_free(t->name);
	g_free(t->key);
	g_free(t->head);
	*t = (struct relay_target){ .n_addresses = 0 };
}

struct relay *relay_ref(struct relay *r)
{
	atomic_fetch_add(&r->refs, 1);
	return r;
}

void relay_unref(struct relay *r)
{
	if (atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	relay_target_clear(&r->to);
	g_string_free(r->up, TRUE);
	g_string_free(r->head, TRUE);
	g_free(r);
}

struct relay *relay_new(struct core *core, struct http_exchange *x, const struct relay_target *target,
                        void (*opened)(struct core *c, struct relay *r, void *arg),
                        void (*closed)(struct core *c, struct relay *r, void *arg), void *arg)
{
	struct relay *r = g_new0(struct relay, 1);

	atomic_init(&r->refs, 1);
	r->core = core;
	r->thread = http_thread(x);
	r->to = *target;
	r->opened = opened;
	r->closed = closed;
	r->arg = arg;
	r->fd = -1;
	r->up = g_string_new(NULL);
	r->head = g_string_new(NULL);
	return r;
}

static void core_opened(void *arg)
{
	struct relay *r = arg;

	r->opened(r->core, r, r->arg);
	relay_unref(r);
}

static void core_closed(void *arg)
{
	struct relay *r = arg;

	r->closed(r->core, r, r->arg);
	relay_unref(r);
}

static void on_release(struct edge_thread *t, struct edge_msg *m)
{
	relay_unref((struct relay *)((char *)m - offsetof(struct relay, release_msg)));
}

/* The host's side. */
static void hang_up(struct relay *r)
{
	r->state = R_ENDED;
	edge_watch_stop(&r->watch);
	if (r->tls) {
		gnutls_bye(r->tls, GNUTLS_SHUT_WR);
		gnutls_deinit(r->tls);
	}
	r->tls = NULL;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

static void finish(struct relay *r, int code, const char *reason)
{
	if (r->state != R_ENDED)
		hang_up(r);
	if (r->ws)
		http_ws_close(r->ws, code, reason);
}

static void fail(struct relay *r, const char *reason)
{
	log_info("console relay failed", "REASON", reason);
	finish(r, WS_SERVER_ERROR, reason);
}

static void on_stop(struct edge_thread *t, struct edge_msg *m)
{
	struct relay *r = (struct relay *)((char *)m - offsetof(struct relay, stop_msg));

	finish(r, r->stop_code, r->stop_reason);
	relay_unref(r);
}

void relay_stop(struct relay *r, int code, const char *reason)
{
	if (atomic_load(&r->is_closed) || atomic_exchange(&r->is_stopped, true))
		return;
	r->stop_code = code;
	g_strlcpy(r->stop_reason, reason, sizeof(r->stop_reason));
	r->stop_msg.fn = on_stop;
	relay_ref(r);
	if (!edge_post(r->thread, &r->stop_msg))
		relay_unref(r);
}

/* ---- bytes to and from the host ---- */

static bool is_again(ssize_t rc) { return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED; }

/* > 0 bytes, 0 nothing now, -1 the end */
static ssize_t host_read(struct relay *r, char *buf, size_t size)
{
	ssize_t got = r->tls ? gnutls_record_recv(r->tls, buf, size) : recv(r->fd, buf, size, 0);

	if (got > 0)
		return got;
	if (r->tls)
		return is_again(got) ? 0 : -1;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t host_write(struct relay *r, const char *data, size_t n)
{
	ssize_t put = r->tls ? gnutls_record_send(r->tls, data, MIN(n, CHUNK)) : send(r->fd, data, n, MSG_NOSIGNAL);

	if (put >= 0)
		return put;
	if (r->tls)
		return is_again(put) ? 0 : -1;
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* What waits for the host. False: it has ended. */
static bool flush_up(struct relay *r)
{
	size_t done = 0;

	while (done < r->up->len) {
		ssize_t put = host_write(r, r->up->str + done, r->up->len - done);

		if (put < 0)
			return false;
		if (put == 0)
			break;
		done += (size_t)put;
	}
	g_string_erase(r->up, 0, (gssize)done);
	if (r->ws && r->state == R_OPEN)
		http_ws_pause(r->ws, r->up->len > 0);
	return true;
}

static void watch(struct relay *r)
{
	uint32_t events = 0;

	if (r->state == R_ENDED || !r->ws)
		return;
	if (r->state == R_CONNECT)
		events = EPOLLOUT;
	else if (r->state == R_TLS)
		events = gnutls_record_get_direction(r->tls) ? EPOLLOUT : EPOLLIN;
	else if (http_ws_queued(r->ws) < DOWN_MAX)
		events = EPOLLIN;
	if (r->state > R_TLS && r->up->len)
		events |= EPOLLOUT;
	edge_watch_change(&r->watch, events);
}

/* ---- the steps of the beginning; true: go on with the next ---- */

static void on_host(struct edge_watch *w, uint32_t events);

static bool connect_next(struct relay *r)
{
	int on = 1;

	while (r->next_address < r->to.n_addresses) {
		int i = r->next_address++;

		edge_watch_stop(&r->watch);
		if (r->fd >= 0)
			close(r->fd);
		r->fd = socket(r->to.addresses[i].any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (r->fd < 0)
			continue;
		setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(r->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		r->state = R_CONNECT;
		if ((connect(r->fd, &r->to.addresses[i].any, r->to.lengths[i]) == 0 || errno == EINPROGRESS) &&
		    edge_watch_start(r->thread, &r->watch, r->fd, EPOLLOUT, on_host) == 0)
			return true;
	}
	fail(r, "the host cannot be reached");
	return false;
}

static void begin_tls(struct relay *r)
{
	bool is_number = r->to.name && strspn(r->to.name, "0123456789.:abcdefABCDEF") == strlen(r->to.name);

	r->state = R_TLS;
	gnutls_init(&r->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	gnutls_priority_set_direct(r->tls, PRIORITY, NULL);
	gnutls_credentials_set(r->tls, GNUTLS_CRD_CERTIFICATE, r->to.cred->cred);
	gnutls_session_set_verify_cert(r->tls, r->to.name, 0);
	if (r->to.name && !is_number)
		gnutls_server_name_set(r->tls, GNUTLS_NAME_DNS, r->to.name, strlen(r->to.name));
	gnutls_transport_set_int(r->tls, r->fd);
}

static void become_open(struct relay *r)
{
	r->state = R_OPEN;
	r->was_open = true;
	http_ws_pause(r->ws, r->up->len > 0);
	relay_ref(r);
	loop_post(r->core->loop, core_opened, r);
}

/* Connected, and encrypted where that comes first. */
static void begin_talk(struct relay *r)
{
	if (r->to.head) {
		r->state = R_HEAD;
		g_string_append(r->up, r->to.head);
	} else if (r->to.protocol == CONSOLE_VNC) {
		r->state = R_RFB;
		http_ws_pause(r->ws, false);
	} else {
		become_open(r);
	}
}

static bool step_connect(struct relay *r)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
		connect_next(r);
		return false;
	}
	if (r->to.is_tls)
		begin_tls(r);
	else
		begin_talk(r);
	return true;
}

static bool step_tls(struct relay *r)
{
	int rc = gnutls_handshake(r->tls);

	if (rc < 0 && !gnutls_error_is_fatal(rc))
		return false;
	if (rc < 0) {
		log_info("TLS with a host's console failed", "HOST", r->to.name, "REASON", gnutls_strerror(rc));
		fail(r, "no trusted connection to the host");
		return false;
	}
	if (r->to.key && !is_key(r->tls, r->to.key)) {
		log_error("a host's console shows a key that is not the host's", "HOST", r->to.name);
		fail(r, "no trusted connection to the host");
		return false;
	}
	if (r->rfb.phase == RFB_TLS) {
		g_autoptr(GString) down = g_string_new(NULL);

		rfb_tls_done(&r->rfb, down);
		http_ws_send(r->ws, down->str, down->len);
		r->state = R_RFB;
	} else {
		begin_talk(r);
	}
	return true;
}

/* The answer to what was said first: HTTP's, up to an empty line. */
static bool step_head(struct relay *r)
{
	char buf[HEAD_MAX];
	const char *end;
	ssize_t got;
	int status = 0;

	if (!flush_up(r))
		goto lost;
	got = host_read(r, buf, sizeof(buf));
	if (got == 0)
		return false;
	if (got > 0)
		g_string_append_len(r->head, buf, got);
	end = strstr(r->head->str, "\r\n\r\n");
	if (!end && (got < 0 || r->head->len > HEAD_MAX))
		goto lost;
	if (!end)
		return true;
	sscanf(r->head->str, "HTTP/1.1 %3d", &status);
	if (status == 101) {
		become_open(r);
		http_ws_send(r->ws, end + 4, r->head->len - (size_t)(end + 4 - r->head->str));
		return true;
	}
	if (status == 404 || status == 409)
		finish(r, status == 404 ? RELAY_NO_CONSOLE : RELAY_IN_USE,
		       status == 404 ? "the VM has no serial console" : "the serial console is in use");
	else
		fail(r, "the host refused");
	return false;
lost:
	fail(r, "the host does not answer as expected");
	return false;
}

/* What the client said, or what is left of it, in the beginning of RFB. */
static void rfb_feed_client(struct relay *r)
{
	g_autoptr(GString) down = g_string_new(NULL);
	size_t used = rfb_from_client(&r->rfb, r->head->str, r->head->len, down, r->up);

	g_string_erase(r->head, 0, (gssize)used);
	http_ws_send(r->ws, down->str, down->len);
}

static bool step_rfb(struct relay *r)
{
	g_autoptr(GString) down = g_string_new(NULL);
	char buf[1]; /* what follows is not ours: one by one, there are few */
	ssize_t got = 0;

	rfb_feed_client(r);
	if (!flush_up(r))
		goto lost;
	if (r->rfb.phase != RFB_OPEN && r->rfb.phase != RFB_FAILED && r->rfb.phase != RFB_CLIENT_VERSION &&
	    r->rfb.phase != RFB_CHOICE) {
		got = host_read(r, buf, sizeof(buf));
		if (got < 0)
			goto lost;
		if (got > 0)
			rfb_from_host(&r->rfb, buf, (size_t)got, down, r->up);
		http_ws_send(r->ws, down->str, down->len);
		if (!flush_up(r))
			goto lost;
	}
	if (r->rfb.phase == RFB_FAILED)
		goto lost;
	if (r->rfb.phase == RFB_TLS)
		begin_tls(r);
	if (r->rfb.phase == RFB_OPEN) {
		g_string_append_len(r->up, r->head->str, (gssize)r->head->len);
		g_string_truncate(r->head, 0);
		become_open(r);
		if (!flush_up(r))
			goto lost;
		return true;
	}
	return got > 0 || r->rfb.phase == RFB_TLS;
lost:
	fail(r, "the host or the client does not speak RFB as expected");
	return false;
}

/* ---- the open relay ---- */

static bool step_open(struct relay *r)
{
	char buf[CHUNK];
	size_t total = 0;

	if (!flush_up(r)) {
		finish(r, WS_NORMAL, "the console has ended");
		return false;
	}
	while (http_ws_queued(r->ws) < DOWN_MAX) {
		ssize_t got;

		/* what TLS holds decrypted wakes nobody */
		if (total >= SHARE && !(r->tls && gnutls_record_check_pending(r->tls)))
			break;
		got = host_read(r, buf, sizeof(buf));
		if (got < 0) {
			finish(r, WS_NORMAL, "the console has ended");
			return false;
		}
		if (got == 0)
			break;
		total += (size_t)got;
		http_ws_send(r->ws, buf, (size_t)got);
	}
	return false;
}

static void advance(struct relay *r)
{
	bool more = true;

	while (more && r->ws && r->state != R_ENDED)
		switch (r->state) {
		case R_CONNECT: more = step_connect(r); break;
		case R_TLS: more = step_tls(r); break;
		case R_HEAD: more = step_head(r); break;
		case R_RFB: more = step_rfb(r); break;
		case R_OPEN: more = step_open(r); break;
		default: more = false;
		}
	watch(r);
}

static void on_host(struct edge_watch *w, uint32_t events)
{
	advance((struct relay *)((char *)w - offsetof(struct relay, watch)));
}

/* ---- the client's side ---- */

static void ws_data(void *arg, const char *data, size_t n)
{
	struct relay *r = arg;

	if (r->state == R_RFB) {
		g_string_append_len(r->head, data, (gssize)n);
		if (r->head->len > HEAD_MAX)
			http_ws_pause(r->ws, true);
		advance(r);
		return;
	}
	if (r->state == R_ENDED)
		return;
	if (r->state == R_OPEN && !r->up->len) {
		ssize_t put = host_write(r, data, n);

		if (put < 0) {
			finish(r, WS_NORMAL, "the console has ended");
			return;
		}
		data += put;
		n -= (size_t)put;
	}
	if (!n)
		return;
	g_string_append_len(r->up, data, (gssize)n);
	http_ws_pause(r->ws, true);
	watch(r);
}

static void ws_drained(void *arg)
{
	struct relay *r = arg;

	if (r->state == R_OPEN)
		advance(r);
}

static void ws_tick(void *arg, int64_t now_ms)
{
	struct relay *r = arg;

	if (!r->begun_ms)
		r->begun_ms = now_ms;
	if (r->state < R_OPEN && now_ms - r->begun_ms > BEGIN_MS)
		fail(r, "the host, or the client, did not begin in time");
}

static void ws_closed(void *arg)
{
	struct relay *r = arg;

	r->ws = NULL;
	if (r->state != R_ENDED)
		hang_up(r);
	atomic_store(&r->is_closed, true);
	relay_ref(r);
	loop_post(r->core->loop, core_closed, r);
	r->release_msg.fn = on_release; /* not now: an event of its watch may be on its way */
	if (!edge_post(r->thread, &r->release_msg))
		relay_unref(r);
}

static const struct http_ws_ops WS_OPS = { ws_data, ws_drained, ws_tick, ws_closed };

void relay_run(struct http_exchange *x, void *relay)
{
	struct relay *r = relay;

	r->ws = http_ws_accept(x, &WS_OPS, r);
	if (!r->ws) {
		r->state = R_ENDED;
		atomic_store(&r->is_closed, true);
		loop_post(r->core->loop, core_closed, r); /* with the maker's reference */
		return;
	}
	http_ws_pause(r->ws, true); /* until there is somebody to tell it */
	if (connect_next(r))
		watch(r);
}
