/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/statistics.h"

#include <string.h>

enum { MAX_OWNERS = 8, MAX_STATISTICS = 64 };

static const struct statistics_owner *owners[MAX_OWNERS];

void statistics_register(const struct statistics_owner *owner)
{
	for (int i = 0; i < MAX_OWNERS; i++)
		if (!owners[i] || owners[i] == owner) {
			owners[i] = owner;
			return;
		}
}

size_t statistics_make(struct call *c, const char *owner_id, const struct statistic *rows, size_t n, void **list,
                       size_t max)
{
	size_t count = MIN(n, max);

	for (size_t i = 0; i < count; i++) {
		struct m_statistic *s = m_new(c->pool, &M_TYPE_statistic);
		struct m_value *v = m_new(c->pool, &M_TYPE_value);
		bool is_whole = rows[i].unit == M_STATISTIC_UNIT_BYTES || rows[i].unit == M_STATISTIC_UNIT_NONE;
		uuid_text id;

		uuid_derive(owner_id, rows[i].name, id);
		s->id = pool_strdup(c->pool, id);
		s->name = (char *)rows[i].name;
		s->description = (char *)rows[i].description;
		s->kind = M_STATISTIC_KIND_GAUGE;
		s->type = is_whole ? M_VALUE_TYPE_INTEGER : M_VALUE_TYPE_DECIMAL;
		s->unit = rows[i].unit;
		M_SET(v, datum, rows[i].value);
		s->values.v = POOL_ARRAY(c->pool, struct m_value *, 1);
		s->values.v[0] = v;
		s->values.n = 1;
		list[i] = s;
	}
	return count;
}

static struct m_statistic *one_history(struct call *c, const char *owner_id, const struct history *h, int series,
                                       const char *name, const char *description)
{
	struct m_statistic *s = m_new(c->pool, &M_TYPE_statistic);
	double values[HISTORY_MAX_SAMPLES];
	const int n = history_get(h, HISTORY_HOUR, series, values);
	uuid_text id;

	uuid_derive(owner_id, name, id);
	s->id = pool_strdup(c->pool, id);
	s->name = (char *)name;
	s->description = (char *)description;
	s->kind = M_STATISTIC_KIND_GAUGE;
	s->type = M_VALUE_TYPE_INTEGER;
	s->unit = M_STATISTIC_UNIT_PERCENT;
	s->values.v = POOL_ARRAY(c->pool, struct m_value *, n + 1);
	for (int i = 0; i < n; i++) {
		struct m_value *v = s->values.v[s->values.n++] = m_new(c->pool, &M_TYPE_value);

		M_SET(v, datum, values[i] >= 0 ? values[i] : 0); /* no value: it did not run */
	}
	return s;
}

size_t statistics_history(struct call *c, const char *owner_id, const struct history *h, void **list, size_t max)
{
	static const struct {
		const char *name, *description;
	} ROWS[] = {
		{ "cpu.usage.history",
		  "List of CPU usage history, sorted from newest to oldest, one value for 30 seconds" },
		{ "memory.usage.history",
		  "List of memory usage history, sorted from newest to oldest, one value for 30 seconds" },
		{ "network.usage.history",
		  "List of network usage history, sorted from newest to oldest, one value for 30 seconds" },
	};
	size_t n = 0;

	for (; n < G_N_ELEMENTS(ROWS) && n < max; n++)
		list[n] = one_history(c, owner_id, h, (int)n, ROWS[n].name, ROWS[n].description);
	return n;
}

/* Word number i of the path. */
static bool word_is(const char *path, int i, const char *word)
{
	size_t n = strlen(word);

	while (i-- > 0) {
		path = strchr(path, '/');
		if (!path)
			return false;
		path++;
	}
	return strncmp(path, word, n) == 0 && (path[n] == '/' || !path[n]);
}

/* The owner is the last collection before "statistics". */
static const struct statistics_owner *find_owner(struct call *c, const char **id, struct err *e)
{
	int depth = c->op->kind == M_OP_LIST ? c->n_ids : c->n_ids - 1;

	*id = depth > 0 ? c->ids[depth - 1] : NULL;
	for (int i = 0; *id && i < 2 * MAX_OWNERS; i++) { /* first those that are told by what is above them */
		const struct statistics_owner *o = owners[i % MAX_OWNERS];
		const bool is_special = i < MAX_OWNERS;

		if (!o || is_special != (o->above != NULL) || !word_is(c->path, 2 * (depth - 1), o->word) ||
		    (is_special && (depth < 2 || !word_is(c->path, 2 * (depth - 2), o->above))))
			continue;
		if ((int)o->kind >= 0 && o->kind < N_KINDS && !call_visible(c, depth - 1, o->kind, e))
			return NULL;
		return o;
	}
	err_set(e, ERR_NO_ENTITY, "There are no statistics here.");
	return NULL;
}

static size_t fill(struct call *c, void **list, struct err *e)
{
	const char *id;
	const struct statistics_owner *o = find_owner(c, &id, e);
	return o ? o->fill(c, id, list, MAX_STATISTICS) : 0;
}

static int statistics_list(struct call *c, struct err *e)
{
	void **list = POOL_ARRAY(c->pool, void *, MAX_STATISTICS);
	size_t n = fill(c, list, e);

	return e->code ? -1 : call_reply_list(c, &M_TYPE_statistic, list, n);
}

static int statistic_get(struct call *c, struct err *e)
{
	void **list = POOL_ARRAY(c->pool, void *, MAX_STATISTICS);
	size_t n = fill(c, list, e);

	for (size_t i = 0; i < n; i++)
		if (strcmp(((struct m_statistic *)list[i])->id, c->ids[c->n_ids - 1]) == 0)
			return call_reply_entity(c, &M_TYPE_statistic, list[i]);
	return err_set(e, ERR_NO_ENTITY, "There is no such statistic.");
}

const struct api_op STATISTICS_OPS[] = {
	ROW("statistics.list", statistics_list, NO_KIND, .flags = OP_HREF_HERE),
	ROW("statistic.get", statistic_get, NO_KIND, .flags = OP_HREF_HERE),
	{ .name = NULL },
};
