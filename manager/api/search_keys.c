/* SPDX-License-Identifier: Apache-2.0 */
/* What rows are sorted by, as numbers: of texts their place among all texts of the column. */
#include <math.h>
#include <string.h>

#include "manager/api/search_bits.h"
#include "manager/api/search_get.h"

static uint64_t number_key(double num)
{
	uint64_t bits;

	if (isnan(num))
		return 0;
	num += 0.0; /* -0 is 0 */
	memcpy(&bits, &num, sizeof(bits));
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static uint64_t *column_keys(struct sbits_eval *ev, struct scol *col)
{
	uint64_t *keys;
	uint32_t n;

	if (!col)
		return NULL;
	n = inv_rows(ev->c->inv, col->kind)->n;
	keys = POOL_ARRAY(ev->p, uint64_t, n + 1);
	if (col->type == SC_TEXT)
		stexts_rank(&col->texts, col->f->flags & SF_IP);
	for (uint32_t i = 0; i < n; i++)
		switch (col->type) {
		case SC_TEXT: keys[i] = col->texts.rank[col->words[i]]; break;
		case SC_SMALL: keys[i] = col->small[i]; break;
		default: keys[i] = number_key(col->is_age ? -col->num[i] : col->num[i]);
		}
	return keys;
}

static uint64_t *step_keys(struct sbits_eval *ev, enum kind k, const struct sstep *s, const struct sfield *f)
{
	struct sread r = { .f = f, .type = M_KINDS[k].type, .alt = { s }, .n_alt = 1 };
	int n = sbits_structs(s);
	const struct scol *col;
	uint64_t *there, *keys;

	if (s[n].op == S_LEAF || s[n].op == S_LEAF_ID)
		return column_keys(ev, sindex_values(&ev->work, k, s, n + 1, &r));
	if (s[n].op != S_HOP)
		return NULL;
	there = step_keys(ev, (enum kind)s[n].kind, &s[n] + 1, f);
	col = sindex_refs(&ev->work, k, s, n + 1);
	if (!there || !col)
		return NULL;
	keys = POOL_ARRAY(ev->p, uint64_t, inv_rows(ev->c->inv, k)->n + 1);
	for (uint32_t i = 0, rows = inv_rows(ev->c->inv, k)->n; i < rows; i++)
		keys[i] = col->words[i] < SREF_LIST && sbit(ev->work.x->tables[s[n].kind].live, col->words[i])
		              ? there[col->words[i]]
		              : 0;
	return keys;
}

uint64_t *sbits_keys(struct sbits_eval *ev)
{
	const struct sread *r = ev->s->sort;
	enum kind k = (enum kind)ev->s->kind;

	if (!r->type || (k == KIND_TEMPLATE && strcmp(r->f->name, "name") == 0))
		return NULL;
	if ((r->stat || r->text) && !sbits_is_touched(k))
		return NULL;
	if (r->n_alt == 1 && !r->f->get && !r->stat && !r->text)
		return step_keys(ev, k, r->alt[0], r->f);
	if (sbits_is_whole(r))
		return column_keys(ev, sindex_values(&ev->work, k, NULL, 0, r));
	if (r->f->get && sget_count_of(r->f->get)) {
		double *numbers = sbits_counts(ev, k, sget_count_of(r->f->get));
		uint64_t *keys = POOL_ARRAY(ev->p, uint64_t, inv_rows(ev->c->inv, k)->n + 1);

		for (uint32_t i = 0; numbers && i < inv_rows(ev->c->inv, k)->n; i++)
			keys[i] = number_key(numbers[i]);
		return numbers ? keys : NULL;
	}
	return NULL;
}
