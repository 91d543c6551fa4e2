/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each step of a path is an internal GET or list of the link's href with the caller's own identity: so whatever can be
 * read can be followed, and nobody sees more by following than by asking.
 */
#include "manager/api/follow.h"

#include <string.h>

#include "manager/api/route.h"

enum { MAX_DEPTH = 6, MAX_PATHS = 32, CHUNK = 50, MAX_OBJECTS = 500000 };

/* "nics" names the member nics, "diskattachments" and "disk_attachments" the member disk_attachments. */
static const struct m_field *find_link(const struct m_type *t, const char *word)
{
	for (int i = 0; i < t->n_fields; i++) {
		const char *a = t->fields[i].name, *b = word;

		if (t->fields[i].kind != M_REF || (t->fields[i].flags & M_F_INTERNAL))
			continue;
		while (*a && *b) {
			a += *a == '_';
			b += *b == '_';
			if (*a != g_ascii_tolower(*b))
				break;
			a++, b++;
		}
		if (!*a && !*b)
			return &t->fields[i];
	}
	return NULL;
}

/* Others get their turn, since a short request may read a lot. */
static void count(struct call *c, size_t n)
{
	unsigned before = c->n_followed;

	c->n_followed += (unsigned)MIN(n + 1, MAX_OBJECTS);
	if (before / CHUNK != c->n_followed / CHUNK && fiber_self())
		fiber_yield();
}

/* Read what is at a path below base, as the caller of c. NULL when it cannot be read. */
static struct call *read_path(struct call *c, const char *path)
{
	struct call *sub = call_read(c->core, c->pool, c->retained, &c->who, c->base, path);
	struct err e = ERR_INIT;

	if (!sub)
		return NULL;
	sub->is_trusted = c->is_trusted;
	sub->query.filter = c->query.filter;
	sub->query.all_content = c->query.all_content;
	if (call_may(sub, &e) < 0 || sub->impl->run(sub, &e) < 0 || sub->error.code != ERR_NONE)
		return NULL;
	count(c, sub->result == RESULT_LIST ? sub->n_list : 1);
	return sub;
}

static int follow_path(struct call *c, const struct m_type *t, void *obj, char *const *words, struct err *e);

static int follow_one(struct call *c, const struct m_type *t, struct m_ref *ref, char *const *rest, struct err *e)
{
	auto_pool scratch = NULL;
	struct call *sub;
	char *path;

	if (!ref->id)
		return 0;
	if (!ref->obj || !m_entity(t, ref->obj)->href) {
		void *key = ref->obj; /* it may say what the path needs besides the id */

		if (!key || !m_entity(t, key)->id) {
			scratch = pool_new();
			key = m_new(scratch, t);
			m_entity(t, key)->id = ref->id;
		}
		path = call_path_of(c->pool, t, key);
		sub = path ? read_path(c, path) : NULL;
		if (!sub || sub->result != RESULT_ENTITY || sub->type != t)
			return 0;
		ref->obj = sub->object;
	}
	return *rest ? follow_path(c, t, ref->obj, rest, e) : 0;
}

static int follow_many(struct call *c, const struct m_type *t, void *obj, const struct m_field *f, char *const *rest,
                       struct err *e)
{
	struct {
		struct m_ref *v;
		uint32_t n;
	} *list = (void *)((char *)obj + f->offset);
	struct m_entity *en = m_entity(t, obj);
	size_t base = strlen(c->base) + 1;
	g_autofree char *word = NULL;
	struct call *sub;

	if (!en || !en->href || strlen(en->href) < base)
		return 0;
	if (!list->n) {
		GString *w = g_string_new(NULL);
		for (const char *s = f->name; *s; s++)
			if (*s != '_')
				g_string_append_c(w, *s);
		word = g_string_free(w, FALSE);
		sub = read_path(c, pool_printf(c->pool, "%s/%s", en->href + base, word));
		if (!sub || sub->result != RESULT_LIST || sub->type != f->type)
			return 0;
		list->v = POOL_ARRAY(c->pool, struct m_ref, sub->n_list + 1);
		list->n = (uint32_t)sub->n_list;
		for (size_t i = 0; i < sub->n_list; i++)
			list->v[i] = (struct m_ref){ m_entity(sub->type, sub->list[i])->id, sub->list[i] };
	} else {
		struct m_ref *copy = POOL_ARRAY(c->pool, struct m_ref, list->n);
		memcpy(copy, list->v, sizeof(*copy) * list->n);
		list->v = copy;
		for (uint32_t i = 0; i < list->n; i++)
			if (follow_one(c, f->type, &list->v[i], rest, e) < 0)
				return -1;
		return 0;
	}
	for (uint32_t i = 0; *rest && i < list->n; i++)
		if (follow_path(c, f->type, list->v[i].obj, rest, e) < 0)
			return -1;
	return 0;
}

static int follow_path(struct call *c, const struct m_type *t, void *obj, char *const *words, struct err *e)
{
	const struct m_field *f = find_link(t, *words);

	if (c->n_followed >= MAX_OBJECTS)
		return err_field(e, ERR_TOO_LARGE, "follow", "It leads to more than %d objects.", MAX_OBJECTS);
	if (!f)
		return err_field(e, ERR_INVALID, "follow", "'%.60s' is no link of %s.", *words, t->name);
	if (f->flags & M_F_LIST)
		return follow_many(c, t, obj, f, words + 1, e);
	return follow_one(c, f->type, (struct m_ref *)((char *)obj + f->offset), words + 1, e);
}

static int follow_object(struct call *c, void *obj, char **paths, struct err *e)
{
	for (char **path = paths; *path; path++) {
		g_auto(GStrv) words = g_strsplit(g_strstrip(*path), ".", MAX_DEPTH + 1);

		if (g_strv_length(words) > MAX_DEPTH)
			return err_field(e, ERR_TOO_LARGE, "follow", "A path may have %d words at most.", MAX_DEPTH);
		if (**path && follow_path(c, c->type, obj, words, e) < 0)
			return -1;
	}
	return 0;
}

int follow_apply(struct call *c, struct err *e)
{
	g_auto(GStrv) paths = g_strsplit(c->query.follow, ",", MAX_PATHS + 1);

	if (g_strv_length(paths) > MAX_PATHS)
		return err_field(e, ERR_TOO_LARGE, "follow", "%d paths at most.", MAX_PATHS);
	if (c->result == RESULT_ENTITY)
		return follow_object(c, c->object, paths, e);
	for (size_t i = 0; c->result == RESULT_LIST && i < c->n_list; i++) {
		if (follow_object(c, c->list[i], paths, e) < 0)
			return -1;
	}
	return 0;
}
