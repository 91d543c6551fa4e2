/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients of WebSockets and consoles of hosts may send: frames in parts, the beginning of RFB from both sides,
 * pictures. The first byte says which, the second how large the parts are.
 */
#include <assert.h>
#include <string.h>

#include "manager/console/png.h"
#include "manager/console/rfb.h"
#include "manager/http/ws_frame.h"

struct sum {
	size_t data;
	uint32_t hash;
	int n_control;
};

static void on_data(void *arg, const char *data, size_t n)
{
	struct sum *s = arg;

	assert(n > 0);
	for (size_t i = 0; i < n; i++)
		s->hash = s->hash * 31 + (uint8_t)data[i];
	s->data += n;
}

static bool on_control(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t n)
{
	struct sum *s = arg;

	assert(n <= WS_MAX_CONTROL && (opcode == WS_PING || opcode == WS_PONG || opcode == WS_CLOSE));
	if (opcode == WS_CLOSE)
		ws_close_code(data, n);
	s->n_control++;
	return true;
}

static int frames(const uint8_t *data, size_t n, size_t step, struct sum *s)
{
	static const struct ws_sink SINK = { on_data, on_control };
	g_autofree char *copy = g_malloc(n + 1);
	struct ws_parser p;
	int code = 0;

	memcpy(copy, data, n);
	memset(s, 0, sizeof(*s));
	ws_parser_init(&p, 4096);
	for (size_t at = 0; at < n && !code; at += step)
		code = ws_parse(&p, copy + at, MIN(step, n - at), &SINK, s);
	return code;
}

/* Parts must not matter. */
static void fuzz_frames(const uint8_t *data, size_t n, size_t step)
{
	struct sum one, other;
	int a = frames(data, n, n ? n : 1, &one), b = frames(data, n, step, &other);

	assert(a == b && one.data == other.data && one.hash == other.hash && one.n_control == other.n_control);
}

static void fuzz_rfb(const uint8_t *data, size_t n, size_t step)
{
	g_autoptr(GString) client = g_string_new(NULL), host = g_string_new(NULL);
	struct rfb r = { .phase = RFB_VERSION };
	bool is_host = true;

	for (size_t at = 0; at < n && r.phase < RFB_OPEN;) {
		size_t part = MIN(step, n - at), used;

		if (r.phase == RFB_TLS)
			rfb_tls_done(&r, client);
		used = is_host ? rfb_from_host(&r, data + at, part, client, host)
		               : rfb_from_client(&r, data + at, part, client, host);
		assert(used <= part);
		at += used;
		if (used < part)
			is_host = !is_host;
		if (used == 0 && r.phase != RFB_CLIENT_VERSION && r.phase != RFB_CHOICE && !is_host)
			at++; /* nobody wants it */
		assert(client->len < 600 && host->len < 600);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	GString *png;
	size_t step;

	if (n < 2)
		return 0;
	step = 1 + data[1];
	switch (data[0] % 3) {
	case 0: fuzz_frames(data + 2, n - 2, step); break;
	case 1: fuzz_rfb(data + 2, n - 2, step); break;
	default:
		png = png_from_ppm(data + 2, n - 2, &e);
		if (png)
			g_string_free(png, TRUE);
	}
	return 0;
}
