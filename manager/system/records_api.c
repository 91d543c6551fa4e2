/* SPDX-License-Identifier: Apache-2.0 */
/* Records that the system keeps: events, tags, bookmarks, what users keep. */
#include <string.h>

#include "manager/api/event_stream.h"
#include "manager/api/generic.h"
#include "manager/api/search.h"
#include "manager/core/jobs.h"
#include "manager/core/tables.h"
#include "manager/system/event_keys.h"
#include "manager/system/options.h"
#include "manager/system/system.h"

/* ---- events ---- */

static int event_stream(struct call *c, struct err *e)
{
	struct stream_limits limits = { (int)option_number(c->core, "EventStreamsMax"),
		                        (int)option_number(c->core, "EventStreamsPerUser") };

	return event_stream_open(c, &limits, e);
}

static int event_list(struct call *c, struct err *e)
{
	GPtrArray *v;
	int rc;

	if (c->query.is_stream)
		return event_stream(c, e);
	if (c->query.from < 0)
		return generic_list(c, e);
	v = g_ptr_array_new();
	INV_EACH (en, c->core->inv, KIND_EVENT)
		if (ENTITY_OBJ(en, event)->index > c->query.from)
			g_ptr_array_add(v, (void *)en->pub);
	rc = generic_reply_versions(c, KIND_EVENT, v, e);
	g_ptr_array_free(v, TRUE);
	return rc;
}

