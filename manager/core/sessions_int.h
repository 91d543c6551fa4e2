/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What sessions and logins share. */
#include "manager/core/sessions.h"

enum {
	IDLE_MS = 30 * 60 * 1000, /* UserSessionTimeOutInterval */
	BASIC_CACHE_MS = 60 * 1000,
	MAX_SESSIONS = 10000,
	MAX_OF_USER = 500, /* then his least recently used one ends */
};

struct session {
	char *key; /* token, or digest of basic credentials */
	char id[UUID_LEN + 1];
	char address[SESSION_ADDRESS_MAX];
	bool is_basic;
	int64_t used_ms, max_idle_ms;
	int64_t started_ms; /* wall clock */
	struct identity who;
	unsigned looked_at; /* count of changes when is_admin was last looked up */
	GList *lru;
};

struct sessions {
	struct core *core;
	GHashTable *by_key;
	GQueue lru;               /* least recently used first */
	unsigned char secret[32]; /* keys the digests of basic credentials */
	unsigned n_changes;       /* of permissions and memberships */
	GHashTable *strangers;    /* names that nobody has: treated as if somebody had them */
	struct loop_timer sweep;
};

struct session *session_add(struct sessions *ss, const char *key, const struct identity *who, const char *address,
                            int64_t idle_ms);
struct session *session_find(struct sessions *ss, const char *key, bool prolong);
/* n random or digested bytes as text. */
void session_hex(const unsigned char *in, size_t n, char *out);
