/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar: conditions joined by AND, OR or nothing, then SORTBY, then PAGE. */
#include <string.h>

#include "manager/api/search_internal.h"

const char *const SOP_TEXT[N_SOP] = { "=", "!=", "<", ">", "<=", ">=" };

struct parser {
	struct search *s;
	struct pool *p;
	const char *text, *at;
	int base;                   /* of offsets in messages */
	struct search_place *place; /* may be NULL */
	struct err *e;
};

/* ---- errors ---- */

static void set_place(struct parser *ps, const char *from, const char *to, const char *message)
{
	if (!ps->place)
		return;
	ps->place->from = ps->base + (int)(from - ps->text);
	ps->place->to = ps->base + (int)(to - ps->text);
	ps->place->message = pool_strdup(ps->p, message);
}

/* No longer than fits a message, and no character cut in two. */
static int shown_bytes(const char *from, const char *to)
{
	enum { MOST = 60 };
	const char *end = from + MOST;

	if (to - from <= MOST)
		return (int)(to - from);
	while (end > from && ((unsigned char)*end & 0xc0) == 0x80)
		end--;
	return (int)(end - from);
}

/* What is between from and to is wrong; allowed (NULL: not said) is taken over. */
static int fail(struct parser *ps, const char *from, const char *to, const char *what, GString *allowed)
{
	g_autofree char *message =
	    allowed ? g_strdup_printf("%s; allowed here: %s", what, allowed->str) : g_strdup(what);

	err_field(ps->e, ERR_INVALID, "search", "search, characters %d to %d ('%.*s'): %s",
	          ps->base + (int)(from - ps->text), ps->base + (int)(to - ps->text), shown_bytes(from, to), from,
	          message);
	set_place(ps, from, to, message);
	if (allowed)
		g_string_free(allowed, TRUE);
	return -1;
}

static void add_word(GString *out, const char *word)
{
	if (out->len)
		g_string_append(out, ", ");
	g_string_append(out, word);
}

static void add_fields(GString *out, const struct sentity *ent)
{
	for (int i = 0; i < ent->n_fields; i++)
		if (!(ent->fields[i].flags & SF_HIDDEN))
			add_word(out, ent->fields[i].name);
}

static GString *allowed_fields(const struct sentity *ent)
{
	GString *out = g_string_new(NULL);

	add_fields(out, ent);
	return out;
}

static GString *allowed_conditions(const struct sentity *ent)
{
	GString *out = g_string_new("free text in quotes");

	add_fields(out, ent);
	for (int i = 0; i < ent->n_cross; i++) {
		add_word(out, SENTITIES[ent->cross[i].entity].singular);
		g_string_append_c(out, '.');
	}
	return out;
}

static GString *allowed_ops(unsigned ops)
{
	GString *out = g_string_new(NULL);

	for (int i = 0; i < N_SOP; i++)
		if (ops >> i & 1)
			add_word(out, SOP_TEXT[i]);
	return out;
}

/* ---- characters ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool is_end(char c) { return c == '\0' || is_blank(c); }

static void skip_blanks(struct parser *ps)
{
	while (is_blank(*ps->at))
		ps->at++;
}

static const char *word_end(const char *s)
{
	while (!is_end(*s))
		s++;
	return s;
}

static bool is_keyword(const char *at, const char *word)
{
	size_t n = strlen(word);
	return g_ascii_strncasecmp(at, word, n) == 0 && is_end(at[n]);
}

static bool take_keyword(struct parser *ps, const char *word)
{
	if (!is_keyword(ps->at, word))
		return false;
	ps->at += strlen(word);
	skip_blanks(ps);
	return true;
}

static int check_characters(struct parser *ps)
{
	size_t len = strlen(ps->text);
	const char *end;

	if (len > SEARCH_MAX_BYTES) {
		set_place(ps, ps->text + SEARCH_MAX_BYTES, ps->text + len, "the text is too long");
		return err_field(ps->e, ERR_INVALID, "search", "search is longer than %d bytes", SEARCH_MAX_BYTES);
	}
	if (!g_utf8_validate(ps->text, -1, &end)) {
		set_place(ps, end, end + 1, "this is no UTF-8");
		return err_field(ps->e, ERR_INVALID, "search", "search is no UTF-8 at byte %d",
		                 ps->base + (int)(end - ps->text));
	}
	for (const char *s = ps->text; *s; s++)
		if (*s == '\'' || *s == ';' || ((unsigned char)*s < 0x20 && !is_blank(*s)))
			return fail(ps, s, s + 1, "this character is forbidden", g_string_new("other characters"));
	return 0;
}

/* ---- names ---- */

