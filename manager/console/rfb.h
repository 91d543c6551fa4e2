/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The beginning of an RFB session between a browser and a host that insists on TLS. Browsers know passwords, not TLS inside
 * of RFB; so where a host offers nothing but VeNCrypt we speak that with the host, and tell the browser that it is asked for
 * a password. Where the host offers more, all passes as it is. Pure.
 */
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rfb_phase {
	RFB_VERSION,        /* the host's, then the client's */
	RFB_CLIENT_VERSION, /* waiting for it */
	RFB_TYPES,          /* the host's ways to authenticate */
	RFB_VENC_VERSION,
	RFB_VENC_ACK,
	RFB_VENC_SUBTYPES,
	RFB_VENC_RESULT,
	RFB_TLS,    /* the caller shakes hands now, and then calls rfb_tls_done() */
	RFB_CHOICE, /* the client's, of the one way that we offer */
	RFB_OPEN,   /* from here on everything passes */
	RFB_FAILED,
};

struct rfb {
	enum rfb_phase phase;
	uint8_t buf[260];
	size_t n;
	uint8_t offered; /* to the client: 1 none, 2 password */
};

/* Both take bytes as far as they belong to the beginning, and return how many; what is to be sent is appended to the
 * strings. They stop when the phase is RFB_TLS, RFB_OPEN or RFB_FAILED, or when the other side has to speak. */
size_t rfb_from_host(struct rfb *r, const void *data, size_t n, GString *to_client, GString *to_host);
size_t rfb_from_client(struct rfb *r, const void *data, size_t n, GString *to_client, GString *to_host);
void rfb_tls_done(struct rfb *r, GString *to_client);
