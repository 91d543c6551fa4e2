/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ws.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/uuid.h"
#include "cli/cli.h"

#define MAX_HEAD   16384
#define MAX_QUEUED ((size_t)4 << 20)

struct ws {
	CURL *curl;
	curl_socket_t fd;
	wslay_event_context_ptr ctx;
	GString *early; /* came with the head of the answer */
	GString *in;    /* of the turn that is going on */
	bool is_gone, is_failed;
	int code;
	char reason[128];
};

/* ---- wslay's callbacks ---- */

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg)
{
	struct ws *s = arg;
	size_t n = 0;
	CURLcode rc;

	if (s->early->len) {
		n = MIN(len, s->early->len);
		memcpy(buf, s->early->str, n);
		g_string_erase(s->early, 0, (gssize)n);
		return (ssize_t)n;
	}
	rc = curl_easy_recv(s->curl, buf, len, &n);
	if (rc == CURLE_OK && n > 0)
		return (ssize_t)n;
	if (rc != CURLE_AGAIN)
		s->is_gone = true;
	wslay_event_set_error(ctx, rc == CURLE_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *arg)
{
	struct ws *s = arg;
	size_t n = 0;
	CURLcode rc = curl_easy_send(s->curl, data, len, &n);

	if (rc == CURLE_OK)
		return (ssize_t)n;
	if (rc != CURLE_AGAIN)
		s->is_gone = true;
	wslay_event_set_error(ctx, rc == CURLE_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static int on_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *arg)
{
	struct chance *chance = chance_new_real();

	chance_bytes(chance, buf, len);
	chance_free(chance);
	return 0;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct ws *s = arg;

	if (m->opcode == WSLAY_CONNECTION_CLOSE) {
		s->code = m->status_code;
		if (m->msg_length > 2) {
			size_t n = MIN(sizeof(s->reason) - 1, m->msg_length - 2);

			memcpy(s->reason, m->msg + 2, n);
			s->reason[n] = '\0';
		}
	} else if (!wslay_is_ctrl_frame(m->opcode)) {
		g_string_append_len(s->in, (const char *)m->msg, (gssize)m->msg_length);
	}
}

/* ---- the upgrade ---- */

static int wait_socket(const struct ws *s, short events, struct err *e)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int n = poll(&p, 1, 30000);

	if (n > 0)
		return 0;
	if (n < 0 && errno == EINTR && cli_interrupted())
		return err_set(e, ERR_CANCELLED, "Interrupted.");
	return n < 0 && errno == EINTR ? 0 : err_set(e, ERR_NETWORK, "The Manager does not answer.");
}

static int send_all(struct ws *s, const char *text, size_t len, struct err *e)
{
	while (len) {
		size_t n = 0;
		CURLcode rc = curl_easy_send(s->curl, text, len, &n);

		if (rc != CURLE_OK && rc != CURLE_AGAIN)
			return err_set(e, ERR_NETWORK, "The connection was lost: %s", curl_easy_strerror(rc));
		text += n;
		len -= n;
		if (rc == CURLE_AGAIN && wait_socket(s, POLLOUT, e) < 0)
			return -1;
	}
	return 0;
}

static int receive_more(struct ws *s, struct err *e)
{
	char buf[4096];
	size_t n = 0;
	CURLcode rc = curl_easy_recv(s->curl, buf, sizeof(buf), &n);

	if (rc == CURLE_AGAIN)
		return wait_socket(s, POLLIN, e);
	if (rc != CURLE_OK || n == 0)
		return err_set(e, ERR_NETWORK, "The connection was lost before the Manager answered.");
	g_string_append_len(s->early, buf, (gssize)n);
	return 0;
}

static char *accept_of(const char *key)
{
	g_autofree char *text = g_strconcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", NULL);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL);
	return g_base64_encode(digest, n);
}

static char *find_header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (g_ascii_strncasecmp(line, name, n) == 0 && line[n] == ':')
			return g_strstrip(g_strndup(line + n + 1, strcspn(line + n + 1, "\r\n")));
	}
	return NULL;
}

/* Not an upgrade: read its body, and fail in its words. */
static int refused(struct ws *s, const char *head, struct err *e)
{
	g_autofree char *length = find_header(head, "Content-Length"), *type = find_header(head, "Content-Type");
	struct web_answer a = { .type = type, .body = s->early };
	size_t want = length ? (size_t)g_ascii_strtoull(length, NULL, 10) : 0;

	while (s->early->len < MIN(want, (size_t)MAX_HEAD))
		if (receive_more(s, e) < 0)
			break;
	a.status = strtol(head + strcspn(head, " "), NULL, 10);
	if (a.status < 400)
		return err_set(e, ERR_NETWORK, "The Manager does not open a stream (status %ld).", a.status);
	return web_fault(&a, e);
}

