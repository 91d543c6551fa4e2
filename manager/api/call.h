/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One call of one operation of the API, from the parsed request to the answer's objects. Handlers see this, never HTTP;
 * the simulator makes calls without any.
 *
 * Life: the front routes and parses on an edge thread, call_dispatch() runs on the core thread (who is it, may they,
 * then the handler, in a fiber if it may wait), call->finish() takes the answer back to be written.
 */
#include "manager/core/core.h"
#include "manager/core/events.h"
#include "manager/core/perm.h"

enum { CALL_MAX_IDS = 6 };

enum call_result { RESULT_NONE, RESULT_ENTITY, RESULT_LIST, RESULT_ACTION, RESULT_TEXT, RESULT_STREAM };

struct api_op;

/* What the request asked for, apart from body and path. Filled in by the front; all optional. */
struct call_query {
	const char *search, *follow;
	int64_t max;  /* -1: no limit */
	int64_t from; /* events; -1: absent */
	bool case_sensitive, all_content, next_run, current, force, detach_only, destroy, format, clone;
	bool clone_permissions, seal, is_async, include_active;
	bool is_dry_run; /* tell what would happen, and change nothing */
	int filter;      /* 1 true, 0 false, -1 absent */
	const char *host;
	bool is_viewer_file;     /* the answer is to be what Remote Viewer opens (Accept) */
	const char *authority;   /* by which the client knows us: "manager:8443" */
	bool is_stream, is_head; /* events as a stream (event_stream.h) */
	const char *topics, *last_event_id;
	const char *if_match, *if_none_match; /* headers of these names (etag.h) */
};

/* Published versions that an answer's ETag speaks of; retained by the call. */
enum { CALL_MAX_TAGGED = 4 };
struct call_tagged {
	enum kind kind[CALL_MAX_TAGGED];
	const void *version[CALL_MAX_TAGGED];
	int n;
};

struct call {
	struct core *core;
	struct pool *pool;
	const struct m_op *op;
	const struct api_op *impl;
	const char *base;              /* "/ovirt-engine/api" or ".../v4" */
	const char *path;              /* of the request, below base, without slashes at the ends */
	const char *ids[CALL_MAX_IDS]; /* parameters of the path, in order */
	int n_ids;
	struct call_query query;
	void *body;              /* struct m_<op->body->type>, or NULL */
	struct m_action *action; /* of an action */
	struct err input_error;  /* what was wrong with the document; told after it is known who asks */

	/* who asks: one of these, then identity */
	const char *token, *basic_user, *basic_password, *address;
	struct identity who;
	bool is_trusted; /* made by the program itself: no login, no permissions */
	char correlation_id[37];

	/* the answer */
	enum call_result result;
	int status; /* 0: the usual one */
	const struct m_type *type;
	void *object; /* RESULT_ENTITY, RESULT_ACTION */
	void **list;  /* RESULT_LIST */
	size_t n_list;
	const char *text, *text_type; /* RESULT_TEXT, and its content type */
	struct event_stream *stream;  /* RESULT_STREAM */
	int64_t place; /* of the event stream, when the call began; the front sets it (event_stream_place) */
	const char *location;
	struct call_tagged tagged;
	struct err error;    /* code ERR_NONE: fine */
	GPtrArray *retained; /* frozen versions that the answer points into */
	unsigned n_followed; /* objects that follow has read */

	void (*finish)(struct call *c);
	void *user; /* of whoever made the call */
};

enum api_flag {
	OP_WAITS = 1 << 0,     /* may wait: runs in a fiber */
	OP_HREF_HERE = 1 << 1, /* results live below the request's own URL, not at their type's path */
	OP_NO_LOGIN = 1 << 2,
	OP_DRY_RUN = 1 << 3, /* knows dry_run; others that change something refuse it */
};
#define NO_KIND ((enum kind) - 1)

/* An operation that exists. Rows of tables, one table per domain. */
struct api_op {
	const char *name; /* "vms.list" */
	int (*run)(struct call *c, struct err *e);
	const char *permit; /* what the caller must be allowed; NULL: to be logged in (what is listed is filtered) */
	enum kind on;       /* ... on ids[0] of this kind; with is_on_system on the system */
	bool is_on_system;
	bool is_on_last; /* on the last id of the path instead of the first */
	/* What the handler asks for where the body says (call_asked): a permit on an object of a kind. */
	const char *asks;
	enum kind asks_on;
	/* May they, judged by the path alone? For rows that the members above cannot describe; must not wait. */
	int (*may)(struct call *c, struct err *e);
	unsigned flags;
	/* for the generic handlers (generic.h) */
	enum kind kind;   /* of the entities */
	int by;           /* IDX_... of the parent's reference */
	enum kind parent; /* kind of ids[n-1] (list, add) or ids[n-2] (get...) */
	bool has_parent;
};

