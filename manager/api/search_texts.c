/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/search_texts.h"

#include <math.h>
#include <string.h>

enum { SEPARATOR = '\x01', MAX_PIECES = 32, FIRST = 64, START = 8 };

/* ---- the set ---- */

void stexts_init(struct stexts *t)
{
	*t = (struct stexts){ .n_slots = FIRST };
	t->slots = g_new0(uint32_t, t->n_slots);
	stexts_code(t, "", 0, false); /* code 0 */
}

void stexts_clear(struct stexts *t)
{
	g_free(t->fold);
	g_free(t->orig);
	g_free(t->off);
	g_free(t->orig_off);
	g_free(t->is_multi);
	g_free(t->slots);
	g_free(t->sorted);
	g_free(t->rank);
	*t = (struct stexts){ 0 };
}

size_t stexts_bytes(const struct stexts *t)
{
	return t->fold_cap + t->orig_cap + (size_t)t->cap * (t->orig ? 9 : 5) + t->n_slots * sizeof(uint32_t) +
	       (t->rank ? t->n_ranked * 2 * sizeof(uint32_t) : 0);
}

static const char *text_of(const struct stexts *t, uint32_t code)
{
	return t->orig_off && t->orig_off[code] ? t->orig + t->orig_off[code] : t->fold + t->off[code];
}

static uint32_t hash_of(const char *s, size_t len)
{
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return (uint32_t)(h ^ h >> 32);
}

/* There are always START bytes more than are used. */
static void append(char **to, uint32_t *len, uint32_t *cap, const char *s, size_t n)
{
	if (*len + n + 1 + START > *cap) {
		*cap = (uint32_t)MAX(*len + n + 1 + START, *cap + *cap / 2);
		*to = g_realloc(*to, *cap);
	}
	memcpy(*to + *len, s, n);
	(*to)[*len + n] = '\0';
	*len += (uint32_t)n + 1;
}

static void grow_slots(struct stexts *t)
{
	g_free(t->slots);
	t->n_slots *= 2;
	t->slots = g_new0(uint32_t, t->n_slots);
	for (uint32_t code = 1; code < t->n; code++) {
		const char *s = text_of(t, code);
		uint32_t i = hash_of(s, strlen(s)) & (t->n_slots - 1);

		while (t->slots[i])
			i = (i + 1) & (t->n_slots - 1);
		t->slots[i] = code;
	}
}

static void grow_codes(struct stexts *t)
{
	t->cap = MAX(FIRST, t->cap + t->cap / 2);
	t->off = g_renew(uint32_t, t->off, t->cap);
	t->is_multi = g_renew(uint8_t, t->is_multi, t->cap);
	if (t->orig_off)
		t->orig_off = g_renew(uint32_t, t->orig_off, t->cap);
}

/* Lower case as patterns have it, character by character; NULL: it is already. */
static char *folded(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && (unsigned char)s[i] < 0x80 && !g_ascii_isupper(s[i]))
		i++;
	if (i == len)
		return NULL;
	GString *out = g_string_sized_new(len + 8);
	for (const char *p = s, *end = s + len; p < end; p = g_utf8_next_char(p))
		g_string_append_unichar(out, g_unichar_tolower(g_utf8_get_char(p)));
	return g_string_free(out, FALSE);
}

static void keep_original(struct stexts *t, uint32_t code, const char *s, size_t len)
{
	if (!t->orig_off) {
		t->orig_off = g_new0(uint32_t, t->cap);
		append(&t->orig, &t->orig_len, &t->orig_cap, "", 0); /* place 0 is nobody's */
	}
	t->orig_off[code] = t->orig_len;
	append(&t->orig, &t->orig_len, &t->orig_cap, s, len);
}

static uint32_t add_text(struct stexts *t, const char *s, size_t len, bool is_multi)
{
	g_autofree char *low = folded(s, len);
	uint32_t code = t->n;

	if (t->n == t->cap)
		grow_codes(t);
	t->off[code] = t->fold_len;
	t->is_multi[code] = is_multi;
	if (t->orig_off)
		t->orig_off[code] = 0;
	append(&t->fold, &t->fold_len, &t->fold_cap, low ? low : s, low ? strlen(low) : len);
	if (low && (strlen(low) != len || memcmp(low, s, len) != 0))
		keep_original(t, code, s, len);
	t->n++;
	return code;
}

uint32_t stexts_code(struct stexts *t, const char *text, size_t len, bool is_multi)
{
	g_autofree char *valid = NULL;
	uint32_t i;

	if (len == 0)
		return t->n ? 0 : add_text(t, "", 0, false);
	if (memchr(text, 0, len) || !g_utf8_validate(text, (gssize)len, NULL)) {
		valid = g_utf8_make_valid(text, (gssize)len);
		text = valid;
		len = strlen(valid);
	}
	for (i = hash_of(text, len) & (t->n_slots - 1); t->slots[i]; i = (i + 1) & (t->n_slots - 1)) {
		const char *s = text_of(t, t->slots[i]);
		if (strncmp(s, text, len) == 0 && !s[len] && t->is_multi[t->slots[i]] == is_multi)
			return t->slots[i];
	}
	t->slots[i] = add_text(t, text, len, is_multi);
	if (t->n * 3 > t->n_slots * 2)
		grow_slots(t);
	return t->n - 1;
}

