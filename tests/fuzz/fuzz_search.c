/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search language: whatever is written, it parses or is refused with a reason; what parses is evaluated on a tiny
 * inventory and puts it in order. The first byte chooses the kind, its highest bit whether case matters.
 */
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/search/scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct scene *tiny(void)
{
	static struct scene scene;

	if (!scene.pool) {
		scene_init(&scene);
		scene_fill(&scene);
	}
	return &scene;
}

static size_t evaluate(struct scene *sc, const struct search *s, enum kind k)
{
	const void *found[16];
	size_t n_found = 0;
	int n = 0;

	INV_EACH (en, sc->core.inv, k)
		if (search_matches(&sc->core, s, en->pub) && ++n_found && n < 16)
			found[n++] = en->pub;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (search_compare(s, k, found[i], found[j]) *
			        (int64_t)search_compare(s, k, found[j], found[i]) >
			    0)
				abort(); /* each before the other */
	return n_found;
}

/* Columns find as many as going through all. */
static void compare_ways(struct scene *sc, struct search *s, enum kind k, size_t n_found)
{
	struct search_ask ask = { .kind = k, .search = s, .max = SIZE_MAX };
	struct err e = ERR_INIT;

	search_index_from(0);
	if (search_select(&sc->core, &ask, &e) < 0 || ask.versions->len != n_found)
		abort();
	search_ask_clear(&ask);
}

static const char *directory_value(void *arg, const char *field) { return strcmp(field, "title") == 0 ? NULL : field; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene *sc = tiny();
	auto_pool p = pool_new();
	struct search_directory *d;
	struct err e = ERR_INIT;
	struct search_place place;
	enum kind k = KIND_VM;
	struct search *s;
	char *text;

	if (size < 1 || size > 2 * SEARCH_MAX_BYTES)
		return 0;
	text = pool_strndup(p, (const char *)data + 1, size - 1);
	s = search_parse(p, (enum kind)((data[0] & 0x7f) % N_KINDS), text, data[0] & 0x80, &e);
	if (s)
		compare_ways(sc, s, (enum kind)((data[0] & 0x7f) % N_KINDS),
		             evaluate(sc, s, (enum kind)((data[0] & 0x7f) % N_KINDS)));
	else if (e.code != ERR_INVALID || strcmp(e.field, "search") != 0 || !*e.detail)
		abort();
	s = search_parse_query(p, text, data[0] & 0x80, &k, &e);
	if (s)
		compare_ways(sc, s, k, evaluate(sc, s, k));
	if (!search_check(p, -1, text, &place) &&
	    (!place.message || place.from > place.to || place.to > (int)strlen(text) + 1))
		abort();
	d = search_parse_directory(p, text, &e);
	if (d)
		search_directory_matches(d, directory_value, NULL);
	return 0;
}
