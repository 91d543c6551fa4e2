/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of the field tables, compiled into steps once per query, and walked. A step is a member to follow, a reference to
 * hop over, or the entities that refer back; the last one reads.
 */
#include <string.h>

#include "manager/api/search_internal.h"
#include "model/types.h"

enum { MAX_STEPS = 12, MAX_SOURCES = 64 };

const char *sid(const struct m_type *t, const void *obj) { return m_entity(t, obj)->id; }

/* ---- sources ---- */

static struct source {
	int kind;
	const char *field;
	search_stat_fn stat;
	search_text_fn text;
} sources[MAX_SOURCES];
static int n_sources;

static struct source *source_for(enum kind k, const char *field)
{
	const struct sentity *ent = &SENTITIES[sent_of_kind(k)];

	for (int i = 0; i < n_sources; i++)
		if (sources[i].kind == (int)k && strcmp(sources[i].field, field) == 0)
			return &sources[i];
	for (int i = 0; i < ent->n_fields && n_sources < MAX_SOURCES; i++)
		if (strcmp(ent->fields[i].name, field) == 0) {
			sources[n_sources] = (struct source){ .kind = (int)k, .field = ent->fields[i].name };
			return &sources[n_sources++];
		}
	return NULL;
}

bool search_register_stat(enum kind k, const char *field, search_stat_fn fn)
{
	struct source *s = source_for(k, field);

	if (s)
		s->stat = fn;
	return s != NULL;
}

bool search_register_text(enum kind k, const char *field, search_text_fn fn)
{
	struct source *s = source_for(k, field);

	if (s)
		s->text = fn;
	return s != NULL;
}

void search_sources(int kind, const char *field, search_stat_fn *stat, search_text_fn *text)
{
	for (int i = 0; i < n_sources; i++)
		if (sources[i].kind == kind && strcmp(sources[i].field, field) == 0) {
			*stat = sources[i].stat;
			*text = sources[i].text;
		}
}

/* ---- compiling ---- */

struct compiler {
	struct sstep steps[MAX_STEPS];
	int n;
	const struct m_type *type;
	bool is_dead_end; /* leads to entities that the inventory does not know */
};

static int kind_of_type(const struct m_type *t)
{
	for (int k = 0; k < N_KINDS; k++)
		if (M_KINDS[k].type == t)
			return k;
	return -1;
}

static int kind_named(const char *name, size_t len)
{
	for (int k = 0; k < N_KINDS; k++)
		if (strlen(M_KINDS[k].name) == len && memcmp(M_KINDS[k].name, name, len) == 0)
			return k;
	return -1;
}

/* "kind.member": entities whose reference we are. */
static bool compile_reverse(struct compiler *c, char *token)
{
	char *dot = strchr(token, '.');
	int k = dot ? kind_named(token, (size_t)(dot - token)) : -1;
	struct sstep *s = &c->steps[c->n++];

	if (k < 0)
		return false;
	*s = (struct sstep){ S_REVERSE, .kind = k, .idx = -1, .type = c->type };
	s->field = m_field_find(M_KINDS[k].type, dot + 1);
	for (int i = 0; i < M_KINDS[k].n_index; i++)
		if (strcmp(M_KINDS[k].index[i], dot + 1) == 0)
			s->idx = i;
	c->type = M_KINDS[k].type;
	return s->field && s->field->kind == M_REF && !(s->field->flags & M_F_LIST);
}

static bool compile_hop(struct compiler *c, const struct m_field *f)
{
	bool is_list = f->flags & M_F_LIST;
	int k = kind_of_type(f->type);

	if (f->kind != M_REF)
		return false;
	c->is_dead_end = k < 0;
	c->steps[c->n++] = (struct sstep){ is_list ? S_HOP_LIST : S_HOP, .offset = f->offset, .kind = k };
	c->type = f->type;
	return true;
}

static bool compile_leaf(struct compiler *c, const struct m_field *f)
{
	if (f->flags & M_F_LIST)
		return false;
	c->steps[c->n++] = (struct sstep){ S_LEAF, .offset = f->offset, .type = c->type, .field = f };
	return f->kind != M_REF && (f->kind != M_STRUCT || f->type == &M_TYPE_version);
}

/* "a.b.c": structures, then a reference to hop over, or (is_leaf) a value; "a.id" of a reference is a value, too. */
static bool compile_members(struct compiler *c, char *token, bool is_leaf)
{
	for (char *next; token; token = next) {
		const struct m_field *f;

		next = strchr(token, '.');
		if (next)
			*next++ = '\0';
		f = m_field_find(c->type, token);
		if (!f || c->n >= MAX_STEPS - 1)
			return false;
		if (!next)
			return is_leaf ? compile_leaf(c, f) : compile_hop(c, f);
		if (f->kind == M_REF && is_leaf && strcmp(next, "id") == 0) {
			c->steps[c->n++] =
			    (struct sstep){ f->flags & M_F_LIST ? S_LEAF_ID_LIST : S_LEAF_ID, .offset = f->offset };
			return true;
		}
		if (f->kind != M_STRUCT || f->flags & M_F_LIST)
			return false;
		c->steps[c->n++] = (struct sstep){ S_STRUCT, .offset = f->offset };
		c->type = f->type;
	}
	return false;
}

static bool compile_path(struct compiler *c, int kind, const char *path, bool has_leaf)
{
	g_auto(GStrv) tokens = g_strsplit(path, "/", -1);

	*c = (struct compiler){ .type = M_KINDS[kind].type };
	for (int i = 0; tokens[i]; i++) {
		if (c->is_dead_end)
			return true;
		if (c->n >= MAX_STEPS - 1)
			return false;
		if (tokens[i][0] == '<' ? !compile_reverse(c, tokens[i] + 1)
		                        : !compile_members(c, tokens[i], has_leaf && !tokens[i + 1]))
			return false;
	}
	c->steps[c->n++].op = S_END;
	return true;
}

static const struct sstep *steps_copy(struct pool *p, const struct compiler *c)
{
	struct sstep *steps = POOL_ARRAY(p, struct sstep, c->n);

	memcpy(steps, c->steps, sizeof(*steps) * (size_t)c->n);
	return steps;
}

static bool is_own(const struct sstep *s)
{
	for (; s->op != S_END; s++)
		if (s->op == S_LEAF ? s->field->kind == M_STRUCT : s->op != S_STRUCT && s->op != S_LEAF_ID)
			return false;
	return true;
}

bool sread_compile(struct pool *p, struct sread *r, int kind, const struct sfield *f)
{
	g_auto(GStrv) paths = NULL;

	*r = (struct sread){ .f = f };
	if (kind < 0)
		return true;
	r->type = M_KINDS[kind].type;
	search_sources(kind, f->name, &r->stat, &r->text);
	r->is_own = !r->stat && !r->text && !f->get;
	if (!f->path)
		return true;
	paths = g_strsplit(f->path, "|", SREAD_MAX_ALT);
	for (int i = 0; paths[i]; i++) {
		struct compiler c;

		if (!compile_path(&c, kind, paths[i], true))
			return false;
		if (c.is_dead_end)
			continue;
		r->alt[r->n_alt] = steps_copy(p, &c);
		r->is_own = r->is_own && is_own(r->alt[r->n_alt]);
		r->n_alt++;
	}
	return true;
}

bool srel_compile(struct pool *p, const struct sstep **out, int kind, const char *path)
{
	struct compiler c;

	*out = NULL;
	if (kind < 0 || !path)
		return true;
	if (!compile_path(&c, kind, path, false))
		return false;
	if (!c.is_dead_end)
		*out = steps_copy(p, &c);
	return true;
}