/* ---- matching ---- */

/* A pattern cut at its stars. */
struct glob {
	struct {
		const char *s;
		size_t len;
	} piece[MAX_PIECES];
	int n;
	bool open_start, open_end; /* a star is there */
};

/* False: too many pieces. */
static bool glob_make(struct glob *g, const char *text)
{
	*g = (struct glob){ .open_start = *text == '*' };
	while (*text) {
		size_t len = strcspn(text, "*");

		if (len) {
			if (g->n == MAX_PIECES)
				return false;
			g->piece[g->n].s = text;
			g->piece[g->n++].len = len;
		}
		text += len;
		g->open_end = *text == '*';
		text += strspn(text, "*");
	}
	return true;
}

static bool glob_hits(const struct glob *g, const char *s, size_t len)
{
	const char *end = s + len;
	int first = 0, last = g->n;

	if (g->n == 0)
		return g->open_start || len == 0;
	if (g->n == 1 && !g->open_start && !g->open_end)
		return len == g->piece[0].len && memcmp(s, g->piece[0].s, len) == 0;
	if (!g->open_start) {
		if ((size_t)(end - s) < g->piece[0].len || memcmp(s, g->piece[0].s, g->piece[0].len) != 0)
			return false;
		s += g->piece[first++].len;
	}
	if (!g->open_end) {
		size_t n = g->piece[--last].len;
		if ((size_t)(end - s) < n || memcmp(end - n, g->piece[last].s, n) != 0)
			return false;
		end -= n;
	}
	for (; first < last; first++) {
		s = memmem(s, (size_t)(end - s), g->piece[first].s, g->piece[first].len);
		if (!s)
			return false;
		s += g->piece[first].len;
	}
	return true;
}

static bool multi_hits(const struct glob *g, const char *s)
{
	for (;;) {
		size_t len = strcspn(s, "\x01");

		if (len && glob_hits(g, s, len))
			return true;
		if (!s[len])
			return false;
		s += len + 1;
	}
}

static bool text_hits(const struct stexts *t, const struct glob *g, uint32_t code, const char *s, size_t len)
{
	return t->is_multi[code] ? multi_hits(g, s) : glob_hits(g, s, len);
}

struct matcher {
	const struct stexts *t;
	const struct glob *low, *exact; /* exact NULL: case does not matter */
	bool is_low;                    /* the pattern is in lower case */
	uint64_t *hits;
};

/* The text matches in lower case: as it is written, too? */
static inline void take(const struct matcher *m, uint32_t code)
{
	const char *s;

	if (m->exact && !(m->t->orig_off && m->t->orig_off[code])) {
		if (!m->is_low) /* the text is */
			return;
	} else if (m->exact) {
		s = text_of(m->t, code);
		if (!text_hits(m->t, m->exact, code, s, strlen(s)))
			return;
	}
	m->hits[code / 64] |= UINT64_C(1) << (code % 64);
}