static bool is_operator(char c) { return c == '=' || c == '!' || c == '<' || c == '>'; }

/* The longest field name that stands here and is used as one. */
static const struct sfield *field_at(const struct sentity *ent, const char *at, bool needs_operator)
{
	const struct sfield *best = NULL;
	size_t best_len = 0;

	for (int i = 0; i < ent->n_fields; i++) {
		size_t n = strlen(ent->fields[i].name);

		if (n <= best_len || g_ascii_strncasecmp(ent->fields[i].name, at, n) != 0)
			continue;
		if (needs_operator ? !is_blank(at[n]) && !is_operator(at[n]) : !is_end(at[n]))
			continue;
		best = &ent->fields[i];
		best_len = n;
	}
	return best;
}

static const char *after_name(const char *at, const char *name)
{
	size_t n = name ? strlen(name) : 0;
	return n && g_ascii_strncasecmp(at, name, n) == 0 ? at + n : NULL;
}

static bool ends_cross(const char *s)
{
	if (!s)
		return false;
	if (*s == '.')
		return true;
	while (is_blank(*s))
		s++;
	return *s == '=' || (s[0] == '!' && s[1] == '=');
}

/* Related entity named here; *end after its name. */
static const struct srel *cross_at(const struct sentity *ent, const char *at, const char **end)
{
	for (int i = 0; i < ent->n_cross; i++) {
		const struct sentity *x = &SENTITIES[ent->cross[i].entity];
		const char *s = after_name(at, x->plural);

		if (!ends_cross(s))
			s = after_name(at, x->singular);
		if (ends_cross(s)) {
			*end = s;
			return &ent->cross[i];
		}
	}
	return NULL;
}

/* ---- conditions ---- */

static struct sterm *add_term(struct parser *ps, int cross, enum sop op)
{
	struct search *s = ps->s;
	struct sterm *t = &s->terms[s->n_terms];

	*t = (struct sterm){ .cross = cross, .op = op };
	if (cross < 0)
		s->own_terms |= UINT64_C(1) << s->n_terms;
	else
		s->cross[cross].terms |= UINT64_C(1) << s->n_terms;
	s->n_terms++;
	return t;
}

static int parse_operator(struct parser *ps, unsigned ops, enum sop *op)
{
	static const enum sop longest_first[] = { OP_LE, OP_GE, OP_NE, OP_EQ, OP_LT, OP_GT };
	const char *begin;

	skip_blanks(ps);
	begin = ps->at;
	for (int i = 0; i < N_SOP; i++) {
		size_t n = strlen(SOP_TEXT[longest_first[i]]);

		if (strncmp(ps->at, SOP_TEXT[longest_first[i]], n) != 0)
			continue;
		*op = longest_first[i];
		ps->at += n;
		if (ops >> *op & 1)
			return 0;
		return fail(ps, begin, ps->at, "the field cannot be compared so", allowed_ops(ops));
	}
	return fail(ps, begin, word_end(begin), "an operator is needed", allowed_ops(ops));
}

/* A word, or what is in quotes. */
static int parse_text(struct parser *ps, char **out, bool *is_quoted)
{
	const char *begin, *end;

	skip_blanks(ps);
	begin = ps->at;
	*is_quoted = *begin == '"';
	if (!*begin)
		return fail(ps, begin, begin, "a value is needed", g_string_new("a word, or text in quotes"));
	if (*is_quoted) {
		end = strchr(++begin, '"');
		if (!end)
			return fail(ps, begin - 1, begin + strlen(begin), "the quotes are not closed",
			            g_string_new("\""));
		ps->at = end + 1;
		if (!is_end(*ps->at))
			return fail(ps, ps->at, word_end(ps->at), "something follows the quotes",
			            g_string_new("a blank"));
	} else {
		ps->at = end = word_end(begin);
		if (memchr(begin, '"', (size_t)(end - begin)))
			return fail(ps, begin, end, "quotes stand inside of a word",
			            g_string_new("quotes around the value"));
	}
	if (end > begin && end[-1] == '\\')
		return fail(ps, end - 1, end, "a value cannot end with this", g_string_new("other characters"));
	*out = pool_strndup(ps->p, begin, (size_t)(end - begin));
	return 0;
}

