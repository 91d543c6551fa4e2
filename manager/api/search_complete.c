/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may stand next in a query: read leniently from the left, one state after each token, until the text ends. What is
 * wrong on the way is left to the parser, which says where.
 */
#include <string.h>

#include "manager/api/search_internal.h"
#include "manager/core/tables.h"

enum state { AT_ENTITY, AT_COLON, AT_CONDITION, AT_FIELD, AT_OPERATOR, AT_VALUE, AT_SORT, AT_ORDER, AT_PAGE };

struct reader {
	struct pool *p;
	const char *text, *at;
	enum state state;
	const struct sentity *ent;  /* asked for; NULL: not known */
	const struct sentity *here; /* whose fields stand here: ent, or a related one */
	const struct sfield *field; /* of the operator and value; NULL: free text */
	bool has_condition;         /* AND and OR may follow */
	bool wants_condition;       /* behind AND, OR */
	struct search_choices *out;
	GHashTable *seen;
};

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool is_operator(char c) { return c == '=' || c == '!' || c == '<' || c == '>'; }

static const char *token_end(const char *s)
{
	while (*s && !is_blank(*s) && !is_operator(*s))
		s++;
	return s;
}

/* ---- offers ---- */

static void offer(struct reader *r, const char *prefix, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void offer(struct reader *r, const char *prefix, const char *kind, const char *fmt, ...)
{
	struct search_choices *o = r->out;
	char text[128], *low;
	va_list ap;

	va_start(ap, fmt);
	g_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	low = g_ascii_strdown(text, -1);
	if (o->n < SEARCH_MAX_CHOICES && g_ascii_strncasecmp(text, prefix, strlen(prefix)) == 0 &&
	    !g_hash_table_contains(r->seen, low)) {
		o->list[o->n].text = pool_strdup(r->p, low);
		o->list[o->n++].kind = kind;
		g_hash_table_add(r->seen, low);
		return;
	}
	g_free(low);
}

static void offer_fields(struct reader *r, const struct sentity *ent, const char *prefix)
{
	for (int i = 0; ent && i < ent->n_fields; i++)
		if (!(ent->fields[i].flags & SF_HIDDEN))
			offer(r, prefix, "field", "%s", ent->fields[i].name);
}

static void offer_entities(struct reader *r, const char *prefix)
{
	for (int i = 0; i < N_SENT; i++)
		if (!SENTITIES[i].is_cross_only && SENTITIES[i].kind >= 0 && SENTITIES[i].singular && i != SE_OTHER)
			offer(r, prefix, "entity", "%s",
			      SENTITIES[i].plural ? SENTITIES[i].plural : SENTITIES[i].singular);
}

static void offer_condition(struct reader *r, const char *prefix)
{
	if (r->has_condition && !r->wants_condition) {
		offer(r, prefix, "keyword", "and");
		offer(r, prefix, "keyword", "or");
	}
	offer_fields(r, r->ent, prefix);
	for (int i = 0; r->ent && i < r->ent->n_cross; i++)
		if (SENTITIES[r->ent->cross[i].entity].kind >= 0)
			offer(r, prefix, "related", "%s.", SENTITIES[r->ent->cross[i].entity].singular);
	if (!r->wants_condition) {
		offer(r, prefix, "keyword", "sortby");
		offer(r, prefix, "keyword", "page");
	}
}

static void offer_operators(struct reader *r, const char *prefix)
{
	unsigned ops = r->field ? r->field->ops : OPS_EQ;

	for (int i = 0; i < N_SOP; i++)
		if (ops >> i & 1)
			offer(r, prefix, "operator", "%s", SOP_TEXT[i]);
}

static void offer_words(struct reader *r, const char *words, const char *prefix)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);

	for (int i = 0; list[i]; i++)
		offer(r, prefix, "value", "%s", list[i]);
}

static void offer_values(struct reader *r, const char *prefix)
{
	switch (r->field ? r->field->type : ST_STRING) {
	case ST_ENUM: offer_words(r, r->field->en->words, prefix); break;
	case ST_BOOL: offer_words(r, "true false", prefix); break;
	case ST_DATE:
		for (int i = 0; SDATE_WORDS[i]; i++)
			offer(r, prefix, "value", "%s", SDATE_WORDS[i]);
		break;
	case ST_OS:
		for (const struct os_type *os = OS_TYPES; os->key; os++)
			offer(r, prefix, "value", "%s", os->key);
		break;
	default: break;
	}
}

static void offer_here(struct reader *r, const char *prefix)
{
	switch (r->state) {
	case AT_ENTITY: offer_entities(r, prefix); break;
	case AT_COLON: offer(r, prefix, "operator", ":"); break;
	case AT_CONDITION: offer_condition(r, prefix); break;
	case AT_FIELD: offer_fields(r, r->here, prefix); break;
	case AT_OPERATOR: offer_operators(r, prefix); break;
	case AT_VALUE: offer_values(r, prefix); break;
	case AT_SORT: offer_fields(r, r->ent, prefix); break;
	case AT_ORDER:
		offer_words(r, "asc desc", prefix);
		offer(r, prefix, "keyword", "page");
		break;
	case AT_PAGE: break;
	}
}

/* ---- reading ---- */

static const struct sfield *field_named(const struct sentity *ent, const char *at, size_t len)
{
	for (int i = 0; ent && i < ent->n_fields; i++)
		if (strlen(ent->fields[i].name) == len && g_ascii_strncasecmp(ent->fields[i].name, at, len) == 0)
			return &ent->fields[i];
	return NULL;
}