/* Events of other programs: custom_id tells them apart for each origin. */
static int event_add(struct call *c, struct err *e)
{
	struct txn *t;
	struct m_event *ev, *body = c->body;
	char id[24];

	if (body->custom_id < 0)
		return err_field(e, ERR_RANGE, "event.custom_id", "It must be at least 0.");
	if (event_key_taken(c->core, body->origin, body->custom_id))
		return err_field(e, ERR_CONFLICT, "event.custom_id",
		                 "Origin %s has an event %" G_GINT64_FORMAT " already.", body->origin, body->custom_id);
	t = txn_begin(c->core);
	M_SET(body, index, events_next_id(c->core));
	g_snprintf(id, sizeof(id), "%" G_GINT64_FORMAT, body->index);
	ev = txn_new(t, KIND_EVENT, id);
	if (m_merge(txn_pool(t), &M_TYPE_event, ev, body, M_MERGE_API, e) < 0 || m_validate(&M_TYPE_event, ev, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	M_SET(ev, index, body->index);
	M_SET(ev, code, 9000 + ev->severity);
	M_SET(ev, time, loop_wall_ms(c->core->loop));
	ev->user.id = pool_strdup(txn_pool(t), c->who.user_id);
	ev->correlation_id = pool_strdup(txn_pool(t), c->correlation_id);
	if (txn_commit(t, e) < 0)
		return -1;
	return call_reply_kind(c, KIND_EVENT, pool_strdup(c->pool, id));
}

static int event_remove(struct call *c, struct err *e)
{
	struct txn *t;

	if (!generic_target(c, e))
		return -1;
	t = txn_begin(c->core);
	txn_remove(t, KIND_EVENT, c->ids[0]);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* ---- tags ---- */

enum { MAX_TAG_LEVELS = 40 };

/* How many tags are above it, the root included; -1: it is below the other. */
static int depth_of(struct core *core, const char *id, const char *other)
{
	for (int depth = 0; depth < INT16_MAX; depth++) {
		const struct m_tag *tag = id ? INV_LATEST(core->inv, TAG, tag, id) : NULL;

		if (!tag)
			return depth;
		if (other && strcmp(id, other) == 0)
			return -1;
		id = tag->parent.id;
	}
	return -1;
}

/* How many levels there are from the tag down. */
static int height_of(struct core *core, const char *id)
{
	int height = 0;

	INV_EACH_BY (en, core->inv, KIND_TAG, IDX_TAG_parent, id)
		height = MAX(height, height_of(core, en->id));
	return height + 1;
}

static int check_depth(struct core *core, const char *parent, const char *id, struct err *e)
{
	int depth = depth_of(core, parent, id);

	if (depth < 0)
		return err_field(e, ERR_CONFLICT, "tag.parent", "A tag cannot be below itself.");
	return depth + (id ? height_of(core, id) : 1) <= MAX_TAG_LEVELS
	           ? 0
	           : err_field(e, ERR_CONFLICT, "tag.parent", "There may be %d levels of tags.", MAX_TAG_LEVELS);
}

static int tag_add(struct call *c, struct err *e)
{
	struct txn *t;
	struct m_tag *tag, *body = c->body;
	char *id;

	if (!body->name || !*body->name)
		return err_field(e, ERR_MISSING, "tag.name", "Tag [name] required for add");
	if (call_resolve(c, &body->parent, KIND_TAG, NULL, false, "tag.parent", e) < 0 ||
	    check_depth(c->core, body->parent.id, NULL, e) < 0)
		return -1;
	t = txn_begin(c->core);
	tag = generic_create(c, t, KIND_TAG, false, e);
	if (!tag) {
		txn_cancel(t);
		return -1;
	}
	if (!tag->parent.id)
		tag->parent.id = UUID_NIL;
	id = pool_strdup(c->pool, tag->id);
	txn_event(t, "USER_ADD_TAG",
	          &(struct event_refs){ .user = c->who.user_id, .correlation_id = c->correlation_id },
	          "Tag %s was added.", tag->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_TAG, id);
}

static void remove_tag_tree(struct call *c, struct txn *t, const char *id, int depth)
{
	INV_EACH_BY (en, c->core->inv, KIND_TAG, IDX_TAG_parent, id)
		if (depth < MAX_TAG_LEVELS)
			remove_tag_tree(c, t, en->id, depth + 1);
	INV_EACH_BY (en, c->core->inv, KIND_TAG_ASSIGNMENT, IDX_TAG_ASSIGNMENT_of_tag, id)
		txn_remove(t, KIND_TAG_ASSIGNMENT, en->id);
	txn_remove(t, KIND_TAG, id);
}

static int tag_remove(struct call *c, struct err *e)
{
	const struct m_tag *tag = generic_target(c, e);
	struct event_refs refs = call_refs(c);
	struct txn *t;

	if (!tag)
		return -1;
	if (strcmp(c->ids[0], UUID_NIL) == 0)
		return err_set(e, ERR_CONFLICT, "Cannot remove Tag. The root tag cannot be removed.");
	t = txn_begin(c->core);
	txn_event(t, "USER_REMOVE_TAG", &refs, "Tag %s was removed.", tag->name);
	remove_tag_tree(c, t, c->ids[0], 0);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

static int tag_update(struct call *c, struct err *e)
{
	const struct m_tag *old = generic_target(c, e), *above, *was_above;
	struct event_refs refs = call_refs(c);
	struct m_tag *body = c->body, *draft;
	char *id;
	struct txn *t;

	if (!old || call_resolve(c, &body->parent, KIND_TAG, NULL, false, "tag.parent", e) < 0)
		return -1;
	if (strcmp(old->id, UUID_NIL) == 0)
		return err_set(e, ERR_CONFLICT, "Cannot edit Tag. The root tag cannot be changed.");
	if (body->parent.id && check_depth(c->core, body->parent.id, old->id, e) < 0)
		return -1;
	id = pool_strdup(c->pool, old->id);
	t = txn_begin(c->core);
	draft = generic_merge(c, t, KIND_TAG, id, e);
	if (!draft) {
		txn_cancel(t);
		return -1;
	}
	above = INV_GET(c->core->inv, TAG, tag, draft->parent.id);
	was_above = INV_GET(c->core->inv, TAG, tag, old->parent.id);
	if (above && was_above && above != was_above)
		txn_event(t, "USER_MOVE_TAG", &refs, "Tag %s was moved from %s to %s.", draft->name, was_above->name,
		          above->name);
	else
		txn_event(t, "USER_UPDATE_TAG", &refs, "Tag %s was changed.", draft->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_TAG, id);
}

/* Tags of a VM, host, template, user or group: assignments shown as the tags they lead to. */
enum { NO_REF = 0xffff };
struct taggable {
	enum kind kind;
	int idx;
	size_t offset; /* of the reference in struct m_tag */
	const char *attach, *detach;
	size_t ref; /* in struct event_refs; NO_REF: events have no such reference */
};
static const struct {
	const char *word;
	struct taggable t;
} TAGGABLE[] = {
	{ "vms",
	  { KIND_VM, IDX_TAG_ASSIGNMENT_vm, offsetof(struct m_tag, vm), "USER_ATTACH_TAG_TO_VM",
	    "USER_DETACH_VM_FROM_TAG", offsetof(struct event_refs, vm) } },
	{ "hosts",
	  { KIND_HOST, IDX_TAG_ASSIGNMENT_host, offsetof(struct m_tag, host), "USER_ATTACH_TAG_TO_VDS",
	    "USER_DETACH_VDS_FROM_TAG", offsetof(struct event_refs, host) } },
	{ "templates",
	  { KIND_TEMPLATE, IDX_TAG_ASSIGNMENT_template, offsetof(struct m_tag, template), "USER_ATTACH_TAG_TO_TEMPLATE",
	    "USER_DETACH_TEMPLATE_FROM_TAG", offsetof(struct event_refs, template) } },
	{ "users",
	  { KIND_USER, IDX_TAG_ASSIGNMENT_user, offsetof(struct m_tag, user), "USER_ATTACH_TAG_TO_USER",
	    "USER_DETACH_USER_FROM_TAG", NO_REF } },
	{ "groups",
	  { KIND_GROUP, IDX_TAG_ASSIGNMENT_group, offsetof(struct m_tag, group), "USER_ATTACH_TAG_TO_USER_GROUP",
	    "USER_DETACH_USER_GROUP_FROM_TAG", NO_REF } },
};

static const struct taggable *taggable(struct call *c, struct err *e)
{
	for (size_t i = 0; i < G_N_ELEMENTS(TAGGABLE); i++) {
		size_t n = strlen(TAGGABLE[i].word);
		if (strncmp(c->path, TAGGABLE[i].word, n) == 0 && c->path[n] == '/')
			return call_visible(c, 0, TAGGABLE[i].t.kind, e) ? &TAGGABLE[i].t : NULL;
	}
	err_set(e, ERR_NOT_IMPLEMENTED, "Tags of this kind of object are not implemented in this version.");
	return NULL;
}

static void *assigned_view(struct call *c, const struct taggable *tg, const struct m_tag *assignment)
{
	const struct m_tag *tag = INV_GET(c->core->inv, TAG, tag, assignment->of_tag.id);
	struct m_tag *view = tag ? call_view(c, KIND_TAG, tag) : NULL;

	if (view)
		((struct m_ref *)((char *)view + tg->offset))->id = (char *)c->ids[0];
	return view;
}

static int assigned_list(struct call *c, struct err *e)
{
	const struct taggable *tg = taggable(c, e);
	void **list;
	size_t n = 0;

	if (!tg)
		return -1;
	list = POOL_ARRAY(c->pool, void *, inv_count_by(c->core->inv, KIND_TAG_ASSIGNMENT, tg->idx, c->ids[0]) + 1);
	INV_EACH_BY (en, c->core->inv, KIND_TAG_ASSIGNMENT, tg->idx, c->ids[0])
		if ((list[n] = assigned_view(c, tg, en->pub)))
			n++;
	return call_reply_list(c, &M_TYPE_tag, list, n);
}

static const struct m_tag *find_assignment(struct call *c, const struct taggable *tg, const char *tag_id)
{
	INV_EACH_BY (en, c->core->inv, KIND_TAG_ASSIGNMENT, tg->idx, c->ids[0])
		if (g_strcmp0(ENTITY_OBJ(en, tag)->of_tag.id, tag_id) == 0)
			return en->pub;
	return NULL;
}

static int assigned_get(struct call *c, struct err *e)
{
	const struct taggable *tg = taggable(c, e);
	const struct m_tag *a = tg ? find_assignment(c, tg, c->ids[1]) : NULL;

	if (tg && !a)
		err_set(e, ERR_NO_ENTITY, "The tag is not assigned.");
	return a ? call_reply_entity(c, &M_TYPE_tag, assigned_view(c, tg, a)) : -1;
}

static void tell_assigned(struct call *c, struct txn *t, const struct taggable *tg, const char *tag_id, bool is_on)
{
	const struct m_tag *tag = INV_GET(c->core->inv, TAG, tag, tag_id);
	const void *on = inv_get(c->core->inv, tg->kind, c->ids[0]);
	struct event_refs refs = call_refs(c);
	const char *name =
	    tg->kind == KIND_USER ? ((const struct m_user *)on)->user_name : m_entity(M_KINDS[tg->kind].type, on)->name;

	if (tg->ref != NO_REF)
		*(const char **)((char *)&refs + tg->ref) = c->ids[0];
	txn_event(t, is_on ? tg->attach : tg->detach, &refs,
	          is_on ? "Tag %s was put on %s." : "Tag %s was taken off %s.", tag ? tag->name : tag_id,
	          STR_OR(name, c->ids[0]));
}

static int assigned_add(struct call *c, struct err *e)
{
	const struct taggable *tg = taggable(c, e);
	struct m_tag *body = c->body, *draft;
	struct m_ref ref = { body->id, body };
	struct txn *t;

	if (!tg || call_resolve(c, &ref, KIND_TAG, NULL, true, "tag", e) < 0)
		return -1;
	if (find_assignment(c, tg, ref.id))
		return err_set(e, ERR_CONFLICT, "Cannot attach Tag. It is attached already.");
	t = txn_begin(c->core);
	draft = txn_new(t, KIND_TAG_ASSIGNMENT, NULL);
	draft->of_tag.id = pool_strdup(txn_pool(t), ref.id);
	((struct m_ref *)((char *)draft + tg->offset))->id = pool_strdup(txn_pool(t), c->ids[0]);
	tell_assigned(c, t, tg, ref.id, true);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_TAG, ref.id);
}

static int assigned_remove(struct call *c, struct err *e)
{
	const struct taggable *tg = taggable(c, e);
	const struct m_tag *a = tg ? find_assignment(c, tg, c->ids[1]) : NULL;
	struct txn *t;

	if (!a)
		return tg ? err_set(e, ERR_NO_ENTITY, "The tag is not assigned.") : -1;
	t = txn_begin(c->core);
	tell_assigned(c, t, tg, a->of_tag.id, false);
	txn_remove(t, KIND_TAG_ASSIGNMENT, a->id);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

/* ---- ssh keys and options of users ---- */

static int key_add(struct call *c, struct err *e)
{
	struct m_ssh_public_key *body = c->body;
	const char *s = body->content;

	if (!s || (strncmp(s, "ssh-", 4) != 0 && strncmp(s, "ecdsa-", 6) != 0 && strncmp(s, "sk-", 3) != 0) ||
	    !strchr(s, ' '))
		return err_field(e, ERR_INVALID, "ssh_public_key.content",
		                 "A public key as in authorized_keys is wanted: 'ssh-ed25519 AAAA...'.");
	return generic_add(c, e);
}

const struct api_op RECORD_OPS[] = {
	ROW("events.list", event_list, KIND_EVENT),
	ROW("event.get", generic_get, KIND_EVENT),
	ROW("events.add", event_add, KIND_EVENT, SYS("inject_external_events")),
	ROW("event.remove", event_remove, KIND_EVENT, SYS("audit_log_management")),
	ROW("tags.list", generic_list, KIND_TAG),
	ROW("tag.get", generic_get, KIND_TAG),
	ROW("tags.add", tag_add, KIND_TAG, SYS("tag_management")),
	ROW("tag.update", tag_update, KIND_TAG, SYS("tag_management")),
	ROW("tag.remove", tag_remove, KIND_TAG, SYS("tag_management")),
	ROW("assigned_tags.list", assigned_list, KIND_TAG_ASSIGNMENT),
	ROW("assigned_tag.get", assigned_get, KIND_TAG_ASSIGNMENT),
	ROW("assigned_tags.add", assigned_add, KIND_TAG_ASSIGNMENT, SYS("tag_management")),
	ROW("assigned_tag.remove", assigned_remove, KIND_TAG_ASSIGNMENT, SYS("tag_management")),
	ROW("bookmarks.list", generic_list, KIND_BOOKMARK),
	ROW("bookmark.get", generic_get, KIND_BOOKMARK),
	ROW("bookmarks.add", generic_add, KIND_BOOKMARK, SYS("bookmark_management")),
	ROW("bookmark.update", generic_update, KIND_BOOKMARK, SYS("bookmark_management")),
	ROW("bookmark.remove", generic_remove, KIND_BOOKMARK, SYS("bookmark_management")),
	ROW("affinity_labels.list", generic_list, KIND_AFFINITY_LABEL),
	ROW("ssh_public_keys.list", generic_list, KIND_SSH_PUBLIC_KEY, BELOW(KIND_USER, IDX_SSH_PUBLIC_KEY_user)),
	ROW("ssh_public_key.get", generic_get, KIND_SSH_PUBLIC_KEY, BELOW(KIND_USER, IDX_SSH_PUBLIC_KEY_user)),
	ROW("ssh_public_keys.add", key_add, KIND_SSH_PUBLIC_KEY, BELOW(KIND_USER, IDX_SSH_PUBLIC_KEY_user),
	    ON("edit_profile", KIND_USER)),
	ROW("ssh_public_key.update", generic_update, KIND_SSH_PUBLIC_KEY, BELOW(KIND_USER, IDX_SSH_PUBLIC_KEY_user),
	    ON("edit_profile", KIND_USER)),
	ROW("ssh_public_key.remove", generic_remove, KIND_SSH_PUBLIC_KEY, BELOW(KIND_USER, IDX_SSH_PUBLIC_KEY_user),
	    ON("edit_profile", KIND_USER)),
	ROW("user_options.list", generic_list, KIND_USER_OPTION, BELOW(KIND_USER, IDX_USER_OPTION_user)),
	ROW("user_option.get", generic_get, KIND_USER_OPTION, BELOW(KIND_USER, IDX_USER_OPTION_user)),
	ROW("user_options.add", generic_add, KIND_USER_OPTION, BELOW(KIND_USER, IDX_USER_OPTION_user),
	    ON("edit_profile", KIND_USER)),
	ROW("user_option.remove", generic_remove, KIND_USER_OPTION, BELOW(KIND_USER, IDX_USER_OPTION_user),
	    ON("edit_profile", KIND_USER)),
	ROW("vm_pools.list", generic_list_empty, NO_KIND),
	{ .name = NULL },
};

extern const struct api_op SYSTEM_OPS[], JOB_OPS[];

void system_register(struct core *c)
{
	api_register(SYSTEM_OPS);
	api_register(RECORD_OPS);
	api_register(JOB_OPS);
}
