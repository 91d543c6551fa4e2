/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A blocking HTTP client for tests: sends any bytes, reads answers, never waits longer than 10 s. */
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct client;

/* priority: of GnuTLS, NULL for plain TCP. A client whose handshake failed is returned, see client_tls_error(). */
struct client *client_new(int port, const char *tls_priority);
#define TLS_ANY "NORMAL"
struct client *client_new_resumed(int port, const void *session, size_t len);
/* Plain TCP to another IPv4 address of this machine. */
struct client *client_new_at(const char *address, int port);
void client_free(struct client *c);
int client_fd(const struct client *c);
int client_tls_error(const struct client *c); /* 0: fine */
bool client_is_resumed(const struct client *c);
/* For client_new_resumed, to be freed with g_bytes_unref. Read an answer before. */
GBytes *client_session(struct client *c);
/* Change the keys in both directions (TLS 1.3), in one segment with the text that follows. */
bool client_update_keys_and_puts(struct client *c, const char *text);
/* Common name of the server's certificate. */
char *client_peer_name(struct client *c);

bool client_send(struct client *c, const char *data, size_t len);
bool client_puts(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Some bytes, 0 at the end, -1 for errors (a reset, the time limit). */
ssize_t client_read(struct client *c, void *buf, size_t len);
/* Whether the server ends the connection within ms without saying more. */
bool client_is_closed(struct client *c, int ms);

struct answer {
	int status;
	GHashTable *headers;  /* names in lower case */
	GString *head, *body; /* body: after chunks, before decompression */
};

/* NULL when there is none. has_body: false for answers to HEAD. */
struct answer *client_answer(struct client *c, bool has_body);
/* Request and answer at once: "GET /x" and further header lines ("A: b\r\n"), or NULL. */
struct answer *client_do(struct client *c, const char *method_and_path, const char *headers, const char *body);
const char *answer_header(const struct answer *a, const char *name);
GString *answer_unzip(const struct answer *a);
void answer_free(struct answer *a);
