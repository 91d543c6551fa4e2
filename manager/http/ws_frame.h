/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Frames of WebSockets (RFC 6455), the server's end: what clients send is taken apart as it comes, in place and without
 * keeping any of it but a begun control frame. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

enum ws_code {
	WS_NORMAL = 1000,
	WS_GOING_AWAY = 1001,
	WS_PROTOCOL_ERROR = 1002,
	WS_NO_STATUS = 1005, /* never sent: a close frame without a code */
	WS_POLICY = 1008,
	WS_TOO_BIG = 1009,
	WS_SERVER_ERROR = 1011,
};

#define WS_MAX_CONTROL 125
#define WS_MAX_HEADER  10 /* of a frame that a server sends */

struct ws_parser {
	uint64_t max_frame; /* payload of one frame */
	uint64_t left;      /* of the payload */
	uint8_t head[14], mask[4], opcode, phase;
	uint8_t n_head, need;
	bool is_fin, in_message, in_payload;
	uint8_t control[WS_MAX_CONTROL];
	uint8_t n_control;
};

struct ws_sink {
	/* Part of a message's payload. */
	void (*data)(void *arg, const char *data, size_t n);
	/* A whole control frame. False: no more is to be taken. */
	bool (*control)(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t n);
};

void ws_parser_init(struct ws_parser *p, uint64_t max_frame);
/* Take n bytes, which are changed. 0, or the code that the connection is to be closed with. */
int ws_parse(struct ws_parser *p, char *data, size_t n, const struct ws_sink *sink, void *arg);

/* Head of an unmasked, whole frame. Returns its length. */
size_t ws_write_head(uint8_t out[WS_MAX_HEADER], enum ws_opcode opcode, size_t len);
/* Code that a close frame carries: WS_NO_STATUS when it has none, WS_PROTOCOL_ERROR when it is not allowed there. */
int ws_close_code(const uint8_t *data, size_t n);