static int kind_of_cross(const struct parser *ps, int cross)
{
	return cross < 0 ? ps->s->kind : ps->s->cross[cross].ent->kind;
}

static int parse_field_condition(struct parser *ps, int cross, const struct sentity *ent, const struct sfield *f)
{
	const char *allowed, *begin;
	struct sterm *t;
	enum sop op;
	bool is_quoted;
	char *text;

	ps->at += strlen(f->name);
	if (parse_operator(ps, f->ops, &op) < 0)
		return -1;
	skip_blanks(ps);
	begin = ps->at;
	if (parse_text(ps, &text, &is_quoted) < 0)
		return -1;
	t = add_term(ps, cross, op);
	if (!sterm_value(ps->p, t, f, text, is_quoted, ps->s->any_case, &allowed))
		return fail(ps, begin, ps->at, "this is no value of the field", g_string_new(allowed));
	t->reads = POOL_NEW(ps->p, struct sread);
	t->n_reads = 1;
	if (!sread_compile(ps->p, t->reads, kind_of_cross(ps, cross), f))
		return err_set(ps->e, ERR_INTERNAL, "search table: path of %s.%s", ent->singular, f->name);
	return 0;
}

/* Text anywhere in any field that takes part. */
static int parse_free_text(struct parser *ps, int cross, const struct sentity *ent, enum sop op)
{
	bool *has_free = cross < 0 ? &ps->s->has_free : &ps->s->cross[cross].has_free;
	const char *begin;
	struct sterm *t;
	bool is_quoted;
	char *text;
	int kind;

	skip_blanks(ps);
	begin = ps->at;
	if (parse_text(ps, &text, &is_quoted) < 0)
		return -1;
	if (*has_free)
		return fail(ps, begin, ps->at, "free text is allowed once for each entity", allowed_fields(ent));
	*has_free = true;
	t = add_term(ps, cross, op);
	t->type = ST_STRING;
	t->pat = spattern_make(ps->p, text, ps->s->any_case, true);
	t->is_empty = !*text;
	t->reads = POOL_ARRAY(ps->p, struct sread, ent->n_fields);
	kind = kind_of_cross(ps, cross);
	for (int i = 0; i < ent->n_fields; i++)
		if (ent->fields[i].flags & SF_FREE &&
		    !sread_compile(ps->p, &t->reads[t->n_reads++], kind, &ent->fields[i]))
			return err_set(ps->e, ERR_INTERNAL, "search table: path of %s.%s", ent->singular,
			               ent->fields[i].name);
	return 0;
}

static int add_cross(struct parser *ps, const struct srel *rel)
{
	const struct sentity *ent = &SENTITIES[rel->entity];
	struct search *s = ps->s;

	for (int i = 0; i < s->n_cross; i++)
		if (s->cross[i].ent == ent)
			return i;
	g_assert(s->n_cross < SCROSS_MAX); /* no entity has so many relations */
	s->cross[s->n_cross].ent = ent;
	if (!srel_compile(ps->p, &s->cross[s->n_cross].rel, s->kind, rel->path))
		return err_set(ps->e, ERR_INTERNAL, "search table: way from %s to %s", s->ent->singular, ent->singular);
	return s->n_cross++;
}

static int parse_cross_condition(struct parser *ps, const struct srel *rel, const char *name_end)
{
	const struct sentity *ent = &SENTITIES[rel->entity];
	int cross = add_cross(ps, rel);
	const struct sfield *f;
	enum sop op;

	if (cross < 0)
		return -1;
	ps->at = name_end;
	if (*ps->at != '.') {
		if (parse_operator(ps, OPS_EQ, &op) < 0)
			return -1;
		return parse_free_text(ps, cross, ent, op);
	}
	ps->at++;
	f = field_at(ent, ps->at, true);
	if (!f)
		return fail(ps, ps->at, word_end(ps->at), "the related entity has no such field", allowed_fields(ent));
	return parse_field_condition(ps, cross, ent, f);
}

