/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns run over all texts of a column find what each text tells by itself; their order follows what is added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/pool.h"
#include "manager/api/search_texts.h"

enum { N_TEXTS = 600, N_PATTERNS = 4000, LONGEST = 14 };

static GRand *chance;

static int pick(int n) { return g_rand_int_range(chance, 0, n); }

/* Few letters, so that there is much to be found; with_stars: as a pattern. */
static char *some_text(bool with_stars)
{
	static const char *const LETTERS[] = { "a", "b", "A", "ä", "Ä", "1", "*", "*" };
	GString *s = g_string_new(NULL);
	int first = pick(4) ? 0 : pick(3);

	for (int i = 0, n = pick(LONGEST); i < n; i++)
		g_string_append(s, LETTERS[first + pick((with_stars ? 8 : 6) - first)]);
	return g_string_free(s, FALSE);
}

static void fill(struct stexts *t, GPtrArray *texts, int n)
{
	for (int i = 0; i < n; i++) {
		char *s = some_text(false);
		uint32_t code = stexts_code(t, s, strlen(s), false);

		assert_true(code <= texts->len);
		if (code == texts->len)
			g_ptr_array_add(texts, s);
		else
			assert_string_equal(texts->pdata[code], s);
		if (s != texts->pdata[code])
			g_free(s);
	}
}

static struct stexts texts_of(GPtrArray **list, int n)
{
	struct stexts t;

	stexts_init(&t);
	*list = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(*list, g_strdup(""));
	fill(&t, *list, n);
	return t;
}

static void check_pattern(const struct stexts *t, const GPtrArray *texts, const char *text, bool any_case)
{
	auto_pool p = pool_new();
	struct spattern pat = spattern_make(p, text, any_case, false);
	uint64_t *hits = POOL_ARRAY(p, uint64_t, t->n / 64 + 1);

	stexts_match(t, &pat, hits);
	for (uint32_t code = 1; code < t->n; code++) {
		const char *s = texts->pdata[code];
		if ((hits[code / 64] >> (code % 64) & 1) != spattern_matches(&pat, s, strlen(s)))
			fail_msg("'%s' (%s) and '%s'", text, any_case ? "any case" : "case matters", s);
	}
}

static void test_patterns(void **state)
{
	GPtrArray *list;
	struct stexts t = texts_of(&list, N_TEXTS);

	for (int i = 0; i < N_PATTERNS; i++) {
		g_autofree char *text = some_text(true);
		if (!*text)
			continue;
		check_pattern(&t, list, text, pick(2));
		check_pattern(&t, list, list->pdata[1 + pick((int)t.n - 1)], pick(2));
	}
	stexts_clear(&t);
	g_ptr_array_free(list, TRUE);
}

static int compare(const char *a, const char *b)
{
	int rc = g_ascii_strcasecmp(a, b);
	return rc ? rc : strcmp(a, b);
}

static void check_ranks(struct stexts *t, const GPtrArray *texts, bool is_ip)
{
	stexts_rank(t, is_ip);
	assert_int_equal(t->n_ranked, t->n);
	for (uint32_t a = 1; a < t->n; a++)
		for (uint32_t b = 1; b < a; b++) {
			double left =
			    is_ip ? search_address_key(texts->pdata[a]) : compare(texts->pdata[a], texts->pdata[b]);
			double right = is_ip ? search_address_key(texts->pdata[b]) : 0;

			assert_int_equal((t->rank[a] > t->rank[b]) - (t->rank[a] < t->rank[b]),
			                 (left > right) - (left < right));
		}
}

static void test_ranks(void **state)
{
	GPtrArray *list;
	struct stexts t = texts_of(&list, 0);

	check_ranks(&t, list, false);
	for (int i = 0; i < 12; i++) {
		fill(&t, list, 1 + pick(60));
		check_ranks(&t, list, false);
	}
	stexts_clear(&t);
	g_ptr_array_free(list, TRUE);
}

static void test_addresses(void **state)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	struct stexts t;

	stexts_init(&t);
	g_ptr_array_add(list, g_strdup(""));
	for (int i = 0; i < 300; i++) {
		char *s = pick(3) ? g_strdup_printf("10.%d.%d.%d", pick(3), pick(2), pick(4))
		                  : g_strdup_printf(pick(2) ? "fe80::%x" : "node%d", pick(4));

		if (stexts_code(&t, s, strlen(s), false) == list->len)
			g_ptr_array_add(list, s);
		else
			g_free(s);
		if (i % 9 == 0)
			check_ranks(&t, list, true);
	}
	stexts_clear(&t);
	g_ptr_array_free(list, TRUE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_addresses),
	};
	chance = g_rand_new_with_seed(7);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
