/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of WebSockets, the beginning of RFB, pictures, files for Remote Viewer: what needs no socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <zlib.h>

#include "manager/console/png.h"
#include "manager/console/rfb.h"
#include "manager/http/ws_frame.h"
#include "manager/vms/viewer_file.h"
#include "model/model.h"

/* ---- frames ---- */

struct heard {
	GString *data, *control;
	int n_control, last;
};

static void on_data(void *arg, const char *data, size_t n)
{
	g_string_append_len(((struct heard *)arg)->data, data, n);
}

static bool on_control(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t n)
{
	struct heard *h = arg;

	h->n_control++;
	h->last = opcode;
	g_string_append_len(h->control, (const char *)data, n);
	return opcode != WS_CLOSE;
}

static const struct ws_sink SINK = { on_data, on_control };

static void add_frame(GString *out, int first, const char *data, size_t n)
{
	static const uint8_t mask[4] = { 0x12, 0xfe, 0x00, 0x81 };

	g_string_append_c(out, (char)first);
	if (n < 126) {
		g_string_append_c(out, (char)(0x80 | n));
	} else if (n < 65536) {
		g_string_append_c(out, (char)(0x80 | 126));
		g_string_append_c(out, (char)(n >> 8));
		g_string_append_c(out, (char)n);
	} else {
		g_string_append_c(out, (char)(0x80 | 127));
		for (int i = 7; i >= 0; i--)
			g_string_append_c(out, (char)((uint64_t)n >> (8 * i)));
	}
	g_string_append_len(out, (const char *)mask, 4);
	for (size_t i = 0; i < n; i++)
		g_string_append_c(out, (char)(data[i] ^ mask[i % 4]));
}

/* Parse in steps of so many bytes. */
static int parse(const GString *s, size_t step, struct heard *h)
{
	struct ws_parser p;
	g_autofree char *copy = g_memdup2(s->str, s->len);
	int code = 0;

	h->data = g_string_new(NULL);
	h->control = g_string_new(NULL);
	h->n_control = h->last = 0;
	ws_parser_init(&p, 1 << 20);
	for (size_t at = 0; at < s->len && !code; at += step)
		code = ws_parse(&p, copy + at, MIN(step, s->len - at), &SINK, h);
	return code;
}

static void heard_clear(struct heard *h)
{
	g_string_free(h->data, TRUE);
	g_string_free(h->control, TRUE);
}

static void test_frames_in_any_steps(void **state)
{
	g_autoptr(GString) s = g_string_new(NULL), all = g_string_new(NULL);
	g_autofree char *big = g_malloc(70000);
	struct heard h;

	for (int i = 0; i < 70000; i++)
		big[i] = (char)(i * 7);
	add_frame(s, 0x02, "abc", 3);  /* begins a message */
	add_frame(s, 0x89, "ping", 4); /* in between */
	add_frame(s, 0x00, big, 300);  /* goes on */
	add_frame(s, 0x80, "", 0);     /* ends */
	add_frame(s, 0x8a, "", 0);     /* a pong without anything */
	add_frame(s, 0x82, big, 70000);
	add_frame(s, 0x81, "text", 4);
	g_string_append_len(all, "abc", 3);
	g_string_append_len(all, big, 300);
	g_string_append_len(all, big, 70000);
	g_string_append_len(all, "text", 4);
	for (size_t step = 1; step < 80; step++) {
		assert_int_equal(parse(s, step, &h), 0);
		assert_int_equal(h.data->len, all->len);
		assert_memory_equal(h.data->str, all->str, all->len);
		assert_int_equal(h.n_control, 2);
		assert_string_equal(h.control->str, "ping");
		heard_clear(&h);
	}
}

static void expect_code(const char *bytes, size_t n, int code)
{
	g_autoptr(GString) s = g_string_new_len(bytes, (gssize)n);
	struct heard h;

	assert_int_equal(parse(s, 1, &h), code);
	heard_clear(&h);
	assert_int_equal(parse(s, n, &h), code);
	heard_clear(&h);
}

#define EXPECT(bytes, code) expect_code(bytes, sizeof(bytes) - 1, code)

static void test_bad_frames(void **state)
{
	EXPECT("\x82\x01"
	       "a",
	       WS_PROTOCOL_ERROR);                                     /* not masked */
	EXPECT("\xc2\x81\0\0\0\0a", WS_PROTOCOL_ERROR);                /* an extension */
	EXPECT("\x83\x81\0\0\0\0a", WS_PROTOCOL_ERROR);                /* an opcode of nobody */
	EXPECT("\x80\x81\0\0\0\0a", WS_PROTOCOL_ERROR);                /* goes on with nothing */
	EXPECT("\x02\x80\0\0\0\0\x82\x80\0\0\0\0", WS_PROTOCOL_ERROR); /* a message within a message */
	EXPECT("\x09\x80\0\0\0\0", WS_PROTOCOL_ERROR);                 /* a ping in parts */
	EXPECT("\x89\xfe\x00\x7e\0\0\0\0", WS_PROTOCOL_ERROR);         /* a long ping */
	EXPECT("\x82\xfe\x00\x7d\0\0\0\0", WS_PROTOCOL_ERROR);         /* a length that is too long */
	EXPECT("\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", WS_PROTOCOL_ERROR);
	EXPECT("\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", WS_PROTOCOL_ERROR);
	EXPECT("\x82\xff\0\0\0\0\0\x10\0\x01\0\0\0\0", WS_TOO_BIG);
	EXPECT("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", WS_TOO_BIG);
}