/* Code of the text that position is in, not before `from`. */
static uint32_t code_at(const struct stexts *t, uint32_t from, uint32_t position)
{
	uint32_t lo = from, hi = t->n;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (t->off[mid] <= position)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* One piece anywhere: it is looked for in all texts at once, none of them has the NUL between. */
static void match_anywhere(const struct matcher *m)
{
	const struct stexts *t = m->t;
	const char *at = t->fold, *end = t->fold + t->fold_len;
	uint32_t code = 0;

	while ((at = memmem(at, (size_t)(end - at), m->low->piece[0].s, m->low->piece[0].len))) {
		code = code_at(t, code, (uint32_t)(at - t->fold));
		take(m, code);
		if (code + 1 == t->n)
			return;
		at = t->fold + t->off[code + 1];
	}
}

/* How texts must begin, in one word; mask 0: in any way. */
struct start {
	uint64_t want, mask;
	bool is_all; /* that is all that is asked for */
};

static struct start start_of(const struct glob *g)
{
	char want[START] = "", mask[START] = "";
	struct start out = { 0 };
	bool is_whole = g->n == 1 && !g->open_end;
	size_t len;

	if (g->open_start || g->n == 0)
		return out;
	len = g->piece[0].len + is_whole; /* with its end, if there is nothing behind */
	memcpy(want, g->piece[0].s, MIN(g->piece[0].len, START));
	memset(mask, 0xff, MIN(len, START));
	memcpy(&out.want, want, START);
	memcpy(&out.mask, mask, START);
	out.is_all = g->n == 1 && len <= START;
	return out;
}

static void match_each(const struct matcher *m)
{
	struct start start = start_of(m->low);
	const struct stexts *t = m->t;

	for (uint32_t code = 1; code < t->n; code++) {
		const char *s = t->fold + t->off[code];
		uint32_t end;

		if (start.mask && !t->is_multi[code]) {
			uint64_t word;

			memcpy(&word, s, START);
			if ((word ^ start.want) & start.mask)
				continue;
			if (start.is_all) {
				take(m, code);
				continue;
			}
		}
		end = code + 1 < t->n ? t->off[code + 1] : t->fold_len;
		if (text_hits(t, m->low, code, s, end - t->off[code] - 1))
			take(m, code);
	}
}

void stexts_match(const struct stexts *t, const struct spattern *pat, uint64_t *hits)
{
	g_autofree char *low_text = pat->any_case ? NULL : folded(pat->text, strlen(pat->text));
	struct glob low, exact;
	struct matcher m = { t, &low, pat->any_case ? NULL : &exact, !low_text || strcmp(low_text, pat->text) == 0,
		             hits };

	if (!glob_make(&low, low_text ? low_text : pat->text) || !glob_make(&exact, pat->text)) {
		for (uint32_t code = 1; code < t->n; code++) /* stars upon stars: slowly, and only for whole texts */
			if (spattern_matches(pat, text_of(t, code), strlen(text_of(t, code))))
				hits[code / 64] |= UINT64_C(1) << (code % 64);
		return;
	}
	if (low.n == 1 && low.open_start && low.open_end)
		match_anywhere(&m);
	else
		match_each(&m);
}

/* ---- order ---- */

struct ranking {
	const struct stexts *t;
	double *address; /* by code, of addresses; NAN: not read yet. NULL: they are none */
};

static double address_of(const struct ranking *r, uint32_t code)
{
	char first[64];

	if (isnan(r->address[code])) {
		g_strlcpy(first, text_of(r->t, code), sizeof(first));
		first[strcspn(first, "\x01")] = '\0';
		r->address[code] = search_address_key(first);
	}
	return r->address[code];
}

static int compare_codes(const void *a, const void *b, void *arg)
{
	const struct ranking *r = arg;
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int rc;

	if (r->address) {
		double left = address_of(r, x), right = address_of(r, y);
		return (left > right) - (left < right);
	}
	rc = g_ascii_strcasecmp(text_of(r->t, x), text_of(r->t, y));
	return rc ? rc : strcmp(text_of(r->t, x), text_of(r->t, y));
}

/* Old ones are in order; the new ones, in order too, find their places among them. */
static uint32_t *merge(const struct ranking *r, const uint32_t *old, uint32_t n_old, const uint32_t *new,
                       uint32_t n_new)
{
	uint32_t *out = g_new(uint32_t, n_old + n_new + 1), from = 0, n = 0;

	for (uint32_t i = 0; i < n_new; i++) {
		uint32_t lo = from, hi = n_old;

		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;
			if (compare_codes(&old[mid], &new[i], (void *)r) <= 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		while (from < lo)
			out[n++] = old[from++];
		out[n++] = new[i];
	}
	while (from < n_old)
		out[n++] = old[from++];
	return out;
}

/* Numbers along the order. Among those that had one, it tells which are the same. */
static void number_ranks(struct stexts *t, const struct ranking *r)
{
	uint32_t rank = 0, before = 0, was, was_before = 0;

	t->rank = g_renew(uint32_t, t->rank, t->n);
	t->rank[0] = 0;
	for (uint32_t i = 0; i + 1 < t->n; i++, was_before = was) {
		uint32_t code = t->sorted[i];

		was = code < t->n_ranked ? t->rank[code] : 0;
		if (i == 0 || (was && was_before ? was != was_before : compare_codes(&before, &code, (void *)r) != 0))
			rank++;
		t->rank[code] = rank;
		before = code;
	}
	t->n_ranked = t->n;
}

void stexts_rank(struct stexts *t, bool is_ip)
{
	uint32_t n_new = t->n - MAX(t->n_ranked, 1), n_old = t->n_ranked ? t->n_ranked - 1 : 0;
	g_autofree uint32_t *new = g_new(uint32_t, n_new + 1);
	g_autofree double *address = is_ip ? g_new(double, t->n) : NULL;
	struct ranking r = { t, address };
	uint32_t *sorted;

	if (t->n_ranked == t->n)
		return;
	for (uint32_t i = 0; i < n_new; i++)
		new[i] = t->n - n_new + i;
	for (uint32_t code = 0; is_ip && code < t->n; code++)
		address[code] = NAN;
	g_qsort_with_data(new, (int)n_new, sizeof(*new), compare_codes, &r);
	sorted = merge(&r, t->sorted, n_old, new, n_new);
	g_free(t->sorted);
	t->sorted = sorted;
	number_ranks(t, &r);
}