/* How rows are written: what it is, what it lives below, and who may. */
#define ROW(NAME, FN, KIND_, ...)                                                                                      \
	{                                                                                                              \
		.name = NAME, .run = FN, .kind = KIND_, ##__VA_ARGS__                                                  \
	}
#define BELOW(PARENT, BY)   .parent = PARENT, .has_parent = true, .by = BY
#define SYS(PERMIT)         .permit = PERMIT, .is_on_system = true, .flags = OP_WAITS
#define ON(PERMIT, KIND_)   .permit = PERMIT, .on = KIND_, .flags = OP_WAITS
#define ASKS(PERMIT, KIND_) .asks = PERMIT, .asks_on = KIND_, .flags = OP_WAITS

/* Tables are registered once at start; ends with name NULL. Unknown or repeated names are a bug (asserted). */
void api_register(const struct api_op *table);
const struct api_op *api_find(const struct m_op *op);
/* How many of the model's operations exist. */
int api_count(void);

/* On the core thread. Ends in call->finish, now or later. */
void call_dispatch(struct call *c);
/* Free what the answer holds (not the pool). Any thread, once the answer is written. */
void call_release(struct call *c);

/* ---- for handlers ---- */

/* May the caller do c->impl there? For what is not dispatched (follow, the page `allowed`). */
int call_may(struct call *c, struct err *e);
/* ... and could the caller be allowed what the row asks for behind that, for some body? */
bool call_might(struct call *c);
/* The permit that the row asks for, on this object of the row's asks_on. */
int call_asked(struct call *c, const char *id, struct err *e);
/*
 * A read of a path below base inside another call or a page: a call of the GET or list there, not yet run. NULL: nothing can be read
 * there. What it retains goes into retained.
 */
struct call *call_read(struct core *core, struct pool *pool, GPtrArray *retained, const struct identity *who,
                       const char *base, const char *path);
/* Is what the caller sees narrowed down to what they have permissions for? */
bool call_is_filtered(const struct call *c);
/* call_entity, and the caller may see it, also for what changes something. */
const void *call_visible(struct call *c, int i, enum kind k, struct err *e);

/* Id number i of the path as an entity of kind k: its published version; ERR_NO_ENTITY if there is none, or, for what only
 * reads, if the caller may not see it. */
const void *call_entity(struct call *c, int i, enum kind k, struct err *e);
#define CALL_ENTITY(c, i, K, type, e) ((const struct m_##type *)call_entity(c, i, KIND_##K, e))

/*
 * Resolve a reference of the request by id or, if its object names one, by name; sets ref->id. scope narrows names (may be
 * NULL). 0 and ref->id NULL when the reference is absent and not required. field for the message: "vm.cluster".
 */
int call_resolve(struct call *c, struct m_ref *ref, enum kind k, const char *scope, bool is_required, const char *field,
                 struct err *e);
/* Is the entity one that the caller may use with this permit? (perm_check with the call's identity) */
int call_permit(struct call *c, const char *permit, enum kind k, const char *id, struct err *e);

/* A copy of a published version, ready to be written: computed members, href, links. Kept alive by the call. */
void *call_view(struct call *c, enum kind k, const void *published);
/* href and service of an object of the call; path below base. */
void call_set_href(struct call *c, const struct m_type *t, void *obj, const char *path, const struct m_service *s);
/* path of an object below base by its type ("vms/<id>"), NULL if it has none. */
char *call_path_of(struct pool *p, const struct m_type *t, const void *obj);
void call_retain(struct call *c, const void *frozen);

/* Answers. All return 0, so that a handler ends with one. */
int call_reply_entity(struct call *c, const struct m_type *t, void *obj);
/* The published version of an entity of kind k. */
int call_reply_kind(struct call *c, enum kind k, const char *id);
/* Objects of type t: views in the call's pool. */
int call_reply_list(struct call *c, const struct m_type *t, void **objs, size_t n);
/* Answer to an action or removal: complete, with the job's id if there is one. */
int call_reply_action(struct call *c, const char *job_id);

struct event_refs call_refs(const struct call *c);
/* A waiting fiber's commit for handlers: txn_commit, wrapped so that one line suffices. */
#define STR_OR(s, dflt) ((s) ? (s) : (dflt))
/* Set a reference of a draft; id is copied into its pool. */
#define REF_SET(p, ref, value) ((ref).id = pool_strdup(p, value), (ref).obj = NULL)
/* A scalar default: where the client said nothing. */
#define DEFAULT(obj, member, value) ((obj)->has.member ? (void)0 : (void)M_SET(obj, member, value))