static int upgrade(struct ws *s, struct web *w, const char *path, struct err *e)
{
	g_autoptr(GString) ask = g_string_new(NULL);
	g_autofree char *key = NULL, *expect = NULL, *head = NULL, *got = NULL;
	struct chance *chance = chance_new_real();
	unsigned char nonce[16];
	const char *end;

	chance_bytes(chance, nonce, sizeof(nonce));
	chance_free(chance);
	key = g_base64_encode(nonce, sizeof(nonce));
	expect = accept_of(key);
	g_string_append_printf(
	    ask,
	    "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n",
	    path, strstr(web_url(w), "://") + 3, key);
	if (web_token(w))
		g_string_append_printf(ask, "Authorization: Bearer %s\r\n", web_token(w));
	g_string_append(ask, "\r\n");
	if (send_all(s, ask->str, ask->len, e) < 0)
		return -1;
	while (!(end = strstr(s->early->str, "\r\n\r\n"))) {
		if (s->early->len > MAX_HEAD)
			return err_set(e, ERR_NETWORK, "The answer of the Manager cannot be read.");
		if (receive_more(s, e) < 0)
			return -1;
	}
	head = g_strndup(s->early->str, (gsize)(end - s->early->str) + 2);
	g_string_erase(s->early, 0, (gssize)(end - s->early->str) + 4);
	if (!g_str_has_prefix(head, "HTTP/1.1 101"))
		return refused(s, head, e);
	got = find_header(head, "Sec-WebSocket-Accept");
	return g_strcmp0(got, expect) == 0 ? 0 : err_set(e, ERR_NETWORK, "The Manager does not speak WebSocket.");
}

struct ws *ws_open(struct web *w, const char *path, struct err *e)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_recv,
		.send_callback = on_send,
		.genmask_callback = on_mask,
		.on_msg_recv_callback = on_message,
	};
	CURL *curl = web_open_stream(w, e);
	struct ws *s;

	if (!curl)
		return NULL;
	s = g_new0(struct ws, 1);
	s->curl = curl;
	s->early = g_string_new(NULL);
	curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &s->fd);
	if (upgrade(s, w, path, e) < 0 || wslay_event_context_client_init(&s->ctx, &callbacks, s) != 0) {
		ws_free(s);
		return NULL;
	}
	wslay_event_config_set_max_recv_msg_length(s->ctx, 1 << 20);
	return s;
}

void ws_free(struct ws *s)
{
	if (!s)
		return;
	if (s->ctx)
		wslay_event_context_free(s->ctx);
	curl_easy_cleanup(s->curl);
	g_string_free(s->early, TRUE);
	g_free(s);
}

int ws_fd(const struct ws *s) { return (int)s->fd; }

bool ws_wants_write(const struct ws *s) { return wslay_event_want_write(s->ctx); }

int ws_send(struct ws *s, const void *data, size_t n, struct err *e)
{
	struct wslay_event_msg m = { .opcode = WSLAY_BINARY_FRAME, .msg = data, .msg_length = n };

	if (wslay_event_get_queued_msg_length(s->ctx) > MAX_QUEUED)
		return err_set(e, ERR_BUSY, "The console takes no more input.");
	if (wslay_event_queue_msg(s->ctx, &m) != 0)
		return err_set(e, ERR_NETWORK, "The console is closed.");
	return 0;
}

int ws_turn(struct ws *s, GString *in, struct err *e)
{
	s->in = in;
	if (wslay_event_recv(s->ctx) != 0 && !s->code)
		return err_set(e, ERR_NETWORK, "The connection to the Manager was lost.");
	if (wslay_event_want_write(s->ctx) && wslay_event_send(s->ctx) != 0 && !s->code)
		return err_set(e, ERR_NETWORK, "The connection to the Manager was lost.");
	if (s->code)
		return 0;
	if (!wslay_event_get_read_enabled(s->ctx))
		return err_set(e, ERR_NETWORK, "The Manager sent what is no WebSocket.");
	return s->is_gone ? err_set(e, ERR_NETWORK, "The connection to the Manager was lost.") : 1;
}

int ws_close_code(const struct ws *s, const char **reason)
{
	*reason = s->reason;
	return s->code;
}

void ws_close(struct ws *s)
{
	wslay_event_queue_close(s->ctx, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
	wslay_event_send(s->ctx);
}
