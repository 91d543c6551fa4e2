/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/console/rfb.h"

#include <string.h>

enum { VERSION_LEN = 12, TYPE_NONE = 1, TYPE_PASSWORD = 2, TYPE_VENCRYPT = 19, X509_NONE = 260, X509_VNC = 261 };

static void fail(struct rfb *r) { r->phase = RFB_FAILED; }

static void enter(struct rfb *r, enum rfb_phase phase)
{
	r->phase = phase;
	r->n = 0;
}

static bool is_version(const uint8_t *s)
{
	static const char FORM[] = "RFB ddd.ddd\n";

	for (int i = 0; i < VERSION_LEN; i++)
		if (FORM[i] == 'd' ? !g_ascii_isdigit(s[i]) : s[i] != (uint8_t)FORM[i])
			return false;
	return true;
}

/* How many bytes the phase needs in all, as far as is known. */
static size_t need(const struct rfb *r)
{
	switch (r->phase) {
	case RFB_VERSION:
	case RFB_CLIENT_VERSION: return VERSION_LEN;
	case RFB_TYPES: return r->n ? 1 + (size_t)r->buf[0] : 1;
	case RFB_VENC_VERSION: return 2;
	case RFB_VENC_ACK:
	case RFB_VENC_RESULT:
	case RFB_CHOICE: return 1;
	case RFB_VENC_SUBTYPES: return r->n ? 1 + 4 * (size_t)MIN(r->buf[0], 64) : 1;
	default: return 0;
	}
}

/* True when all that the phase needs is in buf. */
static bool gather(struct rfb *r, const uint8_t **data, size_t *n)
{
	while (r->n < need(r)) {
		size_t part = MIN(need(r) - r->n, *n);

		if (part == 0)
			return false;
		memcpy(r->buf + r->n, *data, part);
		r->n += part;
		*data += part;
		*n -= part;
	}
	return true;
}

static void take_types(struct rfb *r, GString *to_client, GString *to_host)
{
	bool has_vencrypt = memchr(r->buf + 1, TYPE_VENCRYPT, r->buf[0]) != NULL;

	if (r->buf[0] == 1 && has_vencrypt) {
		g_string_append_c(to_host, TYPE_VENCRYPT);
		enter(r, RFB_VENC_VERSION);
		return;
	}
	g_string_append_len(to_client, (char *)r->buf, (gssize)r->n); /* "none" comes with a reason: that passes, too */
	enter(r, RFB_OPEN);
}

static void take_subtypes(struct rfb *r, GString *to_host)
{
	int chosen = 0;

	for (int i = 0; i < r->buf[0] && i < 64; i++) {
		const uint8_t *b = r->buf + 1 + 4 * i;
		int type = b[0] | b[1] ? 0 : b[2] << 8 | b[3];

		if (type == X509_VNC || (type == X509_NONE && !chosen))
			chosen = type;
	}
	if (!chosen) {
		fail(r);
		return;
	}
	r->offered = chosen == X509_VNC ? TYPE_PASSWORD : TYPE_NONE;
	g_string_append_len(to_host, (char[]){ 0, 0, (char)(chosen >> 8), (char)chosen }, 4);
	enter(r, RFB_VENC_RESULT);
}

static void host_step(struct rfb *r, GString *to_client, GString *to_host)
{
	switch (r->phase) {
	case RFB_VERSION:
		if (!is_version(r->buf)) {
			fail(r);
			break;
		}
		g_string_append_len(to_client, (char *)r->buf, VERSION_LEN);
		enter(r, RFB_CLIENT_VERSION);
		break;
	case RFB_TYPES: take_types(r, to_client, to_host); break;
	case RFB_VENC_VERSION:
		if (r->buf[0] != 0 || r->buf[1] < 2) {
			fail(r);
			break;
		}
		g_string_append_len(to_host, "\0\2", 2);
		enter(r, RFB_VENC_ACK);
		break;
	case RFB_VENC_ACK:
		if (r->buf[0] != 0)
			fail(r);
		else
			enter(r, RFB_VENC_SUBTYPES);
		break;
	case RFB_VENC_SUBTYPES: take_subtypes(r, to_host); break;
	case RFB_VENC_RESULT:
		if (r->buf[0] != 1)
			fail(r);
		else
			enter(r, RFB_TLS);
		break;
	default: break;
	}
}

size_t rfb_from_host(struct rfb *r, const void *data, size_t n, GString *to_client, GString *to_host)
{
	const uint8_t *from = data;
	size_t left = n;

	while (r->phase != RFB_CLIENT_VERSION && r->phase != RFB_CHOICE && r->phase < RFB_TLS &&
	       gather(r, &from, &left))
		host_step(r, to_client, to_host);
	return n - left;
}

size_t rfb_from_client(struct rfb *r, const void *data, size_t n, GString *to_client, GString *to_host)
{
	const uint8_t *from = data;
	size_t left = n;

	if (r->phase == RFB_CLIENT_VERSION && gather(r, &from, &left)) {
		bool is_old =
		    memcmp(r->buf, "RFB 003.007\n", VERSION_LEN) < 0; /* the host chooses, nothing to be seen to */

		g_string_append_len(to_host, (char *)r->buf, VERSION_LEN);
		if (!is_version(r->buf))
			fail(r);
		else
			enter(r, is_old ? RFB_OPEN : RFB_TYPES);
	} else if (r->phase == RFB_CHOICE && gather(r, &from, &left)) {
		if (r->buf[0] != r->offered)
			fail(r);
		else
			enter(r, RFB_OPEN);
	}
	return n - left;
}

void rfb_tls_done(struct rfb *r, GString *to_client)
{
	g_string_append_len(to_client, (char[]){ 1, (char)r->offered }, 2);
	enter(r, RFB_CHOICE);
}