/* A name and an operator: not free text, but a mistake that should not pass as an empty answer. */
static const char *unknown_field(const char *at)
{
	const char *end = at, *s;

	while (g_ascii_isalnum(*end) || *end == '_' || *end == '.' || *end == '-')
		end++;
	for (s = end; is_blank(*s);)
		s++;
	return end > at && is_operator(*s) ? end : NULL;
}

static int parse_condition(struct parser *ps)
{
	const struct sentity *ent = ps->s->ent;
	const char *begin = ps->at, *end;
	const struct sfield *f;
	const struct srel *rel;

	if (ps->s->n_terms == SEARCH_MAX_TERMS)
		return fail(ps, begin, word_end(begin), "a search has no more than 64 conditions", NULL);
	f = field_at(ent, begin, true);
	if (f)
		return parse_field_condition(ps, -1, ent, f);
	rel = cross_at(ent, begin, &end);
	if (rel)
		return parse_cross_condition(ps, rel, end);
	end = unknown_field(begin);
	if (end)
		return fail(ps, begin, end, "there is no such field", allowed_conditions(ent));
	return parse_free_text(ps, -1, ent, OP_EQ);
}

/* ---- SORTBY and PAGE ---- */

static int parse_sort(struct parser *ps)
{
	struct search *s = ps->s;
	const struct sfield *f = field_at(s->ent, ps->at, false);

	if (!f)
		return fail(ps, ps->at, word_end(ps->at), "there is no such field to sort by", allowed_fields(s->ent));
	s->sort = POOL_NEW(ps->p, struct sread);
	if (!sread_compile(ps->p, s->sort, s->kind, f))
		return err_set(ps->e, ERR_INTERNAL, "search table: path of %s.%s", s->ent->singular, f->name);
	ps->at += strlen(f->name);
	skip_blanks(ps);
	s->is_desc = take_keyword(ps, "desc");
	if (s->is_desc || take_keyword(ps, "asc") || !*ps->at || is_keyword(ps->at, "page"))
		return 0;
	return fail(ps, ps->at, word_end(ps->at), "this does not follow a field to sort by",
	            g_string_new("ASC, DESC, PAGE"));
}

static int parse_page(struct parser *ps)
{
	const char *begin = ps->at;

	while (g_ascii_isdigit(*ps->at) && ps->at - begin < 10)
		ps->s->page = ps->s->page * 10 + (*ps->at++ - '0');
	if (!is_end(*ps->at) || ps->s->page < 1 || ps->at - begin > 9)
		return fail(ps, begin, word_end(begin), "this is no page", g_string_new("a number from 1"));
	skip_blanks(ps);
	if (*ps->at)
		return fail(ps, ps->at, ps->at + strlen(ps->at), "something follows the page", g_string_new("nothing"));
	return 0;
}

static int parse_tail(struct parser *ps)
{
	if (take_keyword(ps, "sortby") && parse_sort(ps) < 0)
		return -1;
	if (take_keyword(ps, "page") && parse_page(ps) < 0)
		return -1;
	if (*ps->at)
		return fail(ps, ps->at, word_end(ps->at), "this does not follow the order", g_string_new("PAGE"));
	return 0;
}

static bool at_tail(const struct parser *ps)
{
	return !*ps->at || is_keyword(ps->at, "sortby") || is_keyword(ps->at, "page");
}

static int parse_criteria(struct parser *ps)
{
	struct search *s = ps->s;

	skip_blanks(ps);
	while (!at_tail(ps)) {
		const char *begin = ps->at;
		enum sjoin join = take_keyword(ps, "and") ? SJ_AND : take_keyword(ps, "or") ? SJ_OR : SJ_IMPLIED;

		if (join != SJ_IMPLIED && s->n_terms == 0)
			return fail(ps, begin, word_end(begin), "this joins nothing", allowed_conditions(s->ent));
		if (at_tail(ps) || is_keyword(ps->at, "and") || is_keyword(ps->at, "or"))
			return fail(ps, ps->at, word_end(ps->at), "a condition is needed", allowed_conditions(s->ent));
		if (s->n_terms < SEARCH_MAX_TERMS)
			s->join[s->n_terms] = s->n_terms ? join : SJ_NONE;
		if (parse_condition(ps) < 0)
			return -1;
		skip_blanks(ps);
	}
	return 0;
}

