/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Events: what happened, for people and for clients that match on codes (schema/events.json). */
#include "manager/core/txn.h"

struct call;

/* What an event is about; all may be NULL. */
struct event_refs {
	const char *vm, *host, *cluster, *data_center, *storage_domain, *template, *user;
	const char *correlation_id;
};

struct events *events_new(struct core *c);
void events_free(struct events *ev);
/* After loading: number the next ones; start clearing old ones. */
void events_start(struct core *c);

/* Add an event to a transaction. name is one of schema/events.json. Repeats within the type's flood time are left out. */
void txn_event(struct txn *t, const char *name, const struct event_refs *refs, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same in a transaction of its own, not waited for. */
void event_emit(struct core *c, const char *name, const struct event_refs *refs, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Number of the next event, taken. For events that clients add. */
int64_t events_next_id(struct core *c);
