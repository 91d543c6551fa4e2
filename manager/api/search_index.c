/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/api/search_index.h"

#include <math.h>
#include <string.h>

#include "manager/api/search_get.h"

enum { BYTES_PER_ROW = 100, TEXT_BYTES_PER_ROW = 80, BYTES_FREE = 4 << 20, EAGER = 2, TEXTS_FREE = 4096 };

uint32_t sindex_much = SINDEX_MUCH;

/* ---- columns ---- */

static size_t width(const struct scol *col)
{
	return col->type == SC_NUM ? sizeof(double) : col->type == SC_SMALL ? 1 : sizeof(uint32_t);
}

static void column_free(void *arg)
{
	struct scol *col = arg;

	g_free(col->num);
	if (col->type == SC_TEXT)
		stexts_clear(&col->texts);
	if (col->lists)
		g_array_free(col->lists, TRUE);
	pool_free(col->pool);
	g_free(col);
}

static size_t column_bytes(const struct scol *col)
{
	return col->cap * width(col) + (col->type == SC_TEXT ? stexts_bytes(&col->texts) : 0) +
	       (col->lists ? col->lists->len * sizeof(uint32_t) : 0);
}

struct reading {
	struct scol *col;
	bool is_first;
	double num;
	GString *text; /* several values, joined */
	struct sval one;
};

static bool take_value(void *arg, const void *obj, const struct sval *v)
{
	struct reading *r = arg;

	if (r->col->type != SC_TEXT) {
		r->num = v->text ? NAN : v->num;
		return true;
	}
	if (!v->text)
		return true;
	if (r->is_first) {
		r->text = g_string_new_len(v->text, (gssize)v->len);
		r->is_first = false;
		return false;
	}
	g_string_append_c(r->text, '\x01');
	g_string_append_len(r->text, v->text, (gssize)v->len);
	return false;
}

static void put_number(struct scol *col, uint32_t row, double num, int64_t now_ms)
{
	if (col->type == SC_SMALL)
		col->small[row] = num >= 0 && num < 255 ? (uint8_t)(num + 1) : 0;
	else
		col->num[row] = col->is_age ? (double)now_ms / 1000 - num : num;
}

static void read_value(struct sindex *x, struct scol *col, uint32_t row, const void *pub)
{
	struct reading r = { .col = col, .is_first = true, .num = NAN };

	sread_each(&col->read, x->core, pub, take_value, &r);
	if (col->type != SC_TEXT) {
		put_number(col, row, isnan(r.num) && col->type == SC_SMALL ? -1 : r.num, loop_wall_ms(x->core->loop));
		return;
	}
	col->words[row] =
	    r.text ? stexts_code(&col->texts, r.text->str, r.text->len, strchr(r.text->str, '\x01') != NULL) : 0;
	if (r.text)
		g_string_free(r.text, TRUE);
}

static gpointer id_key(const char *id) { return GUINT_TO_POINTER(g_str_hash(id)); }

static uint32_t row_of(struct sindex *x, const struct scol *col, const char *id)
{
	struct entity *e = id ? inv_find(x->inv, (enum kind)col->target, id) : NULL;

	if (e && e->pub)
		return e->row;
	if (id)
		g_hash_table_add(x->tables[col->target].missing, id_key(id));
	return SREF_NONE;
}

struct refs {
	struct m_ref *v;
	uint32_t n;
};

static void read_refs(struct sindex *x, struct scol *col, uint32_t row, const void *obj)
{
	const struct sstep *s = col->step;
	const struct refs *list;
	uint32_t n = 0, first;

	for (; s->op == S_STRUCT && obj; s++)
		obj = *(const void *const *)((const char *)obj + s->offset);
	col->words[row] = SREF_NONE;
	if (!obj)
		return;
	if (s->op == S_HOP) {
		col->words[row] = row_of(x, col, ((const struct m_ref *)((const char *)obj + s->offset))->id);
		return;
	}
	list = (const void *)((const char *)obj + s->offset);
	if (list->n == 1)
		col->words[row] = row_of(x, col, list->v[0].id);
	if (list->n < 2)
		return;
	first = col->lists->len;
	g_array_append_val(col->lists, n);
	for (uint32_t i = 0; i < list->n; i++) {
		uint32_t to = row_of(x, col, list->v[i].id);
		if (to != SREF_NONE) {
			g_array_append_val(col->lists, to);
			n++;
		}
	}
	g_array_index(col->lists, uint32_t, first) = n;
	col->words[row] = SREF_LIST | first;
}