static bool is_word(const char *at, size_t len, const char *word)
{
	return word && strlen(word) == len && g_ascii_strncasecmp(at, word, len) == 0;
}

static const struct sentity *related(const struct sentity *ent, const char *at, size_t len)
{
	for (int i = 0; ent && i < ent->n_cross; i++) {
		const struct sentity *x = &SENTITIES[ent->cross[i].entity];
		if (is_word(at, len, x->singular) || is_word(at, len, x->plural))
			return x;
	}
	return NULL;
}

static void read_entity(struct reader *r)
{
	const char *end = r->at;

	while (*end && *end != ':' && !is_blank(*end))
		end++;
	for (int i = 0; i < N_SENT; i++)
		if (!SENTITIES[i].is_cross_only && i != SE_OTHER &&
		    (is_word(r->at, (size_t)(end - r->at), SENTITIES[i].singular) ||
		     is_word(r->at, (size_t)(end - r->at), SENTITIES[i].plural)))
			r->ent = &SENTITIES[i];
	r->at = end;
	r->state = AT_COLON;
}

static void read_condition(struct reader *r)
{
	const char *end = token_end(r->at), *dot = memchr(r->at, '.', (size_t)(end - r->at));
	size_t len = (size_t)(end - r->at);
	const struct sentity *x = dot ? related(r->ent, r->at, (size_t)(dot - r->at)) : NULL;
	bool was_wanted = r->wants_condition;

	r->wants_condition = false;
	if (x) {
		r->here = x;
		r->at = dot + 1;
		r->state = AT_FIELD;
	} else if (r->has_condition && !was_wanted && (is_word(r->at, len, "and") || is_word(r->at, len, "or"))) {
		r->wants_condition = true;
		r->at = end;
	} else if (is_word(r->at, len, "sortby") || is_word(r->at, len, "page")) {
		r->state = is_word(r->at, len, "page") ? AT_PAGE : AT_SORT;
		r->at = end;
	} else if ((r->field = field_named(r->ent, r->at, len)) || related(r->ent, r->at, len)) {
		r->state = AT_OPERATOR;
		r->at = end;
	} else { /* free text */
		r->state = AT_VALUE;
	}
}

static void read_operator(struct reader *r)
{
	if (!is_operator(*r->at)) { /* no condition after all */
		r->state = AT_VALUE;
		return;
	}
	while (is_operator(*r->at))
		r->at++;
	r->state = AT_VALUE;
}

/* False: the text ends inside of it. */
static bool read_value(struct reader *r)
{
	const char *end = *r->at == '"' ? strchr(r->at + 1, '"') : r->at + strcspn(r->at, " \t\r\n");

	if (!end)
		return false;
	r->at = *r->at == '"' ? end + 1 : end;
	r->state = AT_CONDITION;
	r->has_condition = true;
	r->field = NULL;
	return true;
}

/* The token that begins at r->at is followed by something: on to the next state. False: it cannot be. */
static bool read_token(struct reader *r)
{
	const char *end;

	switch (r->state) {
	case AT_ENTITY: read_entity(r); return true;
	case AT_COLON:
		if (*r->at != ':' || !r->ent)
			return false;
		r->at++;
		r->here = r->ent;
		r->state = AT_CONDITION;
		return true;
	case AT_CONDITION: read_condition(r); return true;
	case AT_FIELD:
		end = token_end(r->at);
		r->field = field_named(r->here, r->at, (size_t)(end - r->at));
		r->at = end;
		r->state = AT_OPERATOR;
		return r->field != NULL;
	case AT_OPERATOR: read_operator(r); return true;
	case AT_VALUE: return read_value(r);
	case AT_SORT:
		r->at = token_end(r->at);
		r->state = AT_ORDER;
		return true;
	case AT_ORDER:
		end = token_end(r->at);
		r->state = AT_PAGE;
		r->at = end;
		return true;
	case AT_PAGE: return false;
	}
	return false;
}

/* Does the token that begins here reach to the end, so that it may still grow? */
static bool is_unfinished(const struct reader *r)
{
	const char *end;

	switch (r->state) {
	case AT_OPERATOR:
		for (end = r->at; is_operator(*end); end++)
			;
		return !*end;
	case AT_VALUE: return *r->at != '"' && !r->at[strcspn(r->at, " \t\r\n")];
	case AT_COLON: return false;
	case AT_ENTITY: return !strchr(r->at, ':') && !*token_end(r->at);
	case AT_CONDITION:
		end = token_end(r->at);
		if (r->ent) { /* behind a related entity and a dot its fields are offered */
			const char *dot = memchr(r->at, '.', (size_t)(end - r->at));
			if (dot && related(r->ent, r->at, (size_t)(dot - r->at)))
				return false;
		}
		return !*end;
	default: return !*token_end(r->at);
	}
}

void search_complete(struct pool *p, int kind, const char *text, struct search_choices *out)
{
	struct reader r = { .p = p, .text = text, .at = text, .out = out };

	*out = (struct search_choices){ .list = POOL_ARRAY(p, struct search_choice, SEARCH_MAX_CHOICES) };
	if (strlen(text) > SEARCH_MAX_BYTES || !g_utf8_validate(text, -1, NULL))
		return;
	r.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (kind >= 0) {
		r.ent = r.here = &SENTITIES[sent_of_kind((enum kind)kind)];
		r.state = AT_CONDITION;
	}
	for (;;) {
		while (is_blank(*r.at))
			r.at++;
		if (!*r.at || is_unfinished(&r)) {
			out->from = (size_t)(r.at - text);
			offer_here(&r, r.at);
			break;
		}
		if (!read_token(&r))
			break;
	}
	g_hash_table_destroy(r.seen);
}