struct search *search_parse_entity(struct pool *p, enum sent ent, int kind, const char *text, int base, bool any_case,
                                   struct search_place *place, struct err *e)
{
	struct search *s = POOL_NEW(p, struct search);
	struct parser ps = { .s = s, .p = p, .text = text, .at = text, .base = base, .place = place, .e = e };

	s->pool = p;
	s->ent = &SENTITIES[ent];
	s->kind = kind;
	s->any_case = any_case;
	if (check_characters(&ps) < 0 || parse_criteria(&ps) < 0 || parse_tail(&ps) < 0)
		return NULL;
	return s;
}

struct search *search_parse(struct pool *p, enum kind k, const char *text, bool is_case_sensitive, struct err *e)
{
	return search_parse_entity(p, sent_of_kind(k), (int)k, text, 0, !is_case_sensitive, NULL, e);
}

/* "Vms :": the entity, and where the colon ends. */
static int entity_at(const char *text, const char **end)
{
	for (int i = 0; i < N_SENT; i++) {
		const struct sentity *ent = &SENTITIES[i];
		const char *names[] = { ent->plural, ent->singular };

		for (int k = 0; k < 2 && !ent->is_cross_only; k++) {
			const char *s = after_name(text, names[k]);

			while (s && is_blank(*s))
				s++;
			if (s && *s == ':') {
				*end = s + 1;
				return i;
			}
		}
	}
	return -1;
}

/* The entity of a query, -1: it names none. *end: behind the colon. */
static int query_entity(struct pool *p, const char *text, const char **end, struct search_place *place, struct err *e)
{
	struct parser ps = { .p = p, .text = text, .at = text, .place = place, .e = e };
	int ent;

	skip_blanks(&ps);
	ent = entity_at(ps.at, end);
	if (ent < 0)
		fail(&ps, ps.at, word_end(ps.at), "a query begins with what it looks for and a colon, such as 'Vms:'",
		     NULL);
	return ent;
}

static struct search *parse_query(struct pool *p, const char *text, bool is_case_sensitive, int *ent,
                                  struct search_place *place, struct err *e)
{
	const char *end;

	*ent = query_entity(p, text, &end, place, e);
	return *ent < 0 ? NULL
	                : search_parse_entity(p, (enum sent) * ent, SENTITIES[*ent].kind, end, (int)(end - text),
	                                      !is_case_sensitive, place, e);
}

struct search *search_parse_query(struct pool *p, const char *text, bool is_case_sensitive, enum kind *k, struct err *e)
{
	struct search *s;
	int ent;

	s = parse_query(p, text, is_case_sensitive, &ent, NULL, e);
	if (s && SENTITIES[ent].kind < 0) {
		err_field(e, ERR_UNSUPPORTED, "search", "there are no %s here",
		          SENTITIES[ent].plural ? SENTITIES[ent].plural : SENTITIES[ent].singular);
		return NULL;
	}
	if (s)
		*k = (enum kind)SENTITIES[ent].kind;
	return s;
}

static bool is_directory_query(const char *text)
{
	while (is_blank(*text))
		text++;
	return g_ascii_strncasecmp(text, "aduser", 6) == 0 || g_ascii_strncasecmp(text, "adgroup", 7) == 0;
}

bool search_check(struct pool *p, int kind, const char *text, struct search_place *place)
{
	struct err e = ERR_INIT;
	struct search *s;
	int ent;

	*place = (struct search_place){ 0, (int)strlen(text), NULL };
	if (kind >= 0)
		s = search_parse_entity(p, sent_of_kind((enum kind)kind), kind, text, 0, true, place, &e);
	else if (is_directory_query(text))
		return search_parse_directory(p, text, &e) || (place->message = pool_strdup(p, e.detail), false);
	else
		s = parse_query(p, text, false, &ent, place, &e);
	if (!s && !place->message)
		place->message = pool_strdup(p, e.detail);
	return s != NULL;
}