static void put_nothing(struct scol *col, uint32_t row)
{
	switch (col->type) {
	case SC_NUM: col->num[row] = NAN; break;
	case SC_SMALL: col->small[row] = 0; break;
	case SC_TEXT: col->words[row] = 0; break;
	case SC_REF: col->words[row] = SREF_NONE; break;
	}
}

static void read_row(struct sindex *x, struct scol *col, uint32_t row)
{
	const struct entity *e = inv_rows(x->inv, col->kind)->at[row];

	if (!e)
		put_nothing(col, row);
	else if (col->type == SC_REF)
		read_refs(x, col, row, e->pub);
	else
		read_value(x, col, row, e->pub);
}

static void column_reserve(struct scol *col, uint32_t rows)
{
	if (rows <= col->cap)
		return;
	col->cap = MAX(rows, col->cap + col->cap / 4);
	col->num = g_realloc(col->num, col->cap * width(col));
}

/* ---- tables ---- */

static void table_clear(struct stable *t)
{
	if (!t->is_active)
		return;
	g_free(t->live);
	g_free(t->dirty);
	g_free(t->is_misplaced);
	g_free(t->order);
	g_array_free(t->changed, TRUE);
	g_array_free(t->misplaced, TRUE);
	g_ptr_array_free(t->cols, TRUE);
	g_hash_table_destroy(t->missing);
	*t = (struct stable){ .revived = t->revived, .epoch = t->epoch + 1 };
}

static void table_reserve(struct stable *t, uint32_t rows)
{
	uint32_t old = t->cap / 64, cap;

	if (rows < t->cap) /* one more than there are, so that sets of rows have a word behind the last full one */
		return;
	cap = (MAX(rows, t->cap + t->cap / 4) + 64) / 64;
	t->live = g_renew(uint64_t, t->live, cap);
	t->dirty = g_renew(uint64_t, t->dirty, cap);
	t->is_misplaced = g_renew(uint64_t, t->is_misplaced, cap);
	memset(t->live + old, 0, (cap - old) * sizeof(uint64_t));
	memset(t->dirty + old, 0, (cap - old) * sizeof(uint64_t));
	memset(t->is_misplaced + old, 0, (cap - old) * sizeof(uint64_t));
	t->cap = cap * 64;
}

static void table_start(struct sindex *x, enum kind k)
{
	const struct inv_rows *rows = inv_rows(x->inv, k);
	struct stable *t = &x->tables[k];

	t->is_active = true;
	t->changed = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	t->misplaced = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	t->cols = g_ptr_array_new_with_free_func(column_free);
	t->missing = g_hash_table_new(NULL, NULL);
	table_reserve(t, MAX(rows->n, 1));
	for (uint32_t i = 0; i < rows->n; i++)
		if (rows->at[i])
			sbit_set(t->live, i);
}

/* Read one changed row again in all columns. */
static void refresh_next(struct sindex *x, enum kind k)
{
	struct stable *t = &x->tables[k];
	uint32_t row = g_array_index(t->changed, uint32_t, t->first_changed++);

	t->dirty[row / 64] &= ~(UINT64_C(1) << (row % 64));
	for (guint i = 0; i < t->cols->len; i++) {
		struct scol *col = t->cols->pdata[i];
		if (row < col->built)
			read_row(x, col, row);
	}
	if (t->first_changed == t->changed->len) {
		g_array_set_size(t->changed, 0);
		t->first_changed = 0;
	}
}

static void note_change(struct stable *t, uint32_t row)
{
	if (sbit(t->dirty, row) || t->cols->len == 0)
		return;
	sbit_set(t->dirty, row);
	g_array_append_val(t->changed, row);
}

static void note_place(struct stable *t, uint32_t row)
{
	if ((!t->order && !t->is_ordering) || sbit(t->is_misplaced, row))
		return;
	sbit_set(t->is_misplaced, row);
	g_array_append_val(t->misplaced, row);
}

