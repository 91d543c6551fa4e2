/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/event_changes.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct change {
	enum kind kind;
	char op;
	char *id;
	struct seen_by *seen; /* or NULL */
};

struct changes {
	GPtrArray *list;
	GHashTable *by_id; /* struct change, by kind and id */
	unsigned count[N_KINDS];
	bool is_all[N_KINDS], is_any;
};

static void change_free(void *p)
{
	struct change *c = p;

	g_free(c->id);
	g_free(c->seen);
	g_free(c);
}

static guint change_hash(gconstpointer p)
{
	const struct change *c = p;
	return g_str_hash(c->id) ^ (guint)c->kind;
}

static gboolean change_equal(gconstpointer a, gconstpointer b)
{
	const struct change *x = a, *y = b;
	return x->kind == y->kind && strcmp(x->id, y->id) == 0;
}

struct changes *changes_new(void)
{
	struct changes *ch = g_new0(struct changes, 1);

	ch->list = g_ptr_array_new_with_free_func(change_free);
	ch->by_id = g_hash_table_new(change_hash, change_equal);
	return ch;
}

void changes_free(struct changes *ch)
{
	if (!ch)
		return;
	g_hash_table_destroy(ch->by_id);
	g_ptr_array_free(ch->list, TRUE);
	g_free(ch);
}

void changes_clear(struct changes *ch)
{
	g_hash_table_remove_all(ch->by_id);
	g_ptr_array_set_size(ch->list, 0);
	memset(ch->count, 0, sizeof(ch->count));
	memset(ch->is_all, 0, sizeof(ch->is_all));
	ch->is_any = false;
}

bool changes_is_empty(const struct changes *ch) { return !ch->is_any; }

bool changes_has(const struct changes *ch, enum kind k) { return ch->is_all[k] || ch->count[k]; }

/* What two changes of one object are together. Who has not heard of it yet is not confused by its end. */
static char both(char before, char op)
{
	if (op == 'u')
		return before == 'r' ? 'u' : before;
	return op == 'a' && before == 'r' ? 'u' : op;
}

static struct seen_by *seen_copy(const struct seen_by *s)
{
	return s ? g_memdup2(s, sizeof(*s) + s->n * sizeof(s->readers[0])) : NULL;
}

void changes_note(struct changes *ch, enum kind k, const char *id, char op, const struct seen_by *seen)
{
	struct change *c, key = { .kind = k, .id = (char *)id };

	if (ch->is_all[k])
		return;
	c = g_hash_table_lookup(ch->by_id, &key);
	if (c) {
		c->op = both(c->op, op);
		g_free(c->seen);
		c->seen = seen_copy(seen);
		return;
	}
	if (ch->count[k] >= CHANGES_KEEP) {
		changes_note_all(ch, k);
		return;
	}
	c = g_new0(struct change, 1);
	c->kind = k;
	c->op = op;
	c->id = g_strdup(id);
	c->seen = seen_copy(seen);
	g_ptr_array_add(ch->list, c);
	g_hash_table_add(ch->by_id, c);
	ch->count[k]++;
	ch->is_any = true;
}

void changes_note_all(struct changes *ch, enum kind k) { ch->is_all[k] = ch->is_any = true; }

/* ---- for a reader ---- */

static bool is_for(const struct change *c, bool (*can_see)(void *arg, enum kind k, const char *id), void *arg,
                   uint64_t reader)
{
	if (!can_see)
		return true;
	if (c->op != 'r')
		return can_see(arg, c->kind, c->id);
	for (unsigned i = 0; c->seen && i < c->seen->n; i++)
		if (c->seen->readers[i] == reader)
			return true;
	return false;
}

static void append(json_t *out, enum kind k, const char *id, char op)
{
	const char ops[2] = { op, 0 };

	json_array_append_new(out, json_pack("[sss]", M_KINDS[k].type->name, id, ops));
}

char *changes_text(const struct changes *ch, bool (*can_see)(void *arg, enum kind k, const char *id), void *arg,
                   uint64_t reader)
{
	g_autofree bool *mine = g_new0(bool, ch->list->len + 1);
	unsigned count[N_KINDS] = { 0 };
	json_t *out = json_array();
	char *text = NULL, *made = NULL;

	for (guint i = 0; i < ch->list->len; i++) {
		const struct change *c = ch->list->pdata[i];

		mine[i] = !ch->is_all[c->kind] && is_for(c, can_see, arg, reader);
		count[c->kind] += mine[i];
	}
	for (int k = 0; k < N_KINDS; k++)
		if (ch->is_all[k] || count[k] > CHANGES_STAR)
			append(out, k, "*", 'u');
	for (guint i = 0; i < ch->list->len; i++) {
		const struct change *c = ch->list->pdata[i];

		if (mine[i] && count[c->kind] <= CHANGES_STAR)
			append(out, c->kind, c->id, c->op);
	}
	if (json_array_size(out))
		text = json_dumps(out, JSON_COMPACT);
	made = g_strdup(text);
	free(text);
	json_decref(out);
	return made;
}
