/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/etag.h"

#include <string.h>

#include "manager/core/txn.h"

/* FNV-1a, with the bits of the end mixed well. */
uint64_t etag_hash(uint64_t seed, const void *data, size_t len)
{
	const unsigned char *b = data;
	uint64_t h = 0xcbf29ce484222325ULL ^ seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ h >> 32;
}

/* Members that nobody sets, apart from the few of ours that hold what somebody set. */
static bool is_configuration(const struct m_field *f)
{
	static const char *const own[] = { "next_run", "permit_names", "hostdevs", NULL };

	if (f->flags & M_F_INTERNAL)
		return g_strv_contains(own, f->name);
	return !(f->flags & M_F_READONLY);
}

static uint64_t hash_version(uint64_t seed, enum kind k, const void *version)
{
	const struct m_type *t = M_KINDS[k].type;
	g_autofree void *copy = g_malloc(t->size);
	g_autoptr(GString) text = g_string_sized_new(2048);

	memcpy(copy, version, t->size);
	for (int i = 0; i < t->n_fields; i++)
		if (!is_configuration(&t->fields[i]))
			m_clear(t, copy, &t->fields[i]);
	m_write_journal(text, t, copy);
	return etag_hash(seed + (uint64_t)k, text->str, text->len);
}

uint64_t etag_of(const struct call_tagged *t)
{
	uint64_t h = 0;

	for (int i = 0; i < t->n; i++)
		h = hash_version(h, t->kind[i], t->version[i]);
	return h;
}

bool etag_matches(const char *header, uint64_t configuration)
{
	char want[20];

	g_snprintf(want, sizeof(want), "%016" G_GINT64_MODIFIER "x-", configuration);
	for (const char *s = header; *s;) {
		s += strspn(s, " \t,");
		if (*s == '*')
			return configuration != 0;
		if (strncmp(s, "W/", 2) == 0)
			s += 2;
		if (*s != '"')
			return false;
		if (configuration && strncmp(s + 1, want, 17) == 0)
			return true;
		s += 1 + strcspn(s + 1, "\"");
		s += *s == '"';
	}
	return false;
}

/* ---- what a path speaks of ---- */

typedef const void *(*get_fn)(const struct inventory *inv, enum kind k, const char *id);

static void take(struct call *c, get_fn get, const char *id, struct call_tagged *out)
{
	for (int k = 0; k < N_KINDS && out->n < CALL_MAX_TAGGED; k++) {
		const void *version = get(c->core->inv, k, id);

		if (!version)
			continue;
		out->kind[out->n] = k;
		out->version[out->n++] = version;
	}
}

/* The entity of the last id, or what lies at the two last ids together; else (a CD-ROM drive) what it is a part of. */
static void find(struct call *c, get_fn get, struct call_tagged *out)
{
	uuid_text both;

	out->n = 0;
	for (int i = c->n_ids - 1; i >= 0 && !out->n; i--) {
		take(c, get, c->ids[i], out);
		if (i > 0) {
			uuid_derive(c->ids[i - 1], c->ids[i], both);
			take(c, get, both, out);
		}
	}
}

static void tag_answer(struct call *c)
{
	bool is_entity = c->result == RESULT_ENTITY && c->object;
	const char *id;

	if (!is_entity || (c->op->kind != M_OP_GET && c->op->kind != M_OP_UPDATE && c->op->kind != M_OP_ADD))
		return;
	if (c->op->kind == M_OP_ADD) {
		id = c->type->is_identified ? m_entity(c->type, c->object)->id : NULL;
		if (!id || c->n_ids == CALL_MAX_IDS)
			return;
		c->ids[c->n_ids++] = id;
	}
	find(c, inv_get, &c->tagged);
	if (c->op->kind == M_OP_ADD)
		c->n_ids--;
	for (int i = 0; i < c->tagged.n; i++)
		call_retain(c, c->tagged.version[i]);
}

/* ---- preconditions ---- */

static int check(struct core *core, void *arg, struct err *e)
{
	struct call *c = arg;
	const char *type, *name;
	struct call_tagged now;

	find(c, inv_latest, &now);
	if (etag_matches(c->query.if_match, etag_of(&now)))
		return 0;
	if (!now.n)
		return err_set(e, ERR_PRECONDITION,
		               "What is there has no version that could be compared. Nothing was changed.");
	type = M_KINDS[now.kind[0]].type->name;
	name = m_entity(M_KINDS[now.kind[0]].type, now.version[0])->name;
	return err_set(e, ERR_PRECONDITION,
	               "The %s %.200s was changed by somebody else after you had read it, so nothing was done. Read it "
	               "again, then "
	               "repeat what you still want to change.",
	               type, STR_OR(name, ""));
}

static bool covers(void *arg, enum kind k, const char *id)
{
	struct call *c = arg;
	struct call_tagged now;

	find(c, inv_latest, &now);
	for (int i = 0; i < now.n; i++)
		if (now.kind[i] == k && strcmp(m_entity(M_KINDS[k].type, now.version[i])->id, id) == 0)
			return true;
	return false;
}

static bool is_conditional(const struct call *c)
{
	return c->query.if_match && c->n_ids &&
	       (c->op->kind == M_OP_UPDATE || c->op->kind == M_OP_REMOVE || c->op->kind == M_OP_ACTION);
}

static bool exists(struct call *c)
{
	struct call_tagged now;

	find(c, inv_latest, &now);
	return now.n > 0;
}

int etag_run(struct call *c, struct err *e)
{
	struct txn_guard guard = { .check = check, .covers = covers, .arg = c };
	int rc;

	if (!is_conditional(c) || !exists(c)) { /* what does not exist is told by the handler */
		rc = c->impl->run(c, e);
	} else if (check(c->core, c, e) < 0) {
		rc = -1;
	} else {
		if (fiber_self())
			txn_guard_begin(c->core, &guard);
		rc = c->impl->run(c, e);
		txn_guard_end(c->core, &guard);
	}
	if (rc == 0)
		tag_answer(c);
	return rc;
}