static void published(struct inv_watcher *w, struct entity *e, const void *old, const void *version)
{
	struct sindex *x = (struct sindex *)w;
	struct stable *t = &x->tables[e->kind];

	svisible_published(x, e, old, version);
	if (!t->is_active)
		return;
	table_reserve(t, e->row + 1);
	if (!version) {
		t->live[e->row / 64] &= ~(UINT64_C(1) << (e->row % 64));
		g_hash_table_add(t->missing, id_key(e->id));
		note_place(t, e->row);
		return;
	}
	if (!old) {
		sbit_set(t->live, e->row);
		if (g_hash_table_size(t->missing) && g_hash_table_remove(t->missing, id_key(e->id)))
			t->revived++;
	}
	if (!old || ((t->order || t->is_ordering) && search_compare(NULL, e->kind, old, version) != 0))
		note_place(t, e->row);
	note_change(t, e->row);
	/* nobody asks, but there is much to be read: a little at a time, so that the next question needs not wait */
	sindex_place(x, e->kind);
	for (int i = 0; i < EAGER && t->changed->len - t->first_changed > sindex_much; i++)
		refresh_next(x, e->kind);
}

static void drop_refs_to(struct stable *t, enum kind k)
{
	for (guint i = t->cols ? t->cols->len : 0; i-- > 0;) {
		const struct scol *col = t->cols->pdata[i];
		if (col->type == SC_REF && col->target == (int)k)
			g_ptr_array_remove_index_fast(t->cols, i);
	}
}

static void renumbered(struct inv_watcher *w, enum kind k)
{
	struct sindex *x = (struct sindex *)w;

	svisible_drop(x);
	if (!x->tables[k].is_active)
		return;
	table_clear(&x->tables[k]);
	for (int i = 0; i < N_KINDS; i++)
		drop_refs_to(&x->tables[i], k);
}

static void index_free(struct inv_watcher *w)
{
	struct sindex *x = (struct sindex *)w;

	for (int i = 0; i < N_KINDS; i++)
		table_clear(&x->tables[i]);
	svisible_drop(x);
	g_free(x);
}

struct sindex *sindex_of(struct core *c)
{
	struct sindex *x = (struct sindex *)inv_find_watcher(c->inv, published);

	if (x)
		return x;
	x = g_new0(struct sindex, 1);
	x->watcher = (struct inv_watcher){ published, renumbered, index_free, NULL };
	x->core = c;
	x->inv = c->inv;
	inv_watch(c->inv, &x->watcher);
	return x;
}

/* ---- readiness ---- */

static bool spend(struct swork *w)
{
	if (w->left == 0)
		w->is_waiting = true;
	else if (w->left > 0)
		w->left--;
	return !w->is_waiting;
}

struct stable *sindex_table(struct swork *w, enum kind k)
{
	struct stable *t = &w->x->tables[k];

	if (!t->is_active)
		table_start(w->x, k);
	while (t->changed->len > t->first_changed) {
		if (!spend(w))
			return NULL;
		refresh_next(w->x, k);
	}
	return t;
}

/* Columns that were not used for longest go, when all together are too big. */
static void make_room(struct sindex *x, enum kind k)
{
	struct stable *t = &x->tables[k];
	size_t allowed = (size_t)BYTES_PER_ROW * inv_rows(x->inv, k)->n + BYTES_FREE;

	for (;;) {
		size_t bytes = 0;
		guint oldest = 0;

		for (guint i = 0; i < t->cols->len; i++) {
			const struct scol *col = t->cols->pdata[i];
			bytes += column_bytes(col);
			if (col->used < ((struct scol *)t->cols->pdata[oldest])->used)
				oldest = i;
		}
		if (bytes <= allowed || ((struct scol *)t->cols->pdata[oldest])->used == x->pass)
			return;
		g_ptr_array_remove_index_fast(t->cols, oldest);
	}
}

static bool same_steps(const struct scol *col, const struct sstep *steps, int n)
{
	for (int i = 0; i < n; i++)
		if (col->step[i].op != steps[i].op || col->step[i].offset != steps[i].offset)
			return false;
	return col->step[n].op == S_END;
}

static int units(const struct sfield *f) { return f->flags & (SF_MB | SF_GB); }

static struct scol *find_column(struct stable *t, const struct sstep *steps, int n, const struct sfield *f, int target)
{
	for (guint i = 0; i < t->cols->len; i++) {
		struct scol *col = t->cols->pdata[i];

		if ((col->type == SC_REF) != (target >= 0) || !same_steps(col, steps, n))
			continue;
		if (target >= 0 ? col->target == target
		    : n == 0    ? col->f == f
		                : col->f->type == f->type && units(col->f) == units(f))
			return col;
	}
	return NULL;
}

