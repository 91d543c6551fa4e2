/* SPDX-License-Identifier: Apache-2.0 */
/* MAC pools: ranges of addresses that clusters give to the NICs of their VMs. */
#include <string.h>

#include "manager/api/generic.h"
#include "manager/clusters/clusters.h"
#include "manager/networks/mac.h"
#include "manager/networks/networks.h"

enum { MAX_RANGES = 1000 };

struct span {
	uint64_t from, to;
	const char *pool; /* name of the pool that has it */
};

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static int read_range(const struct m_range *r, struct span *s, struct err *e)
{
	const char *field = "mac_pool.ranges";

	if (!r->from || !r->to)
		return err_field(e, ERR_MISSING, field, "A range has a first and a last address: 'from' and 'to'.");
	if (!mac_parse(r->from, &s->from))
		return err_field(e, ERR_INVALID, field, "'%.40s' is no MAC address.", r->from);
	if (!mac_parse(r->to, &s->to))
		return err_field(e, ERR_INVALID, field, "'%.40s' is no MAC address.", r->to);
	if (s->from > s->to)
		return err_field(e, ERR_INVALID, field, "Range %s to %s ends before it begins.", r->from, r->to);
	if (mac_next_usable(s->from) > s->to)
		return err_field(e, ERR_INVALID, field, "Range %s to %s has multicast addresses only.", r->from, r->to);
	return 0;
}

/* The spans of a pool behind those that are in the array. */
static int collect(GArray *spans, const struct m_mac_pool *mp, struct err *e)
{
	for (uint32_t i = 0; i < mp->ranges.n; i++) {
		struct span s = { .pool = mp->name };

		if (read_range(mp->ranges.v[i], &s, e) < 0)
			return -1;
		g_array_append_val(spans, s);
	}
	return 0;
}

/* Does a range begin before another has ended? Names the pools when they are two. */
static int check_overlaps(GArray *spans, const struct m_mac_pool *mp, struct err *e)
{
	const struct span *s = (void *)spans->data, *widest = s;

	g_array_sort(spans, by_start);
	for (guint i = 1; i < spans->len; i++) {
		if (s[i].from <= widest->to && (s[i].pool == mp->name || widest->pool == mp->name)) {
			const char *other = s[i].pool == mp->name ? widest->pool : s[i].pool;

			return other == mp->name
			           ? err_field(e, ERR_CONFLICT, "mac_pool.ranges", "Ranges of the MAC pool overlap.")
			           : err_field(e, ERR_CONFLICT, "mac_pool.ranges",
			                       "The ranges of the MAC pool overlap with those of MAC pool %s.", other);
		}
		if (s[i].to > widest->to)
			widest = &s[i];
	}
	return 0;
}

/* The ranges of what is to be a pool: good ones, apart from each other and from those of other pools. */
static int check_ranges(struct call *c, const struct m_mac_pool *mp, struct err *e)
{
	GArray *spans;
	int rc;

	if (mp->ranges.n == 0)
		return err_field(e, ERR_MISSING, "mac_pool.ranges", "A MAC pool must have at least one range.");
	if (mp->ranges.n > MAX_RANGES)
		return err_field(e, ERR_RANGE, "mac_pool.ranges", "A MAC pool has at most %d ranges.", MAX_RANGES);
	spans = g_array_new(FALSE, FALSE, sizeof(struct span));
	rc = collect(spans, mp, e);
	INV_EACH (en, c->core->inv, KIND_MAC_POOL) {
		const struct m_mac_pool *other = INV_LATEST(c->core->inv, MAC_POOL, mac_pool, en->id);
		struct err ignored = ERR_INIT;

		if (rc == 0 && other && strcmp(other->id, mp->id) != 0)
			collect(spans, other, &ignored);
	}
	if (rc == 0)
		rc = check_overlaps(spans, mp, e);
	g_array_free(spans, TRUE);
	return rc;
}

static int pool_add(struct call *c, struct err *e)
{
	struct m_mac_pool *mp, *body = c->body;
	struct event_refs refs = call_refs(c);
	struct txn *t;
	char *id;

	if (M_GET(body, default_pool, false))
		return err_field(e, ERR_UNSUPPORTED, "mac_pool.default_pool",
		                 "Cannot add MAC pool. The default MAC pool cannot be set.");
	t = txn_begin(c->core);
	mp = generic_create(c, t, KIND_MAC_POOL, false, e);
	if (!mp || check_ranges(c, mp, e) < 0) {
		txn_cancel(t);
		return -1;
	}
	DEFAULT(mp, allow_duplicates, false);
	DEFAULT(mp, default_pool, false);
	id = pool_strdup(c->pool, mp->id);
	perm_grant_owner(t, &c->who, ROLE_MAC_POOL_ADMIN, KIND_MAC_POOL, id);
	txn_event(t, "MAC_POOL_ADD_SUCCESS", &refs, "MAC pool %s was added.", mp->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_MAC_POOL, id);
}