static void test_close_codes(void **state)
{
	assert_int_equal(ws_close_code((const uint8_t *)"", 0), WS_NO_STATUS);
	assert_int_equal(ws_close_code((const uint8_t *)"\x03", 1), WS_PROTOCOL_ERROR);
	assert_int_equal(ws_close_code((const uint8_t *)"\x03\xe8", 2), 1000);
	assert_int_equal(ws_close_code((const uint8_t *)"\x03\xed", 2), WS_PROTOCOL_ERROR);
	assert_int_equal(ws_close_code((const uint8_t *)"\x11\x38", 2), 4408);
	assert_int_equal(ws_close_code((const uint8_t *)"\xff\xff", 2), WS_PROTOCOL_ERROR);
}

/* ---- RFB ---- */

struct talk {
	struct rfb r;
	GString *client, *host;
};

static void talk_init(struct talk *t)
{
	memset(&t->r, 0, sizeof(t->r));
	t->client = g_string_new(NULL);
	t->host = g_string_new(NULL);
}

static void talk_clear(struct talk *t)
{
	g_string_free(t->client, TRUE);
	g_string_free(t->host, TRUE);
}

/* One by one, as the relay does it; returns how many were taken. */
static size_t host_says(struct talk *t, const char *bytes, size_t n)
{
	size_t used = 0;

	while (used < n && rfb_from_host(&t->r, bytes + used, 1, t->client, t->host) == 1)
		used++;
	return used;
}

#define HOST(t, bytes)   host_says(t, bytes, sizeof(bytes) - 1)
#define CLIENT(t, bytes) rfb_from_client(&(t)->r, bytes, sizeof(bytes) - 1, (t)->client, (t)->host)
#define V8               "RFB 003.008\n"

static void test_rfb_passes(void **state)
{
	struct talk t;

	talk_init(&t);
	HOST(&t, V8);
	assert_string_equal(t.client->str, V8);
	assert_int_equal(CLIENT(&t, "RFB 003.0"), 9);
	assert_int_equal(CLIENT(&t, "08\nxyz"), 3);
	assert_string_equal(t.host->str, V8);
	assert_int_equal(HOST(&t, "\x02\x02\x13rest"), 3);
	assert_int_equal(t.r.phase, RFB_OPEN);
	assert_int_equal(t.client->len, 12 + 3);
	talk_clear(&t);
	talk_init(&t); /* an old client: the host decides */
	HOST(&t, V8);
	CLIENT(&t, "RFB 003.003\n");
	assert_int_equal(t.r.phase, RFB_OPEN);
	talk_clear(&t);
	talk_init(&t); /* the host refuses, with a reason behind */
	HOST(&t, V8);
	CLIENT(&t, V8);
	HOST(&t, "\0");
	assert_int_equal(t.r.phase, RFB_OPEN);
	assert_int_equal(t.client->len, 13);
	talk_clear(&t);
}

static void test_rfb_with_tls(void **state)
{
	struct talk t;

	talk_init(&t);
	HOST(&t, V8);
	CLIENT(&t, V8);
	g_string_truncate(t.host, 0);
	g_string_truncate(t.client, 0);
	HOST(&t, "\x01\x13");
	assert_int_equal(t.r.phase, RFB_VENC_VERSION);
	HOST(&t, "\0\2\0\2\0\0\1\2\0\0\1\5\1");
	assert_int_equal(t.r.phase, RFB_TLS);
	assert_memory_equal(t.host->str, "\x13\0\2\0\0\1\5", 7);
	assert_int_equal(t.client->len, 0);
	rfb_tls_done(&t.r, t.client);
	assert_memory_equal(t.client->str, "\1\2", 2);
	assert_int_equal(HOST(&t, "challenge"), 0);
	assert_int_equal(CLIENT(&t, "\2more"), 1);
	assert_int_equal(t.r.phase, RFB_OPEN);
	talk_clear(&t);
}