static enum scol_type type_of(const struct sfield *f)
{
	switch (f->type) {
	case ST_STRING:
	case ST_UUID:
	case ST_OS: return SC_TEXT;
	case ST_ENUM:
	case ST_BOOL: return SC_SMALL;
	default: return SC_NUM;
	}
}

static struct scol *new_column(struct swork *w, enum kind k, const struct sstep *steps, int n, const struct sread *r,
                               int target)
{
	struct scol *col = g_new0(struct scol, 1);

	col->kind = k;
	col->target = target;
	for (int i = 0; i < n; i++)
		col->step[i] = steps[i];
	col->step[n].op = S_END;
	col->used = w->x->pass;
	g_ptr_array_add(w->x->tables[k].cols, col);
	if (target >= 0) {
		col->type = SC_REF;
		col->revived = w->x->tables[target].revived;
		col->lists = g_array_new(FALSE, FALSE, sizeof(uint32_t));
		return col;
	}
	col->f = r->f;
	col->type = type_of(r->f);
	col->is_age = r->f->type == ST_TIMESPAN;
	col->is_live = r->stat || r->text;
	if (col->type == SC_TEXT)
		stexts_init(&col->texts);
	if (n) {
		col->read = (struct sread){ .f = r->f, .type = M_KINDS[k].type, .n_alt = 1 };
		col->read.alt[0] = col->step;
	} else { /* r's steps belong to a query: ours must last */
		col->pool = pool_new();
		sread_compile(col->pool, &col->read, (int)k, r->f);
	}
	return col;
}

/* Long texts, most of them different: they are looked at where they are. */
static void give_up(struct scol *col)
{
	stexts_clear(&col->texts);
	g_free(col->words);
	col->words = NULL;
	col->cap = 0;
	col->built = 0;
	col->is_given_up = true;
}

/* Read what is not read. */
static struct scol *advance(struct swork *w, struct scol *col)
{
	uint32_t n = inv_rows(w->x->inv, col->kind)->n;

	col->used = w->x->pass;
	if (col->is_given_up)
		return NULL;
	column_reserve(col, MAX(n, 1));
	while (col->built < n) {
		if (!spend(w))
			return NULL;
		read_row(w->x, col, col->built);
		col->built++;
	}
	if (col->type == SC_TEXT && stexts_bytes(&col->texts) > (size_t)TEXT_BYTES_PER_ROW * n + BYTES_FREE) {
		give_up(col);
		return NULL;
	}
	return col;
}

struct scol *sindex_values(struct swork *w, enum kind k, const struct sstep *steps, int n, const struct sread *r)
{
	struct stable *t = sindex_table(w, k);
	struct scol *col;

	if (!t || n >= SCOL_STEPS)
		return NULL;
	col = find_column(t, steps, n, r->f, -1);
	if (col && col->type == SC_TEXT && col->texts.n > 2 * inv_rows(w->x->inv, k)->n + TEXTS_FREE) {
		g_ptr_array_remove_fast(t->cols, col); /* mostly texts of the past */
		col = NULL;
	}
	if (!col) {
		make_room(w->x, k);
		col = new_column(w, k, steps, n, r, -1);
	}
	return advance(w, col);
}

struct scol *sindex_refs(struct swork *w, enum kind k, const struct sstep *steps, int n)
{
	enum kind target = (enum kind)steps[n - 1].kind;
	struct stable *t = sindex_table(w, k);
	struct scol *col;

	if (!t || n >= SCOL_STEPS || !sindex_table(w, target))
		return NULL;
	col = find_column(t, steps, n, NULL, (int)target);
	if (col && (col->revived != w->x->tables[target].revived ||
	            col->lists->len > 2 * inv_rows(w->x->inv, k)->n + TEXTS_FREE)) {
		g_ptr_array_remove_fast(t->cols, col);
		col = NULL;
	}
	if (!col) {
		make_room(w->x, k);
		col = new_column(w, k, steps, n, NULL, (int)target);
	}
	return advance(w, col);
}

void sindex_touch(struct sindex *x, enum kind k, const char *id)
{
	struct stable *t = &x->tables[k];
	struct entity *e = NULL;

	for (guint i = 0; t->is_active && i < t->cols->len; i++) {
		struct scol *col = t->cols->pdata[i];

		if (!col->is_live)
			continue;
		e = e ? e : inv_find(x->inv, k, id);
		if (!e || !e->pub)
			return;
		if (e->row < col->built)
			read_row(x, col, e->row);
	}
}
