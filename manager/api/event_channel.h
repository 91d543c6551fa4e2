/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the event stream share: channels, and the texts that go through them. */
#include "manager/api/event_changes.h"
#include "manager/api/event_stream.h"
#include "manager/api/search.h"

enum {
	STREAM_HOLD_MIN_MS = 10, /* between two writes */
	STREAM_HOLD_MAX_MS = 500,
	STREAM_CHECK_MS = 1000,   /* are the sessions still there? */
	STREAM_REPLAY_MAX = 1000, /* events; more: ask for everything */
	STREAM_PART = 128 * 1024, /* texts that are sent are about so long at most */
	STREAM_REPLAY_BYTES = 1024 * 1024,
	STREAM_BACKLOG = 5000, /* events that may wait for the next write; more: it is not waited for */
};

/* Streams that show the same. */
struct channel {
	struct event_streams *es;
	char *key;
	uint64_t number;
	struct identity who;
	int topics, n_streams;
	bool sees_all;
	bool owes_reset;
	char *query; /* or NULL */
	bool is_case_sensitive;
	struct pool *pool; /* of search */
	struct search *search;
	void *feed;
	GString *pending;
	/* the last replay: many come back at once */
	int64_t replay_from, replay_to;
	GBytes *replay;
};

struct event_streams {
	struct inv_watcher watcher; /* must be first */
	struct core *core;
	const struct stream_door *door;
	uuid_text instance;
	GHashTable *channels; /* by key */
	GQueue streams;
	uint64_t next_number;
	GPtrArray *events; /* published, not sent: versions, held */
	struct changes *changes;
	GHashTable *seen; /* what is being removed -> who could see it */
	bool must_look;   /* permissions have changed */
	bool is_posted;
	struct loop_timer hold, check;
	int64_t last_id, max_id;     /* of the event published last; the highest */
	int64_t changed_at[N_KINDS]; /* max_id when something of the kind changed last */
};

/* ---- event_text.c: frames ---- */

void event_frame(struct core *c, GString *out, const void *event);
void hello_frame(GString *out, const char *instance, int64_t id); /* id -1: none */
void reset_frame(GString *out, int64_t id);
void changes_frame(GString *out, const char *json, int64_t id);

/* What a stream that was last told of event `after` has missed. */
enum missed { MISSED_SOME, MISSED_NOTHING, MISSED_UNKNOWN /* too long ago, or never: it has to ask for everything */ };
/* versions: of events, oldest first; held by the inventory. */
enum missed events_since(struct core *c, int64_t max_id, int64_t after, GPtrArray *versions);

/* ---- for event_stream.c: event_channel.c ---- */

/* Made when there is none; ERR_INVALID for the search. */
struct channel *channel_get(struct event_streams *es, const struct identity *who, bool sees_all, int topics,
                            const char *search, bool is_case_sensitive, struct err *e);
void channel_unuse(struct channel *ch);
/* Before channel_shows is asked for a while: searches remember what they found of other entities. Not in a fiber. */
void channel_refresh(struct channel *ch);
bool channel_shows(struct channel *ch, const void *event);
/* Send what is pending in all channels. */
void channels_flush(struct event_streams *es);
/* Who can see it now; NULL: nobody needs to ask. */
struct seen_by *channels_that_see(struct event_streams *es, enum kind k, const char *id);
/* The permission concerns some: they start anew. */
void channels_permission(struct event_streams *es, const struct m_permission *p);