static int pool_update(struct call *c, struct err *e)
{
	const struct m_mac_pool *old = generic_target(c, e);
	struct event_refs refs = call_refs(c);
	struct m_mac_pool *mp, *body = c->body;
	bool was_default, allowed_duplicates;
	const char *twice;
	struct txn *t;
	char *id;

	if (!old)
		return -1;
	was_default = M_GET(old, default_pool, false);
	allowed_duplicates = M_GET(old, allow_duplicates, false);
	id = pool_strdup(c->pool, old->id);
	if (body->has.default_pool && body->default_pool != was_default)
		return err_field(e, ERR_UNSUPPORTED, "mac_pool.default_pool",
		                 "Cannot edit MAC pool. Which one is the default cannot be changed.");
	t = txn_begin(c->core);
	mp = generic_merge(c, t, KIND_MAC_POOL, id, e);
	if (!mp || (body->ranges.v && check_ranges(c, mp, e) < 0)) {
		txn_cancel(t);
		return -1;
	}
	twice = allowed_duplicates && !M_GET(mp, allow_duplicates, false) ? mac_find_twice(c->core, c->pool, id, NULL)
	                                                                  : NULL;
	if (twice) {
		txn_cancel(t);
		return err_field(e, ERR_CONFLICT, "mac_pool.allow_duplicates",
		                 "Cannot edit MAC pool. MAC address %s is in use more than once.", twice);
	}
	txn_event(t, "MAC_POOL_EDIT_SUCCESS", &refs, "MAC pool %s was updated.", mp->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_kind(c, KIND_MAC_POOL, id);
}

/* ERR_CONFLICT with the names of those that use the pool. */
static int check_unused(struct call *c, enum kind k, int by, const char *what, const struct m_mac_pool *mp,
                        struct err *e)
{
	unsigned n;
	const void **users = inv_latest_by(c->core->inv, c->pool, k, by, mp->id, &n);
	g_autoptr(GString) names = g_string_new(NULL);

	for (unsigned i = 0; i < MIN(n, 10); i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "", m_entity(M_KINDS[k].type, users[i])->name);
	if (n > 10)
		g_string_append_printf(names, " and %u more", n - 10);
	if (n == 0)
		return 0;
	return err_set(e, ERR_CONFLICT, "Cannot remove MAC pool %s. It is used by %s: %s.", mp->name, what, names->str);
}

static int pool_remove(struct call *c, struct err *e)
{
	const struct m_mac_pool *mp = generic_target(c, e);
	struct event_refs refs = call_refs(c);
	struct txn *t;

	if (!mp)
		return -1;
	if (M_GET(mp, default_pool, false))
		return err_set(e, ERR_CONFLICT, "Cannot remove MAC pool %s. It is the default MAC pool.", mp->name);
	if (check_unused(c, KIND_CLUSTER, IDX_CLUSTER_mac_pool, "clusters", mp, e) < 0 ||
	    check_unused(c, KIND_DATA_CENTER, IDX_DATA_CENTER_mac_pool, "data centers", mp, e) < 0)
		return -1;
	t = txn_begin(c->core);
	txn_remove(t, KIND_MAC_POOL, mp->id);
	txn_event(t, "MAC_POOL_REMOVE_SUCCESS", &refs, "MAC pool %s was removed.", mp->name);
	return txn_commit(t, e) < 0 ? -1 : call_reply_action(c, NULL);
}

const struct api_op MAC_POOL_OPS[] = {
	ROW("mac_pools.list", generic_list, KIND_MAC_POOL),
	ROW("mac_pool.get", generic_get, KIND_MAC_POOL),
	ROW("mac_pools.add", pool_add, KIND_MAC_POOL, SYS("create_mac_pool")),
	ROW("mac_pool.update", pool_update, KIND_MAC_POOL, ON("edit_mac_pool", KIND_MAC_POOL)),
	ROW("mac_pool.remove", pool_remove, KIND_MAC_POOL, ON("delete_mac_pool", KIND_MAC_POOL)),
	{ .name = NULL },
};
