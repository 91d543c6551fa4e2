/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/http/ws_frame.h"

#include <string.h>

enum { HEAD_FIRST = 2 };

void ws_parser_init(struct ws_parser *p, uint64_t max_frame)
{
	memset(p, 0, sizeof(*p));
	p->max_frame = max_frame;
	p->need = HEAD_FIRST;
}

/* ---- heads ---- */

static bool is_control(uint8_t opcode) { return opcode & 8; }

/* The first two bytes say how long the head is, and whether it is allowed. */
static int take_first(struct ws_parser *p)
{
	uint8_t len = p->head[1] & 0x7f;

	p->is_fin = p->head[0] & 0x80;
	p->opcode = p->head[0] & 0x0f;
	if (p->head[0] & 0x70 || !(p->head[1] & 0x80)) /* extensions that nobody agreed to; not masked */
		return WS_PROTOCOL_ERROR;
	switch (p->opcode) {
	case WS_CONTINUATION:
		if (!p->in_message)
			return WS_PROTOCOL_ERROR;
		break;
	case WS_TEXT:
	case WS_BINARY:
		if (p->in_message)
			return WS_PROTOCOL_ERROR;
		break;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		if (!p->is_fin || len > WS_MAX_CONTROL)
			return WS_PROTOCOL_ERROR;
		break;
	default: return WS_PROTOCOL_ERROR;
	}
	p->need = HEAD_FIRST + 4 + (len == 126 ? 2 : len == 127 ? 8 : 0);
	return 0;
}

static int take_head(struct ws_parser *p)
{
	uint8_t len = p->head[1] & 0x7f;
	int n = len == 126 ? 2 : len == 127 ? 8 : 0;
	uint64_t left = n ? 0 : len;

	for (int i = 0; i < n; i++)
		left = left << 8 | p->head[HEAD_FIRST + i];
	if ((n == 2 && left < 126) || (n == 8 && (left <= 0xffff || left >> 63)))
		return WS_PROTOCOL_ERROR; /* not the shortest way to say it */
	if (left > p->max_frame)
		return WS_TOO_BIG;
	memcpy(p->mask, p->head + HEAD_FIRST + n, sizeof(p->mask));
	p->left = left;
	p->phase = 0;
	p->n_head = 0;
	p->need = HEAD_FIRST;
	p->n_control = 0;
	p->in_payload = true;
	if (!is_control(p->opcode))
		p->in_message = !p->is_fin;
	return 0;
}

/* ---- payload ---- */

static void unmask(struct ws_parser *p, char *data, size_t n)
{
	size_t i = 0;
	uint64_t wide;
	uint8_t mask[8];

	for (int k = 0; k < 8; k++)
		mask[k] = p->mask[(p->phase + k) & 3];
	memcpy(&wide, mask, sizeof(wide));
	for (; i + 8 <= n; i += 8) {
		uint64_t v;

		memcpy(&v, data + i, sizeof(v));
		v ^= wide;
		memcpy(data + i, &v, sizeof(v));
	}
	for (; i < n; i++)
		data[i] ^= (char)p->mask[(p->phase + i) & 3];
	p->phase = (p->phase + n) & 3;
}

/* False: the sink wants no more. */
static bool take_payload(struct ws_parser *p, char *data, size_t n, const struct ws_sink *sink, void *arg)
{
	unmask(p, data, n);
	p->left -= n;
	p->in_payload = p->left > 0;
	if (!is_control(p->opcode)) {
		if (n)
			sink->data(arg, data, n);
		return true;
	}
	memcpy(p->control + p->n_control, data, n); /* at most 125 in all, see take_first */
	p->n_control += (uint8_t)n;
	return p->in_payload || sink->control(arg, p->opcode, p->control, p->n_control);
}

int ws_parse(struct ws_parser *p, char *data, size_t n, const struct ws_sink *sink, void *arg)
{
	while (n > 0 || (p->in_payload && p->left == 0)) {
		size_t part;
		int code = 0;

		if (p->in_payload) {
			part = p->left < n ? (size_t)p->left : n;
			if (!take_payload(p, data, part, sink, arg))
				return 0;
		} else {
			part = (size_t)(p->need - p->n_head) < n ? (size_t)(p->need - p->n_head) : n;
			memcpy(p->head + p->n_head, data, part);
			p->n_head += (uint8_t)part;
			if (p->n_head == HEAD_FIRST && p->need == HEAD_FIRST)
				code = take_first(p);
			else if (p->n_head == p->need)
				code = take_head(p);
			if (code)
				return code;
		}
		data += part;
		n -= part;
	}
	return 0;
}

/* ---- the other way ---- */

size_t ws_write_head(uint8_t out[WS_MAX_HEADER], enum ws_opcode opcode, size_t len)
{
	out[0] = (uint8_t)(0x80 | opcode);
	if (len < 126) {
		out[1] = (uint8_t)len;
		return 2;
	}
	if (len <= 0xffff) {
		out[1] = 126;
		out[2] = (uint8_t)(len >> 8);
		out[3] = (uint8_t)len;
		return 4;
	}
	out[1] = 127;
	for (int i = 0; i < 8; i++)
		out[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	return 10;
}

int ws_close_code(const uint8_t *data, size_t n)
{
	int code;

	if (n == 0)
		return WS_NO_STATUS;
	if (n == 1)
		return WS_PROTOCOL_ERROR;
	code = data[0] << 8 | data[1];
	if (code < 1000 || code >= 5000 || (code >= 1004 && code <= 1006) || (code >= 1015 && code < 3000))
		return WS_PROTOCOL_ERROR;
	return code;
}