static void test_rfb_garbage(void **state)
{
	static const char *const BAD[] = { "HTTP/1.1 400", "RFB 003.00x\n", "SSH-2.0-Open" };
	struct talk t;

	for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
		talk_init(&t);
		host_says(&t, BAD[i], 12);
		assert_int_equal(t.r.phase, RFB_FAILED);
		assert_int_equal(t.client->len, 0);
		talk_clear(&t);
	}
	talk_init(&t);
	HOST(&t, V8);
	CLIENT(&t, V8);
	HOST(&t, "\x01\x13\0\2\0\1\0\0\1\6"); /* a way that wants a name and a password */
	assert_int_equal(t.r.phase, RFB_FAILED);
	talk_clear(&t);
	for (unsigned seed = 0; seed < 2000;
	     seed++) { /* nothing makes it overrun or wait for the wrong side for ever */
		GRand *rand = g_rand_new_with_seed(seed);
		g_autofree char *bytes = g_malloc(2000);

		for (int i = 0; i < 2000; i++)
			bytes[i] = (char)g_rand_int_range(rand, 0, i < 14 ? 30 : 256);
		memcpy(bytes, V8 "\1\x13", 14);
		talk_init(&t);
		host_says(&t, bytes, 12);
		CLIENT(&t, V8);
		host_says(&t, bytes + 12, 1988);
		assert_true(t.r.phase >= RFB_TYPES);
		talk_clear(&t);
		g_rand_free(rand);
	}
}

/* ---- pictures ---- */

static uint32_t get32(const char *s)
{
	return (uint32_t)(uint8_t)s[0] << 24 | (uint8_t)s[1] << 16 | (uint8_t)s[2] << 8 | (uint8_t)s[3];
}

static void test_png(void **state)
{
	g_autoptr(GString) ppm = g_string_new("P6\n# a remark\n3 2\n255\n");
	struct err e = ERR_INIT;
	GString *png;
	uint8_t rows[2 * 10];
	uLongf n = sizeof(rows);

	g_string_append_len(ppm, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x01\x02\x04\x04\x05\x06\x07\x08\x0a", 18);
	png = png_from_ppm(ppm->str, ppm->len, &e);
	assert_non_null(png);
	assert_memory_equal(png->str, "\x89PNG\r\n\x1a\n", 8);
	assert_int_equal(get32(png->str + 16), 3);
	assert_int_equal(get32(png->str + 20), 2);
	assert_memory_equal(png->str + 37, "IDAT", 4);
	assert_int_equal(uncompress(rows, &n, (Bytef *)png->str + 41, get32(png->str + 33)), Z_OK);
	assert_int_equal(n, 20);
	assert_memory_equal(rows, "\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\2\0\0\x01\0\0\0\0\0\x01", 20);
	g_string_free(png, TRUE);
	for (size_t cut = 0; cut < ppm->len; cut++)
		assert_null(png_from_ppm(ppm->str, cut, &e));
	assert_null(png_from_ppm("P6 99999 99999 255 ", 19, &e));
	assert_null(png_from_ppm("P6 0 1 255 x", 12, &e));
}

/* ---- files ---- */

static void test_viewer_file(void **state)
{
	struct pool *p = pool_new();
	struct m_vm *vm = m_new(p, &M_TYPE_vm);
	struct viewer_file v = { .vm = vm,
		                 .is_spice = true,
		                 .address = "192.0.2.7",
		                 .tls_port = 5901,
		                 .host_name = "host1",
		                 .password = "pass",
		                 .valid_s = 120,
		                 .ca = "-----BEGIN\nabc\n-----END\n",
		                 .authority = "manager:8443",
		                 .token = "t0ken" };
	g_autoptr(GKeyFile) f = g_key_file_new();
	g_autofree char *text = NULL, *ca = NULL, *subject = NULL, *token = NULL, *title = NULL;

	vm->name = (char *)"web1";
	vm->id = (char *)"b2a8c1e0-0000-4000-8000-000000000001";
	text = viewer_file_text(&v);
	assert_true(g_key_file_load_from_data(f, text, strlen(text), G_KEY_FILE_NONE, NULL));
	ca = g_key_file_get_string(f, "virt-viewer", "ca", NULL);
	assert_string_equal(ca, v.ca);
	subject = g_key_file_get_string(f, "virt-viewer", "host-subject", NULL);
	assert_string_equal(subject, "O=hostler,CN=host1");
	title = g_key_file_get_string(f, "virt-viewer", "title", NULL);
	assert_string_equal(title, "web1:%d");
	token = g_key_file_get_string(f, "ovirt", "sso-token", NULL);
	assert_string_equal(token, "t0ken");
	assert_int_equal(g_key_file_get_integer(f, "virt-viewer", "tls-port", NULL), 5901);
	assert_false(g_key_file_has_key(f, "virt-viewer", "port", NULL));
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_in_any_steps),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_close_codes),
		cmocka_unit_test(test_rfb_passes),
		cmocka_unit_test(test_rfb_with_tls),
		cmocka_unit_test(test_rfb_garbage),
		cmocka_unit_test(test_png),
		cmocka_unit_test(test_viewer_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
